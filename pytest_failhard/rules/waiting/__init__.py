"""Calls that may wait for ever, and loops that may retry for ever."""
