"""Failures that are caught and turned into something else."""
