"""Feeds every reader of what something else wrote with what nobody meant it to read."""
