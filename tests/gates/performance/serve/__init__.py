"""Tests of the gate `performance`: serve."""
