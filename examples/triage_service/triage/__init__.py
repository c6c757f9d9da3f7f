"""Support-ticket triage: a language model proposes category, priority and queue."""
