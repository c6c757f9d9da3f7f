"""R0 on small projects: what of the declaration does not agree with the files is a finding, each in its part."""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.system import SystemGate, declared, routed
from pytest_failhard.gates.system.agreement import agreed
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import GateError, Severity
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import parse
from pytest_failhard.system.derive import routes_child
from tests.support import FACTS, Kept, gate_run, write

PARTS = tuple(dict.fromkeys([*(part for part, _ in declared.PARTS), routed.PART]))
SETTINGS = SystemSettings(
    enforce=PARTS, slo_p95_ms=1000, slo_success_per_thousand=990, documents=("runbook",)
)
OWN = '[tool.failhard]\npurpose = "sells"\nrequirements = "README.md"\n[tool.failhard.system]\n'
HTTP = """
kind = "http"
start = ["gunicorn", "shop:app"]
port_env = "PORT"
ready = "/health"
secrets = [{ name = "API_KEY" }]
settings = [{ name = "WORKERS" }]
dependencies = []
routes = [{ id = "show", path = "/items/7" }]
"""
CODE = """
import os
from flask import Flask
KEY, WORKERS = os.environ["API_KEY"], os.getenv("WORKERS")
app = Flask(__name__)
@app.get("/health")
def health(): ...
@app.get("/items/<int:item>")
def show(item): ...
"""
README = "# Shop\n```sh\ngunicorn shop:app\n```\n"
GREEN = {"shop.py": CODE, "README.md": README, "requirements.txt": "flask\n"}
DOCKER = "FROM python:3.13-slim\nEXPOSE 8000\n"


def stage(
    root: Path, table: str = HTTP, *, settings: SystemSettings = SETTINGS, keep: Kept | None = None
) -> Stage:
    write(root, {"pyproject.toml": OWN + table})
    run = gate_run(root, SystemGate(), settings=settings, source=("shop.py",), keep=keep, level=3)
    system, derived = agreed(run, settings)
    tree = workcopy.copy(root, run.scratch / "tree").folder
    return Stage(
        run=run, settings=settings, system=system, derived=derived, tree=tree, python=Path(sys.executable)
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return write(folder, GREEN)


def rules(seen: Seen) -> list[str]:
    counted = [found for found in seen.findings if found.rule != "R0-no-document"]
    return sorted(f"{found.rule} {found.path}:{found.line}" for found in counted)


def test_a_declaration_that_agrees_has_no_finding_and_is_kept(root: Path) -> None:
    keep = Kept()
    seen = declared.check(stage(root, keep=keep))
    assert rules(seen) == []
    assert [(found.message, found.severity) for found in seen.findings] == [
        ("there is no runbook", Severity.LOW)
    ]
    assert seen.examined > 10
    kept = json.loads(keep.files["declaration.json"])
    assert kept["declared"]["start"] == ["gunicorn", "shop:app"]
    assert kept["found"]["reads"] == {"API_KEY": "shop.py:4", "WORKERS": "shop.py:4"}
    assert str(root) not in keep.files["declaration.json"].decode()


JOB = """
kind = "job"
start = ["gunicorn", "shop:app"]
secrets = [{ name = "API_KEY" }]
settings = [{ name = "WORKERS" }]
outputs = []
"""
MISTAKES: dict[str, tuple[dict[str, str], str, list[str]]] = {
    "a secret is read": (
        {"shop.py": CODE + 'os.getenv("DB_PASSWORD")'},
        HTTP,
        ["R0-secret-undeclared shop.py:10"],
    ),
    "a setting is read": (
        {"shop.py": CODE + 'os.getenv("COLOUR")'},
        HTTP,
        ["R0-setting-undeclared shop.py:10"],
    ),
    "the environment is read": (
        {"shop.py": CODE + 'os.getenv("APP_ENV")'},
        HTTP,
        ["R0-environment-undeclared shop.py:10"],
    ),
    "the environment is not read": (
        {},
        'environment_env = "STAGE"\nproduction = "p"' + HTTP,
        ["R0-setting-unread pyproject.toml:0"],
    ),
    "a setting is not read": (
        {},
        HTTP.replace('"WORKERS"', '"WORKERS" }, { name = "COLOUR"'),
        ["R0-setting-unread pyproject.toml:0"],
    ),
    "the readme starts another": (
        {"README.md": README.replace("shop:app", "other:app")},
        HTTP,
        ["R0-start-differs README.md:3"],
    ),
    "the procfile starts another": (
        {"Procfile": "release: true\nweb: gunicorn -w 4 shop:app\n"},
        HTTP,
        ["R0-start-differs Procfile:2"],
    ),
    "the image starts another": (
        {"Dockerfile": DOCKER + 'CMD ["python", "shop.py"]\n'},
        HTTP,
        ["R0-start-differs Dockerfile:3"],
    ),
    "the image does not parse": ({"Dockerfile": "FRM x"}, HTTP, ["R0-unread pyproject.toml:0"]),
    "the image asks another path": (
        {
            "Dockerfile": DOCKER
            + 'HEALTHCHECK CMD curl http://localhost/live\nCMD ["gunicorn", "-b", ":80", "shop:app"]'
        },
        HTTP,
        ["R0-ready-differs Dockerfile:3"],
    ),
    "a client is imported": (
        {"shop.py": "import redis\n" + CODE},
        HTTP,
        ["R0-dependency-undeclared shop.py:1"],
    ),
    "the promise is loose": (
        {},
        HTTP + "[tool.failhard.system.slo]\np95_ms = 1001\nsuccess_rate = 0.98\n",
        ["R6-slo-loosened pyproject.toml:0", "R6-slo-loosened pyproject.toml:0"],
    ),
    "a command cannot be run": (
        {"README.md": README + "```sh\nexport API_KEY=...\n```\n"},
        HTTP,
        ["R0-readme README.md:6"],
    ),
    "a library serves": (
        {"Dockerfile": DOCKER},
        'kind = "library"\nsecrets = [{ name = "API_KEY" }]\nsettings = [{ name = "WORKERS" }]',
        ["R0-kind-mismatch Dockerfile:2", "R0-kind-mismatch shop.py:5"],
    ),
    "a job serves": (
        {},
        JOB,
        ["R0-kind-mismatch shop.py:5"],
    ),
    "the manifest is not there": (
        {},
        'manifest = "uv.lock"' + HTTP,
        ["R0-no-manifest pyproject.toml:0"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_does_not_agree_is_found_where_it_stands(root: Path, name: str) -> None:
    files, table, expected = MISTAKES[name]
    seen = declared.check(stage(write(root, files), table))
    assert rules(seen) == expected
    assert {found.severity for found in seen.findings if found.rule != "R0-no-document"} == {Severity.MEDIUM}


AGREEING: dict[str, tuple[dict[str, str], str]] = {
    "bind arguments": ({"Procfile": "web: gunicorn --bind 0.0.0.0:$PORT shop:app"}, HTTP),
    "another folder in the image": (
        {"Dockerfile": DOCKER + "CMD python shop.py\n", "README.md": "# Shop\n"},
        HTTP.replace('["gunicorn", "shop:app"]', '["python", "src/shop.py"]'),
    ),
    "a folder to work in": (
        {"README.md": README.replace("gunicorn", "cd src\ngunicorn")},
        HTTP.replace('"gunicorn"', '"gunicorn", "--chdir", "src"'),
    ),
    "python -m": ({"Dockerfile": DOCKER + 'CMD ["python", "-m", "gunicorn", "shop:app"]'}, HTTP),
    "a flag for development": ({"README.md": README.replace("shop:app", "shop:app --reload")}, HTTP),
    "one of several in the readme": ({"README.md": README.replace("gunicorn", "flask run\ngunicorn")}, HTTP),
    "variables of the platform": ({"shop.py": CODE + 'os.environ["HOME"]'}, HTTP),
    "what the server itself reads": (
        {},
        HTTP.replace('"WORKERS"', '"WORKERS" }, { name = "WEB_CONCURRENCY"'),
    ),
    "a declared dependency": (
        {"shop.py": "import psycopg\n" + CODE + 'os.environ["DATABASE_URL"]'},
        HTTP.replace(
            "dependencies = []",
            'dependencies = [{ name = "db", url_env = "DATABASE_URL", provide = { env = "TEST_DB" } }]',
        ),
    ),
    "a promise that is kept": ({}, HTTP + "[tool.failhard.system.slo]\np95_ms = 1000\nsuccess_rate = 0.99\n"),
    "a script of the project": (
        {"Procfile": "web: serve-shop\n", "README.md": "# Shop\n"},
        HTTP.replace('["gunicorn", "shop:app"]', '["python", "-m", "shop"]')
        + '[project]\nname = "shop"\n[project.scripts]\nserve-shop = "shop.__main__:main"\n',
    ),
}


@pytest.mark.parametrize("name", AGREEING)
def test_what_only_looks_different_is_no_finding(root: Path, name: str) -> None:
    files, table = AGREEING[name]
    assert rules(declared.check(stage(write(root, files), table))) == []


def test_a_tree_without_readme_and_with_changes_is_found(root: Path) -> None:
    (root / "README.md").unlink()
    settings = replace(SETTINGS, enforce=("R0", "R0/dirty"))
    write(root, {"pyproject.toml": OWN.replace("README.md", "it sells") + HTTP})
    facts = replace(FACTS, dirty=True)
    run = gate_run(root, SystemGate(), settings=settings, source=("shop.py",), facts=facts)
    system, derived = agreed(run, settings)
    staged = Stage(run=run, settings=settings, system=system, derived=derived, tree=root, python=root)
    assert rules(declared.check(staged)) == ["R0-dirty :0", "R0-no-readme README.md:0"]


def test_a_part_that_is_only_reported_is_low_and_one_that_is_not_named_is_not_looked_at(root: Path) -> None:
    write(root, {"shop.py": CODE + 'os.getenv("COLOUR")', "Procfile": "web: python shop.py\n"})
    seen = declared.check(stage(root, settings=SystemSettings(enforce=("R0",), report=("R0/start",))))
    assert [(found.rule, found.severity) for found in seen.findings] == [("R0-start-differs", Severity.LOW)]


def test_a_document_is_found_where_it_usually_is(root: Path) -> None:
    keep = Kept()
    seen = declared.check(stage(write(root, {"docs/Runbook.md": "", "docs/adr/1.md": ""}), keep=keep))
    assert seen.findings == ()
    assert json.loads(keep.files["declaration.json"])["found"]["documents"] == {
        "decision record": "docs/adr",
        "deploy guide": "",
        "error guide": "",
        "runbook": "docs/Runbook.md",
    }


def test_a_document_that_is_nowhere_is_said_and_decides_nothing(root: Path) -> None:
    demanded = replace(SETTINGS, documents=("decision record", "error guide"))
    seen = declared.check(stage(write(root, {"docs/adr/1.md": ""}), settings=demanded))
    assert [(found.rule, found.path, found.severity, found.message) for found in seen.findings] == [
        ("R0-no-document", "docs/errors.md", Severity.LOW, "there is no error guide")
    ]
    library = 'kind = "library"\nsecrets = [{ name = "API_KEY" }]\nsettings = [{ name = "WORKERS" }]'
    seen = declared.check(stage(root, library, settings=demanded))
    assert not [found for found in seen.findings if found.rule == "R0-no-document"]


def test_the_same_tree_gives_the_same_evidence_and_fingerprints(root: Path) -> None:
    write(root, {"shop.py": CODE + 'os.getenv("COLOUR")'})
    first, second = Kept(), Kept()
    found = [declared.check(stage(root, keep=keep)).findings for keep in (first, second)]
    assert found[0] == found[1]
    assert first.files == second.files


def test_without_a_table_the_one_to_paste_is_told_and_kept(root: Path) -> None:
    keep = Kept()
    settings = SystemSettings(required=("all.purpose", "all.requirements"))
    write(root, {"pyproject.toml": '[project]\nname = "shop"\n', "Procfile": "web: gunicorn shop:app\n"})
    run = gate_run(root, SystemGate(), settings=settings, source=("shop.py",), keep=keep)
    with pytest.raises(GateError, match="no system is declared") as raised:
        SystemGate().observe(run)
    text = keep.files["declare.toml"].decode()
    assert text in str(raised.value)
    assert "[tool.failhard] purpose: missing" in str(raised.value)
    system = parse(tomllib.loads(text)["tool"]["failhard"]["system"])
    assert (system.kind, system.start, system.ready) == ("http", ("gunicorn", "shop:app"), "/health")
    assert [secret.name for secret in system.secrets or ()] == ["API_KEY"]


def test_all_that_is_missing_at_a_level_is_one_error_with_the_table(root: Path) -> None:
    required = (
        "all.purpose",
        "http.expected_load",
        "http.live",
        "http.slo",
        "worker.ready_log",
        "http.start",
    )
    with pytest.raises(GateError) as raised:
        stage(
            root, HTTP.replace('["gunicorn", "shop:app"]', "[]"), settings=SystemSettings(required=required)
        )
    lines = str(raised.value).splitlines()
    assert [line.partition(";")[0] for line in lines[:4]] == [
        "[tool.failhard] expected_load: missing",
        "[tool.failhard.system] live: missing",
        "[tool.failhard.system] slo: missing",
        "[tool.failhard.system] start: missing",
    ]
    assert lines[4].endswith("stands in the evidence declare.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"README.md"', '"docs/absent.md"', "requirements: there is no docs/absent.md"),
        ('kind = "http"', 'kind = "site"', "kind: must be one of"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(root: Path, old: str, new: str, message: str) -> None:
    write(root, {"pyproject.toml": (OWN + HTTP).replace(old, new)})
    run = gate_run(root, SystemGate(), settings=SETTINGS, source=("shop.py",))
    with pytest.raises(GateError, match=message):
        agreed(run, SETTINGS)


@pytest.mark.parametrize("required", ["http.nothing", "site.ready", "ready"])
def test_a_policy_cannot_demand_what_no_declaration_has(required: str) -> None:
    with pytest.raises(ValueError, match="no key of a kind of system"):
        SystemSettings(required=(required,))


FRAMEWORK = """
import os
class Rule:
    def __init__(self, rule, endpoint, methods):
        self.rule, self.endpoint, self.methods = rule, endpoint, methods
class App:
    def __init__(self):
        self.url_map = self
    def iter_rules(self):
        names = [("/items/<int:item>", "show", {"GET", "HEAD"}), ("/health", "health", {"GET"})]
        return [Rule(*each) for each in (*names, ("/static/<path:name>", "static", {"GET"}), *MORE)]
MORE = [("/hidden", "hidden", ["POST"])] if os.environ["API_KEY"] else []
class Wrapped:
    def __init__(self, app):
        self.app = app
class Mount:
    methods, name = None, "mounted"
    def __init__(self, path, routes):
        self.path, self.routes = path, routes
class Route:
    def __init__(self, path, methods, name="x"):
        self.path, self.methods, self.name = path, methods, name
def make():
    return Wrapped(App())
class Starlette:
    routes = [Mount("/api", [Route("/{name:path}", {"GET"})]), Route("/docs", {"GET"}, "openapi")]
app, other, plain = App(), Starlette(), object()
if __name__ == "__main__":
    app.run()
"""


@pytest.mark.parametrize(
    ("start", "undeclared"),
    [
        (["gunicorn", "shop:app"], ["POST /hidden"]),
        (["gunicorn", "shop:make()"], ["POST /hidden"]),
        (["python", "shop.py"], ["POST /hidden"]),
        (["python", "-m", "shop"], ["POST /hidden"]),
        (["uvicorn", "shop:other"], ["GET /api/{name*}"]),
        (["uvicorn", "shop:plain"], None),
        (["uvicorn", "shop:absent"], None),
        (["serve-shop"], None),
        (["python", "-c", "serve()"], None),
    ],
)
def test_the_application_says_which_routes_it_serves(
    root: Path, start: list[str], undeclared: list[str] | None
) -> None:
    write(root, {"shop.py": FRAMEWORK})
    at_a_desk = 'environment_env = "STAGE"\nproduction = "production"\ndevelopment = "development"'
    staged = stage(root, at_a_desk + HTTP.replace('["gunicorn", "shop:app"]', json.dumps(start)))
    served = routed.evaluate(staged)
    found = None if served is None else [*routed.undeclared(staged.system, served)]
    named = None if found is None else [each.message.partition(" is served")[0] for each in found]
    assert named == undeclared


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ({"module": "served_shop", "attribute": "make"}, 3),
        ({"module": "served_shop", "attribute": "other"}, 1),
        ({"module": "served_shop"}, 3),
        ({"script": "served_shop.py"}, 3),
        ({"module": "served_shop", "attribute": "plain"}, None),
    ],
)
def test_the_child_finds_the_application_below_what_wraps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], served: int | None
) -> None:
    monkeypatch.setenv("API_KEY", "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "served_shop", raising=False)
    monkeypatch.chdir(write(tmp_path, {"served_shop.py": FRAMEWORK}))
    write(tmp_path, {"question.json": json.dumps({"roots": [str(tmp_path)], **asked})})
    routes_child.main("question.json", "answer.json")
    said = json.loads((tmp_path / "answer.json").read_bytes())
    assert (None if said is None else len(said)) == served


def test_a_route_may_be_left_out_with_a_reason_and_the_code_says_what_is_served_before_the_install(
    root: Path,
) -> None:
    write(
        root,
        {
            "shop.py": CODE
            + '@app.post("/hidden")\ndef hidden(): ...\n@app.post("/debug")\ndef debug(): ...\n'
        },
    )
    left_out = 'routes_excluded = [{ path = "/debug", method = "post", reason = "at a desk alone" }]'
    seen = routed.check(stage(root, left_out + HTTP))
    assert [(found.rule, found.path, found.line) for found in seen.findings] == [
        ("R0-route-undeclared", "shop.py", 10)
    ]
    assert seen.examined == 4


@pytest.mark.parametrize(
    ("name", "text", "undeclared"),
    [
        ("openapi.json", '{"paths": {"/items/{id}": {"get": {}}, "/other": {"get": {}}}}', 1),
        ("openapi.yaml", "paths:\n  /other: {get: {}}\n", 1),
        ("openapi.json", "{", 0),
        ("openapi.json", "[]", 0),
    ],
)
def test_a_document_of_the_tree_says_what_is_served(
    root: Path, name: str, text: str, undeclared: int
) -> None:
    write(root, {name: text})
    seen = routed.check(stage(root, f'openapi = "{name}"' + HTTP))
    assert len(seen.findings) == undeclared


def test_without_its_part_the_routes_are_not_looked_at(root: Path) -> None:
    assert routed.check(stage(root, settings=SystemSettings(enforce=("R0",)))) == Seen()


def test_a_part_of_no_check_is_refused() -> None:
    with pytest.raises(ValueError, match="R33/load is part of no check"):
        SystemSettings(enforce=("R33/load",))
