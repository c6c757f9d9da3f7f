"""What maintains the project and is no part of it: pages, checks, the demonstration."""
