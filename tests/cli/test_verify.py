"""A report folder made for real, then tampered with, piece by piece."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import pytest

from pytest_failhard import judge, policy
from pytest_failhard.attestation import Attestation
from pytest_failhard.cli.verify import verify
from pytest_failhard.distributions.attest.inputs import SBOM
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.model import (
    Evidence,
    Finding,
    Observation,
    Option,
    Policy,
    ProjectFacts,
    Report,
    Result,
    Rule,
    Severity,
    Verdict,
    Waiver,
)
from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.report import document, observation, render_all, waivers
from pytest_failhard.store import Store
from tests.support import GATES

DAY = date(2026, 11, 20)
REDACTOR = Redactor(shipped())
LEVEL = 1
TERMS = policy.load(LEVEL, GATES, today=DAY)
TYPE_ERROR = Finding(
    rule="arg-type",
    name="arg-type",
    path="app/main.py",
    line=3,
    severity=Severity.HIGH,
    message="a str where an int is meant",
    fix="pass an int",
)
WAIVER = Waiver(
    gate="types",
    rule="arg-type",
    path="app/main.py",
    fingerprint=TYPE_ERROR.fingerprint,
    reason="mended with the next release",
    owner="jane",
    expires=date(2026, 12, 1),
)
NOTHING_MORE: Mapping[str, Option] = MappingProxyType({})
BOM = b'{"components": [{"purl": "pkg:pypi/click@8.1"}]}\n'
UNBUILT = Attestation(
    root=Path(), origin=Origin(repository="", ref="", source={"sha256": "0" * 64}), built=(), signer=None
)
"""What is attested of a run outside git that built nothing."""
Edit = Callable[[dict[str, object]], None]


def seen(rule: Rule, *findings: Finding) -> Observation:
    """Return an observation that meets every bound of the rule exactly."""
    measures: dict[str, int | Fraction] = {
        name: Fraction(bound) if name.endswith("_percent") else bound
        for name, bound in {**rule.at_most, **rule.at_least}.items()
    }
    return Observation(tool=f"{rule.gate} 1.0", examined=12, measures=measures, findings=findings)


def kept_of(store: Store, gate: str, looked: Observation) -> list[Evidence]:
    """Keep an observation as a session does."""
    equal, unequal = observation.parted(looked)
    kept = [store.keep(gate, observation.OBSERVATION, equal)]
    if unequal is None:
        return kept
    return [*kept, replace(store.keep(gate, observation.VOLATILE, unequal), volatile=True)]


def shown(
    store: Store, name: str, looked: Observation, *, signed: bool, models: tuple[str, ...]
) -> Observation:
    """Return an observation with what the gates keep and measure that more than the judge reads."""
    if name == "sbom":
        return replace(looked, evidence=(store.keep(name, SBOM, BOM),))
    if name == "llm" and models:
        matrix = json.dumps({"calls": [], "models": models}).encode()
        return replace(looked, evidence=(store.keep(name, "matrix.json", matrix),))
    if name == "provenance":
        return replace(looked, measures={**looked.measures, "signed": int(signed)})
    return looked


def make(
    folder: Path,
    *findings: Finding,
    accepted: tuple[Waiver, ...] = (),
    broken: str = "",
    doubt: str = "",
    commit: str = "",
    terms: Policy = TERMS,
    attested: Attestation | None = None,
    clocked: frozenset[str] = frozenset(),
    only: tuple[str, ...] = (),
    dirty: bool = False,
    settings: Mapping[str, Option] = NOTHING_MORE,
    day: date = DAY,
    models: tuple[str, ...] = (),
    found_by: tuple[str, ...] = ("types",),
) -> Path:
    """Publish a report as the engine does and return its folder."""
    folder.mkdir(exist_ok=True)
    with Store.open(Path(".failhard"), folder, REDACTOR) as store:
        copies: dict[str, bytes] = {}
        listed = store.keep("run", "waivers.json", waivers.dump(accepted))
        results: list[Result] = []
        for rule in (each for each in terms.rules if not only or each.gate in only):
            if rule.gate == broken:
                results.append(judge.error(rule.gate, "tool-missing: nothing to run"))
                continue
            looked = seen(rule, *(findings if rule.gate in found_by else ()))
            if rule.gate == "sbom":
                copies = {SBOM: BOM}
            signed = attested is not None and attested.signer is not None
            looked = shown(store, rule.gate, looked, signed=signed, models=models)
            looked = replace(looked, volatile=clocked & {*looked.measures})
            kept = kept_of(store, rule.gate, looked)
            results.append(
                judge.judge(rule, replace(looked, evidence=(*looked.evidence, *kept)), accepted, day)
            )
        settled = judge.settle_waivers(results, accepted, terms.waivers, day)
        if doubt:
            settled = tuple(replace(each, verdict=Verdict.ERROR, because=(doubt,)) for each in settled)
        report = Report(
            level=terms.level,
            policy_name=terms.name,
            policy_sha256=terms.sha256,
            project=ProjectFacts(name="shop", version="1", commit=commit, dirty=dirty),
            settings={"seed": 0, "waivers_sha256": listed.sha256, "only": [*only], **settings},
            complete=not only,
            results=settled,
            started_at="2026-11-20T11:00:00+00:00",
            judged_on=day,
            seconds={},
            host="here",
            models=models,
        )
        files = render_all(REDACTOR.value(report))
        if terms.level > 1:
            files |= (attested or UNBUILT).files(files["report.json"], copies, store)
        store.publish(files, copies)
    return folder / ".failhard"


def again(folder: Path, *, level: int | None = None, file: Path | None = None) -> tuple[int, tuple[str, ...]]:
    return verify(folder, level=level, policy_file=file, gates=GATES)


def edit(folder: Path, change: Edit, *, seal: bool = True) -> None:
    """Change the report and, as a careful forger would, give it a digest that fits."""
    path = folder / "report.json"
    content = json.loads(path.read_bytes())
    change(content)
    if seal:
        content["digest"] = document.digest(document.load(json.dumps(content).encode()))
    path.write_text(json.dumps(content))


def gate(content: dict[str, object], name: str) -> dict[str, object]:
    parts = content["gates"]
    assert isinstance(parts, list)
    found: dict[str, object] = next(part for part in parts if part["id"] == name)
    return found


@pytest.fixture
def green(tmp_path: Path) -> Path:
    return make(tmp_path / "green")


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return make(tmp_path / "red", TYPE_ERROR)


def test_what_a_clock_gave_is_judged_again_with_the_rest(tmp_path: Path) -> None:
    folder = make(tmp_path / "clocked", clocked=frozenset({"line_percent"}))
    content = json.loads((folder / "report.json").read_bytes())
    assert "line_percent" not in json.dumps(gate(content, "coverage")["measures"])
    assert content["volatile"]["measures"] == {"coverage.line_percent": 60.0}
    assert again(folder)[0] == 0
    (folder / "evidence" / "coverage" / observation.VOLATILE).write_text('{"line_percent": "59/1"}')
    assert again(folder)[0] == 4


def test_models_in_the_head_are_those_of_the_evidence(tmp_path: Path) -> None:
    folder = make(tmp_path / "p", terms=policy.load(2, GATES, today=DAY), models=("openai:gpt-5",))
    assert json.loads((folder / "report.json").read_bytes())["models"] == ["openai:gpt-5"]
    assert again(folder)[0] == 0
    edit(folder, lambda content: content.update(models=[]))
    assert again(folder)[1][0] == "models: 0 in the report, 1 by the evidence"

    def change(content: dict[str, object]) -> None:
        # The document is plain JSON, whose shape the test knows.
        kept = gate(content, "llm")["evidence"]
        next(each for each in kept if each["name"] == "matrix.json")["sha256"] = digest  # type: ignore[attr-defined]

    digest = hashlib.sha256(b"[]").hexdigest()
    (folder / "evidence" / "llm" / "matrix.json").write_bytes(b"[]")
    edit(folder, change)
    assert any(line.startswith("models-unreadable: matrix.json") for line in again(folder)[1])


LAST = "the report does not hold; run `failhard check` again"


def test_an_honest_pass_is_a_pass(green: Path) -> None:
    digest = json.loads((green / "report.json").read_bytes())["digest"]
    assert again(green) == (
        0,
        (
            (
                f"pass: level 1, policy {TERMS.name}, {len(TERMS.rules)} gates judged again as of "
                f"2026-11-20, report digest {digest}"
            ),
        ),
    )


def test_an_honest_fail_is_a_fail(red: Path) -> None:
    assert again(red)[0] == 1


def test_a_gate_that_could_not_look_is_an_error(tmp_path: Path) -> None:
    assert again(make(tmp_path / "p", broken="lint"))[0] == 3


def test_a_doubt_of_the_engine_stays_an_error(tmp_path: Path) -> None:
    assert again(make(tmp_path / "p", doubt="tree-changed: app/main.py"))[0] == 3


def test_waivers_in_force_are_applied_again(tmp_path: Path) -> None:
    assert again(make(tmp_path / "p", TYPE_ERROR, accepted=(WAIVER,)))[0] == 0


@pytest.mark.parametrize(("expires", "code"), [(date(2026, 12, 1), 0), (date(2026, 11, 1), 1)])
def test_an_owner_given_as_an_address_is_redacted_and_holds(tmp_path: Path, expires: date, code: int) -> None:
    named = replace(WAIVER, owner="jane@example.org", expires=expires)
    folder = make(tmp_path / "p", TYPE_ERROR, accepted=(named,))
    text = (folder / "report.json").read_text()
    assert "jane@example.org" not in text
    assert again(folder)[0] == code


def test_an_expired_waiver_is_judged_again(tmp_path: Path) -> None:
    old = replace(WAIVER, expires=date(2026, 11, 1))
    assert again(make(tmp_path / "p", TYPE_ERROR, accepted=(old,)))[0] == 1


def test_a_folder_can_be_moved(green: Path, tmp_path: Path) -> None:
    shutil.copytree(green, tmp_path / "elsewhere")
    assert again(tmp_path / "elsewhere")[0] == 0


def test_a_custom_policy_is_asked_for_and_used(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    text = policy.shipped_text(LEVEL).decode().replace("line_percent: 60", "line_percent: 70")
    file.write_text(text)
    terms = policy.load(LEVEL, GATES, file, today=DAY)
    folder = make(tmp_path / "p", terms=terms)
    assert again(folder, file=file)[0] == 0
    assert again(folder) == (
        4,
        (
            (
                f"policy: judged by {terms.name} {terms.sha256}, here is {TERMS.name} {TERMS.sha256}; "
                "give its file with --policy, or verify with the version that judged"
            ),
            LAST,
        ),
    )


def test_a_weaker_policy_is_a_usage_error(green: Path, tmp_path: Path) -> None:
    file = tmp_path / "weak.yaml"
    text = policy.shipped_text(LEVEL).decode().replace("line_percent: 60", "line_percent: 1")
    file.write_text(text)
    assert again(green, file=file)[0] == 2


def test_a_lower_level_than_demanded(green: Path) -> None:
    assert again(green, level=1)[0] == 0
    assert again(green, level=3) == (4, ("level: level 1 was judged, and level 3 is demanded", LAST))


def test_what_was_handed_out_must_be_the_evidence(tmp_path: Path) -> None:
    folder = make(tmp_path / "p", terms=policy.load(2, GATES, today=DAY))
    assert again(folder)[0] == 0
    (folder / SBOM).write_bytes(b"[]")
    assert again(folder) == (4, (f"{SBOM}: its bytes are not those that the report names", LAST))
    (folder / SBOM).unlink()
    assert again(folder)[1][0].startswith(f"{SBOM}: cannot be read")


def test_a_gate_in_error_handed_nothing_out(tmp_path: Path) -> None:
    folder = make(tmp_path / "p", terms=policy.load(2, GATES, today=DAY), broken="sbom")
    assert again(folder)[0] == 3
    (folder / SBOM).write_bytes(b"{}")
    assert again(folder) == (4, (f"{SBOM}: stands beside the report, which knows nothing of it", LAST))


def test_tampered_evidence(red: Path) -> None:
    path = red / "evidence" / "types" / "observation.json"
    path.write_bytes(path.read_bytes().replace(b'"high"', b'"low"'))
    assert again(red) == (
        4,
        ("evidence/types/observation.json: its bytes are not those that the report names", LAST),
    )


def test_evidence_that_the_report_names_and_that_is_no_observation(green: Path) -> None:
    (green / "evidence" / "lint" / "observation.json").write_bytes(b"{}")

    def change(content: dict[str, object]) -> None:
        # The document is plain JSON, whose shape the test knows.
        gate(content, "lint")["evidence"][0]["sha256"] = hashlib.sha256(b"{}").hexdigest()  # type: ignore[index]

    edit(green, change)
    code, lines = again(green)
    assert code == 4
    assert lines[0].startswith("observation-unreadable: ")


def test_a_long_difference_is_told_and_not_shown(red: Path) -> None:
    def change(content: dict[str, object]) -> None:
        # The document is plain JSON, whose shape the test knows.
        gate(content, "types")["findings"][0]["message"] = "x" * 5000  # type: ignore[index]

    edit(red, change)
    assert again(red) == (4, ("types: findings: not what the evidence yields", LAST))


def test_missing_evidence(red: Path) -> None:
    (red / "evidence" / "types" / "observation.json").unlink()
    assert again(red) == (
        4,
        ("evidence/types/observation.json: cannot be read: No such file or directory", LAST),
    )


def test_an_edited_verdict(red: Path) -> None:
    edit(red, lambda content: content.update(verdict="pass"), seal=False)
    assert again(red) == (
        4,
        (
            "digest: the report was edited after it was written",
            "verdict: is pass in the report, fail by its gates",
            LAST,
        ),
    )


def test_verdicts_edited_with_care(red: Path) -> None:
    def change(content: dict[str, object]) -> None:
        content["verdict"] = "pass"
        gate(content, "types")["verdict"] = "pass"

    edit(red, change)
    assert again(red) == (4, ('types: verdict: "pass" in the report, "fail" by the evidence', LAST))


def test_an_edited_measure(green: Path) -> None:
    # The document is plain JSON, whose shape the test knows.
    edit(green, lambda content: gate(content, "coverage")["measures"].update(line_percent=99.5))  # type: ignore[attr-defined]
    code, lines = again(green)
    assert code == 4
    assert lines[0].startswith("coverage: measures: {")
    assert '"line_percent": 99.5' in lines[0]
    assert "by the evidence" in lines[0]


def test_a_removed_finding(red: Path) -> None:
    edit(red, lambda content: gate(content, "types").update(findings=[]))
    assert again(red) == (4, ("types: findings: 0 in the report, 1 by the evidence", LAST))


def test_a_removed_gate(red: Path) -> None:
    def change(content: dict[str, object]) -> None:
        # The document is plain JSON, whose shape the test knows.
        content["gates"].remove(gate(content, "types"))  # type: ignore[attr-defined]
        content["verdict"] = "pass"

    edit(red, change)
    assert again(red) == (4, ("types: the policy demands this gate, and the report lacks it", LAST))


def test_an_added_gate(green: Path) -> None:
    # The document is plain JSON, whose shape the test knows.
    edit(green, lambda content: content["gates"].append({**gate(content, "lint"), "id": "fortune"}))  # type: ignore[attr-defined]
    code, lines = again(green)
    # A name that nobody knows leads to no policy either.
    assert code == 4
    assert lines[0] == "fortune: the report has this gate, and the policy does not demand it"


def test_a_doubled_gate(green: Path) -> None:
    # The document is plain JSON, whose shape the test knows.
    edit(green, lambda content: content["gates"].append(gate(content, "lint")))  # type: ignore[attr-defined]
    assert again(green) == (4, ("lint: is in the report more than once", LAST))


def test_a_pass_without_observation(tmp_path: Path) -> None:
    folder = make(tmp_path / "p", broken="lint")

    def change(content: dict[str, object]) -> None:
        content["verdict"] = "pass"
        gate(content, "lint").update(verdict="pass")

    edit(folder, change)
    assert again(folder) == (
        4,
        ("lint: verdict is pass without observation.json, so nothing bears it out", LAST),
    )


def test_a_waiver_slipped_in(red: Path) -> None:
    (red / "evidence" / "run" / "waivers.json").write_bytes(waivers.dump((WAIVER,)))
    assert again(red) == (
        4,
        ("evidence/run/waivers.json: its bytes are not those that the report names", LAST),
    )


def test_a_partial_report(green: Path) -> None:
    edit(green, lambda content: content.update(complete=False))
    assert again(green) == (
        4,
        ("complete: the report is partial, so nothing is proven; run all gates of the level", LAST),
    )


def test_a_name_that_leads_out_of_the_folder(green: Path) -> None:
    # The document is plain JSON, whose shape the test knows.
    edit(green, lambda content: gate(content, "lint")["evidence"][0].update(name="../../report.json"))  # type: ignore[index]
    assert again(green) == (4, ("evidence/lint/../../report.json: is no name of a kept file", LAST))


def test_an_edited_level(green: Path) -> None:
    edit(green, lambda content: content.update(level=9))
    assert again(green) == (4, ("level: there is no level 9", LAST))


def test_no_report_at_all(tmp_path: Path) -> None:
    assert again(tmp_path) == (
        4,
        (f"{tmp_path / 'report.json'}: cannot be read: No such file or directory", LAST),
    )


def test_a_report_cut_short(green: Path) -> None:
    path = green / "report.json"
    path.write_bytes(path.read_bytes()[:-40])
    code, lines = again(green)
    assert code == 4
    assert lines[0].startswith(f"{path}: is no failhard-report/1: no JSON: ")
