"""Measures in pairs of processes: how they are led, what they say, what their failures mean."""
