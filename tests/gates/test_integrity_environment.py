"""What the gate `integrity` sees beside the source: the tools' own files, and waivers that come with a change."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard.baseline import Baseline, dump
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.model import BASELINE_FILE, Finding, Frozen, Severity
from tests.gates.test_integrity import CLEAN, FixedBase
from tests.support import gate_run, observe, write

CODE = "x = 1\n"


def hashed(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def site(folder: Path, name: str, files: dict[str, str], record: str | None = None) -> Path:
    """Install a distribution: `record` stands in place of what its files give."""
    info = f"{name}-1.0.dist-info"
    lines = "".join(f"{path},sha256={hashed(text)},{len(text)}\n" for path, text in files.items())
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    return write(
        folder, {**files, f"{info}/METADATA": metadata, f"{info}/RECORD": lines if record is None else record}
    )


def look(tmp_path: Path, packages: Path) -> list[tuple[str, str, Severity]]:
    root = write(tmp_path / "p", {"app/a.py": CLEAN})
    gate = IntegrityGate()
    run = gate_run(root, gate, packages=(str(packages), str(tmp_path / "absent")))
    return [(each.rule, each.path, each.severity) for each in observe(run, gate).findings]


def test_a_tool_as_it_was_installed(tmp_path: Path) -> None:
    packages = site(
        tmp_path / "site",
        "Bandit",
        {"bandit/a.py": CODE, "bandit/__pycache__/a.pyc": "", "../bin/bandit": CODE},
    )
    write(packages, {"bandit/__pycache__/a.pyc": "other", "../bin/bandit": "other", "bandit/new.py": CODE})
    assert look(tmp_path, packages) == []


def test_a_tool_that_was_changed(tmp_path: Path) -> None:
    packages = site(
        tmp_path / "site", "Bandit", {"bandit/a.py": CODE, "bandit/b.py": CODE, "bandit/c.py": CODE}
    )
    write(packages, {"bandit/a.py": CODE + "y = 2\n"})
    (packages / "bandit/b.py").unlink()
    assert look(tmp_path, packages) == [
        ("modified-tool", "bandit/a.py", Severity.HIGH),
        ("modified-tool", "bandit/b.py", Severity.HIGH),
    ]


def test_what_is_installed_twice_is_said_once_and_read_anew_after_an_installation(tmp_path: Path) -> None:
    packages = site(tmp_path / "site", "ruff", {"ruff/a.py": CODE}, record="ruff/a.py,sha256=AAAA,1\n")
    assert look(tmp_path, packages) == [("modified-tool", "ruff/a.py", Severity.HIGH)]
    write(packages, {"ruff-1.0.dist-info/RECORD": "ruff/a.py,,\n", "more.txt": ""})
    (packages / "later").mkdir()
    # Whoever takes the hashes away does not make the change disappear.
    assert look(tmp_path / "2", packages) == [("unproven-tool", "ruff", Severity.MEDIUM)]


@pytest.mark.parametrize("name", ["shop", "requests"])
def test_other_distributions_are_left_to_their_gate(tmp_path: Path, name: str) -> None:
    packages = site(tmp_path / "site", name, {f"{name}/a.py": CODE}, record=f"{name}/a.py,sha256=AAAA,1\n")
    assert look(tmp_path, packages) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import evil\n", 1),
        ("import\tevil\n", 1),
        ("/opt/lib\nimport a; import b\nimport c\n", 1),
        ("/opt/lib\n# import x\n", 0),
        ("import _virtualenv\n", 0),
        ("important\n", 0),
    ],
)
def test_code_at_every_start(tmp_path: Path, text: str, found: int) -> None:
    packages = write(tmp_path / "site", {"start.pth": text})
    assert look(tmp_path, packages) == [("start-up-line", "start.pth", Severity.MEDIUM)] * found


def test_code_at_every_start_that_a_package_brought(tmp_path: Path) -> None:
    packages = site(tmp_path / "site", "shop", {"shop.pth": "import shop\n", "shop/a.py": CODE})
    assert look(tmp_path / "1", packages) == []
    write(packages, {"shop.pth": "import shop, evil\n"})
    (packages / "later").mkdir()
    assert look(tmp_path / "2", packages) == [("start-up-line", "shop.pth", Severity.MEDIUM)]


WAIVER = """\
schema: failhard-waivers/1
waivers:
  - gate: lint
    rule: F401
    path: app/a.py
    fingerprint: "0123456789abcdef"
"""


def waived(
    tmp_path: Path, before: bytes | None, changed: str, level: int, now: str = WAIVER
) -> list[Finding]:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "failhard-waivers.yaml": now})
    gate = IntegrityGate()
    files = {} if before is None else {"failhard-waivers.yaml": before}
    base = FixedBase(files=files, changed={changed: frozenset({1})})
    run = gate_run(root, gate, base=base, level=level)
    return [each for each in observe(run, gate).findings if each.rule == "added-waiver"]


@pytest.mark.parametrize("before", [None, b"", b"a: [", b"- x\n", b"waivers: 3\n", b"waivers: [x]\n"])
@pytest.mark.parametrize("level", [3, 4])
def test_a_waiver_that_comes_with_its_change(tmp_path: Path, before: bytes | None, level: int) -> None:
    found = waived(tmp_path, before, "app/a.py", level)
    assert [(each.path, each.severity) for each in found] == [("failhard-waivers.yaml", Severity.MEDIUM)]
    assert "app/a.py" in found[0].message


@pytest.mark.parametrize(
    ("before", "changed", "level"),
    [(None, "app/a.py", 2), (None, "app/b.py", 3), (WAIVER.encode(), "app/a.py", 3)],
    ids=["level 2", "another file", "was there"],
)
def test_a_waiver_of_its_own(tmp_path: Path, before: bytes | None, changed: str, level: int) -> None:
    assert waived(tmp_path, before, changed, level) == []


NOTED = Frozen(
    gate="lint",
    rule="F401",
    path="app/a.py",
    fingerprint="0123456789abcdef",
    reason="from the start",
    owner="ana",
    date=date(2026, 1, 2),
)
FLOOR = replace(NOTED, gate="coverage", rule="line_percent", path="", value=40)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (None, ["coverage (1): line_percent", "lint (1): F401 app/a.py"]),
        (dump(Baseline(frozen=(NOTED,))), ["coverage (1): line_percent"]),
        (
            dump(Baseline(frozen=(NOTED, replace(FLOOR, value=41)))),
            ["coverage (1): line_percent"],
        ),
        (dump(Baseline(frozen=(NOTED, replace(FLOOR, value=39)))), []),
    ],
    ids=["no file", "added", "lowered", "raised"],
)
def test_what_a_change_adds_to_the_baseline_is_named(
    tmp_path: Path, before: bytes | None, said: list[str]
) -> None:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, BASELINE_FILE: dump(Baseline(frozen=(NOTED, FLOOR)))})
    base = FixedBase(files={} if before is None else {BASELINE_FILE: before}, changed={})
    gate = IntegrityGate()
    found = [
        each
        for each in observe(gate_run(root, gate, base=base, level=1), gate).findings
        if each.rule == "grown-baseline"
    ]
    assert [each.message for each in found] == [
        f"the change adds or loosens frozen findings of {each}" for each in said
    ]
    assert {each.severity for each in found} <= {Severity.MEDIUM}
