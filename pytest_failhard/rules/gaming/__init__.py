"""Attempts to look better than the code is."""
