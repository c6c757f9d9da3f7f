"""A provider, an environment that the service accepts, and a client of the service."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from provider import Provider, Reply
from support import ClientFactory

from triage.app import create_app
from triage.settings import load


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.will(Reply())
        yield running


@pytest.fixture
def environ(provider: Provider, tmp_path: Path) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "API_TOKEN": f"{secrets.token_hex(32)}0123456789",
        "OPENAI_API_KEY": f"sk-{secrets.token_hex(16)}0123456789",
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_MAX_RETRIES": "0",
        "TRIAGE_MODEL": "triage-model",
        "DATABASE_PATH": str(tmp_path / "tickets.db"),
    }


@pytest.fixture
def make_client(environ: dict[str, str]) -> ClientFactory:
    def make(changes: Mapping[str, str]) -> FlaskClient:
        settings = load({**environ, **changes})
        client = create_app(settings).test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {settings.api_token}"
        return client

    return make


@pytest.fixture
def client(make_client: ClientFactory) -> FlaskClient:
    return make_client({})
