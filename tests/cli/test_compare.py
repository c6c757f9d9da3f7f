"""Two reports are compared only where both hold, and by what they measured, not by what they say."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.cli import compare
from pytest_failhard.cli.compare import RefusedError, readiness, side
from pytest_failhard.report.comparison import Side, compared, text, to_json
from tests.cli.test_verify import TYPE_ERROR, WAIVER, edit, gate, make
from tests.support import GATES

REMEDY = compare.REMEDY


def read(folder: Path) -> Side:
    return side(folder, policy_file=None, gates=GATES)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        compare.command.main(arguments)
    return (ended.value.code, *capsys.readouterr())


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("red"), TYPE_ERROR)


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("green"))


def test_a_finding_that_is_gone_is_named(red: Path, green: Path) -> None:
    lines = list(text(compared(read(red), read(green))))

    assert lines[0].startswith("before  fail, level 1, shop 1, no commit")
    assert "types: fail -> pass" in lines
    assert f"  - high arg-type {TYPE_ERROR.fingerprint} app/main.py:3: a str where an int is meant" in lines
    assert [line for line in lines if "1 gone" in line] == ["  findings: 0 new, 1 gone, 0 kept"]
    assert "  line_percent: 60, unchanged" in lines


def test_a_finding_that_is_new_and_one_that_stays(red: Path, green: Path) -> None:
    worse = {each.id: each for each in compared(read(green), read(red)).gates}["types"]
    same = {each.id: each for each in compared(read(red), read(red)).gates}["types"]

    assert [each.fingerprint for each in worse.new] == [TYPE_ERROR.fingerprint]
    assert ([*same.new, *same.gone], [each.rule for each in same.kept]) == ([], ["arg-type"])


def test_a_finding_that_was_waived_is_kept(red: Path, tmp_path: Path) -> None:
    accepted = make(tmp_path / "waived", TYPE_ERROR, accepted=(WAIVER,))
    found = {each.id: each for each in compared(read(red), read(accepted)).gates}["types"]

    assert (found.after, len(found.kept), found.gone) == ("pass", 1, ())


def test_measures_are_compared_exactly(green: Path) -> None:
    before = read(green)
    after = Side(
        document=before.document,
        measures={**before.measures, "coverage": {"line_percent": Fraction(601, 10)}},
        score="27/30 (90.0 %)",
    )
    found = compared(before, after)
    gates = json.loads(json.dumps(to_json(found)))["gates"]
    written = next(each["measures"] for each in gates if each["id"] == "coverage")

    assert "  line_percent: 60 -> 60.10 (+0.10)" in list(text(found))
    assert "  line_percent: 60.10 -> 60 (-0.10)" in list(text(compared(after, before)))
    assert written["line_percent"] == {"before": "60/1", "after": "601/10", "difference": "1/10"}
    assert "readiness score: - -> 27/30 (90.0 %)" in list(text(found))


def test_a_gate_that_one_report_lacks_is_shown_as_missing(red: Path, green: Path, tmp_path: Path) -> None:
    broken = read(make(tmp_path / "broken", broken="types"))
    lines = list(text(compared(read(green), broken)))

    assert "types: pass -> error" in lines


def _card(folder: Path, content: str) -> Path:
    place = folder / "evidence" / "system" / "scorecard.json"
    place.parent.mkdir(parents=True)
    place.write_text(content)
    return folder


def test_the_score_has_the_counts_of_its_card(tmp_path: Path) -> None:
    folder = _card(tmp_path, '{"passed": 27, "applicable": 30}')

    assert readiness(folder, Fraction(9, 10)) == "27/30 (90.0 %)"
    assert readiness(folder, None) == ""


@pytest.mark.parametrize(
    "content", ['{"passed": 28, "applicable": 30}', '{"passed": 0, "applicable": 0}', "[]", "no", "{}"]
)
def test_a_card_that_says_something_else_cannot_enter(tmp_path: Path, content: str) -> None:
    with pytest.raises(RefusedError, match=r"scorecard\.json"):
        readiness(_card(tmp_path, content), Fraction(9, 10))


@pytest.mark.parametrize("form", ["text", "json"])
def test_command_prints_the_comparison(
    capsys: pytest.CaptureFixture[str], red: Path, green: Path, form: str
) -> None:
    code, said, errors = ran(capsys, str(red / "report.json"), str(green), "--format", form)

    assert (code, errors) == (0, "")
    assert ("types: fail -> pass" in said) == (form == "text")
    if form == "json":
        written = json.loads(said)
        assert written["schema"] == "failhard-comparison/1"
        assert written["before"]["digest"] == json.loads((red / "report.json").read_bytes())["digest"]


def _edited(folder: Path) -> None:
    edit(folder, lambda content: gate(content, "types").update(verdict="pass"), seal=False)


def _partial(folder: Path) -> None:
    edit(folder, lambda content: content.update(complete=False))


def _another_schema(folder: Path) -> None:
    edit(folder, lambda content: content.update(schema="failhard-report/2"), seal=False)


def _another_policy(folder: Path) -> None:
    edit(folder, lambda content: content.update(policy={"name": "ours", "sha256": "0" * 64}))


def _literal(folder: Path) -> None:
    (folder / "report.json").write_text('{"before_score": 4, "of": 15}')


def _without_evidence(folder: Path) -> None:
    (folder / "evidence" / "types" / "observation.json").unlink()


def _figure(folder: Path) -> None:
    kept = folder / "evidence" / "coverage" / "observation.json"
    kept.write_text(kept.read_text().replace("60/1", "99/1"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_edited, "digest: the report was edited"),
        (_partial, "complete: the report is partial"),
        (_another_schema, "is no failhard-report/1"),
        (_another_policy, "policy: judged by ours"),
        (_literal, "is no failhard-report/1"),
        (_without_evidence, "cannot be read"),
        (_figure, "its bytes are not those"),
    ],
)
def test_what_does_not_hold_cannot_enter(
    capsys: pytest.CaptureFixture[str], green: Path, tmp_path: Path, spoil: object, says: str
) -> None:
    folder = make(tmp_path / "spoilt", TYPE_ERROR)
    assert callable(spoil)
    spoil(folder)
    code, said, errors = ran(capsys, str(folder), str(green))

    assert (code, said) == (2, "")
    assert says in errors
    assert REMEDY in errors


def test_a_file_of_another_name_cannot_enter(
    capsys: pytest.CaptureFixture[str], green: Path, tmp_path: Path
) -> None:
    (tmp_path / "A.json").write_bytes((green / "report.json").read_bytes())

    assert "A.json: is no report.json" in ran(capsys, str(tmp_path / "A.json"), str(green))[2]


def test_a_policy_that_cannot_be_read_is_said(
    capsys: pytest.CaptureFixture[str], green: Path, tmp_path: Path
) -> None:
    (tmp_path / "ours.yaml").write_text("level: 1\n")

    code, _, errors = ran(capsys, str(green), str(green), "--policy", str(tmp_path / "ours.yaml"))
    assert code == 2
    assert "ours.yaml" in errors
