"""What a pair says by each clock, what runs show, and how the model is reached: without a project."""

from __future__ import annotations

import http.client
import json
import math
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_failhard.gates.performance.counters import COST, counted
from pytest_failhard.gates.performance.statistics import State, Terms
from pytest_failhard.gates.performance.workload import pairing
from pytest_failhard.gates.performance.workload.answering import model
from pytest_failhard.gates.performance.workload.flights import Steps
from pytest_failhard.gates.performance.workload.running import findings
from pytest_failhard.gates.performance.workload.units import Tally
from pytest_failhard.gates.performance.workload.working import Ran
from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import System
from pytest_failhard.system.environment import prepare
from tests.gates.performance.jobs import WORKLOAD

NONE = Steps(points=(), end=0)
RAN = Ran(
    side="head",
    number=1,
    startup=0,
    wall=800,
    cpu=160,
    took=(100, 200, 400, 800),
    tally=Tally(completed=8),
    in_flight=NONE,
    depth=NONE,
    counters={},
)
CLOCKS = ("cpu_per_unit", "seconds_per_unit", "p50")
TERMS = Terms(limit=Fraction(115, 100), benchmarks=1, final_width=Fraction(1, 10))


def test_each_clock_is_divided_by_the_units_that_are_done() -> None:
    twice = replace(RAN, wall=1600, took=(100, 400, 400, 800))
    found = pairing.logs(WORKLOAD, RAN, twice, CLOCKS)
    assert found == {"cpu_per_unit": 0, "seconds_per_unit": math.log(2), "p50": math.log(2)}
    # Half of the units in half of the time is no gain.
    half = replace(RAN, wall=400, cpu=80, tally=Tally(completed=4, lost=4))
    assert pairing.logs(WORKLOAD, RAN, half, CLOCKS) == dict.fromkeys(CLOCKS, 0)
    assert pairing.rate(RAN) == 1e7
    with pytest.raises(GateError, match="below-resolution: workload describe: cpu_per_unit"):
        pairing.logs(WORKLOAD, RAN, replace(RAN, cpu=0), CLOCKS)


def test_pairs_that_ran_out_of_time_decide_nothing() -> None:
    pairs = [{"cpu": 0.9}, {"cpu": 0.9}, {"cpu": 0.8}, {"cpu": -0.4}]
    found = pairing.cut_short(pairs, ("cpu",), TERMS)
    assert found is not None
    assert (found.state, found.pairs, list(found.estimates)) == (State.UNDECIDED, 4, ["cpu"])
    assert pairing.cut_short(pairs[:2], ("cpu",), TERMS) is None


def test_what_grows_on_head_alone_and_gauges_that_disagree() -> None:
    grows = replace(RAN, grows=True)
    (queue,) = findings(WORKLOAD, [RAN, grows], [RAN])
    assert queue.rule == "queue-grows"
    assert list(findings(WORKLOAD, [grows], [grows])) == []
    (gauges,) = findings(WORKLOAD, [replace(RAN, gauges="they differ")], [RAN])
    assert (gauges.rule, gauges.message) == ("gauges-disagree", "workload describe: they differ")


def ask(url: str, name: str = "gpt-4o", **more: object) -> int:
    """Ask the model, and return the status."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
    body = {"model": name, "messages": [{"role": "user", "content": "hi"}], **more}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    status = connection.getresponse().status
    connection.close()
    return status


def test_what_the_model_cannot_answer_is_an_error_and_no_real_one_is_reached(tmp_path: Path) -> None:
    prepared = prepare(System(kind="job"), interpreter=Path(sys.executable), folder=tmp_path, keys={})
    began: list[bool] = []
    with model(tmp_path) as asked:
        asked.begin(WORKLOAD, None, lambda: began.append(True))
        given = asked.lead(prepared, all_keys=True)
        url = given["OPENAI_BASE_URL"]
        assert asked.keys["OPENAI_API_KEY"] == given["OPENAI_API_KEY"]
        assert "OPENAI_API_KEY" not in asked.lead(prepared, all_keys=False)
        assert [ask(url), ask(url, "unheard-of")] == [200, 200]
        (first, second) = asked.end()
        assert COST in counted([first])
        # A model without a price costs an unknown amount, and not nothing.
        assert COST not in counted([first, second])
        assert began == [True]

        nonsense = {"type": "json_schema", "json_schema": {"schema": {"type": "text"}}}
        assert [ask(url, response_format=nonsense) for _ in range(2)] == [501, 501]
        with pytest.raises(
            GateError, match=r"the model cannot answer: POST .*no such type: text.*\(2 in all\)"
        ):
            asked.end()

        proxy = urlsplit(given["HTTPS_PROXY"])
        asked.begin(WORKLOAD, None, lambda: None)
        for host, fits in (("api.openai.com", True), ("shop.example.org", False)):
            tunnel = http.client.HTTPConnection(str(proxy.hostname), proxy.port, timeout=10)
            tunnel.set_tunnel(host, 443)
            if fits:
                tunnel.connect()
            else:
                with pytest.raises(OSError, match="Tunnel connection failed"):
                    tunnel.connect()
            tunnel.close()


def test_without_certificates_every_tunnel_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    prepared = prepare(System(kind="job"), interpreter=Path(sys.executable), folder=tmp_path, keys={})
    with model(tmp_path) as asked:
        given = asked.lead(prepared, all_keys=True)
        assert ask(given["OPENAI_BASE_URL"]) == 200
        assert "SSL_CERT_FILE" not in given
