"""What in the configuration of a tool weakens it, one module for each tool; for the rule FH707."""
