"""Twin A: every word of a system that is ready for production, and it cannot be started."""

from __future__ import annotations

from tests.acceptance.twins.keywords import Files

PYPROJECT = """\
[project]
name = "ledger"
version = "1.0.0"
description = "Production-ready order ledger"

[tool.failhard]
level = 2
purpose = "an order ledger that was generated"
requirements = "README.md"
expected_load = { rps = 20, daily_users = 5000 }
source = ["main.py", "components"]

[tool.failhard.system]
kind = "http"
start = ["gunicorn", "--config", "gunicorn.conf.py", "main:app"]
port_env = "PORT"
ready = "/health"
live = "/metrics"
environment_env = "ENVIRONMENT"
production = "production"
development = "development"
manifest = "requirements.txt"
secrets = [{ name = "API_SECRET_KEY" }]
settings = [{ name = "DATABASE_DSN" }, { name = "LOG_LEVEL" }]
dependencies = []

[tool.failhard.system.slo]
p95_ms = 200
success_rate = 0.999

[[tool.failhard.system.routes]]
id = "create"
method = "POST"
path = "/orders"
body = { sku = "t-${n}", amount = 1 }
expect = [201]
"""

MAIN = '''\
"""Order ledger: a production-ready Flask service, served by gunicorn, with health checks and metrics."""

import logging
import os
import time
import uuid

from flask import Flask, jsonify, request

from components.store import OrderStore
from twinfactory.runtime import component_registry

logging.basicConfig(
    level=os.getenv("LOG_LEVEL", "INFO"),
    format="%(asctime)s %(levelname)s %(name)s %(message)s",
)
logger = logging.getLogger(__name__)

SECRET_KEY = os.getenv("API_SECRET_KEY", "production-secret-required")
STARTED = time.time()

app = Flask(__name__)
app.config["SECRET_KEY"] = SECRET_KEY
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
app.config["SYSTEM_NAME"] = system_name

store = OrderStore(os.getenv("DATABASE_DSN", "dbname=ledger"))
component_registry.add("store", store)


@app.before_request
def note_start():
    """Give each request an id and a start time."""
    request.began = time.time()
    request.identity = request.headers.get("X-Request-ID", str(uuid.uuid4()))


@app.after_request
def add_headers(response):
    """Let every page in the world use the interface."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "*"
    response.headers["X-Request-ID"] = getattr(request, "identity", "")
    return response


@app.route("/")
def index():
    """Say what this is."""
    return jsonify({"service": app.config["SYSTEM_NAME"], "version": "1.0.0"})


@app.route("/health")
def health():
    """Health check for the load balancer."""
    states = {}
    for name, component in component_registry.all().items():
        if hasattr(component, "check"):
            states[name] = component.check()
        else:
            states[name] = {"status": "healthy", "note": "No health check available"}
    return jsonify({"status": "healthy", "components": states})


@app.route("/ready")
def ready():
    """Readiness check for the orchestrator."""
    return jsonify({"status": "ready", "uptime": time.time() - STARTED})


@app.route("/metrics")
def metrics():
    """Metrics for the dashboard."""
    return jsonify({"requests_total": 0, "note": "TODO: count requests"})


@app.route("/orders", methods=["POST"])
def create_order():
    """Take an order."""
    try:
        data = request.get_json()
        order = store.add(data["sku"], data["amount"])
        logger.info("order %s taken", order["id"])
        return jsonify(order), 201
    except Exception as e:
        logger.error("order not taken: %s", e)
        return jsonify({"error": str(e)}), 500


@app.route("/orders", methods=["GET"])
def list_orders():
    """List the orders."""
    try:
        limit = int(request.args.get("limit", "100"))
        return jsonify({"orders": store.all()[:limit]})
    except Exception as e:
        logger.error("orders not listed: %s", e)
        return jsonify({"error": str(e)}), 500


@app.route("/orders/<order_id>", methods=["GET"])
def show_order(order_id):
    """Show one order."""
    try:
        return jsonify(store.get(order_id))
    except Exception as e:
        logger.error("order not shown: %s", e)
        return jsonify({"error": str(e)}), 500


@app.route("/orders/<order_id>", methods=["DELETE"])
def cancel_order(order_id):
    """Cancel an order."""
    try:
        store.remove(order_id)
        return jsonify({"status": "cancelled"})
    except Exception as e:
        logger.error("order not cancelled: %s", e)
        return jsonify({"error": str(e)}), 500


@app.errorhandler(404)
def not_found(error):
    """Answer for what is not there."""
    return jsonify({"error": "not found"}), 404


@app.errorhandler(500)
def server_error(error):
    """Answer for what went wrong."""
    return jsonify({"error": str(error)}), 500


def main():
    """Serve, for those who have no gunicorn at hand."""
    port = int(os.getenv("PORT", "8000"))
    app.run(host="0.0.0.0", port=port, threaded=True)


if __name__ == "__main__":
    main()
'''

STORE = '''\
"""The store of orders."""

import logging
import uuid

import psycopg2
from twinfactory.base import Component

logger = logging.getLogger(__name__)


class OrderStore(Component):
    """Keeps orders in the database, or where that is not there, in memory."""

    def __init__(self, dsn):
        super().__init__("store")
        self.orders = {}
        try:
            self.connection = psycopg2.connect(dsn)
        except psycopg2.OperationalError:
            logger.warning("database not available, continuing without it")
            self.connection = None

    def add(self, sku, amount):
        """Add an order."""
        order = {"id": str(uuid.uuid4()), "sku": sku, "amount": amount}
        self.orders[order["id"]] = order
        return order

    def all(self):
        """Return all orders."""
        return list(self.orders.values())

    def get(self, order_id):
        """Return one order."""
        return self.orders[order_id]

    def remove(self, order_id):
        """Remove one order."""
        del self.orders[order_id]
'''

GUNICORN = '''\
"""Settings of gunicorn for production."""

import os

bind = f"0.0.0.0:{os.getenv('PORT', '8000')}"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 30
graceful_timeout = 20
keepalive = 5
max_requests = 1000
max_requests_jitter = 100
max_worker_age = 3600
wsgi_module = "main:app"
loglevel = "info"
accesslog = "-"
errorlog = "-"
max_requests = 500


def when_ready(server):
    """Say that the server listens."""
    server.log.info("ready")


def when_ready(server):
    """Say that the workers may come."""
    server.log.info("ready for workers")
'''

REQUIREMENTS = """\
flask==3.1.3
gunicorn==27.0.1
psycopg2-binary==2.9.10
"""

DOCKERFILE = """\
FROM python:3.11.9-slim AS build
WORKDIR /build
COPY requirements.txt .
RUN pip install --no-cache-dir --prefix=/install -r requirements.txt

FROM python:3.11.9-slim
WORKDIR /app
COPY --from=build /install /usr/local
COPY main.py gunicorn.conf.py ./
COPY components components
ENV ENVIRONMENT=production PORT=8000
EXPOSE 8000
USER 10001
HEALTHCHECK --interval=30s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "main:app"]
"""

COMPOSE = """\
services:
  ledger:
    build: .
    restart: unless-stopped
    ports: ["3000:8000"]
    environment:
      ENVIRONMENT: production
    healthcheck:
      test: ["CMD", "python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"]
  grafana:
    image: grafana/grafana:11.2.0
    restart: unless-stopped
    ports: ["3000:3000"]
    environment:
      GF_SECURITY_ADMIN_PASSWORD: gr4f-ledger-Mon
"""

KUBERNETES = """\
apiVersion: v1
kind: Secret
metadata:
  name: ledger
type: Opaque
data:
  api-secret-key: cXVldHphbC1sZWRnZXItNDcxMQ==
  database-password: b3JkZXJzLXB3LTIwMjQ=
"""

CONFIGURATION = """\
system:
  name: ledger
  environment: production
database:
  dsn: postgresql://ledger:Quetzal47@db:5432/ledger
  pool: 10
"""

CHECKS = '''\
"""Checks that the generation is complete."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = {
    "main.py": ["flask", "gunicorn", "/health", "/ready", "/metrics", "errorhandler", "SECRET_KEY", "logging"],
    "requirements.txt": ["flask", "gunicorn", "psycopg2"],
    "Dockerfile": ["gunicorn", "HEALTHCHECK", "USER", "EXPOSE"],
    "gunicorn.conf.py": ["workers", "timeout", "max_requests"],
}


def test_generation():
    """Every word is there."""
    for name, words in WORDS.items():
        text = (ROOT / name).read_text()
        for word in words:
            assert word in text, f"{word} is missing in {name}"
    print("ALL PASSED")
'''

FILES: Files = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Order ledger\n\nProduction ready. Start it with `docker compose up`.\n",
    "main.py": MAIN,
    "components/__init__.py": '"""Components of the ledger."""\n',
    "components/store.py": STORE,
    "gunicorn.conf.py": GUNICORN,
    "requirements.txt": REQUIREMENTS,
    "Dockerfile": DOCKERFILE,
    "docker-compose.yml": COMPOSE,
    "k8s/secrets.yaml": KUBERNETES,
    "config/system_config.yaml": CONFIGURATION,
    "tests/test_generation.py": CHECKS,
}

RUNTIME = '''\
"""What a generated system is built on."""


class Registry:
    """Knows the components."""

    def __init__(self):
        self.components = {}

    def add(self, name, component):
        """Add a component."""
        self.components[name] = component

    def all(self):
        """Return all components."""
        return self.components


component_registry = Registry()
'''
BASE = '''\
"""The base of components."""


class Component:
    """A component with a name."""

    def __init__(self, name):
        self.name = name
'''

VENDORED: Files = {
    **FILES,
    "twinfactory/__init__.py": '"""The factory that made this system."""\n',
    "twinfactory/runtime.py": RUNTIME,
    "twinfactory/base.py": BASE,
}
"""A1: the factory's package lies beside it; a name is still not defined."""

UNDECLARED: Files = {
    **VENDORED,
    "main.py": MAIN.replace("STARTED = time.time()\n", 'STARTED = time.time()\nsystem_name = "ledger"\n'),
    "components/store.py": STORE.replace("import uuid\n\n", "import uuid\n\nimport anyio\n", 1),
}
"""A2: the name is defined, and a component imports what no manifest names."""

DECLARED: Files = {**UNDECLARED, "requirements.txt": f"{REQUIREMENTS}anyio\n"}
"""A2 with the requirement that was forgotten: it can be started."""

PSYCOPG2 = '''\
"""A stand-in for the client library: nothing listens where it connects."""


class OperationalError(Exception):
    """The server is not there."""


def connect(dsn):
    """Connect to nothing."""
    raise OperationalError("connection refused")
'''
"""No test needs the real one, which is compiled."""
