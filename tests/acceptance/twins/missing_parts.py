"""Twin D: a template that imports modules which were never written, and a package that nobody published."""

from __future__ import annotations

from tests.acceptance.twins.keywords import Files

PYPROJECT = """\
[project]
name = "tickets"
version = "0.1.0"
description = "Ticket service"

[tool.failhard]
level = 2
purpose = "a ticket service made from a template"
requirements = "README.md"
expected_load = { rps = 20, daily_users = 5000 }
source = ["main.py", "app"]

[tool.failhard.system]
kind = "http"
start = ["uvicorn", "main:app", "--host", "0.0.0.0"]
port_env = "PORT"
ready = "/health"
environment_env = "ENVIRONMENT"
production = "production"
development = "development"
manifest = "requirements.txt"
secrets = [{ name = "SECRET_KEY" }]
settings = [{ name = "BROKER_URL", type = "url" }]
dependencies = []
routes = []
"""

MAIN = '''\
"""Ticket service."""

from fastapi import FastAPI

from app.api.v1.health_router import router as health_router
from app.core.config import settings
from app.core.logging_config import configure_logging
from app.core.middleware import RequestIdMiddleware

configure_logging(settings.log_level)
app = FastAPI(title="Tickets")
app.add_middleware(RequestIdMiddleware)
app.include_router(health_router)


@app.get("/tickets")
async def list_tickets():
    """List the tickets."""
    # TODO: read them from the database
    return []


@app.post("/tickets")
async def create_ticket(ticket: dict):
    """Take a ticket."""
    # TODO: publish to the queue
    return {"id": 1, **ticket}
'''

CONFIG = '''\
"""Settings of the service."""

import os


class Settings:
    """What the environment says, with defaults for all of it."""

    environment = os.getenv("ENVIRONMENT", "production")
    secret_key = os.getenv("SECRET_KEY", "change-this-secret-key")
    broker_url = os.getenv("BROKER_URL", "amqp://admin:admin@broker:5672/")
    log_level = "INFO"

    def validate(self):
        """Hold the settings against what production demands."""
        # TODO: refuse defaults in production


settings = Settings()
'''

ABSENT = "fastapi-ticket-toolkit==2.4.0"
"""The requirement that no index has."""
LINE = 3
REQUIREMENTS = f"""\
fastapi==0.115.6
uvicorn==0.34.0
{ABSENT}
"""

DOCKERFILE = """\
FROM python:3.11.9-slim AS base
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY main.py .
COPY app app
EXPOSE 8000
USER 10001
HEALTHCHECK --interval=30s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"]

FROM base AS development
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--reload"]

FROM base AS production
ENV ENVIRONMENT=production
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--workers", "2"]
"""

FILES: Files = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Tickets\n\nStart it with `uvicorn main:app`.\n",
    "main.py": MAIN,
    "app/__init__.py": '"""The service."""\n',
    "app/core/__init__.py": '"""What all parts share."""\n',
    "app/core/config.py": CONFIG,
    "requirements.txt": REQUIREMENTS,
    "Dockerfile": DOCKERFILE,
    ".dockerignore": ".git\n.env*\n.venv\n__pycache__\ntests\n",
}

INSTALLABLE: Files = {**FILES, "requirements.txt": REQUIREMENTS.replace(f"{ABSENT}\n", "")}
"""Without the line; the modules are still not there."""
