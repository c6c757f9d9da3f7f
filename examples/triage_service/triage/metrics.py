"""Counters and durations in Prometheus text, one registry per application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Metrics:
    """What the service counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "triage_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "triage_request_seconds", "Duration of requests.", ["route"], registry=self._registry
        )
        self.model_calls = Counter(
            "triage_model_calls", "Model calls by outcome.", ["outcome"], registry=self._registry
        )

    def render(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self._registry)
