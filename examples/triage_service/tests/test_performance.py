"""What each caller waits for: a ticket read back, the metrics. Compared with the merge base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.testing import FlaskClient
from support import TICKET

if TYPE_CHECKING:
    from pytest_failhard import Benchmark


def test_a_ticket_is_read_back(client: FlaskClient, failhard_benchmark: Benchmark) -> None:
    created = client.post("/tickets", json=TICKET)
    assert created.json is not None

    shown = failhard_benchmark(client.get, f"/tickets/{created.json['id']}")

    assert shown.status_code == 200
    assert shown.json == created.json


def test_the_metrics_are_read(client: FlaskClient, failhard_benchmark: Benchmark) -> None:
    assert failhard_benchmark(client.get, "/metrics").status_code == 200
