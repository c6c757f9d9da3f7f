"""Secrets that have a value in the source."""
