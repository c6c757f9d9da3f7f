"""Published advisories about Python packages: read from a file, matched against versions."""
