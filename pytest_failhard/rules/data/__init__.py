"""The words, patterns and bounds that the rules go by, apart from the rules."""
