"""Workloads of the kinds http and worker, over a server and a worker of twenty lines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.workload.answering import model
from pytest_failhard.gates.performance.workload.working import Bench, Ran, once
from pytest_failhard.gates.performance.workload.workplace import Ground, grounds, whole
from pytest_failhard.model import GateError
from tests.gates.performance.jobs import JOB, PROJECT, WORKLOAD, enforced, run_of, side
from tests.support import write

ASKING = JOB[: JOB.index("def work")]
SERVER = (
    ASKING
    + """
import http.server
SEEN = {"app_inflight": 0, "app_submitted_total": 0, "app_completed_total": 0}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/describe":
            SEEN["app_submitted_total"] += 1
            self.answer(ask("describe this").encode())
            SEEN["app_completed_total"] += 1  # COUNTED
        elif self.path == "/metrics":
            self.answer("".join(f"{name} {value}\\n" for name, value in SEEN.items()).encode())
        else:
            self.answer(b"well")
    def answer(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_request(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
)
WORKER = (
    ASKING
    + """
import time
os.makedirs("out", exist_ok=True)
print("takes work", flush=True)
with open("out/done.jsonl", "w", buffering=1) as out:
    while True:
        for name in sorted(os.listdir("inbox") if os.path.isdir("inbox") else ()):
            items = [json.loads(line) for line in open(f"inbox/{name}")]
            os.unlink(f"inbox/{name}")
            for item in items:
                print(json.dumps({"id": item["id"], "said": ask(item["id"])}), file=out)
        time.sleep(0.01)
"""
)
SUBMIT = "import os; os.makedirs('inbox'); os.rename('bench/items.jsonl', 'inbox/new')"
SYSTEM = """
[tool.failhard.system]
kind = "http"
start = ["python", "-S", "app.py"]
port_env = "PORT"
ready = "/health"
secrets = [{ name = "OPENAI_API_KEY", provider = true }]

[[tool.failhard.system.routes]]
id = "describe"
path = "/describe"
"""
SERVED = Workload(
    id="served",
    kind="http",
    route="describe",
    items=8,
    clients=4,
    metrics="/metrics",
    llm_delay_ms=2,
    in_flight_max=4,
)
WORKED = Workload(
    id="worked",
    kind="worker",
    start=("python", "-S", "app.py"),
    ready_log="^takes work$",
    submit=("python", "-S", "-c", SUBMIT, "bench/items.jsonl"),
    items=8,
    done="out/done.jsonl",
)
HTTP = {**PROJECT, "pyproject.toml": PROJECT["pyproject.toml"] + SYSTEM, "app.py": SERVER}


def ran(
    folder: Path, files: dict[str, str], workload: Workload, rps: float | None = None, seconds: float = 20.0
) -> Ran:
    """Run a workload once."""
    tree = write(folder / "head", files)
    run = run_of(folder, enforced(workload))
    head = Ground.of(side("head", tree))
    try:
        with grounds(run, head, None) as where, model(run.scratch) as asked:
            return once(Bench.of(run, where, workload, asked, seconds), head, 1, rps)
    finally:
        run.close()


def test_a_route_is_asked_once_a_unit_and_then_at_a_pace(tmp_path: Path) -> None:
    found = ran(tmp_path, HTTP, SERVED, rps=10)
    assert (found.tally.completed, found.tally.lost, len(found.took)) == (8, 0, 8)
    assert (found.counters["llm_calls"], found.in_flight.highest <= 4) == (8, True)
    # Five words of ten letters and what joins them, in each of eight answers; headers are not counted.
    said = len("x" * 10 + " goes before " + "x" * 10 + " and ends with " + "x" * 10)
    assert found.counters["response_bytes"] == 8 * said
    assert min(found.clocks.values()) > 0
    assert found.depth.highest >= 1
    assert (found.grows, found.gauges) == (False, "")


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (SERVER.replace('SEEN["app_completed_total"] += 1  # COUNTED', ""), "_completed_total differ"),
        (SERVER.replace('"app_inflight": 0', '"app_inflight": 1'), "_inflight is not 0"),
        (SERVER.replace('f"{name} {value}', 'f"{name} is {value} now'), "cannot be read"),
    ],
)
def test_own_gauges_that_disagree(
    served: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_failhard.gates.performance.workload.serving.REST_SECONDS", 0.0)
    assert words in ran(tmp_path, {**HTTP, "app.py": served}, replace(SERVED, items=1)).gauges


def test_a_gauge_that_is_right_a_moment_later_is_right(tmp_path: Path) -> None:
    later = SERVER.replace('"app_inflight": 0', '"app_inflight": 2').replace(
        'elif self.path == "/metrics":', 'elif self.path == "/metrics":\n            count_down()'
    )
    later = later.replace(
        "class Handler",
        'def count_down():\n    SEEN["app_inflight"] = max(SEEN["app_inflight"] - 1, 0)\nclass Handler',
    )
    assert ran(tmp_path, {**HTTP, "app.py": later}, replace(SERVED, items=1)).gauges == ""


def test_a_route_without_an_expected_answer_is_not_measured(tmp_path: Path) -> None:
    failing = SERVER.replace("self.send_response(200)", 'self.send_response(500 if b"goes" in data else 200)')
    with pytest.raises(GateError, match="head gave no expected answer on describe"):
        ran(tmp_path, {**HTTP, "app.py": failing}, replace(SERVED, items=1))


def test_what_serves_nothing_is_no_workload(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="kind http needs a system that serves"):
        ran(tmp_path / "a", PROJECT, SERVED)
    with pytest.raises(GateError, match="none is no declared route; there are: describe"):
        ran(tmp_path / "b", HTTP, replace(SERVED, route="none"))


def test_a_worker_is_given_items_and_stays(tmp_path: Path) -> None:
    found = ran(tmp_path, {**PROJECT, "app.py": WORKER}, WORKED)
    assert (found.tally.completed, found.tally.lost, found.counters["llm_calls"]) == (8, 0, 8)
    assert (found.in_flight.highest, found.depth.highest) == (1, 8)
    assert 0 < found.cpu < found.wall * 8


@pytest.mark.parametrize(
    ("files", "workload", "words"),
    [
        ({"app.py": "raise SystemExit(3)"}, WORKED, "ended with exit code 3, and was to stay"),
        (
            {"app.py": WORKER},
            replace(WORKED, submit=("python", "-S", "-c", "raise SystemExit(4)")),
            "submit: exit code 4",
        ),
    ],
)
def test_a_worker_that_does_not_take_work(
    files: dict[str, str], workload: Workload, words: str, tmp_path: Path
) -> None:
    with pytest.raises(GateError) as error:
        ran(tmp_path, {**PROJECT, **files}, workload)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "workload", [replace(WORKLOAD, llm_delay_ms=60_000), replace(WORKED, ready_log="never")]
)
def test_what_takes_too_long_is_given_up(workload: Workload, tmp_path: Path) -> None:
    files = {**PROJECT, "app.py": WORKER if workload.kind == "worker" else JOB}
    with pytest.raises(GateError, match="head is not done after 1 seconds"):
        ran(tmp_path, files, workload, seconds=1.0)


def test_a_worker_that_drops_an_item_is_not_awaited_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_failhard.gates.performance.workload.working.STALL_SECONDS", 1.0)
    drops = WORKER.replace("for item in items:", "for item in items[1:]:")
    assert ran(tmp_path, {**PROJECT, "app.py": drops}, WORKED).tally.names == ("item-0",)


def test_both_sides_get_the_items_of_head_and_the_same_answers(tmp_path: Path) -> None:
    answers = 'schema: failhard-llm-answers/1\nanswers: [{ match: item-3, text: "three {{canary}}" }]\n'
    files = {**PROJECT, "bench/answers.yaml": answers}
    other = PROJECT["bench/items.jsonl"].replace("item-", "other-")
    base = write(tmp_path / "base", {**files, "bench/items.jsonl": other})
    head = write(tmp_path / "head", files)
    workload = Workload(
        id="x",
        kind="job",
        start=("python", "-S", "app.py", "--input=bench/items.jsonl"),
        items=8,
        done="out/*.jsonl",
        answers="bench/answers.yaml",
    )
    run = run_of(tmp_path, enforced(workload))
    sides = Ground.of(side("head", head)), Ground.of(side("base", base))
    with grounds(run, *sides) as where, model(run.scratch) as asked:
        bench = Bench.of(run, where, workload, asked, 20.0)
        runs = [once(bench, ground, 1) for ground in sides]
    run.close()
    assert runs[0].tally == runs[1].tally
    assert runs[0].counters == runs[1].counters
    # 58 bytes are 15 tokens; the six that the script puts before them make one more.
    assert runs[0].counters["llm_output_tokens"] == 8 * 15 + 1
    write(head, {"bench/answers.yaml": "answers: []\n"})
    with pytest.raises(GateError, match=r"workload x: answers: answers\.yaml"):
        Bench.of(run, where, workload, asked, 20.0)


def test_what_is_counted_alone_runs_in_a_copy(tmp_path: Path) -> None:
    write(tmp_path / "head", PROJECT)
    run = run_of(tmp_path)
    found = whole(run)
    assert (found.name, found.roots) == ("head", (found.tree,))
    assert json.loads((found.tree / "bench/items.jsonl").read_text().splitlines()[0]) == {"id": "item-0"}
