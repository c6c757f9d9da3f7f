"""Tests of what the product's code serves with, talks to, and serves."""

from __future__ import annotations

import pytest

from pytest_failhard.system.derive import code, routes
from pytest_failhard.system.derive.facts import Place
from tests.system.derive.modules import module


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("from flask import Flask\napp = Flask(__name__)", ["flask"]),
        ("import fastapi as f\ndef make():\n    return f.FastAPI()", ["fastapi"]),
        ("from http.server import ThreadingHTTPServer\nThreadingHTTPServer(('', 1), H)", ["http.server"]),
        ("import streamlit as st", ["streamlit"]),
        ("from celery import Celery\napp = Celery()", ["celery"]),
        ("from flask import request", []),
        ("import aiohttp\naiohttp.ClientSession()", []),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import streamlit", []),
        ("from .flask import Flask\nFlask()", []),
        ("class Flask: ...\nFlask()", []),
    ],
)
def test_a_server_is_imported_and_made(text: str, packages: list[str]) -> None:
    assert [each.package for each in code.servers(module(text))] == packages


def test_clients_are_of_dependencies() -> None:
    found = code.clients(
        module("import redis.asyncio\nfrom psycopg import connect\nimport json, pika\nimport nats")
    )
    assert {(each.package, each.means) for each in found} == {
        ("redis", "redis"),
        ("psycopg", "postgres"),
        ("pika", "rabbitmq"),
        ("nats", "nats"),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from flask import Flask\napp = Flask(__name__)", [("app", "wsgi")]),
        ("from fastapi import FastAPI\napi: FastAPI = FastAPI()", [("api", "asgi")]),
        ("from flask import Flask\nfrom shop import create_app\napp = create_app()", [("app", "wsgi")]),
        ("from shop import create_app\napp = create_app()", [("app", "asgi")]),
        ("app = 1\nitems[0] = Flask()\nx = connect()", []),
    ],
)
def test_applications_stand_at_the_top_of_a_module(text: str, found: list[tuple[str, str]]) -> None:
    assert [(each.name, each.speaks) for each in code.applications(module(text))] == found


def test_a_file_may_run_a_server_itself() -> None:
    assert code.runs_itself(module("if __name__ == '__main__':\n    app.run()")) == 2
    assert code.runs_itself(module("app.run()")) == 0


FLASK = """
from flask import Flask, Blueprint

app = Flask(__name__)
items = Blueprint("items", __name__, url_prefix="/items")
unused = Blueprint("unused", __name__)

@items.route("/<int:item>", methods=["GET", "DELETE", "HEAD"])
def show(item): ...

@items.post("")
def create(): ...

@unused.get("/never")
def never(): ...

@app.route("/")
def root(): ...

@app.route("/all", methods=METHODS)
def computed(): ...

@app.errorhandler(404)
def lost(error): ...

app.add_url_rule("/files/<path:name>", "files", view, methods=("PUT",))
app.add_url_rule(COMPUTED, "files", view)
app.register_blueprint(items)
"""


def told(*texts: tuple[str, str]) -> list[str]:
    files = [routes.served(module(text, path)) for path, text in texts]
    return [f"{each.method} {each.path}" for each in routes.operations(files)]


def test_routes_of_flask_by_decorator_and_registration() -> None:
    assert told(("shop/app.py", FLASK)) == [
        "DELETE /items/{item}",
        "GET /",
        "GET /items/{item}",
        "POST /items",
        "PUT /files/{name*}",
    ]


MAIN = """
from fastapi import FastAPI
from app.api import router as api
from .routers import parts
from app.config import settings
app = FastAPI()
app.include_router(api, prefix=settings.PREFIX)
app.include_router(parts, prefix=f"{settings.PREFIX}/parts")
"""
CONFIG = 'class Settings:\n    PREFIX: str = "/api/v1"\n    other = 1\n'
API = """
from fastapi import APIRouter
from app import users
router = APIRouter()
router.include_router(users.router, prefix="/users")
router.include_router(make())
"""
USERS = """
from fastapi import APIRouter
router = APIRouter()
@router.get("/{user_id}")
async def show(user_id): ...
@router.api_route("/all", methods={"GET"})
async def everyone(): ...
@router.websocket("/ws")
async def socket(): ...
"""


PARTS = """
from fastapi import APIRouter
router = APIRouter()
@router.get("/all")
def everything(): ...
"""


def test_routers_are_served_where_they_are_mounted_across_files() -> None:
    assert told(
        ("backend/app/main.py", MAIN),
        ("backend/app/config.py", CONFIG),
        ("backend/app/api.py", API),
        ("backend/app/users.py", USERS),
        ("backend/app/routers/__init__.py", "from .parts import router as parts"),
        ("backend/app/routers/parts.py", PARTS),
    ) == ["GET /api/v1/parts/all", "GET /api/v1/users/all", "GET /api/v1/users/{user_id}"]


def test_routes_of_aiohttp_and_starlette() -> None:
    text = 'app.router.add_get("/health", health)\nroutes = [Route("/items", items, methods=["POST"])]\n'
    assert told(("app.py", text)) == ["GET /health", "POST /items"]


def test_a_router_that_mounts_itself_ends() -> None:
    text = "from fastapi import APIRouter\nr = APIRouter()\nr.include_router(r)\n@r.get('/x')\ndef x(): ...\n"
    assert told(("app.py", text)) == ["GET /x"]


def test_an_openapi_document_lists_operations() -> None:
    place = Place(path="openapi.json")
    document: dict[str, object] = {
        "paths": {"/items/{id}": {"get": {}, "parameters": [], "DELETE": {}}, "/x": None}
    }
    found = routes.of_document(document, place)
    assert [f"{each.method} {each.path}" for each in found] == ["DELETE /items/{id}", "GET /items/{id}"]
    assert routes.of_document({}, place) == ()


@pytest.mark.parametrize(
    ("template", "path", "fits"),
    [
        ("/items/{id}", "/items/7", True),
        ("/items/{id}", "/items/7/", True),
        ("/items/{id}", "/items/7?all=1", True),
        ("/items/{id}", "/items/7/parts", False),
        ("/files/{name*}", "/files/a/b", True),
        ("/a.b", "/aXb", False),
        ("/", "/", True),
    ],
)
def test_a_path_fits_a_template(template: str, path: str, *, fits: bool) -> None:
    assert routes.matches(template, path) is fits
