"""LLM failure injection: a provider on loopback that fails on the wire as the real ones do."""
