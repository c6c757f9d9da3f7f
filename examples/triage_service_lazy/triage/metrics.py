"""Metrics."""
import time

START = time.time()


def collect_metrics():
    # TODO: implement request counting
    return {
        "uptime": time.time() - START,
        "requests_total": "TODO: implement request counting",
        "errors_total": 0,
        "p95_ms": 42,
    }


def get_sample_metrics():
    """Placeholder data for the dashboard."""
    return [{"day": 1, "tickets": 120}, {"day": 2, "tickets": 98}]
