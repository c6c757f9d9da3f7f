"""Servers that are open wider than they say."""
