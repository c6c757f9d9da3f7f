"""Tests of the gate `performance`: workload."""
