"""What people and other programs write into a project: an error with its place, or the whole of it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pytest_failhard import baseline, config, policy, waivers
from pytest_failhard.distributions import installed, locks, pyproject, requirements
from pytest_failhard.distributions.advisories import compact, files, osv, plain_yaml
from pytest_failhard.distributions.attest import inputs, statement, workflow
from pytest_failhard.distributions.bom import embedded
from pytest_failhard.gates.container import documents
from pytest_failhard.gates.performance import golden
from pytest_failhard.gates.performance.pairs import messages
from pytest_failhard.gates.performance.workload import units
from pytest_failhard.gates.secrets import structured
from pytest_failhard.gates.system import derived
from pytest_failhard.llm import prices, scripted
from pytest_failhard.llm.request import Request
from pytest_failhard.model import GateError
from pytest_failhard.rules import workflow as ci_files
from pytest_failhard.rules import wrappers
from pytest_failhard.rules.weak import settings as weak
from pytest_failhard.source import files as sources
from pytest_failhard.source import inifile, pytest_config, ruff_layout
from pytest_failhard.source.text_files import TextFile
from pytest_failhard.source.yaml_text import YamlError
from pytest_failhard.system import dockerfile, loglines, prometheus, requirement_lines
from pytest_failhard.system.derive import deployment, routes
from pytest_failhard.system.derive.facts import Place
from pytest_failhard.waivers import WaiverError
from tests.advisory_data import CANARIES, archive, database
from tests.distributions.advisories.test_files import YAML as ADVISORY_YAML
from tests.distributions.test_locks import OLDER_POETRY, PDM, PINS, POETRY, PYLOCK, UV
from tests.fuzz.mutations import Reader, fuzz
from tests.gates.performance.workload.test_golden import ENTRY
from tests.test_waivers import POLICY, TODAY, document, entry

Read = Callable[[bytes, Path], object]
BAD_TAGS = tuple(
    b"a: " + text
    for text in (
        b"!!float 1e999999999",
        b"!!bool x",
        b"!!timestamp x",
        b"!!int ''",
        b"!!timestamp 0001-01-01 00:00:00 +14:00",
        b"2026-99-99",
    )
)
PYPROJECT = b"""\
[project]
name = "app"
version = "1"
dependencies = ["flask>=3", "six ; python_version < '4'"]
optional-dependencies = { web = ["app[x]"], x = ["a @ https://e.org/a.whl"] }
[dependency-groups]
dev = ["pytest", { include-group = "lint" }]
lint = ["ruff"]
[tool.pytest.ini_options]
addopts = "-q"
[tool.ruff]
line-length = 99
[tool.failhard]
level = 2
source = ["app"]
[tool.failhard.lint]
select = ["E"]
[tool.tox.env.py]
commands = [["pytest", "-q"]]
"""
COMPOSE = b"""\
services:
  web:
    build: .
    command: ["uvicorn", "app:app"]
    environment: [PASSWORD=hunter2]
    healthcheck: {test: "curl http://localhost:80/health"}
  db: {image: "postgres:16"}
"""
CI = b"""\
on: {push: {}}
permissions: {id-token: write, attestations: write}
jobs:
  test:
    steps:
      - run: failhard check || true
      - uses: actions/attest@v1
        with: {subject-path: "dist/*"}
        if: always()
"""
OPENAPI = {"openapi": "3.1.0", "paths": {"/a/{b}": {"get": {"responses": {"200": {}}}, "parameters": []}}}
SHIPPED = policy.shipped_text(1)
GATES = tuple(yaml.safe_load(SHIPPED)["gates"])
PRICES = b"""\
schema: failhard-prices/1
as_of: 2026-11-01
currency: USD
per_tokens: 1000000
models: {openai: {"gpt-4o*": {input: "2.5", cached_input: "1", output: "10"}}}
"""
ANSWERS = b"""\
schema: failhard-llm-answers/1
answers:
  - match: {model: "gpt*"}
    text: "yes {{canary}}"
"""
FROZEN = json.dumps(
    {
        "schema": baseline.SCHEMA,
        "rules": {},
        "digest": "0" * 64,
        "findings": [
            {
                "gate": "lint",
                "rule": "E501",
                "path": "\ud800",
                "fingerprint": "0" * 16,
                "reason": "a long enough reason",
                "owner": "mia",
                "date": "2026-11-20",
            }
        ],
    }
).encode()
CHAT = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a"}]}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _lock(name: str, text: str) -> Reader:
    def read(data: bytes, folder: Path) -> object:
        (folder / name).write_bytes(data)
        return locks.read(folder, (name,))

    return Reader(
        name=f"{name} ({len(text)})", read=read, sample=text.encode(), found=(b"a = " + b"9" * 5_000,)
    )


def _declared(data: bytes, folder: Path) -> object:
    mistakes: list[str] = []
    found = pyproject.Pyproject(data, mistakes)
    return [
        found.dependencies(),
        found.extras(),
        found.groups(),
        found.poetry_names(),
        found.dynamic(),
        mistakes,
    ]


def _configured(data: bytes, folder: Path) -> object:
    (folder / "pyproject.toml").write_bytes(data)
    return [sources.pyproject(folder), pytest_config.load(folder), ruff_layout.layout(folder)]


def _required(data: bytes, folder: Path) -> object:
    (folder / "requirements.txt").write_bytes(data)
    mistakes: list[str] = []
    found = requirements.Files(root=folder, mistakes=mistakes)
    found.add("requirements.txt")
    return [found.requirements, [*requirements.options(folder, ["requirements.txt"])], mistakes]


def _lines(data: bytes, folder: Path) -> object:
    (folder / "r.txt").write_bytes(data)
    return requirement_lines.read(folder, "r.txt")


def _installed(name: str) -> Read:
    def read(data: bytes, folder: Path) -> object:
        place = folder / "flask-3.dist-info"
        place.mkdir(exist_ok=True)
        (place / "METADATA").write_bytes(b"Name: flask\nVersion: 3\n")
        (place / name).write_bytes(data)
        mistakes: list[str] = []
        found = installed._of_folder(folder, mistakes)
        assert found or mistakes, "neither read nor named"
        return found

    return read


def _deployed(name: str) -> Read:
    def read(data: bytes, folder: Path) -> object:
        (folder / name).write_bytes(data)
        return deployment.deployment(folder)

    return read


def _described(data: bytes, folder: Path) -> object:
    (folder / "openapi.json").write_bytes(data)
    (folder / "openapi.yaml").write_bytes(data)
    problems: list[str] = []
    found = [derived._document(folder, f"openapi.{kind}", problems) for kind in ("json", "yaml")]
    return [routes.of_document(each, Place(path="a")) for each in found]


def _zipped(data: bytes, _folder: Path) -> object:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("a.json", data)
    return files.parse(held.getvalue(), "a.zip")


def _asked(data: bytes, _folder: Path) -> object:
    request = Request(method="POST", target="/v1/chat/completions", body=data)
    return [request.json, request.path, request.query]


def _answers(data: bytes, folder: Path) -> object:
    (folder / "a.yaml").write_bytes(data)
    return scripted.Answers.load(folder / "a.yaml")


def _priced(data: bytes, folder: Path) -> object:
    (folder / "a.yaml").write_bytes(data)
    return prices.Prices.load(folder / "a.yaml")


def _attested(data: bytes, _folder: Path) -> object:
    found = workflow.parse("ci.yml", data)
    return workflow.attests(found, {"ci.yml": found}, ())


def _settings(name: str, sample: bytes, *found: bytes) -> Reader:
    return Reader(
        name=f"settings in {name}",
        read=lambda data, _: weak.read(name, _text(data)),
        sample=sample,
        refuses=(weak.ConfigError,),
        found=found,
    )


DOCUMENTS = (
    *(_lock("uv.lock", UV), _lock("pylock.toml", PYLOCK), _lock("poetry.lock", POETRY)),
    *(_lock("poetry.lock", OLDER_POETRY), _lock("pdm.lock", PDM), _lock("requirements.txt", PINS)),
    Reader(name="what a project declares", read=_declared, sample=PYPROJECT, found=(b"a = " + b"9" * 5_000,)),
    Reader(
        name="the tools' configuration", read=_configured, sample=PYPROJECT, found=(b"a = " + b"9" * 5_000,)
    ),
    Reader(
        name="our configuration",
        read=lambda data, folder: config.parse(data, folder, ("lint",)),
        sample=PYPROJECT,
        refuses=(config.ConfigError,),
        found=(b"a = " + b"9" * 5_000,),
    ),
    Reader(
        name="requirements",
        read=_required,
        sample=b"flask[async]>=3 ; python_version > '3'\n-r other.txt\n-e .[web]\n./a.whl\n",
        found=(b"./a\0.whl\n", b"-r a\0.txt\n"),
    ),
    Reader(name="what pip is told", read=_lines, sample=PINS.encode(), found=(b"-e '", b"--a='")),
    Reader(
        name="RECORD",
        read=_installed("RECORD"),
        sample=b'a.py,sha256=abc,3\n"b,c.py",,\n',
        refuses=(csv.Error,),
    ),
    Reader(
        name="direct_url.json",
        read=_installed("direct_url.json"),
        sample=b'{"url": "file:///a", "dir_info": {"editable": true}}',
        refuses=(),
    ),
    Reader(
        name="METADATA",
        read=_installed("METADATA"),
        sample=b"Name: flask\nVersion: 3\nRequires-Dist: a\n",
        refuses=(),
    ),
    Reader(
        name="waivers",
        read=lambda data, _: (waivers.load(data, POLICY, TODAY), waivers.clarifications(data)),
        sample=document(entry()),
        refuses=(WaiverError,),
        found=BAD_TAGS,
    ),
    Reader(
        name="a policy",
        read=lambda data, _: policy.parse(data, "p.yaml", GATES, today=TODAY),
        sample=SHIPPED,
        refuses=(policy.PolicyError,),
        found=BAD_TAGS,
    ),
    Reader(
        name="a baseline",
        read=lambda data, _: baseline.parse(data),
        sample=baseline.dump(
            baseline.Baseline(rules={"a": {"0" * 16: baseline.Entry(path="a.py", reason="r", owner="o")}})
        ),
        found=(FROZEN, b"[" * 20_000),
    ),
    Reader(
        name="golden counts",
        read=lambda data, _: golden.parse(data),
        sample=golden.dump(golden.Golden.of([ENTRY])),
        found=(b'{"entries": [{"case": """}]}',),
    ),
    Reader(name="a price list", read=_priced, sample=PRICES, refuses=(prices.PriceError,), found=BAD_TAGS),
    Reader(
        name="scripted answers",
        read=_answers,
        sample=ANSWERS,
        refuses=(scripted.AnswersError,),
        found=BAD_TAGS,
    ),
    Reader(
        name="a Dockerfile",
        read=lambda data, _: dockerfile.parse(_text(data), "Dockerfile"),
        sample=b'FROM python:3.12 AS a\nRUN --mount=type=cache <<EOF\nx\nEOF\nHEALTHCHECK CMD curl x\nCMD ["a", "b"]\n',
        refuses=(dockerfile.DockerfileError,),
        found=(b"FROM a\nCMD " + b"[" * 20_000,),
    ),
    Reader(
        name="a compose file",
        read=lambda data, _: documents.read(_text(data)),
        sample=COMPOSE,
        refuses=(YamlError,),
        found=BAD_TAGS,
    ),
    Reader(name="a deployed compose file", read=_deployed("compose.yaml"), sample=COMPOSE, found=BAD_TAGS),
    Reader(
        name="secrets in YAML",
        read=lambda data, _: [*(structured.bound(TextFile(path="a.yaml", text=_text(data))) or ())],
        sample=COMPOSE,
        refuses=(),
        found=(b"[" * 100_000,),
    ),
    Reader(name="a workflow", read=_attested, sample=CI, refuses=(), found=BAD_TAGS),
    Reader(
        name="scripts of a CI file",
        read=lambda data, _: ci_files.scripts("ci.yml", _text(data)),
        sample=CI,
        refuses=(ci_files.MalformedError, GateError),
    ),
    _settings("pyproject.toml", PYPROJECT, b"a = " + b"9" * 5_000),
    _settings("setup.cfg", b"[tool:pytest]\naddopts = -q\n  -x\n[mypy]\nstrict: yes\n", b"[a]\nb\n  c\n"),
    _settings(".bandit", b"skips: [B101]\n", *BAD_TAGS),
    Reader(
        name="an ini file",
        read=lambda data, _: inifile.sections("a.ini", _text(data)),
        sample=b"[a]\nb = c\n  d\n",
        found=(b"[a]\nb\n  c\n",),
        refuses=(inifile.IniError,),
    ),
    Reader(
        name="tox in TOML",
        read=lambda data, _: [
            *wrappers.tox_toml("pyproject.toml", _text(data), ("tool", "tox"), frozenset())
        ],
        sample=PYPROJECT,
        refuses=(),
        found=(b"a = " + b"9" * 5_000,),
    ),
    Reader(name="an OpenAPI document", read=_described, sample=json.dumps(OPENAPI).encode(), found=BAD_TAGS),
    Reader(
        name="an advisory of OSV",
        read=_zipped,
        sample=json.dumps(CANARIES[0]).encode(),
        refuses=(ValueError,),
        found=(json.dumps({**CANARIES[0], "modified": "0001-01-01T00:00:00+14:00"}).encode(),),
    ),
    Reader(
        name="an archive of advisories",
        read=lambda data, _: files.parse(data, "a.zip"),
        sample=archive(CANARIES),
        refuses=(ValueError,),
    ),
    Reader(
        name="the compact form",
        read=lambda data, _: compact.read(data),
        sample=compact.write(database(*CANARIES)),
        refuses=(ValueError,),
    ),
    Reader(
        name="an advisory in YAML",
        read=lambda data, _: [*osv.read(plain_yaml.plain(data))],
        sample=ADVISORY_YAML.encode(),
        refuses=(ValueError,),
        found=(b"[" * 100_000,),
    ),
    Reader(
        name="a statement",
        read=lambda data, _: [*statement.problems(statement.parsed(data), statement.PROVENANCE)],
        sample=b'{"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": "a"}}], "predicate": {"buildDefinition": {"buildType": "b"}}}',
    ),
    Reader(
        name="an SBOM read back",
        read=lambda data, _: ([*inputs.components(data)], [*inputs.advisories(data)], embedded._parts(data)),
        sample=b'{"bomFormat": "CycloneDX", "components": [{"purl": "p", "hashes": [{"alg": "SHA-256", "content": "a"}]}], "file": {"sha256": "a"}}',
    ),
    Reader(
        name="a worker's message",
        read=lambda data, _: messages.read(data),
        sample=b'{"done": "a", "outcome": "failed", "error": {"type": "E"}}',
        refuses=(ValueError,),
    ),
    Reader(
        name="a unit of work", read=lambda data, _: units.name_of(data, "id"), sample=b'{"id": 3}', refuses=()
    ),
    Reader(
        name="a log",
        read=lambda data, _: [(each.is_error, each.status) for each in loglines.lines(_text(data))],
        sample=b'{"level": "error", "status": 500}\nINFO: "GET / HTTP/1.1" 200 OK\n',
        refuses=(),
    ),
    Reader(
        name="counters",
        read=lambda data, _: (prometheus.counted(_text(data)), prometheus.samples(_text(data))),
        sample=b'# TYPE a counter\na{b="c"} 3\n',
        refuses=(prometheus.PrometheusError,),
        found=(b"a 1e999999999\n", b"a " + b"9" * 5_000),
    ),
    Reader(name="a request to a model", read=_asked, sample=json.dumps(CHAT).encode(), refuses=()),
)


@pytest.mark.parametrize("reader", DOCUMENTS, ids=str)
def test_a_document_is_read_or_refused(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzz(reader, tmp_path_factory.mktemp("fuzz"))
