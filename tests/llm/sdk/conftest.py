"""The laboratory, once a worker, and only while tests of this folder run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.server.certificates import Authority
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.environment import variables
from tests.llm.sdk.clients import Clients
from tests.llm.sdk.laboratory import Laboratory


@pytest.fixture(scope="package")
def guard() -> Iterator[Guard]:
    """Keep every socket of this process on loopback."""
    guard = Guard()
    undo = guard.install()
    yield guard
    undo()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture(scope="package")
def laboratory(guard: Guard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A server, two authorities and all SDKs, without the keys, addresses and proxies of the developer."""
    folder = tmp_path_factory.mktemp("sdk")
    trusted = Authority.create(folder)
    untrusted = Authority.create(_made(folder / "untrusted"))
    given = variables(
        "http://127.0.0.1:9",
        Canaries.draw("A"),
        layers=frozenset(),
        ca_file=trusted.ca_file,
        missing_key=True,
    )
    settings = {**given.set, "HOME": str(_made(folder / "home"))}
    clients = Clients(folder, settings)
    with pytest.MonkeyPatch.context() as patch, Server() as server:
        for name in given.unset & set(os.environ):
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        laboratory = Laboratory(server, trusted, untrusted, clients)
        yield laboratory
        laboratory.close()
        clients.close()


@pytest.fixture(autouse=True)
def nothing_leaves(guard: Guard) -> Iterator[None]:
    """Fail a test whose call tried to leave the machine."""
    before = len(guard.attempts)
    yield
    assert guard.attempts[before:] == ()
