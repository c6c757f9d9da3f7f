"""Tests of the gate `performance`."""
