"""Tests of what a project is made of."""
