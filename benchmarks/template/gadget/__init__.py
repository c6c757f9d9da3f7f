"""Gadgets: their records, how they are read, stored, priced and planned."""
