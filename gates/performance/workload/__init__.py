"""Runs declared workloads: their place, their units of work, the model that they ask, their ceilings."""
