"""A generated system as a process: how it is declared, started, asked and stopped."""
