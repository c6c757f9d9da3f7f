"""Tests of the gate `system`."""
