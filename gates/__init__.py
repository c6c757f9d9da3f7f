"""The built-in gates, in the order of the report."""
