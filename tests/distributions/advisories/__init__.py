"""Tests of advisories: their forms, their matching, their file."""
