"""The `failhard` command: one module a subcommand."""
