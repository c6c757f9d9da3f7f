"""A gate that knows files of an earlier run says what it says without, and looks at what is not the same."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.gates.lint import LintGate
from pytest_failhard.gates.secrets import SecretsGate
from pytest_failhard.gates.security import SecurityGate
from pytest_failhard.model import Evidence, Gate, Memory, Observation, Settings
from pytest_failhard.rules.catalogue import every
from tests.support import Kept, gate_run, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
EVAL = CLEAN.replace("2 * number", "eval('22')")
SHELL = "import subprocess\n\n\ndef run(text: str) -> None:\n    subprocess.call(text, shell=True)\n"
SWALLOWED = "def price() -> int:\n    try:\n        return ask()\n    except Exception:\n        return 1\n"
TOKEN = "TOKEN = '" + "AKIA" + "Q7ZLM2XWT4RBV6KD" + "'\n"
HIDDEN = f"{CLEAN}\nLEFT = double(2)  # nosec # noqa: E501 # pragma: allowlist secret\n"
PROJECT: Mapping[str, str] = {
    "app/a.py": CLEAN,
    "app/b.py": HIDDEN,
    "app/c.py": SHELL + SWALLOWED + TOKEN,
    "app/empty.py": "",
    "tests/test_a.py": "def test_a():\n    assert 1 == 1  # noqa: PLR0133\n",
}
MENDED = {"app/c.py": CLEAN}
CHANGED = {
    # Neither size nor time tells.
    "app/a.py": EVAL,
    "app/b.py": None,
    "app/moved.py": HIDDEN,
    **MENDED,
}
LATER = (1_000_000_000, 1_000_000_000)


@dataclass
class Files(Kept):
    """Evidence in memory, and what of it is the same in two runs."""

    equal: list[Evidence] = field(default_factory=list)

    def __call__(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> Evidence:
        kept = super().__call__(name, data, volatile=volatile, has_contacts=has_contacts)
        self.equal += [] if volatile else [kept]
        return kept


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a gate saw, what it kept, and what it left."""

    observation: Observation
    kept: Files
    left: bytes

    @property
    def told(self) -> object:
        """All that a report rests on."""
        return self.observation, self.kept.equal

    @property
    def found(self) -> set[str]:
        return {each.path for each in self.observation.findings}


@dataclass
class Trees:
    """A project again and again, in a root of its own each time: of a root a process remembers much."""

    folder: Path
    number: int = 0

    def look(
        self,
        gate: Gate,
        changes: Mapping[str, str | None] | None = None,
        earlier: bytes | None = None,
        settings: Settings | None = None,
    ) -> Seen:
        """Return what a gate sees of the project with some files exchanged, new or gone."""
        self.number += 1
        files = {**PROJECT, **(changes or {})}
        root = self.folder / str(self.number)
        write(root, {path: content for path, content in files.items() if content is not None})
        for path in root.rglob("*.py"):
            os.utime(path, LATER)
        kept = Files()
        run = gate_run(root, gate, settings=settings, keep=kept, tests=("tests",))
        run = dataclasses.replace(run, memory=Memory(earlier=earlier))
        observation = gate.observe(run)
        run.close()
        assert run.memory.left is not None
        return Seen(observation=observation, kept=kept, left=run.memory.left)


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


def asked(seen: Seen) -> list[str]:
    """Return the files that bandit was given."""
    argv = json.loads(seen.kept.files["bandit-1.json"])["argv"]
    return [each.removeprefix("<root>/") for each in argv if each.endswith(".py")]


def test_bandit_is_asked_about_what_is_not_known_to_be_clean(trees: Trees) -> None:
    gate = SecurityGate()
    cold = trees.look(gate)
    assert asked(cold) == ["app/a.py", "app/b.py", "app/c.py", "app/empty.py"]
    same = trees.look(gate, earlier=cold.left)
    assert asked(same) == ["app/c.py"]
    assert (same.told, same.left) == (cold.told, cold.left)
    assert json.loads(same.kept.files["lines.json"]) == {
        "app/a.py": 2,
        "app/b.py": 3,
        "app/c.py": 9,
        "app/empty.py": 0,
    }
    changed = trees.look(gate, CHANGED, cold.left)
    assert asked(changed) == ["app/a.py", "app/c.py", "app/moved.py"]
    assert (changed.found, changed.observation.measures["suppressions"]) == ({"app/a.py"}, 1)
    assert changed.told == trees.look(gate, CHANGED).told
    mended = trees.look(gate, MENDED, cold.left)
    assert (asked(mended), mended.found) == (["app/c.py"], set())
    # Nothing is left to ask: that bandit works is shown all the same.
    again = trees.look(gate, MENDED, mended.left)
    assert asked(again) == ["app/a.py"]
    assert (again.told, again.left) == (mended.told, mended.left)


def copies(seen: Seen) -> int:
    """Return the number of files that the detector was given."""
    return len(json.loads(seen.kept.files["detect_secrets-1.stdout"])["results"])


def test_the_detector_is_given_what_is_not_known_to_hold_nothing(trees: Trees) -> None:
    gate = SecretsGate()
    cold = trees.look(gate)
    assert (copies(cold), cold.found, cold.observation.measures["suppressions"]) == (5, {"app/c.py"}, 1)
    same = trees.look(gate, earlier=cold.left)
    assert (copies(same), same.told, same.left) == (1, cold.told, cold.left)
    stolen = {"app/a.py": TOKEN, "app/b.py": None, "app/moved.py": HIDDEN, **MENDED}
    changed = trees.look(gate, stolen, cold.left)
    assert (copies(changed), changed.found) == (3, {"app/a.py"})
    assert changed.told == trees.look(gate, stolen).told


def test_suppressions_are_counted_where_a_file_is_another_one(trees: Trees) -> None:
    gate = LintGate()
    cold = trees.look(gate)
    assert cold.observation.measures["suppressions"] == 2
    same = trees.look(gate, earlier=cold.left)
    assert (same.told, same.left) == (cold.told, cold.left)
    hidden = trees.look(gate, {"app/a.py": CLEAN.replace("\n    return", "  # noqa\n  return")}, cold.left)
    assert hidden.observation.measures["suppressions"] == 3


def strict(settings: type[FallbacksSettings | IntegritySettings]) -> FallbacksSettings | IntegritySettings:
    """Return the settings with which every hit is a finding."""
    return settings(severity={rule.name: "high" for rule in every()})


@pytest.mark.parametrize(
    ("gate", "settings"),
    [(FallbacksGate(), strict(FallbacksSettings)), (IntegrityGate(), strict(IntegritySettings))],
    ids=["fallbacks", "integrity"],
)
def test_the_rules_are_asked_about_what_is_another_file(trees: Trees, gate: Gate, settings: Settings) -> None:
    cold = trees.look(gate, settings=settings)
    assert cold.found
    for changes in ({}, CHANGED, MENDED):
        warm = trees.look(gate, changes, cold.left, settings)
        fresh = trees.look(gate, changes, None, settings)
        assert (warm.told, warm.left) == (fresh.told, fresh.left)
    assert trees.look(gate, None, cold.left[:-2] + b"]\n", settings).told == cold.told


def test_a_role_and_a_severity_are_those_of_this_run(trees: Trees) -> None:
    gate = FallbacksGate()
    cold = trees.look(gate)
    assert "app/c.py" not in cold.found
    seen = trees.look(gate, None, cold.left, strict(FallbacksSettings))
    assert "app/c.py" in seen.found
    moved = FallbacksSettings(severity=strict(FallbacksSettings).severity, roles={"app/c.py": "test"})
    elsewhere = trees.look(gate, None, seen.left, moved)
    assert elsewhere.observation.examined == seen.observation.examined - 1
    assert elsewhere.told == trees.look(gate, None, None, moved).told
