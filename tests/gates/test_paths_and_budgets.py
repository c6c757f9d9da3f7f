"""What a project may say of its own paths, and how many suppressions it may have: counted, printed, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.config import ConfigError, merge_settings
from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import Gate, GateError, Observation, Option, Settings, Severity
from tests.gates.test_integrity import CLEAN, at_level
from tests.support import GATES, TODAY, gate_run, observe, write

FLAG = "import sys\nTESTED = 'pytest' in sys.modules\n"
WAIT = "import requests\n\n\ndef get(url):\n    return requests.get(url)\n"
FALLBACKS = {"missing-timeout": "medium", "named-fallback": "high"}


def look(tmp_path: Path, files: Mapping[str, str], settings: Settings, gate: Gate) -> Observation:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "tests/test_a.py": CLEAN, **files})
    return observe(gate_run(root, gate, settings=settings, tests=("tests",)), gate)


def integrity(tmp_path: Path, files: Mapping[str, str], settings: IntegritySettings) -> Observation:
    return look(tmp_path, files, settings, IntegrityGate())


def told(observation: Observation) -> list[tuple[str, str, Severity]]:
    return [(each.rule, each.path, each.severity) for each in observation.findings]


NAMED = {"test-detection": "high", "unresolved-import": "high", "blanket-suppression": "high"}
GENERATED = {
    "app/gen/b.py": FLAG + "from json import gone\nx = 1  # noqa\n",
    "app/gen/c.pyi": "x: int  # type: ignore\n",
    "app/gen/old.py": "print 1\n",
}


def test_what_is_excluded_is_not_judged_counted_and_printed(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"app/gen/old\.py"):
        integrity(tmp_path / "1", GENERATED, IntegritySettings(severity=NAMED))
    settings = IntegritySettings(severity=NAMED, exclude=("app/gen/**",))
    observation = integrity(tmp_path / "2", GENERATED, settings)
    assert told(observation) == [("paths-exclude", "pyproject.toml", Severity.LOW)]
    assert "2 files are not judged: app/gen/**" in observation.findings[0].message
    measures = observation.measures
    assert (observation.examined, measures["excluded_files"], measures["suppressions"]) == (2, 2, 0)


@pytest.mark.parametrize("glob", ["app/gen", "app/gen/", "./app/gen", "**/gen", "**/gen/**", "app/gen/*.py"])
def test_a_glob_means_a_folder_wherever_it_says_so(tmp_path: Path, glob: str) -> None:
    settings = IntegritySettings(severity=NAMED, exclude=(glob,))
    assert integrity(tmp_path, {"app/gen/b.py": FLAG}, settings).measures["excluded_files"] == 1


def test_what_changes_the_outcome_of_other_checks_is_never_excluded(tmp_path: Path) -> None:
    files = {
        "ruff.py": "x = 1\n",
        "tests/conftest.py": "import time\ntime.time = lambda: 0.0\n",
        "pytest.ini": "[pytest]\naddopts = -x\n",
    }
    names = ("patched-checker", "weakened-config")
    settings = IntegritySettings(severity=dict.fromkeys(names, "high"), exclude=("*",))
    found = [each for each in told(integrity(tmp_path, files, settings)) if each[2] is Severity.HIGH]
    assert [(rule, path) for rule, path, _ in found] == [
        ("FH707", "pytest.ini"),
        ("FH709", "tests/conftest.py"),
        ("FH709/shadowed-tool", "ruff.py"),
    ]


def test_an_entry_that_means_nothing_is_a_finding(tmp_path: Path) -> None:
    settings = IntegritySettings(exclude=("gone/**",), roles={"nowhere/*": "script"})
    assert told(integrity(tmp_path, {}, settings)) == [
        ("unmatched-option", "pyproject.toml", Severity.MEDIUM),
        ("unmatched-option", "pyproject.toml", Severity.MEDIUM),
    ]


def test_a_product_that_is_excluded_as_a_whole_was_not_judged(tmp_path: Path) -> None:
    settings = FallbacksSettings(severity=FALLBACKS, exclude=("app",))
    observation = look(tmp_path, {"app/b.py": WAIT}, settings, FallbacksGate())
    assert (observation.examined, observation.measures["excluded_files"]) == (0, 2)


def test_a_role_moves_files_and_product_code_keeps_what_it_imports(tmp_path: Path) -> None:
    files = {"app/ops/run.py": WAIT, "app/ops/used.py": WAIT, "app/c.py": "from app.ops.used import get\n"}
    plain = look(tmp_path / "1", files, FallbacksSettings(severity=FALLBACKS), FallbacksGate())
    assert [each.path for each in plain.findings] == ["app/ops/run.py", "app/ops/used.py"]
    settings = FallbacksSettings(severity=FALLBACKS, roles={"app/ops/*": "script"})
    observation = look(tmp_path / "2", files, settings, FallbacksGate())
    assert [(each.rule, each.path) for each in observation.findings] == [
        ("FH401/http", "app/ops/used.py"),
        ("paths-roles", "pyproject.toml"),
    ]
    assert "2 files have the role script: app/ops/*; 1 of them keep theirs" in observation.findings[1].message
    assert observation.measures["files"] == 3


def test_a_role_makes_files_product(tmp_path: Path) -> None:
    files = {"examples/shop.py": WAIT, "examples/notes.py": WAIT}
    settings = FallbacksSettings(
        severity=FALLBACKS, roles={"examples/shop.py": "product", "examples/*": "example"}
    )
    observation = look(tmp_path, files, settings, FallbacksGate())
    assert [each.path for each in observation.findings if each.rule.startswith("FH")] == ["examples/shop.py"]


def merged(table: Mapping[str, Option], level: int = 1) -> IntegritySettings:
    rule = next(each for each in policy.load(level, GATES, today=TODAY).rules if each.gate == "integrity")
    return merge_settings("integrity", IntegritySettings, rule, table)


def test_a_role_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="roles"):
        merged({"roles": {"app/*": "main"}})


SUPPRESSED = {
    "app/b.py": "import os  # noqa: F401 kept for its users, see #1\nx = 1  # noqa\ny = 2  # noqa\n",
    "app/c.py": "z = eval('1')  # nosec B307 a constant of our own\n",
}


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({}, []),
        ({"ruff": 3, "bandit": 1, "mypy": 0}, []),
        ({"ruff": 2}, ["3 suppressions of ruff, 2 are admitted"]),
        (
            {"ruff/F401": 0, "ruff/blanket": 2, "bandit/B307": 1},
            ["1 suppressions of ruff/F401, 0 are admitted"],
        ),
        (
            {"bandit": 0, "ruff/blanket": 1},
            ["1 suppressions of bandit, 0", "2 suppressions of ruff/blanket, 1"],
        ),
    ],
    ids=["none", "kept", "kind", "rule", "two"],
)
def test_a_budget_of_one_kind_pays_for_no_other(
    tmp_path: Path, budget: dict[str, int], said: list[str]
) -> None:
    observation = integrity(tmp_path, SUPPRESSED, IntegritySettings(suppression_budget=budget))
    over = [each for each in observation.findings if each.rule == "suppression-budget"]
    assert all(each.severity is Severity.HIGH for each in over)
    assert len(over) == len(said)
    assert all(
        text in each.message
        for text, each in zip(said, sorted(over, key=lambda one: one.message), strict=True)
    )


def test_a_project_tightens_a_budget_and_names_kinds_that_exist() -> None:
    assert at_level(4).suppression_budget == {}
    assert merged({"suppression_budget": {"ruff/F401": 2}}, 4).suppression_budget == {"ruff/F401": 2}
    for wrong, said in (
        ({"rufff": 2}, "rufff: no kind of suppression"),
        ({"ruff": -1}, "whole numbers that are not negative"),
        ({"ruff": True}, "whole numbers that are not negative"),
    ):
        with pytest.raises(ConfigError, match=said):
            merged({"suppression_budget": dict(wrong)})
