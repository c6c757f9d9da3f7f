"""Tests of the gate `vulnerabilities`."""
