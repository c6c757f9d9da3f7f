"""`failhard migrate`, and what reads a report of an earlier schema as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.cli import migrate
from pytest_failhard.cli.compare import side
from pytest_failhard.report import document
from tests.cli.test_verify import DAY, TYPE_ERROR, again, make
from tests.report.test_migration import FIRST_REPORT
from tests.support import GATES


def ran(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        migrate.command.main([*map(str, arguments)])
    said = capsys.readouterr()
    return (ended.value.code, said.out + said.err)


def aged(folder: Path) -> bytes:
    """Write a report folder's report as one of the first days, with a field of somebody's own."""
    path = folder / "report.json"
    content = json.loads(path.read_bytes())
    del content["volatile"]["evidence"], content["volatile"]["migrated"]
    for gate in content["gates"]:
        del gate["controls"]
    content = {"x-job": "nightly", **content}
    content["digest"] = document.digest_of(content)
    path.write_bytes(document.dumped(content))
    return path.read_bytes()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("old"), TYPE_ERROR)
    aged(folder)
    return folder


def test_an_old_report_is_verified_and_compared_as_it_is(old: Path, tmp_path: Path) -> None:
    code, lines = again(old)
    assert (code, json.loads((old / "report.json").read_bytes())["digest"] in lines[0]) == (1, True)
    assert side(old, policy_file=None, gates=GATES).document.verdict == "fail"

    spoilt = make(tmp_path / "spoilt", TYPE_ERROR)
    data = aged(spoilt)
    (spoilt / "report.json").write_bytes(data.replace(b'"nightly"', b'"daily"'))
    assert again(spoilt)[1][0] == "digest: the report was edited after it was written"


def test_a_report_is_written_anew_and_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = make(tmp_path / "p", TYPE_ERROR)
    data = aged(folder)
    assert ran(capsys, folder) == (
        0,
        f"failhard: {folder / 'report.json'}: failhard-report/0 -> failhard-report/1\n",
    )
    written = (folder / "report.json").read_bytes()
    assert written != data
    assert document.load(written).volatile.migrated[0].kept[0].value == "nightly"
    assert again(folder)[0] == 1
    assert ran(capsys, folder)[1].endswith("is failhard-report/1 already\n")
    assert ran(capsys, folder, "--back")[0] == 0
    assert (folder / "report.json").read_bytes() == data
    assert ran(capsys, folder, "--back")[1].endswith("was never migrated\n")


def test_a_copy_leaves_the_report_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    into = tmp_path / "new.json"
    assert ran(capsys, FIRST_REPORT, "--into", into)[0] == 0
    assert document.load(into.read_bytes()).volatile.migrated[0].form == "failhard-report/1"


def test_a_report_that_statements_name_is_not_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = make(tmp_path / "p", terms=policy.load(2, GATES, today=DAY))
    data = aged(folder)
    code, said = ran(capsys, folder)
    assert (code, (folder / "report.json").read_bytes()) == (2, data)
    assert "provenance.intoto.jsonl beside it names its bytes" in said
    assert ran(capsys, folder, "--into", tmp_path / "new.json")[0] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema": "failhard-report/2"}', "newer than failhard-report/1: update pytest-failhard"),
        ("{}", "and no failhard-report"),
        ('{"schema": "failhard-report/1", "volatile": {"evidence": {}}}', "verdict: Field required"),
    ],
)
def test_what_cannot_be_migrated_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    code, said = ran(capsys, path)
    assert (code, path.read_text()) == (2, text)
    assert says in said


def test_a_folder_without_a_report_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = ran(capsys, tmp_path)
    assert (code, "report.json: cannot be read: No such file" in said) == (2, True)
