"""What the gate `integrity` sees, counts and refuses to pass over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_failhard.gates.integrity import IntegrityGate, IntegritySettings
from pytest_failhard.model import GateError, Observation, Severity
from tests.support import gate_run, observe, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
NOQA = "def f(x):\n    return x == None  # noqa\n"


@dataclass
class FixedBase:
    """A merge base in memory: its files, and the lines that the tree has beside them."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    changed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    commit: str = "1" * 40
    chosen: str = "for this test"

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file at the base."""
        return self.files.get(path)

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        """Return the lines of the tree that the base lacks."""
        return self.changed


def look(
    tmp_path: Path,
    files: Mapping[str, str | bytes],
    *,
    settings: IntegritySettings | None = None,
    base: FixedBase | None = None,
    level: int = 1,
    tests: tuple[str, ...] = (),
) -> Observation:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, **files})
    gate = IntegrityGate()
    return observe(gate_run(root, gate, settings=settings, base=base, level=level, tests=tests), gate)


def test_a_clean_project(tmp_path: Path) -> None:
    observation = look(tmp_path, {"tests/test_a.py": "def test_a():\n    assert True\n"})
    assert (observation.examined, observation.findings) == (2, ())
    assert observation.measures["files"] == 2
    zero = {name: value for name, value in observation.measures.items() if name != "files"}
    assert set(zero.values()) == {0}
    assert {"suppressions", "suppressions_mypy", "coverage_exclusions", "excluded_files"} <= set(zero)


def test_suppressions_are_counted_by_kind_wherever_they_are(tmp_path: Path) -> None:
    observation = look(
        tmp_path,
        {
            "app/b.py": NOQA + "import os  # nosec B404 the module is used for constants alone\n",
            "app/c.pyi": "def g(x): ...  # type: ignore\n",
            "scripts/d.py": "if x:  # pragma: no cover\n    pass\n",
            "tests/test_a.py": "import pytest\n\n\n@pytest.mark.skip\ndef test_a(): ...\n",
        },
    )
    measures = observation.measures
    assert (measures["files"], observation.examined) == (5, 5)
    assert {name: value for name, value in measures.items() if name.startswith("suppressions") and value} == {
        "suppressions": 5,
        "suppressions_ruff": 1,
        "suppressions_bandit": 1,
        "suppressions_mypy": 1,
        "suppressions_coverage": 1,
        "suppressions_pytest": 1,
        "suppressions_blanket": 2,
        "suppressions_reasonless": 4,
    }
    assert measures["coverage_exclusions"] == 1
    assert (measures["unlisted"], observation.findings) == (3, ())


def test_severities_are_the_settings(tmp_path: Path) -> None:
    settings = IntegritySettings(severity={"blanket-suppression": "high", "FH702": "low"})
    observation = look(
        tmp_path, {"app/b.py": NOQA, "app/c.pyi": "x = 1  # noqa: E501\ny = 2  # noqa\n"}, settings=settings
    )
    assert [(each.rule, each.path, each.line, each.severity) for each in observation.findings] == [
        ("FH701", "app/b.py", 2, Severity.HIGH),
        ("FH701", "app/c.pyi", 2, Severity.HIGH),
        ("FH702", "app/c.pyi", 1, Severity.LOW),
    ]


def test_a_file_that_cannot_be_read_is_an_error_and_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^unreadable-source: app/b.py: syntax-error.*; tools/c.py: undec"):
        look(tmp_path, {"app/b.py": "def f(:\n", "tools/c.py": b"x = '\xff'\n"})
    with pytest.raises(GateError, match=r"unreadable-source: app/d\.pyi: its comments"):
        look(tmp_path / "2", {"app/d.pyi": b"# noqa \xff\n"})


def test_the_settings_of_another_gate_are_refused(tmp_path: Path) -> None:
    from pytest_failhard.gates.lint import LintSettings

    root = write(tmp_path / "p", {"app/a.py": CLEAN})
    gate = IntegrityGate()
    with pytest.raises(GateError, match="not IntegritySettings"):
        gate.observe(gate_run(root, gate, settings=LintSettings()))


def test_what_needs_the_merge_base_is_absent_without_one(tmp_path: Path) -> None:
    assert not {"suppressions_added", "changed_together"} & set(look(tmp_path, {}).measures)


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (None, 2),
        (b"", 2),
        (b"def f(:\n", 2),
        (b"x = 1  # noqa\n", 1),
        (b"\n\ny = 0  # noqa\nx = 1  # noqa: E501\n", 0),
    ],
    ids=["new file", "no suppression", "no Python", "one of two", "moved"],
)
def test_what_a_change_adds(tmp_path: Path, before: bytes | None, added: int) -> None:
    files = {"app/b.py": b"x = 1  # noqa\ny = 2  # noqa: E501\nfrom typing import Any\nz: Any = 1\n"}
    base = FixedBase(
        files={} if before is None else {"app/b.py": before},
        changed={"app/b.py": frozenset({1}), "app/a.py": frozenset({1})},
    )
    measures = look(tmp_path, files, base=base).measures
    assert measures["suppressions_added"] == added


@pytest.mark.parametrize(
    ("changed", "together"),
    [((), 0), (("tests/test_a.py",), 0), (("app/a.py",), 0), (("app/a.py", "tests/test_a.py"), 1)],
)
def test_tests_that_change_with_the_product_are_counted(
    tmp_path: Path, changed: tuple[str, ...], together: int
) -> None:
    base = FixedBase(changed={path: frozenset({1}) for path in changed})
    measures = look(tmp_path, {"tests/test_a.py": "def test_a(): ...\n"}, base=base).measures
    assert measures["changed_together"] == together


def test_a_project_among_the_examples_is_named_and_left_out(tmp_path: Path) -> None:
    files = {
        "examples/shop/pyproject.toml": "[project]\nname = 'shop'\n",
        "examples/shop/shop.py": "def f(:\n",
        "examples/shop/shop.pyi": "x = 1  # noqa\n",
    }
    observation = look(tmp_path, files)
    assert [(each.rule, each.path, each.severity) for each in observation.findings] == [
        ("nested-project", "examples/shop", Severity.LOW)
    ]
    assert (observation.measures["excluded_files"], observation.measures["files"]) == (1, 1)
