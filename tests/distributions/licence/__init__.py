"""Tests of how licences are resolved."""
