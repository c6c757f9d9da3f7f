"""Tests of the gate `sbom`: a project that passes each level, and every way to fail it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard import config, judge, policy
from pytest_failhard.distributions import supply
from pytest_failhard.distributions.bom.party import Party
from pytest_failhard.gates.sbom import SbomGate
from pytest_failhard.gates.sbom.settings import SbomSettings
from pytest_failhard.gates.security import SecuritySettings
from pytest_failhard.model import (
    Evidence,
    GateError,
    Memory,
    Observation,
    Option,
    Result,
    Rule,
    Severity,
    Verdict,
)
from tests.distributions.bom.material import TIME, lock
from tests.gates.sbom.place import AUTHORS, Place
from tests.support import GATES, TODAY, Kept, gate_run, write

LEVELS = (2, 3, 4)


def rule(level: int) -> Rule:
    return next(each for each in policy.load(level, GATES, today=TODAY).rules if each.gate == "sbom")


def settings(level: int, **table: Option) -> SbomSettings:
    return config.merge_settings("sbom", SbomSettings, rule(level), table)


def judged(place: Place, level: int, **table: Option) -> Result:
    given = settings(level, **{"cross_check": rule(level).options["cross_check"].value, **table})
    # The tool itself is asked in the tests of the cross-check: it takes most of a second.
    return judge.judge(
        rule(level), place.look(**{**vars(given), "cross_check": False}), [], date(2026, 1, 15)
    )


def found(observation: Observation | Result) -> set[tuple[str, Severity]]:
    return {(each.name, each.severity) for each in observation.findings}


@pytest.fixture
def good(tmp_path: Path) -> Place:
    place = Place.made(tmp_path)
    write(
        place.root,
        {
            "uv.lock": lock("web-kit", "core").replace(
                "core-1.0-py3-none-any", "core-1.0-cp311-cp311-linux_x86_64"
            )
        },
    )
    return place


@pytest.mark.parametrize("level", LEVELS)
def test_a_project_that_knows_what_it_is_made_of_passes(good: Place, level: int) -> None:
    result = judged(good, level)
    assert (result.verdict, found(result)) == (Verdict.PASS, set())
    assert result.examined == 3
    assert result.measures == {
        "components": 2,
        "edges": 3,
        "hashed_percent": 100,
        "licensed_percent": 100,
        "supplied_percent": 100,
        "hashes_ambiguous": 0,
        "suppliers_declared": 0,
        "embedded_sboms": 2,
        "embedded_components": 5,
        "elements_missing": 0,
    }


def test_the_document_is_kept_as_it_was_checked_with_its_contacts(good: Place) -> None:
    observation = good.look()
    data = good.kept.files["sbom.cdx.json"]
    evidence = next(each for each in observation.evidence if each.name == "sbom.cdx.json")
    assert evidence.sha256 == hashlib.sha256(data).hexdigest()
    assert b"team@example.com" in data
    assert str(good.root.parent).encode() not in data
    assert {each["standard"] for each in json.loads(good.kept.files["elements.json"])} == {
        "ntia",
        "cisa",
        "bsi",
    }


def test_two_runs_are_equal_byte_for_byte(good: Place) -> None:
    first = good.look(), good.kept.files
    assert (good.look(), good.kept.files) == first


@pytest.mark.parametrize(("level", "verdict"), [(2, Verdict.PASS), (3, Verdict.FAIL), (4, Verdict.FAIL)])
def test_without_a_lock_it_is_valid_and_nothing_is_hashed(
    tmp_path: Path, level: int, verdict: Verdict
) -> None:
    result = judged(Place.made(tmp_path), level)
    assert (result.verdict, result.measures["hashed_percent"]) == (verdict, 0)
    assert ("unknown-hash", Severity.LOW) in found(result)


@pytest.mark.parametrize(("level", "verdict"), [(2, Verdict.PASS), (3, Verdict.FAIL)])
def test_an_unknown_supplier_and_licence_are_flagged_then_fail(
    tmp_path: Path, level: int, verdict: Verdict
) -> None:
    place = Place.made(tmp_path, ("web.kit", "bare"))
    result = judged(place, level)
    assert result.verdict is verdict
    assert result.measures["supplied_percent"] == result.measures["licensed_percent"] == Fraction(200, 3)
    supplier = next(each for each in result.findings if each.name == "unknown-supplier")
    assert (supplier.path, supplier.line, supplier.severity) == ("pyproject.toml", 6, Severity.LOW)
    assert supplier.message == "bare 1.0 (bare): its metadata names neither author nor maintainer"


def test_a_supplier_that_the_project_knows_counts_and_is_counted(tmp_path: Path) -> None:
    place = Place.made(tmp_path, ("web.kit", "bare"))
    observation = place.look(suppliers={"Bare": Party(name="Known", url="https://known.example")})
    assert (observation.measures["supplied_percent"], observation.measures["suppliers_declared"]) == (100, 1)
    assert b"declared by the project" in place.kept.files["sbom.cdx.json"]


@pytest.mark.parametrize("name", ["web-kit", "never-heard-of"])
def test_a_declared_supplier_without_effect_is_named(good: Place, name: str) -> None:
    observation = good.look(suppliers={name: Party(name="Known")})
    assert found(observation) == {("unused-supplier", Severity.LOW)}
    assert observation.measures["suppliers_declared"] == 0


def test_a_gap_in_the_closure_is_a_gap_in_the_list(tmp_path: Path) -> None:
    place = Place.made(tmp_path, ("web.kit", "absent>=1"))
    result = judged(place, 2)
    assert result.verdict is Verdict.FAIL
    gap = next(each for each in result.findings if each.name == "missing-component")
    assert (gap.severity, gap.path, gap.line) == (Severity.HIGH, "pyproject.toml", 6)
    assert "the project requires absent>=1" in gap.message


NOBODY = 'license = "MIT"\n'
NO_CONTACT = 'license = "MIT"\nauthors = [{name = "The team"}]\n'


@pytest.mark.parametrize(
    ("more", "level", "names"),
    [
        (NOBODY, 2, {"missing-element"}),
        (NO_CONTACT, 2, set()),
        (NO_CONTACT, 3, {"no-contact"}),
        (NO_CONTACT, 4, {"no-contact", "missing-element"}),
        (AUTHORS, 4, set()),
    ],
)
def test_whom_to_write_to(good: Place, more: str, level: int, names: set[str]) -> None:
    text = (good.root / "pyproject.toml").read_text().replace(AUTHORS, more)
    (good.root / "pyproject.toml").write_text(text)
    result = judged(good, level)
    assert {each.name for each in result.findings if each.severity >= Severity.MEDIUM} == names
    assert result.verdict is (Verdict.FAIL if names else Verdict.PASS)
    declared: Option = {"name": "A company", "url": "https://company.example"}
    assert judged(good, level, manufacturer=declared).verdict is Verdict.PASS


@pytest.mark.parametrize(("level", "verdict"), [(3, Verdict.PASS), (4, Verdict.FAIL)])
def test_parts_that_nobody_can_count(good: Place, level: int, verdict: Verdict) -> None:
    (good.packages / "core-1.0.dist-info/sboms/a.cdx.json").write_text("?")
    result = judged(good, level)
    assert (result.verdict, result.measures["embedded_components"]) == (verdict, 2)
    assert {each.name for each in result.findings} == {"unreadable-embedded-sbom"}


def test_a_project_that_needs_nothing_has_a_document_of_itself(tmp_path: Path) -> None:
    result = judged(Place.made(tmp_path, ()), 3)
    assert (result.verdict, result.examined, result.measures["hashed_percent"]) == (Verdict.PASS, 1, 100)


def test_hashes_of_a_requirements_file_count_and_are_told_apart(tmp_path: Path) -> None:
    place = Place.made(tmp_path)
    hashes = f"--hash=sha256:{'1' * 64} --hash=sha256:{'2' * 64}"
    write(place.root, {"requirements.txt": f"web-kit==1.0 {hashes}\ncore==1.0 --hash=sha256:{'3' * 64}\n"})
    result = judged(place, 4)
    assert (result.verdict, result.measures["hashed_percent"], result.measures["hashes_ambiguous"]) == (
        Verdict.PASS,
        100,
        1,
    )


def test_without_a_time_nothing_is_made(good: Place) -> None:
    run = gate_run(good.root, SbomGate(), interpreter=good.python)
    with pytest.raises(GateError, match=r"no-time: .* SOURCE_DATE_EPOCH"):
        SbomGate().observe(run)


def test_no_declaration_is_an_error(good: Place) -> None:
    (good.root / "pyproject.toml").write_text("")
    with pytest.raises(GateError, match="no dependency declaration"):
        good.look()


def test_what_the_store_had_to_redact_is_not_handed_out(good: Place) -> None:
    class Redacting(Kept):
        def __call__(
            self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
        ) -> Evidence:
            return super().__call__(name, data.replace(b"MIT", b"[redacted]"), volatile=volatile)

    run = gate_run(good.root, SbomGate(), interpreter=good.python, committed=TIME, keep=Redacting())
    with pytest.raises(GateError, match=r"redacted: sbom\.cdx\.json held a secret"):
        SbomGate().observe(run)


def test_settings_of_another_gate_are_an_error(good: Place) -> None:
    run = gate_run(good.root, SbomGate(), settings=SecuritySettings())
    with pytest.raises(GateError, match="not SbomSettings"):
        SbomGate().observe(run)


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"manufacturer": {"name": ""}}, "names nobody"),
        ({"manufacturer": {"name": "A", "mail": "x"}}, "mail"),
        ({"suppliers": {"a": {"name": "A", "url": "x"}}}, "no http"),
        ({"suppliers": {"a": "A"}}, "suppliers"),
        ({"standards": []}, "belongs to the policy"),
        ({"cross_check": False}, "belongs to the policy"),
    ],
    ids=str,
)
def test_a_table_that_says_something_else_is_refused(table: dict[str, Option], mistake: str) -> None:
    with pytest.raises(config.ConfigError, match=mistake):
        settings(3, **table)


def test_a_document_of_the_same_is_made_once(good: Place) -> None:
    first, files = good.look(), good.kept.files
    left = good.memory.left
    assert left is not None
    assert (good.look(), good.kept.files) == (first, files)
    assert good.memory == Memory(earlier=left)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


CHANGES: Sequence[Callable[[Place], None]] = (
    lambda place: rewrite(place.root / "uv.lock", "cp311-cp311", "cp39-cp39"),
    lambda place: (place.root / "uv.lock").unlink(),
    lambda place: rewrite(place.root / "pyproject.toml", "team@", "other@"),
    lambda place: rewrite(place.root / "pyproject.toml", '"MIT"', '"ISC"'),
    lambda place: rewrite(place.root / "pyproject.toml", 'version = "1.0"', 'version = "1.1"'),
    lambda place: rewrite(place.packages / "core-1.0.dist-info/METADATA", "Core team", "Our team"),
    lambda place: rewrite(place.root / "pyproject.toml", '"web.kit",', '"bare",'),
)


def test_what_a_document_is_made_from_makes_another_one(good: Place) -> None:
    good.look()
    documents = [good.kept.files["sbom.cdx.json"]]
    for change in CHANGES:
        change(good)
        supply._KEPT.clear()
        seen, files = good.look(), good.kept.files
        documents.append(files["sbom.cdx.json"])
    assert len(set(documents)) == len(CHANGES) + 1
    good.memory = Memory()
    assert (good.look(), good.kept.files) == (seen, files)


def test_what_is_on_the_disk_is_read_back_though_the_document_is_known(good: Place, tmp_path: Path) -> None:
    good.look()
    run = good.run({}, tmp_path / "scratch")
    (run.scratch / "sbom.cdx.json").symlink_to("/dev/null")
    with pytest.raises(GateError, match="the bill of materials is no JSON"):
        SbomGate().observe(run)
