"""How often the gate `performance` and the field's other methods are wrong, measured side by side."""
