"""A run is attested from level 2 on, however it ends, and says nothing that it cannot prove."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_failhard import plan
from pytest_failhard.distributions.attest.origin import VARIABLES
from pytest_failhard.model import SIGNING_KEY, Mode, Option, Report, Verdict
from pytest_failhard.redact import Redactor
from pytest_failhard.session import Session
from pytest_failhard.session import Tests as Handed
from pytest_failhard.store import Store
from tests.acceptance.project import commit, git, write
from tests.distributions.attest.samples import wheel

NO_TESTS = Handed(records=None, problem="no gate of this run needs the tests")
TOKEN = "ghp_" + "a1B2" * 9
LINES = "provenance.intoto.jsonl"


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the names away that a CI system gives."""
    for name in (*VARIABLES, SIGNING_KEY):
        monkeypatch.delenv(name, raising=False)


class Run:
    """One session over a project."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder / "run"
        self.redactor = Redactor.from_environment({})
        self.store = Store.open(Path(".failhard"), root, self.redactor)
        self.session: Session | None = None

    def resolve(self, *only: str, level: int = 2, mode: Mode = Mode.SUPERVISED) -> Session:
        """Return a session whose gates have not been started: they end as errors."""
        request = plan.Request(root=self.root, level=level, mode=mode, only=only)
        gates = plan.collect_gates(())
        resolved = plan.resolve(request, gates, [gate.id for gate in gates], datetime.now(UTC).date())
        self.folder.mkdir()
        self.session = Session(resolved, self.store, self.redactor, self.folder)
        return self.session

    def close(self) -> None:
        if self.session is not None:
            self.session.close()
        self.store.close()


@pytest.fixture
def run(shop: Path, tmp_path: Path) -> Iterator[Run]:
    made = Run(shop, tmp_path)
    yield made
    made.close()


def lines(root: Path) -> list[dict[str, dict[str, Option]]]:
    return [json.loads(line) for line in (root / ".failhard" / LINES).read_bytes().splitlines()]


def reasons(report: Report) -> str:
    return "\n".join(reason for result in report.results for reason in result.because)


def everything(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((root / ".failhard").rglob("*")) if path.is_file())


def test_level_1_attests_nothing(run: Run, shop: Path) -> None:
    run.resolve("secrets", level=1).end(NO_TESTS)
    assert not (shop / ".failhard" / LINES).exists()
    assert not (shop / ".failhard" / "verdict.json").exists()


def test_a_part_of_a_level_is_no_pass_of_it(run: Run, shop: Path) -> None:
    session = run.resolve("secrets")
    session.begin()
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.PASS, reasons(report)
    results, summary = lines(shop)
    assert results["predicate"]["passedTests"] == ["secrets"]
    assert summary["predicate"]["verifiedLevels"] == ["FAILED"]
    assert json.loads((shop / ".failhard" / "verdict.json").read_bytes()) == summary["predicate"]


@pytest.mark.parametrize("mode", Mode)
def test_an_error_is_attested_as_a_failure(run: Run, shop: Path, mode: Mode) -> None:
    assert run.resolve("secrets", "lint", mode=mode).end(NO_TESTS).verdict is Verdict.ERROR
    results, summary = lines(shop)
    assert results["predicate"]["failedTests"] == ["lint", "secrets"]
    assert results["predicate"]["result"] == "FAILED"
    assert summary["predicate"]["verificationResult"] == "FAILED"


def test_a_run_that_was_broken_off_is_attested_as_a_failure(run: Run, shop: Path) -> None:
    run.resolve("secrets").abort("by a test")
    assert lines(shop)[-1]["predicate"]["verificationResult"] == "FAILED"


def test_what_was_built_is_named_with_the_commit_and_no_token(run: Run, shop: Path) -> None:
    git(shop, "remote", "add", "origin", f"https://x-access-token:{TOKEN}@git.example/shop.git")
    write(shop, {".gitignore": "__pycache__/\ndist/\n"})
    commit(shop)
    wheel(shop, {})
    session = run.resolve("secrets")
    states = {"file": {"sha256": "f" * 64, "as_of": "2026-01-01"}}
    session.store.keep("vulnerabilities", "states.json", json.dumps(states).encode())
    session.end(NO_TESTS)
    made = lines(shop)
    head = git(shop, "rev-parse", "HEAD").strip()
    assert [each["name"] for each in made[0]["subject"]] == ["shop-1.0-py3-none-any.whl"]  # type: ignore[index]
    source: Option = made[1]["subject"]
    assert source == [
        {
            "name": "source",
            "uri": "git+https://git.example/shop.git@refs/heads/main",
            "digest": {"gitCommit": head},
        }
    ]
    definition: Option = made[0]["predicate"]["buildDefinition"]
    assert isinstance(definition, dict)
    resolved = definition["resolvedDependencies"]
    assert isinstance(resolved, list)
    assert [each["name"] for each in resolved if isinstance(each, dict)] == ["source", "advisories"]
    assert TOKEN.encode() not in everything(shop)
    assert str(shop).encode() not in (shop / ".failhard" / LINES).read_bytes()


def test_two_runs_say_the_same_of_what_was_built(shop: Path, tmp_path: Path) -> None:
    wheel(shop, {})
    first = []
    for number in range(2):
        once = Run(shop, tmp_path / str(number))
        (tmp_path / str(number)).mkdir()
        once.resolve("secrets").end(NO_TESTS)
        once.close()
        first.append((shop / ".failhard" / LINES).read_bytes().splitlines()[0])
    assert first[0] == first[1]


def test_a_wheel_that_changes_between_its_gate_and_the_report_takes_the_verdict_away(
    run: Run, shop: Path
) -> None:
    path = wheel(shop, {})
    session = run.resolve("secrets")
    name = path.relative_to(shop).as_posix()
    seen = [{"name": path.name, "path": name, "sha256": "0" * 64}]
    session.store.keep("provenance", "subjects.json", json.dumps(seen).encode())
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert f"digest-mismatch: {name}: its SHA-256 is" in reasons(report)
    assert lines(shop)[-1]["predicate"]["verificationResult"] == "FAILED"


def test_what_cannot_be_attested_is_an_error(run: Run, shop: Path) -> None:
    text = (shop / "pyproject.toml").read_text()
    write(shop, {"pyproject.toml": f'{text}\n[tool.failhard.provenance]\ndistributions = "dist"\n'})
    report = run.resolve("secrets").end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert (
        "not-attested: pyproject.toml: [tool.failhard.provenance] distributions: must be a list"
        in reasons(report)
    )
    assert not (shop / ".failhard" / LINES).exists()


def test_evidence_that_cannot_be_read_leaves_no_report(run: Run, shop: Path) -> None:
    session = run.resolve("secrets")
    session.store.keep("dependencies", "closure.json", b"no JSON")
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert "closure.json: cannot be read" in reasons(report)
    assert not (shop / ".failhard" / "report.json").exists()
