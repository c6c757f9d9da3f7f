"""Tests of the package that projects are grown from; they are grown with it."""
