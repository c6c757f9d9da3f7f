"""Tests of the gate `performance`: routes."""
