"""Tests of the table that is proposed: always one that can be read, with what a person has to look at."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pytest_failhard.gates.system.derived import derive
from pytest_failhard.source import default_source, default_tests, pyproject, read
from pytest_failhard.system.declaration import System, parse
from pytest_failhard.system.derive.proposal import propose, table
from tests.support import write


def proposed(root: Path, files: dict[str, str]) -> tuple[System, str]:
    write(root, files)
    project = read(root, default_source(root, pyproject(root)), default_tests(root))
    text = table(propose(derive(project)))
    return parse(tomllib.loads(text)["tool"]["failhard"]["system"]), text


FASTAPI = """
import os, redis
from fastapi import FastAPI
app = FastAPI()
cache = redis.from_url(os.environ["REDIS_URL"])
MODEL_KEY = os.environ["OPENAI_API_KEY"]
WHERE = os.getenv("APP_ENV", "development")
@app.get("/healthz")
def health(): ...
@app.get("/livez")
def live(): ...
@app.post("/orders/{order}")
def order(order): ...
@app.get("/orders/{order}")
def show(order): ...
@app.get("/orders/{order:path}")
def shown(order): ...
"""


def test_a_service_is_derived_from_its_code(tmp_path: Path) -> None:
    system, text = proposed(tmp_path, {"shop/main.py": FASTAPI})
    assert system == parse(
        {
            "kind": "http",
            "start": ["uvicorn", "shop.main:app"],
            "port_env": "UVICORN_PORT",
            "host_env": "UVICORN_HOST",
            "environment_env": "APP_ENV",
            "production": "production",
            "development": "development",
            "ready": "/healthz",
            "live": "/livez",
            "secrets": [{"name": "OPENAI_API_KEY", "shape": "sk-*", "provider": True}],
            "settings": [],
            "dependencies": [{"name": "redis", "url_env": "REDIS_URL", "provide": {"env": "TEST_REDIS_URL"}}],
            "routes": [
                {"id": "orders-order", "path": "/orders/1"},
                {"id": "orders-order-again", "path": "/orders/1"},
                {"id": "orders-order-post", "method": "POST", "path": "/orders/1", "body": {}},
            ],
        }
    )
    assert "# check: no Dockerfile, Procfile or README says how the system is started" in text
    assert "# check: /orders/{order}" in text


KINDS: dict[str, tuple[dict[str, str], str, tuple[str, ...], str]] = {
    "a library": ({"shop/__init__.py": ""}, "library", (), ""),
    "a package with a command that serves": (
        {
            "shop/__init__.py": "from flask import Flask\ndef serve():\n    Flask(__name__).run()",
            "pyproject.toml": '[project]\nname = "shop"\n[project.scripts]\nshop = "shop:serve"\n',
        },
        "library",
        (),
        "",
    ),
    "a worker": (
        {
            "shop/tasks.py": "from celery import Celery\napp = Celery()",
            "Procfile": "release: make\nworker: celery -A shop worker",
        },
        "worker",
        ("celery", "-A", "shop", "worker"),
        "",
    ),
    "a job": (
        {"job.py": "", "Dockerfile": 'FROM python:3.13-slim\nCMD ["python", "job.py"]'},
        "job",
        ("python", "job.py"),
        "",
    ),
    "a file that runs a server": (
        {
            "app.py": "import os\nfrom flask import Flask\napp = Flask(__name__)\nP = int(os.environ['APP_PORT'])\n"
            "if __name__ == '__main__':\n    app.run(port=P)"
        },
        "http",
        ("python", "app.py"),
        "APP_PORT",
    ),
    "a file of another folder in the image": (
        {
            "backend/main.py": "from flask import Flask\napp = Flask(__name__)\n"
            "if __name__ == '__main__':\n    app.run()",
            "Dockerfile": "FROM python:3.13-slim\nCOPY backend/ ./\nCMD python main.py",
        },
        "http",
        ("python", "backend/main.py"),
        "PORT",
    ),
    "an application of Flask": (
        {"app.py": "from flask import Flask\napp = Flask(__name__)"},
        "http",
        ("gunicorn", "app:app"),
        "PORT",
    ),
    "a process for the web": (
        {"main.py": "", "Procfile": "web: python main.py"},
        "http",
        ("python", "main.py"),
        "PORT",
    ),
    "a server of its own in code": (
        {"main.py": "from http.server import HTTPServer\nHTTPServer(('', 1), None)"},
        "http",
        ("python", "-m", "app"),
        "PORT",
    ),
    "a server for production behind one for a desk": (
        {"main.py": "", "README.md": "```sh\npython main.py\nflask run --debug\n```\n"},
        "http",
        ("flask", "run"),
        "FLASK_RUN_PORT",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_and_the_start_are_told_by_the_files(tmp_path: Path, name: str) -> None:
    files, kind, start, port = KINDS[name]
    system, text = proposed(tmp_path, files)
    assert (system.kind, system.start, system.port_env or "") == (kind, start, port)
    assert text.startswith("[tool.failhard.system]\n")


COMPOSE = """
services:
  app:
    build: .
    healthcheck: {test: "curl http://localhost/ready"}
"""
KUBERNETES = """
kind: Pod
spec: {terminationGracePeriodSeconds: 20, containers: [{livenessProbe: {httpGet: {path: /alive}}}]}
"""


def test_probes_the_grace_and_a_document_are_taken_over(tmp_path: Path) -> None:
    files = {
        "main.py": "import pymongo, os\nfrom flask import Flask\napp = Flask(__name__)\nos.environ['BASE_URL']\n"
        "os.environ['HOST'], os.environ['A'], os.environ['B']",
        "compose.yml": COMPOSE,
        "k8s/pod.yml": KUBERNETES,
        "openapi.json": '{"paths": {"/items": {"get": {}}}}',
    }
    system, text = proposed(tmp_path, files)
    assert (system.ready, system.live, system.grace_s, system.openapi) == (
        "/ready",
        "/alive",
        20,
        "openapi.json",
    )
    assert [route.path for route in system.routes or ()] == ["/items"]
    assert [(each.name, each.type) for each in system.settings or ()] == [
        ("A", "str"),
        ("B", "str"),
        ("BASE_URL", "url"),
    ]
    assert "# a client of mongodb is imported and no variable leads to it" in text
    assert system.host_env == "HOST"


def test_queues_live_in_another_dependency(tmp_path: Path) -> None:
    code = "import os, redis\nfrom celery import Celery\napp = Celery(broker=os.environ['REDIS_URL'])"
    system, _ = proposed(tmp_path, {"tasks.py": code})
    assert [each.name for each in system.dependencies or ()] == ["redis"]


def test_a_file_that_does_not_parse_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"broken.py": "def", "good.py": ""})
    derived = derive(read(tmp_path, ("broken.py", "good.py"), ()))
    assert derived.problems == ("broken.py:1: does not parse: invalid syntax",)
    assert derived.examined == 1
