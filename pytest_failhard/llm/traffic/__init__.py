"""Getting a system's LLM traffic to loopback: variables, reroute in Python, and a guard on the way out."""
