"""Triage service."""
