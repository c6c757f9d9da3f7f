"""Tests of the gate `sbom`."""
