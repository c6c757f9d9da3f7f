"""What is attested of a run: in-toto statements over what was built, found and judged, signed or not."""
