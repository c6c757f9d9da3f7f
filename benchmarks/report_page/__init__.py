"""The page in a real browser: whether everybody can read it, whom it asks, and how fast it answers."""
