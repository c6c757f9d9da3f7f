"""Doubles, modes and values that are made up."""
