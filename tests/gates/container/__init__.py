"""Tests of the gate `container`."""
