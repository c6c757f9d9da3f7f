"""Log lines: one JSON object each, with the request id where there is a request."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from flask import g, has_request_context

LOGGING: dict[str, object] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "triage.logs.JsonFormatter"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
    },
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {
        # Gunicorn's own loggers would otherwise keep handlers of their own; httpx logs every call.
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        "httpx2": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}


def request_id() -> str:
    """Return the id of the current request, or an empty text outside of one."""
    return str(g.request_id) if has_request_context() and "request_id" in g else ""


class JsonFormatter(logging.Formatter):
    """Renders a record; fields come in `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id(),
        }
        document.update(record.__dict__.get("fields", {}))
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)
