"""Parts that are there by name only."""
