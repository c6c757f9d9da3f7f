"""Tests that test nothing."""
