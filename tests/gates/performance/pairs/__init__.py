"""Tests of the gate `performance`: pairs."""
