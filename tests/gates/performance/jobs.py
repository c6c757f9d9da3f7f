"""A tiny project whose job asks the model once an item, and what was done wrong to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_failhard.gates.performance import PerformanceGate
from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.model import Base
from pytest_failhard.run import GateRun
from tests.support import Kept, gate_run, write

ITEMS = 8
JOB = """
import concurrent.futures, http.client, json, os, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
WORKERS = 4
def ask(text):
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
    connection.request("POST", url.path + "/chat/completions", json.dumps(body))
    said = json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
    connection.close()
    return said
def work(item):
    return {"id": item["id"], "said": ask("describe " + item["id"])}
items = [json.loads(line) for line in open("bench/items.jsonl")]
os.makedirs("out", exist_ok=True)
with open("out/done.jsonl", "w", buffering=1) as out, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
    for result in pool.map(work, items):
        print(json.dumps(result), file=out)
"""
LINES = "".join(json.dumps({"id": f"item-{number}"}) + "\n" for number in range(ITEMS))
PROJECT = {
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\n',
    "app.py": JOB,
    "bench/items.jsonl": LINES,
    "out/done.jsonl": "left by an earlier run\n",
}
WORKLOAD = Workload(
    id="describe",
    kind="job",
    start=("python", "-S", "app.py", "bench/items.jsonl"),
    items=ITEMS,
    unit="service",
    done="out/*.jsonl",
    llm_delay_ms=10,
    in_flight_max=4,
)
VARIANTS: Mapping[str, tuple[str, str]] = {
    "serialised": ("WORKERS = 4", "WORKERS = 1"),
    "one_more_call": ('{"id": item["id"], "said": ', '{"first": ask("x"), "id": item["id"], "said": '),
    "longer_prompt": ('"describe "', '"describe in detail "'),
    "lost_item": ("for result in pool.map(work, items):", "for result in pool.map(work, items[1:]):"),
    "doubled_item": ("        print(", "        print(json.dumps(result), file=out); print("),
    "bound_exceeded": ("WORKERS = 4", "WORKERS = 6"),
    "crashed": ("items = [", "raise SystemExit('no items today')\nitems = ["),
    "silent": ("def ask(text):", "def ask(text):\n    return 'made up'"),
    "at_random": ('ask("describe "', 'ask(__import__("secrets").token_hex(__import__("os").getpid() % 50)'),
}
ENFORCED = PerformanceSettings(enforce=("workloads", "counters"), workloads=(WORKLOAD,))


def variant(name: str) -> dict[str, str]:
    """Return the project with something done to its job."""
    before, after = VARIANTS[name]
    assert before in JOB
    return {**PROJECT, "app.py": JOB.replace(before, after)}


def side(name: SideName, tree: Path) -> Side:
    """Return a tree as a side."""
    return Side(
        name=name,
        tree=tree,
        python=Path(sys.executable),
        config=tree / "pytest.ini",
        environment={},
        roots=(tree,),
        packages=("app",),
        files={},
        arguments=(),
    )


def trees(folder: Path, head: Mapping[str, str], base: Mapping[str, str] | None = None) -> Trees:
    """Return two trees; without another base both are equal."""
    return Trees(
        base=side("base", write(folder / "base", base or head)),
        head=side("head", write(folder / "head", head)),
        original=None,
        commit="c" * 40,
        chosen="the test",
        identical=base is None,
    )


def run_of(
    folder: Path,
    settings: PerformanceSettings = ENFORCED,
    base: Base | None = None,
    keep: Kept | None = None,
) -> GateRun:
    """Return a run of the gate over the head of `trees`."""
    return gate_run(
        folder / "head", PerformanceGate(), settings=settings, source=("app.py",), base=base, keep=keep
    )


def enforced(workload: Workload, **changes: object) -> PerformanceSettings:
    """Return settings that demand a workload."""
    return replace(ENFORCED, workloads=(workload,), **changes)  # type: ignore[arg-type]
