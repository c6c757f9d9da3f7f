"""Tests of what is derived from a project's files."""
