"""Tests of the series, each with tiny real projects: one that does it right, and those that are caught."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.llm import (
    LlmGate,
    cases,
    healthy,
    matrix,
    series,
    series_budget,
    series_circuit,
    series_pauses,
    series_rates,
    series_soak,
)
from pytest_failhard.gates.llm.cases import Matrix
from pytest_failhard.gates.llm.declaration import Budget, Circuit, Limit, LlmSettings
from pytest_failhard.gates.llm.drivers import function as function_driver
from pytest_failhard.gates.llm.lanes import Ground, Lane
from pytest_failhard.gates.llm.series_bench import Bench
from pytest_failhard.gates.llm.series_budget import keep_budget
from pytest_failhard.gates.llm.series_circuit import open_circuit
from pytest_failhard.gates.llm.series_pauses import back_off
from pytest_failhard.gates.llm.series_rates import keep_rates
from pytest_failhard.gates.llm.series_soak import soak
from pytest_failhard.gates.llm.sheet import Sheet
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.catalogue import Catalogue
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.verdicts import recovery
from pytest_failhard.llm.verdicts.measures import Soak
from pytest_failhard.llm.verdicts.rules import VerdictError
from pytest_failhard.model import GateError
from pytest_failhard.system.declared import read
from tests.gates.llm.projects import project
from tests.size import FULL, in_full, some
from tests.support import Kept, gate_run, write

PROJECT = """\
[project]
name = "app"
version = "1"

[tool.failhard.system]
kind = "http"
start = ["python", "-m", "app.server"]
port_env = "PORT"
ready = "/ready"
secrets = [{ name = "OPENAI_API_KEY", shape = "sk-*", provider = true }]

[[tool.failhard.system.routes]]
id = "ask"
method = "POST"
path = "/ask"
needs = ["llm"]

[[tool.failhard.system.routes]]
id = "count"
path = "/count/${n}"
"""
CLIENT = '''
"""Talks to the model with the standard library alone: it starts at once."""

import http.client
import json
import os
import time
import urllib.request


USED = {}


class ModelError(Exception):
    """No answer."""


def once(text, model="gpt-4o-mini"):
    """Return the text and the tokens of an answer."""
    data = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    key = os.environ["OPENAI_API_KEY"]
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=5) as response:
            body = json.load(response)
        [choice] = body["choices"]
        text = choice["message"]["content"]
        tokens = body["usage"]["total_tokens"]
        USED.update(body["usage"])
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
        raise ModelError(f"unexpected answer: {error!r}") from error
    if choice["finish_reason"] != "stop" or not isinstance(text, str) or not text.strip():
        raise ModelError("incomplete content")
    return text, tokens


def repeated(pauses):
    """Return an answer; after each failure but the last, pause."""
    for pause in pauses:
        try:
            return once("hello")[0]
        except ModelError:
            time.sleep(pause())
    return once("hello")[0]
'''
SERVER = """
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app import model


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"ready": True})

    def do_POST(self):
        try:
            self.answer(200, {"text": model.ask()})
        except Exception as error:
            self.answer(503, {"error": {"type": "llm_unavailable", "message": str(error)}})

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
PLAIN = "from app.client import once\ndef ask():\n    return once('hello')[0]\n"
PAUSING = "import random\nfrom app.client import repeated\ndef ask():\n    return repeated([%s])\n"
GROWING = PAUSING % "lambda: 0.1 + random.random() / 50, lambda: 0.2 + random.random() / 50"
USUAL = {"pyproject.toml": PROJECT, "app/client.py": CLIENT, "app/server.py": SERVER}
LIBRARY = Call(id="ask", callable="app.model:ask")
SERVICE = Call(id="ask", route="ask", result="json:/text")
COMMAND = Call(id="ask", command=("python", "-c", "from app import model; print(model.ask())"))


@contextmanager
def prepared(
    tmp_path: Path,
    model: str,
    *,
    call: Call = LIBRARY,
    lanes: int = 1,
    level: int = 4,
    seconds: float = 120,
    keep: Kept | None = None,
    limits: Mapping[str, Limit] = {},
    budget: Budget | None = None,
    circuit: Circuit | None = None,
) -> Iterator[Bench]:
    """Yield what a series starts from: a project that was seen healthy, on so many systems."""
    root = project(tmp_path, {"app/model.py": model}, USUAL)
    given = LlmSettings(
        providers=("openai",),
        calls=(call,),
        deadline=20,
        limits=dict(limits),
        budget=budget,
        circuit=circuit,
    )
    run = gate_run(root, LlmGate(), settings=given, level=level, seconds=seconds, keep=keep)
    declared = read(root)
    assert declared is not None
    with Server() as server:
        ground = Ground(
            run=run, system=declared, settings=given, import_roots=(".",), server=server, authority=None
        )
        opened: list[Lane] = []

        def open_lane(layers: frozenset[str]) -> Lane:
            folder = run.scratch / "bench" / str(len(opened))
            opened.append(Lane(ground=ground, call=call, layers=layers, folder=folder))
            return opened[-1]

        try:
            first, seen = healthy.probe(call, given, open_lane)
            more = [open_lane(seen.layers) for _ in range(lanes - 1)]
            yield Bench(seen=seen, lanes=(first, *more), sheet=Sheet())
        finally:
            for lane in opened:
                lane.close()
            run.close()


def rules(bench: Bench) -> list[str]:
    return [finding.rule for finding in bench.sheet.findings]


def messages(bench: Bench) -> str:
    return "\n".join(finding.message for finding in bench.sheet.findings)


@pytest.mark.parametrize(
    ("model", "attempts", "found"),
    [
        (GROWING, 3, []),
        (
            PAUSING % "lambda: 0.3 + random.random() / 50, lambda: 0.3 + random.random() / 50",
            3,
            ["flat-backoff"],
        ),
        (PAUSING % "lambda: 0, lambda: 0.1", 3, ["retry-storm"]),
        (PLAIN, 1, []),
    ],
    ids=["growing", "flat", "storm", "no-retry"],
)
def test_the_waits_between_attempts_are_judged_over_eight_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, attempts: int, found: list[str]
) -> None:
    # No pause at all takes longer than ten milliseconds on a machine that does other things, too.
    monkeypatch.setattr(recovery, "STORM_SECONDS", Fraction(8, 100))
    with prepared(tmp_path, model, lanes=2) as bench:
        back_off(bench)
        assert [each for each in rules(bench) if each != "synchronised-retries"] == found
        assert bench.facts == {"openai-back-off@ask": {"calls": 8, "attempts": [attempts]}}
        assert len(bench.sheet.ledgers) == 8


def test_the_waits_of_a_service_are_judged_over_sixteen_calls(tmp_path: Path) -> None:
    with prepared(tmp_path, GROWING, call=SERVICE, lanes=2) as bench:
        back_off(bench)
        assert rules(bench) == []
        assert bench.facts == {"openai-back-off@ask": {"calls": 16, "attempts": [3]}}


LIMITED = """\
import threading, time
from app.client import once
lock, sent = threading.Lock(), []
def ask():
    with lock:
        if len(sent) >= 20:
            WAIT
        sent.append(time.monotonic())
    return once("hello")[0]
"""
REFUSING = LIMITED.replace("WAIT", "raise RuntimeError('rate limit of our own')")
WAITING = LIMITED.replace("WAIT", "time.sleep(600)")
TWENTY = {"gpt-4o-mini": Limit(rpm=20)}


@pytest.mark.parametrize(
    ("model", "percent", "call"),
    [
        (REFUSING, 100, LIBRARY),
        (WAITING, 100, SERVICE),
        (PLAIN, 150, LIBRARY),
        *([(REFUSING, 100, SERVICE), (WAITING, 100, LIBRARY), (PLAIN, 150, SERVICE)] if FULL else []),
    ],
)
def test_more_calls_at_once_than_a_limit_allows_show_who_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, model: str, percent: int
) -> None:
    if model == WAITING:
        monkeypatch.setattr(series_rates, "WATCH_SECONDS", 1.0)
    with prepared(tmp_path, model, call=call, limits=TWENTY) as bench:
        keep_rates(bench)
        assert rules(bench) == (["rate-limit-overrun"] if percent > 110 else [])
        assert [window.percent for window in bench.sheet.windows] == [percent]
        assert bench.facts == {"gpt-4o-mini-rate@ask": {"offered": 30, "requests": 20}}
        assert list(series_rates.unasked(bench.settings, bench.sheet)) == []
        # A fresh system answers again.
        assert bench.lanes[0].healthy("after", 20).outcome.produced


def test_tokens_are_counted_by_what_each_answer_reports(tmp_path: Path) -> None:
    with prepared(tmp_path, PLAIN, limits={"gpt-4o-mini": Limit(tpm=2000)}) as bench:
        keep_rates(bench)
        assert rules(bench) == ["rate-limit-overrun"]
        assert "more tokens of gpt-4o-mini within 60 s than declared" in messages(bench)
        [ledger] = bench.sheet.ledgers
        assert {attempt.usage.input for attempt in ledger.attempts} == {10}
        after = bench.lanes[0].healthy("after", 20).ledger.attempts
        assert after[0].usage.output > 0


def test_a_command_is_started_as_often_as_the_load_asks(tmp_path: Path) -> None:
    with prepared(tmp_path, PLAIN, call=COMMAND, limits={"gpt-4o-mini": Limit(rpm=1)}) as bench:
        keep_rates(bench)
        assert rules(bench) == ["rate-limit-overrun"]


def test_a_load_that_cannot_reach_the_limit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_rates, "WATCH_MOST_SECONDS", 0.3)
    slow = f"{PLAIN}    # \nimport sys, time\nif 'slow' in open('mode').read():\n    time.sleep(600)\n"
    with prepared(tmp_path, f"open('mode', 'a').close()\n{slow}", call=COMMAND, limits=TWENTY) as bench:
        (bench.lanes[0].folder / "place" / "tree" / "mode").write_text("slow")
        with pytest.raises(VerdictError, match=r"^load-too-small: gpt-4o-mini-rate@ask: .* requests of"):
            keep_rates(bench)


def test_a_limit_of_a_model_that_no_call_asks_is_an_error(tmp_path: Path) -> None:
    with prepared(tmp_path, PLAIN, limits={"gpt-9": Limit(rpm=20)}) as bench:
        keep_rates(bench)
        series.close(bench.run, bench.settings, bench.sheet)
        assert bench.sheet.errors == [
            "load-too-small: limits: no call asked the model 'gpt-9'; correct its name or remove the limit"
        ]


BREAKER = """\
import os, threading, time
from app.client import ModelError, once
lock, failures, opened, probing = threading.Lock(), 0, 0.0, False
COOLDOWN = float(os.environ.get("COOLDOWN", "30"))
class CircuitOpen(Exception):
    pass
def enter():
    global probing
    with lock:
        if failures >= 2:
            if PROBING time.monotonic() < opened + COOLDOWN:
                raise CircuitOpen("the circuit to the model is open")
            probing = True
def ask():
    global failures, opened, probing
    enter()
    try:
        text = once("hello")[0]
    except ModelError:
        with lock:
            failures, opened, probing = failures + 1, time.monotonic(), False
        raise
    with lock:
        failures, probing = 0, False
    return text
"""
CIRCUIT = Circuit(after=2, cooldown=30, cooldown_env="COOLDOWN")


CIRCUITS = some(
    {
        "breaker": (BREAKER.replace("PROBING", "probing or"), LIBRARY, []),
        "breaker-service": (BREAKER.replace("PROBING", "probing or"), SERVICE, []),
        "herd": (BREAKER.replace("PROBING", ""), LIBRARY, ["thundering-probe"]),
        "herd-service": (BREAKER.replace("PROBING", ""), SERVICE, ["thundering-probe"]),
    },
    "breaker-service",
    "herd",
)


@pytest.mark.parametrize(("model", "call", "found"), CIRCUITS.values(), ids=CIRCUITS.keys())
def test_a_circuit_opens_tests_once_and_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, call: Call, found: list[str]
) -> None:
    monkeypatch.setattr(series_circuit, "SHORT_COOLDOWN", 1)
    with prepared(tmp_path, model, call=call, circuit=CIRCUIT) as bench:
        open_circuit(bench)
        assert rules(bench) == found
        assert bench.facts == {"circuit@ask": {"after": 2, "cooldown": 1}}
        # What was shortened for the series is as declared again.
        assert bench.lanes[0].router.delay == 0


def test_a_circuit_that_did_not_open_is_not_given_time_to_close(tmp_path: Path) -> None:
    with prepared(tmp_path, PLAIN, circuit=Circuit(after=1, cooldown=3000)) as bench:
        open_circuit(bench)
        assert rules(bench) == ["missing-circuit-breaker"]
        assert [ledger.case for ledger in bench.sheet.ledgers][-2:] == [
            "circuit-open-3@ask",
            "circuit-closed@ask",
        ]


def test_a_command_has_no_circuit(tmp_path: Path) -> None:
    with prepared(tmp_path, PLAIN, call=COMMAND, circuit=CIRCUIT) as bench:
        open_circuit(bench)
        assert bench.facts == {
            "circuit@ask": "each call is a process of its own, which has no circuit to open"
        }


def test_a_cool_down_that_outlasts_the_gate_is_an_error(tmp_path: Path) -> None:
    said = r"^circuit@ask: the cool-down takes longer .*cooldown_env$"
    circuit = Circuit(after=2, cooldown=3000)
    model = BREAKER.replace("PROBING", "")
    with prepared(tmp_path, model, circuit=circuit) as bench, pytest.raises(GateError, match=said):
        open_circuit(bench)


SPENDING = """\
from app.client import once
spent = 0
def ask():
    global spent
    if spent >= MOST:
        raise RuntimeError("the token budget is spent")
    text, tokens = once("hello", MODEL)
    spent += COST
    return text
"""


def spending(most: str, cost: str = "tokens", model: str = "gpt-4o-mini") -> str:
    return SPENDING.replace("MOST", most).replace("COST", cost).replace("MODEL", repr(model))


@pytest.mark.parametrize(
    ("model", "budget", "calls", "found"),
    [
        (spending("30_000_000"), Budget(tokens=30_000_000), 21, []),
        (spending("2_500_000"), Budget(tokens=2_500_000), 4, []),
        (spending("3", "1"), Budget(requests=3), 4, []),
        (spending("0.5", "tokens * 0.15 / 1_000_000"), Budget(usd="0.50"), 5, []),
        (PLAIN, Budget(usd="600.00"), 21, ["budget-overrun"]),
        (PLAIN, Budget(tokens=2_500_000), 4, ["budget-overrun"]),
        (spending("2", "1").replace("token budget", "gold"), Budget(requests=2), 3, ["budget-overrun"]),
    ],
    ids=["large", "tokens", "requests", "usd", "no-usd", "no-tokens", "unnamed"],
)
def test_no_request_follows_the_answer_that_spends_the_budget(
    tmp_path: Path, model: str, budget: Budget, calls: int, found: list[str]
) -> None:
    with prepared(tmp_path, model, budget=budget) as bench:
        keep_budget(bench)
        assert rules(bench) == found
        assert bench.facts == {"budget@ask": {"calls": calls}}
        assert bench.lanes[0].router.usage is None


COSTING = """
from app.client import USED, once
def ask():
    text, _ = once("hello", MODEL)
    cost = (USED["prompt_tokens"] * 0.15 + USED["completion_tokens"] * 0.6) / 1_000_000
    return {"text": text, "usage": {"usd": COST}}
"""


@pytest.mark.parametrize(
    ("cost", "where", "said"),
    [
        ("cost * 1.019", "json:/usage/usd", []),
        ("cost * 1.03", "json:/usage/usd", ["differ by more than 2 %"]),
        ("str(cost)", "json:/usage/usd", ["the answer holds no number at json:/usage/usd"]),
        ("cost * 1.03", "", []),
    ],
    ids=["right", "wrong", "text", "unsaid"],
)
def test_the_cost_that_an_answer_reports_is_that_of_its_usage(
    tmp_path: Path, cost: str, where: str, said: list[str]
) -> None:
    model = COSTING.replace("MODEL", "'gpt-4o-mini'").replace("COST", cost)
    with prepared(tmp_path, model, call=replace(LIBRARY, cost=where), level=3) as bench:
        found = [each for each in healthy.judge(bench.seen) if each.rule == "cost-mismatch"]
        assert [each.severity.name for each in found] == ["MEDIUM"] * len(said)
        assert all(part in each.message for part, each in zip(said, found, strict=True))


def test_the_cost_of_a_model_without_a_price_cannot_be_judged(tmp_path: Path) -> None:
    model = COSTING.replace("MODEL", "'my-own'").replace("COST", "cost")
    with (
        prepared(tmp_path, model, call=replace(LIBRARY, cost="json:/usage/usd")) as bench,
        pytest.raises(VerdictError, match=r"^price-unknown: ask: cost: no price .* for my-own"),
    ):
        healthy.judge(bench.seen)


def test_the_run_of_a_command_is_one_process(tmp_path: Path) -> None:
    many = "from app.client import once\ndef ask():\n    return [once('hello')[0] for _ in range(9)][0]\n"
    with prepared(tmp_path, many, call=COMMAND, budget=Budget(requests=3)) as bench:
        keep_budget(bench)
        assert rules(bench) == ["budget-overrun"]
        assert bench.facts == {"budget@ask": {"calls": 1}}


def test_a_budget_in_money_needs_a_price_and_a_list_that_is_not_old(tmp_path: Path) -> None:
    with prepared(tmp_path, spending("1", model="my-own"), budget=Budget(usd="1.00"), level=3) as bench:
        with pytest.raises(VerdictError, match=r"^price-unknown: budget\.usd: openai model 'my-own' has no"):
            keep_budget(bench)
        assert series_budget.prices(bench.settings, date(2026, 11, 20)) == ()
        [stale] = series_budget.prices(bench.settings, date(2027, 11, 20))
        assert (stale.rule, stale.severity.name) == ("stale-prices", "LOW")
        series.run(bench)
        # The level does not ask for the budget.
        assert (bench.sheet.errors, sorted(bench.facts)) == ([], ["openai-back-off@ask"])


LENIENT = """\
from app.client import ModelError, once
def ask():
    try:
        return once("hello")[0]
    except ModelError:
        return "sorry"
"""


SOAKED = {"honest": (PLAIN, True), "lenient": (LENIENT, False)}


@pytest.mark.parametrize(
    ("model", "right"), list(some(SOAKED, "lenient").values()), ids=[*some(SOAKED, "lenient")]
)
def test_two_hundred_calls_under_load_give_answers_or_errors(tmp_path: Path, model: str, right: bool) -> None:
    with prepared(tmp_path, model, lanes=2) as bench:
        soak(bench)
        [soaked] = bench.sheet.soaks
        assert (soaked.calls, soaked.fired > 0, soaked.wrong == 0) == (200, True, right)
        fact = bench.facts["soak@ask"]
        assert isinstance(fact, Mapping)
        assert (fact["calls"], fact["fired"], len(fact["wrong"])) == (200, soaked.fired, soaked.wrong)
        assert len(bench.sheet.ledgers) == 200


@in_full
def test_the_seed_decides_which_calls_of_the_soak_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_soak, "CALLS", 120)
    met: list[list[str]] = []
    for lanes in (1, 3):
        with prepared(tmp_path / str(lanes), PLAIN, lanes=lanes) as bench:
            soak(bench)
            faults = [
                (each.case, [attempt.fault for attempt in each.attempts]) for each in bench.sheet.ledgers
            ]
            met.append([json.dumps(each) for each in sorted(faults)])
    assert met[0] == met[1]


def test_a_soak_in_which_nothing_failed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_soak, "CALLS", 1)
    with prepared(tmp_path, PLAIN) as bench:
        with pytest.raises(VerdictError, match=r"^no-fire: soak@ask: p=0\.05 fired 0 times in 1 calls"):
            soak(bench)
        assert bench.sheet.soaks == [Soak(calls=1)]


def test_a_system_that_counts_is_a_fresh_one_before_it_is_full(tmp_path: Path) -> None:
    counting = spending("9", "1")
    with prepared(tmp_path, counting, budget=Budget(requests=9)) as bench:
        mets = bench.over(20, lambda lane, number: lane.meet(f"case-{number}", (), 20))
        assert [met.outcome.produced for met in mets] == [True] * 20


def test_a_dialect_without_the_failure_has_no_series_of_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_pauses, "FAULT", "pause_turn")
    with prepared(tmp_path, PLAIN) as bench:
        back_off(bench)
        assert bench.facts == {"openai-back-off@ask": "pause_turn has no wire form in the dialect openai"}


DYING = """\
import os
from app.client import once
calls = 0
def ask():
    global calls
    calls += 1
    if calls > 2:
        os._exit(3)
    return once("hello")[0]
"""


@pytest.mark.parametrize("call", [LIBRARY, SERVICE], ids=["library", "service"])
def test_a_system_that_dies_under_a_load_was_not_offered_it(tmp_path: Path, call: Call) -> None:
    with prepared(tmp_path, DYING, call=call) as bench:
        lane = bench.lanes[0]
        lane.renew()
        crowd = lane.crowd("load", 30, 30)
        assert crowd.offered < 30
        assert lane.healthy("after", 20).outcome.produced


def test_a_worker_that_dies_without_reading_was_offered_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared(tmp_path, PLAIN) as bench:
        lane = bench.lanes[0]
        child = write(tmp_path, {"child.py": "import time\ntime.sleep(0.5)\n"}) / "child.py"
        monkeypatch.setattr(function_driver, "CHILD", child)
        lane.renew()
        # What nobody has read is lost with its reader: the connection is reset.
        assert lane.crowd("load", 3, 30).offered == 0


FAULTS = ("invalid_key", "refused", "server_error", "unavailable", "usage_huge")


@pytest.mark.parametrize(("model", "level"), [*((("gpt-4o-mini", 4),) if FULL else ()), ("my-own", 1)])
def test_the_matrix_runs_the_series_and_each_case_on_a_system_that_remembers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, level: int
) -> None:
    whole = cases.demanded

    def few(
        known: Catalogue, *, level: int, call: str, dialects: Iterable[str], features: frozenset[str]
    ) -> Matrix:
        made = whole(known, level=level, call=call, dialects=dialects, features=features)
        return replace(made, cases=tuple(case for case in made.cases if case.fault.id in FAULTS))

    monkeypatch.setattr(cases, "demanded", few)
    monkeypatch.setattr(series_circuit, "SHORT_COOLDOWN", 1)
    right = BREAKER.replace("PROBING", "probing or").replace('"hello"', f'"hello", {model!r}')
    kept = Kept()
    with prepared(tmp_path, right, circuit=CIRCUIT, level=level, keep=kept) as bench:
        run, settings = bench.run, bench.settings
        declared = read(run.root)
        assert declared is not None
        seen = matrix.run(
            run, matrix.Target(settings=settings, system=declared, import_roots=(".",), installed={})
        )
    found = {finding.rule for finding in seen.findings}
    assert found <= {"not-recovered", "unlogged-request-id"}
    assert (seen.measures["soak_calls"], seen.measures["soak_wrong"]) == (200 if level == 4 else 0, 0)
    document = json.loads(kept.files["matrix.json"])
    run_at_4 = ["circuit@ask", "openai-back-off@ask", "soak@ask"]
    assert sorted(document["calls"]["ask"]["series"]) == (run_at_4 if level == 4 else [])
    priced = model == "gpt-4o-mini"
    assert document["unpriced"] == ([] if priced else ["openai:my-own"])
    assert ("cost_usd" in seen.measures) == priced


def test_series_fail_each_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_soak, "CALLS", 1)
    model = BREAKER.replace("PROBING", "")
    with prepared(tmp_path, model, circuit=Circuit(after=2, cooldown=3000)) as bench:
        series.run(bench)
        assert [error.partition(":")[0] for error in bench.sheet.errors] == ["circuit@ask", "no-fire"]
        assert "openai-back-off@ask" in bench.facts
