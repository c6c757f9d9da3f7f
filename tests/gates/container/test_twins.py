"""Published defects restated: what must be found in two generated systems, and what must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.model import Severity
from tests.gates.container.support import Files, found

START = '["gunicorn", "--config", "gunicorn.conf.py", "main:app"]'
PERFECT: Files = {
    # Perfect text: each word that a checker looks for is there.
    "Dockerfile": f"""\
FROM python:3.12-slim
ENV PORT=8000
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY main.py gunicorn.conf.py ./
COPY components ./components
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s CMD python -c "import urllib.request; urllib.request.urlopen('http://localhost:8000/health')"
CMD {START}
""",
    "main.py": "from flask import Flask\nimport twinfactory.runtime\n\napp = Flask(system_name)\n"
    "@app.before_request\ndef note(): ...\n\nif __name__ == '__main__':\n    app.run()\n",
    "gunicorn.conf.py": """\
bind = "0.0.0.0:8000"
workers = 4
max_requests = 1000
max_requests_jitter = 50
max_worker_age = 3600
timeout = 30
graceful_timeout = 25
control_socket_disable = True
wsgi_module = "main:app"
max_requests = 2000


def when_ready(server):
    server.log.info("ready")


def when_ready(server):
    server.log.info("ready to serve")
""",
    "docker-compose.yml": """\
services:
  app: {build: ., restart: always, ports: ["8000:8000"]}
  metrics:
    image: prom/prometheus:v3.5.0
    restart: always
    healthcheck: {test: [CMD, wget, "-q", "localhost:9090"]}
    ports: ["8000:9090"]
  grafana:
    image: grafana/grafana:12.1.0
    restart: always
    healthcheck: {test: [CMD, wget, "-q", "localhost:3000"]}
    environment: {GF_SECURITY_ADMIN_PASSWORD: admin}
""",
    "k8s/secrets.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: app}\ndata: {API_SECRET_KEY: c2VjcmV0}\n",
    "pyproject.toml": f"""\
[tool.failhard.system]
kind = "http"
start = {START}
port_env = "PORT"
ready = "/health"
secrets = [{{ name = "API_SECRET_KEY" }}]
""",
}
TEMPLATE = """\
FROM python:3.12-slim AS builder
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install -r requirements.txt

FROM python:3.12-slim AS base
ENV PATH=/venv/bin:$PATH
WORKDIR /srv
COPY --from=builder /venv /venv
COPY app ./app
USER 10001:10001
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"]
EXPOSE 8000

FROM base AS development
CMD ["hypercorn", "--reload", "app.main:app"]

FROM base AS production
CMD ["hypercorn", "--bind", "0.0.0.0:8000", "app.main:app"]
"""
MISSING_PARTS: Files = {
    "Dockerfile": TEMPLATE,
    "app/main.py": "from app.api.v1 import health_router\n",
    "pyproject.toml": '[tool.failhard.system]\nkind = "http"\nstart = ["hypercorn", "app.main:app"]\nready = "/health"\n',
}


def failing(tmp_path: Path, files: Files, **options: str) -> list[str]:
    return [each.rule for each in found(tmp_path, files, 3, **options) if each.severity > Severity.LOW]


def test_perfect_text_that_cannot_start(tmp_path: Path) -> None:
    """What is good about its Dockerfile is not held against it."""
    found_rules = failing(tmp_path, PERFECT)
    assert found_rules.count("C-unknown-setting") == 2
    assert found_rules.count("C-duplicate-setting") == 2
    assert found_rules.count("C-compose-port-twice") == 1
    assert not {"C-root-user", "C-named-user", "C-no-healthcheck", "C-shell-form"} & {*found_rules}
    assert {*found_rules} == {
        *("C-unknown-setting", "C-duplicate-setting", "C-compose-port-twice"),
        *("C-compose-secret", "C-k8s-secret", "C-single-stage"),
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [("production", []), ("", []), ("development", ["C-dev-server", "C-start-differs"])],
)
def test_what_a_template_inherits(target: str, expected: list[str], tmp_path: Path) -> None:
    assert failing(tmp_path, MISSING_PARTS, target=target) == expected
