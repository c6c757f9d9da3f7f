"""Tests of the gate `secrets`."""
