"""Tests of `failhard fleet`: many projects, real workers."""
