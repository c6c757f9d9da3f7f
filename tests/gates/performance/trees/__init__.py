"""Tests of the gate `performance`: trees."""
