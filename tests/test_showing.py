"""What the page shows of tree and evidence: the lines around a finding, and never a secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard import showing
from pytest_failhard.model import Evidence, Finding, Report, Result, Severity, Verdict, Waived
from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.report import html
from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.store import Staging, StoreError
from tests.report.samples import GREEN, WAIVER

REDACTOR = Redactor(shipped(), ["correct-horse-battery"])
ADDRESS = "jane" + "@example.org"
KEY = f"-----BEGIN PRIVATE {'KEY'}-----\n{'A' * 64}\n-----END PRIVATE {'KEY'}-----"


def found(path: str, line: int, rule: str = "FH101") -> Finding:
    return Finding(
        rule=rule, name="x", path=path, line=line, severity=Severity.HIGH, message=f"{path} {line}", fix=""
    )


def judged(*findings: Finding, gate: str = "lint", evidence: tuple[Evidence, ...] = ()) -> Result:
    return Result(gate=gate, verdict=Verdict.FAIL, because=("x",), findings=findings, evidence=evidence)


def shown(root: Path, *results: Result) -> Exhibits:
    return showing.gather(
        replace(GREEN, results=results), Staging(root / "staging", REDACTOR), root, REDACTOR
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "app" / "main.py").write_text("".join(f"line {number}\n" for number in range(1, 21)))
    return tree


def test_the_lines_around_each_finding_and_no_others(root: Path) -> None:
    exhibits = shown(
        root, judged(found("app/main.py", 1), found("app/main.py", 10), found("app/main.py", 99))
    )
    assert exhibits.source == {
        "app/main.py": {number: f"line {number}" for number in (1, 2, 3, 8, 9, 10, 11, 12)},
    }
    assert exhibits.left_out == ()


def test_a_finding_without_a_line_has_no_source(root: Path) -> None:
    assert shown(root, judged(found("app/main.py", 0), found("", 3))).source == {}


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "link.py",
        "app",
        "app/missing.py",
        ".env",
        "id_rsa.pem",
        "app/large.py",
        "loop.py",
        "a\0b.py",
        "/etc/hostname.py",
    ],
)
def test_what_is_not_a_file_of_the_tree_to_be_read_is_not_shown(root: Path, path: str) -> None:
    (root.parent / "outside.py").write_text("outside\n" * 9)
    (root / "link.py").symlink_to(root.parent / "outside.py")
    (root / "loop.py").symlink_to(root / "loop.py")
    (root / ".env").write_text("A=1\n" * 9)
    (root / "id_rsa.pem").write_text("A=1\n" * 9)
    (root / "app" / "large.py").write_text("#\n" * showing.MAX_FILE_BYTES)
    assert shown(root, judged(found(path, 3))).source == {path: {}}


def test_a_link_within_the_tree_is_followed(root: Path) -> None:
    (root / "again.py").symlink_to("app/main.py")
    assert shown(root, judged(found("again.py", 1))).source["again.py"][1] == "line 1"


def test_a_file_that_cannot_be_read_is_named(root: Path) -> None:
    name = f"{'a' * 300}.py"
    exhibits = shown(root, judged(found(name, 1)))
    assert exhibits.source == {name: {}}
    assert exhibits.left_out == (f"source of {name}: File name too long",)


def test_secrets_are_taken_out_of_the_source(root: Path) -> None:
    (root / "a.py").write_text(f"one\nask('{ADDRESS}')\nlogin('correct-horse-battery')\n")
    source = shown(root, judged(found("a.py", 2))).source["a.py"]
    assert source[2] == "ask('[redacted:email-address]')"
    assert source[3] == "login('[redacted:secret-value]')"


def test_a_file_with_a_secret_over_several_lines_is_left_out(root: Path) -> None:
    (root / "a.py").write_text(f'one = """\n{KEY}\n"""\ntwo = 2\n')
    exhibits = shown(root, judged(found("a.py", 6)))
    assert exhibits.source == {"a.py": {}}
    assert exhibits.left_out == ("source of a.py: a secret over several lines stands in it",)


@pytest.mark.parametrize(
    "secret",
    [
        judged(found("app/main.py", 4, "secret-keyword"), gate="secrets"),
        judged(found("app/main.py", 4, "FH002/literal"), gate="fallbacks"),
        judged(found("app/main.py", 4, "B105"), gate="security"),
        replace(judged(gate="secrets"), waived=(Waived(finding=found("app/main.py", 4), waiver=WAIVER),)),
    ],
)
def test_a_line_in_which_a_secret_was_found_is_not_shown_by_any_gate(root: Path, secret: Result) -> None:
    source = shown(root, judged(found("app/main.py", 3)), secret).source["app/main.py"]
    assert source[3] == "line 3"
    assert source[4] == showing.HIDDEN


def test_of_very_many_files_the_first_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "MAX_FILES", 1)
    exhibits = shown(root, judged(found("app/main.py", 1), found("b.py", 1), found("c.py", 1)))
    assert [*exhibits.source] == ["app/main.py"]
    assert exhibits.left_out == ("source of 2 files: 1 are read",)


# ---- evidence


def kept(root: Path, files: Mapping[str, bytes], gate: str = "coverage") -> Report:
    folder = root / "staging" / gate
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    evidence = tuple(
        Evidence(name=name, sha256=hashlib.sha256(data).hexdigest(), media_type="application/json")
        for name, data in files.items()
    )
    return replace(GREEN, results=(judged(gate=gate, evidence=evidence),))


def gathered(report: Report, root: Path) -> Exhibits:
    return showing.gather(report, Staging(root / "staging", REDACTOR), root, REDACTOR)


def test_evidence_that_is_drawn_is_read_and_no_other(root: Path) -> None:
    report = kept(root, {"coverage.json": b"{}", "observation.json": b"{}"})
    assert gathered(report, root).evidence == {("coverage", "coverage.json"): b"{}"}


def test_contacts_of_an_sbom_do_not_reach_the_page(root: Path) -> None:
    data = f'{{"components": [{{"name": "a", "supplier": {{"name": "{ADDRESS}"}}}}]}}'.encode()
    exhibits = gathered(kept(root, {"sbom.cdx.json": data}, "sbom"), root)
    page = html.render(GREEN, exhibits)
    assert REDACTOR.scan(page) == ()
    assert b"[redacted:email-address]" in page


def test_evidence_that_is_too_large_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "MAX_EVIDENCE_BYTES", 2 << 20)
    exhibits = gathered(kept(root, {"coverage.json": b" " * (2 << 20) + b"{}"}), root)
    assert exhibits.evidence == {}
    assert exhibits.left_out == ("evidence/coverage/coverage.json: larger than 2 MiB",)


def test_evidence_that_was_changed_is_not_shown(root: Path) -> None:
    report = kept(root, {"coverage.json": b"{}"})
    (root / "staging" / "coverage" / "coverage.json").write_bytes(b"[]")
    with pytest.raises(StoreError, match="evidence-changed"):
        gathered(report, root)
