"""Tests of the rules on swallowed failures."""
