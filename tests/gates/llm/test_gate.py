"""Tests of the gate `llm` up to its matrix: whether it applies, and what a declaration lacks."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from pytest_failhard.gates.llm import LlmGate, matrix
from pytest_failhard.gates.llm.declaration import Circuit, LlmSettings
from pytest_failhard.llm.calls import Call
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity
from tests.gates.llm.projects import project
from tests.support import Kept, gate_run, observe, write

MODEL = """\
import openai


def summarise(text, *, length):
    return openai.OpenAI().responses.create(model="x", input=text[:length]).output_text
"""
SYSTEM = """\
[tool.failhard.system]
kind = "http"
start = ["python", "-m", "app"]
port_env = "PORT"
ready = "/health"
secrets = [{ name = "OPENAI_API_KEY", shape = "sk-*", provider = true }]

[[tool.failhard.system.routes]]
id = "ask"
method = "POST"
path = "/ask"
body = { text = "hi" }
needs = ["llm"]

[[tool.failhard.system.routes]]
id = "list"
path = "/list"
"""
PROJECT = '[project]\nname = "app"\nversion = "1"\n'
ASK = Call(id="ask", route="ask")
DECLARED = LlmSettings(providers=("openai",), calls=(ASK,))


USUAL = {"pyproject.toml": PROJECT + SYSTEM, "app/model.py": MODEL}


def look(
    tmp_path: Path,
    files: dict[str, str] | None = None,
    settings: Settings = DECLARED,
    level: int = 1,
    keep: Kept | None = None,
) -> Observation:
    gate = LlmGate()
    root = project(tmp_path, files or {}, USUAL)
    return observe(gate_run(root, gate, settings=settings, level=level, keep=keep), gate)


def refusal(
    tmp_path: Path, files: dict[str, str] | None = None, settings: Settings = DECLARED, level: int = 1
) -> str:
    with pytest.raises(GateError) as caught:
        look(tmp_path, files, settings, level)
    return str(caught.value)


def test_it_does_not_apply_where_no_model_is_used_and_says_what_was_scanned(tmp_path: Path) -> None:
    keep = Kept()
    seen = look(tmp_path, {"app/model.py": "import json\n"}, LlmSettings(), keep=keep)
    assert (seen.applies, seen.examined, seen.findings) == (False, 2, ())
    assert [each.name for each in seen.evidence] == ["applies.json"]
    assert json.loads(keep.files["applies.json"]) == {"modules_scanned": 2, "uses": []}


def test_a_declared_call_makes_it_apply_whatever_is_imported(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"app/model.py": "import json\n"}).startswith(
        "cannot-run: ask: the system ended with exit code 1"
    )


def test_a_model_without_a_declared_call_is_an_error_with_the_table_to_paste(tmp_path: Path) -> None:
    said = refusal(tmp_path, settings=LlmSettings())
    first, _, table = said.partition("\n")
    assert first == (
        "no-call-declared: app/model.py:1 imports openai; declare every operation that needs the model (evidence declare.toml):"
    )
    assert tomllib.loads(table)["tool"]["failhard"]["llm"] == {
        "providers": ["openai"],
        "calls": [{"id": "ask", "route": "ask"}],
    }


def test_without_a_system_the_functions_that_call_the_client_are_proposed(tmp_path: Path) -> None:
    code = f"{MODEL}\n\nclass Sorter:\n    def sort(self, text):\n        return self.client.responses.create()\n"
    code += 'URL = "https://api.openai.com/v1"\n'
    said = refusal(tmp_path, {"pyproject.toml": PROJECT, "app/model.py": code}, LlmSettings())
    assert "no system is declared: say in pyproject.toml how it starts (evidence declare.toml):" in said
    table, system = (part.partition(":\n")[2] for part in said.split("no system"))
    assert tomllib.loads(table)["tool"]["failhard"]["llm"] == {
        "providers": ["openai"],
        "calls": [
            {"id": "sort", "route": "sort"},
            {"id": "summarise", "callable": "app.model:summarise", "input": {"text": "...", "length": "..."}},
        ],
    }
    assert tomllib.loads(system)["tool"]["failhard"]["system"]["kind"] == "http"


def test_what_is_to_be_pasted_is_kept_as_a_file(tmp_path: Path) -> None:
    keep = Kept()
    with pytest.raises(GateError, match="no-call-declared"):
        look(tmp_path, {"pyproject.toml": PROJECT}, LlmSettings(), keep=keep)
    kept = tomllib.loads(keep.files["declare.toml"].decode())["tool"]["failhard"]
    assert sorted(kept) == ["llm", "system"]


def test_a_use_in_no_function_is_a_proposal_all_the_same(tmp_path: Path) -> None:
    code = "import litellm\n\n\ndef none():\n    litellm.completion()\n"
    said = refusal(tmp_path, {"pyproject.toml": PROJECT, "app/model.py": code}, LlmSettings())
    assert 'callable = "app.model:none"\ninput = {}\n' in said
    said = refusal(
        tmp_path / "b", {"pyproject.toml": PROJECT, "app/model.py": "import litellm\n"}, LlmSettings()
    )
    assert 'providers = []\n\n[[tool.failhard.llm.calls]]\nid = "ask"\nroute = "ask"\n' in said


def test_everything_that_disagrees_is_listed_at_once(tmp_path: Path) -> None:
    system = SYSTEM.replace('port_env = "PORT"\n', "")
    settings = LlmSettings(
        providers=("anthropic", "opnai"),
        calls=(Call(id="a", route="asks"), Call(id="b", route="list"), Call(id="c", command=("x",))),
    )
    lines = refusal(tmp_path, {"pyproject.toml": PROJECT + system}, settings, level=4).split("\n")
    assert lines[:3] == [
        "llm.calls: a: there is no route asks; did you mean ask?",
        'llm.calls: b: the route list does not say needs = ["llm"]; add it',
        "system: port_env: missing, and nothing starts without; add them",
    ]
    assert (
        "no-call-declared: the routes ask need the model; declare a call of each (evidence declare.toml):"
        in lines
    )
    assert [line for line in lines if line.startswith("llm.")][2:] == [
        "llm.providers: opnai: no such provider; did you mean openai?",
        "llm.providers: app/model.py:1 imports openai: name openai or azure",
        "llm.circuit: missing, and level 4 demands it: [tool.failhard.llm.circuit] after = 5, cooldown = 30",
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pyproject.toml": PROJECT + '[tool.failhard.system]\nkind = "x"\n'}, "kind: must be one of"),
        ({"pyproject.toml": PROJECT + "[tool\n"}, "pyproject.toml: "),
        ({"pyproject.toml": '[project]\nname = "a"\ndependencies = "x"\n'}, "dependencies: must be a list"),
        ({"pyproject.toml": PROJECT + "[tool]\nfailhard = 1\n"}, "no system is declared"),
        ({"app/broken.py": "def (\n"}, "unreadable-source: app/broken.py:1: does not parse"),
        (
            {"tests/test_a.py": "import app.model\ndef test_a(httpx_mock): ...\n"},
            "interceptor-cannot-see-client",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(tmp_path: Path, files: dict[str, str], said: str) -> None:
    gate = LlmGate()
    root = project(tmp_path, files, USUAL)
    tests = ("tests",) if (root / "tests").exists() else ()
    with pytest.raises(GateError, match=said):
        gate.observe(gate_run(root, gate, settings=DECLARED, tests=tests))


def test_no_product_file_is_an_error(tmp_path: Path) -> None:
    gate = LlmGate()
    root = write(tmp_path / "p", {"app/test_a.py": "import openai\n"})
    with pytest.raises(GateError, match="no product files"):
        gate.observe(gate_run(root, gate, settings=DECLARED))


def test_settings_of_another_gate_are_an_error(tmp_path: Path) -> None:
    assert refusal(tmp_path, settings=Settings()) == "llm: settings are Settings, not LlmSettings"


def test_a_complete_declaration_reaches_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets: list[matrix.Target] = []
    finding = Finding(
        rule="hang",
        name="hang",
        path="",
        line=0,
        severity=Severity.HIGH,
        message="hangs",
        fix="set a time-out",
    )

    def run(_: Run, target: matrix.Target) -> Observation:
        targets.append(target)
        return Observation(tool="matrix 1", examined=7, findings=(finding,), measures={"cases": 7})

    monkeypatch.setattr(matrix, "run", run)
    settings = LlmSettings(providers=("openai",), calls=(ASK,), circuit=Circuit(after=5, cooldown=30))
    declared = PROJECT + 'dependencies = ["respx"]\n' + SYSTEM
    seen = look(tmp_path, {"pyproject.toml": declared}, settings, level=4)
    assert (seen.tool, seen.examined, seen.measures) == ("matrix 1", 7, {"cases": 7})
    assert sorted(each.rule for each in seen.findings) == ["blind-interceptor", "hang"]
    assert [each.name for each in seen.evidence] == ["applies.json"]
    assert [(target.import_roots, target.system.kind) for target in targets] == [((".",), "http")]
