"""Tests of the static rules, on snippets in memory."""
