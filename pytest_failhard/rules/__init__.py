"""The static rules: what no linter finds, each a unit of its own, all run over the source in one pass."""
