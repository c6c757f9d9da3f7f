"""Validation that never meets what it is to validate."""
