"""Judges many projects at once: orders for workers, their outcomes, one summary over all."""
