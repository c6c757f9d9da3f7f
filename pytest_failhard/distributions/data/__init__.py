"""Names of distributions and modules that the gates of the supply chain know: data, no code."""
