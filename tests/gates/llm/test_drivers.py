"""Tests of the three ways to call a system, each with real processes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from pytest_failhard.gates.llm import LlmGate
from pytest_failhard.gates.llm.drivers import Driver, driver, environment, place
from pytest_failhard.gates.llm.drivers import function as function_driver
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.verdicts.outcome import Link, Outcome
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system.declaration import Dependency, Route, Secret, System
from tests.support import gate_run, measuring, write
from tests.system.test_launch import SERVER

CODE = '''
import dataclasses
import os
import subprocess
import sys
import time

count = 0


class AppError(Exception):
    """An error of the app."""


class Mute(Exception):
    def __str__(self):
        raise ValueError("no text")


@dataclasses.dataclass
class Answer:
    label: str


class Sorter:
    @staticmethod
    def sort(text):
        return text.upper()


class Model:
    def model_dump(self, mode):
        return {"mode": mode}


def echo(**given):
    print("called")
    sys.stderr.write("warned\\n")
    return given


def counted():
    global count
    count += 1
    return count


def variable(name):
    return os.environ[name]


def fails():
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ConnectionError("refused") from error
    except ConnectionError:
        raise AppError("no answer")


def group():
    raise ExceptionGroup("both", [ValueError("one"), Mute()])


def leaves(code):
    sys.exit(code)


def dies(code):
    os._exit(code)


def hangs():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    time.sleep(600)


def closes(number):
    os.close(number)
    time.sleep(0.3)


def writes(path, text):
    with open(path, "w") as stream:
        stream.write(text)


async def later():
    return {"label": "later"}


def one_by_one():
    yield "a"
    yield Answer("b")
    yield Model()
    yield {2, 1}
    yield object


async def drawn():
    yield 1
'''
JOB = """
import json, os, subprocess, sys, time
argument = sys.argv[1]
if argument == "hang":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    time.sleep(600)
if argument == "kill":
    os.kill(os.getpid(), 9)
sys.stderr.write("about to answer\\n")
open("out.json", "w").write(json.dumps({"summary": {"text": ["fine", os.environ.get("EXTRA")]}}))
print(json.dumps({"a/b": {"~": 1.5}, "none": None}))
sys.exit(int(argument))
"""
ROUTES = (
    Route(id="create", method="POST", path="/items", body={"t": 1}, expect=(201,), capture={"item": "id"}),
    Route(id="ask", method="POST", path="/ask/${item}", body={"q": "${secret:TOKEN}"}, needs=("llm",)),
    Route(id="hang", path="/hang", needs=("llm",)),
    Route(id="missing", path="/missing", needs=("llm",)),
    Route(id="die", path="/die", needs=("llm",)),
)
SYSTEM = System(
    kind="http",
    start=("python", "server.py"),
    port_env="PORT",
    ready="/health",
    secrets=(Secret(name="TOKEN"),),
    routes=ROUTES,
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[GateRun]:
    files = {"src/app.py": CODE, "job.py": JOB, "server.py": SERVER, "traceback.py": "raise SystemExit(99)\n"}
    # Only a module of the project's own import root may be found, not one beside it.
    made = gate_run(write(tmp_path / "p", files), LlmGate(), scratch=tmp_path / "scratch")
    yield made
    made.close()


def driven(run: GateRun, call: Call, **variables: str) -> Driver:
    where = place(run, SYSTEM, run.scratch / "place", {})
    made = environment(where.prepared, {**measuring(), **variables})
    return driver(run, SYSTEM, call, where, made, import_roots=("src",))


def called(run: GateRun, name: str, given: Mapping[str, object] | None = None, **more: str) -> Outcome:
    # The caller names fields of the right type.
    function = driven(run, Call(id="f", callable=name, input=dict(given or {}), **more))  # type: ignore[arg-type]
    outcome = function.call(60)
    function.close()
    return outcome


def links(outcome: Outcome) -> list[tuple[str, str]]:
    return [(link.type, link.text) for link in outcome.chain]


def test_a_command_leaves_its_output_its_files_and_its_code(run: GateRun) -> None:
    command = driven(run, Call(id="c", command=("python", "job.py", "0"), result="json:/a~1b/~0"))
    outcome = command.call(60)
    assert (outcome.form, outcome.ended, outcome.produced, outcome.code) == ("command", True, True, 0)
    assert (outcome.result, outcome.streams["stderr"]) == ("1.5", "about to answer\n")
    assert outcome.streams["argv"] == '["python", "job.py", "0"]'
    assert list(outcome.files) == ["out.json"]
    assert outcome.seconds > 0
    command.close()


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("", '{"a/b": {"~": 1.5}, "none": null}\n'),
        ("file:out.json json:/summary/text/1", "changed"),
        ("file:out.json json:/summary", '{"text": ["fine", "changed"]}'),
        ("file:out.json json:/summary/text/2", ""),
        ("file:out.json json:/summary/text/x", ""),
        ("file:out.json json:/summary/text/0/deeper", ""),
        ("file:absent.json json:/x", ""),
        ("stdout json:/none", ""),
    ],
)
def test_the_result_is_taken_from_where_it_is_declared(run: GateRun, result: str, text: str) -> None:
    command = driven(run, Call(id="c", command=("python", "job.py", "0"), result=result))
    command.restart({"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "EXTRA": "changed"})
    assert command.call(60).result == text


@pytest.mark.parametrize(("argument", "code"), [("3", 3), ("kill", -signal.SIGKILL)])
def test_a_command_that_fails_has_its_code(run: GateRun, argument: str, code: int) -> None:
    outcome = driven(run, Call(id="c", command=("python", "job.py", argument))).call(60)
    assert (outcome.ended, outcome.produced, outcome.code) == (True, False, code)


def test_a_command_that_hangs_is_ended_with_all_that_it_started(run: GateRun) -> None:
    outcome = driven(run, Call(id="c", command=("python", "job.py", "hang"))).call(0.7)
    assert (outcome.ended, outcome.produced, outcome.code) == (False, False, None)
    assert outcome.seconds >= 0.7
    assert strays(run) == []


def strays(run: GateRun) -> list[int]:
    tree = str(run.scratch / "place" / "tree")
    # A zombie has no folder any more; one that may not be looked at is none of ours.
    return [each.pid for each in psutil.process_iter(["cwd"]) if each.info["cwd"] == tree]


def test_a_command_that_is_not_there_is_an_error(run: GateRun) -> None:
    with pytest.raises(GateError, match="absent cannot be started"):
        driven(run, Call(id="c", command=("absent",))).call(60)


def test_a_function_returns_a_value_and_leaves_its_log(run: GateRun) -> None:
    outcome = called(run, "app:echo", {"a": [1, {"b": "ü"}]}, result="json:/a/1/b")
    assert (outcome.form, outcome.ended, outcome.produced, outcome.code) == ("callable", True, True, None)
    assert (outcome.result, outcome.chain) == ("ü", ())
    assert outcome.streams == {"stdout": "called\n", "stderr": "warned\n", "return": '{"a": [1, {"b": "ü"}]}'}


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [
        ("app:Sorter.sort", {"text": "abc"}, "ABC"),
        ("app:later", {}, '{"label": "later"}'),
        ("app:one_by_one", {}, '["a", {"label": "b"}, {"mode": "json"}, [1, 2], "<class \'object\'>"]'),
        ("app:drawn", {}, "[1]"),
        ("app:writes", {"path": "a.txt", "text": "b"}, ""),
    ],
)
def test_every_kind_of_function_is_called(
    run: GateRun, name: str, given: Mapping[str, object], result: str
) -> None:
    outcome = called(run, name, given)
    assert (outcome.result, outcome.produced) == (result, True)
    assert dict(outcome.files) == ({"a.txt": b"b"} if name == "app:writes" else {})


def test_a_worker_lives_from_one_call_to_the_next_until_it_is_restarted(run: GateRun) -> None:
    counter = driven(run, Call(id="f", callable="app:counted"))
    assert [counter.call(60).result for _ in range(3)] == ["1", "2", "3"]
    counter.restart({"PATH": "/usr/bin:/bin", **measuring()})
    assert counter.call(60).result == "1"
    counter.close()
    counter.close()


def test_the_environment_is_the_one_that_is_given(run: GateRun) -> None:
    assert called(run, "app:variable", {"name": "TZ"}).result == "UTC"
    gone = called(gate_run(run.root, LlmGate()), "app:variable", {"name": "FAILHARD_RUN"})
    assert links(gone)[0] == ("KeyError", "'FAILHARD_RUN'")


def test_an_exception_comes_with_all_its_causes(run: GateRun) -> None:
    outcome = called(run, "app:fails")
    assert (outcome.ended, outcome.produced, outcome.code, outcome.result) == (True, False, None, "")
    assert outcome.chain == (
        Link(type="app.AppError", text="no answer"),
        Link(type="ConnectionError", text="refused"),
        Link(type="KeyError", text="'inner'"),
    )
    assert "AppError: no answer" in outcome.streams["stderr"]


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        (
            "app:group",
            [("ExceptionGroup", "both (2 sub-exceptions)"), ("ValueError", "one"), ("app.Mute", "")],
        ),
        ("app:CODE", [("AttributeError", "module 'app' has no attribute 'CODE'")]),
        ("absent:f", [("ModuleNotFoundError", "No module named 'absent'")]),
        ("app:count", [("TypeError", "app:count is no function")]),
    ],
)
def test_whatever_is_raised_is_the_answer(run: GateRun, name: str, chain: list[tuple[str, str]]) -> None:
    assert links(called(run, name)) == chain


@pytest.mark.parametrize(("given", "code"), [(None, 0), (0, 0), (5, 5), ("no key", 1)])
def test_an_exit_is_the_function_s_code_and_the_worker_is_replaced(
    run: GateRun, given: object, code: int
) -> None:
    function = driven(run, Call(id="f", callable="app:leaves", input={"code": given}))
    first, second = function.call(60), function.call(60)
    function.close()
    assert {first.code, second.code} == {code}
    assert (first.ended, first.produced, first.chain[0].type) == (True, code == 0, "SystemExit")


@pytest.mark.parametrize("code", [0, 7])
def test_a_worker_that_dies_leaves_its_code(run: GateRun, code: int) -> None:
    function = driven(run, Call(id="f", callable="app:dies", input={"code": code}))
    for _ in range(2):
        outcome = function.call(60)
        assert (outcome.ended, outcome.produced, outcome.code, outcome.chain) == (True, code == 0, code, ())


def test_a_function_that_hangs_is_ended_with_all_that_it_started(run: GateRun) -> None:
    outcome = driven(run, Call(id="f", callable="app:hangs")).call(1.5)
    assert (outcome.ended, outcome.produced, outcome.code) == (False, False, None)
    assert strays(run) == []


def killed(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    with contextlib.suppress(psutil.NoSuchProcess):  # its keeper was faster
        while process.status() != psutil.STATUS_ZOMBIE:
            """It is ours, so it stays one until we ask for its exit code."""


def test_a_worker_that_is_gone_before_it_is_asked_is_replaced(run: GateRun) -> None:
    counter = driven(run, Call(id="f", callable="app:counted"))
    assert [counter.call(60).result for _ in range(2)] == ["1", "2"]
    [pid] = strays(run)
    killed(pid)
    assert counter.call(60).result == "1"
    counter.close()


def test_a_service_that_is_gone_before_it_is_asked_is_started_again(run: GateRun) -> None:
    service = driven(run, Call(id="r", route="missing"))
    assert service.call(60).code == 404
    [_, pid] = sorted(strays(run))  # its keeper was there first
    killed(pid)
    assert service.call(60).code == 404


@pytest.mark.parametrize("answer", ['{"raised": 1}', "[]"])
def test_an_answer_that_is_none_of_the_worker_s_is_an_error(
    run: GateRun, tmp_path: Path, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = write(tmp_path, {"child.py": f"import os, sys\nos.write(int(sys.argv[1]), b'{answer}\\n')\n"})
    monkeypatch.setattr(function_driver, "CHILD", child / "child.py")
    with pytest.raises(GateError, match=r"child\.py: unreadable answer"):
        driven(run, Call(id="f", callable="app:echo")).call(60)


def test_an_answer_without_end_is_an_error(run: GateRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_driver, "ANSWER_BYTES", 10)
    with pytest.raises(GateError, match="returned more than 10 bytes"):
        driven(run, Call(id="f", callable="app:echo", input={"a": "x" * 100})).call(60)


def test_a_worker_that_takes_no_case_hangs(
    run: GateRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = write(tmp_path, {"child.py": "import time\ntime.sleep(600)\n"})
    monkeypatch.setattr(function_driver, "CHILD", child / "child.py")
    outcome = driven(run, Call(id="f", callable="app:echo", input={"a": "x" * 4_000_000})).call(0.5)
    assert (outcome.ended, outcome.produced) == (False, False)


def test_an_interpreter_that_is_not_there_is_an_error(run: GateRun) -> None:
    other = gate_run(run.root, LlmGate(), interpreter=Path("/nowhere/python"))
    with pytest.raises(GateError, match="python cannot be started"):
        driven(other, Call(id="f", callable="app:echo")).call(60)


def test_a_route_is_asked_with_what_earlier_routes_gave(run: GateRun) -> None:
    service = driven(run, Call(id="r", route="ask", result="json:/body"))
    outcome = service.call(60)
    assert (outcome.form, outcome.ended, outcome.produced, outcome.code) == ("route", True, True, 201)
    assert outcome.result.startswith('{"q": "')
    assert outcome.streams["log"] == "asked\n"
    assert "X-Served: yes\n" in outcome.streams["headers"]
    assert '"id": 7' in outcome.streams["body"]
    service.restart({**driven_environment(run), "CHANGED": "1"})
    assert service.call(60).code == 201
    service.close()


def driven_environment(run: GateRun) -> dict[str, str]:
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


def test_an_error_status_is_no_product(run: GateRun) -> None:
    outcome = driven(run, Call(id="r", route="missing")).call(60)
    assert (outcome.ended, outcome.produced, outcome.code, outcome.result) == (True, False, 404, "")
    assert outcome.streams["body"] == "/missing"


def test_a_service_that_hangs_is_ended_and_started_again(run: GateRun) -> None:
    service = driven(run, Call(id="r", route="hang"))
    for _ in range(2):
        outcome = service.call(0.5)
        assert (outcome.ended, outcome.produced, outcome.code) == (False, False, None)
        assert strays(run) == []


def test_a_service_that_dies_is_started_again(run: GateRun) -> None:
    service = driven(run, Call(id="r", route="die"))
    for _ in range(2):
        outcome = service.call(60)
        assert (outcome.ended, outcome.produced, outcome.code) == (True, False, None)
        assert outcome.streams["body"] == ""


def test_a_route_that_is_not_declared_is_an_error(run: GateRun) -> None:
    with pytest.raises(GateError, match="r: there is no route nothing"):
        driven(run, Call(id="r", route="nothing"))


def test_changes_come_on_top_of_what_is_declared_but_never_in_place_of_a_file(run: GateRun) -> None:
    secrets = (Secret(name="HELD", file=True), Secret(name="MY_KEY", provider=True), Secret(name="TOKEN"))
    where = place(run, System(kind="job", secrets=secrets), run.scratch / "place", {})
    made = environment(where.prepared, {"HELD": "x", "TOKEN": "y", "NEW": "z"}, frozenset({"TZ", "MY_KEY"}))
    assert Path(made["HELD"]).read_text() == where.prepared.secrets["HELD"]
    assert (made["TOKEN"], made["NEW"]) == ("y", "z")
    assert not {"TZ", "MY_KEY"} & set(made)
    assert set(where.prepared.keys) == {"MY_KEY"}


def test_a_place_leads_to_what_was_provided(tmp_path: Path) -> None:
    run = gate_run(write(tmp_path / "project", {"app.py": ""}), LlmGate())
    system = System(kind="job", dependencies=(Dependency(name="store", url_env="STORE_URL"),))
    where = place(run, system, run.scratch / "place", {}, {"STORE_URL": "tcp://127.0.0.1:1"})
    assert where.prepared.variables["STORE_URL"] == "tcp://127.0.0.1:1"
