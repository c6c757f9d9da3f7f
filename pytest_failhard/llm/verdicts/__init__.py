"""Verdicts on what a system did while its provider failed: pure functions over the record and the outcome."""
