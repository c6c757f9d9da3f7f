"""A plan that is handed on is the same plan, and nothing but our own types is made from what is told."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tomllib
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from pytest_failhard import handed, inputs, plan, stamps
from pytest_failhard.handed import Plain
from pytest_failhard.model import GateError, Mode, Settings
from tests.acceptance.project import write
from tests.support import GATES

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 6, 1)
WAIVERS = """schema: failhard-waivers/1
waivers:
  - gate: lint
    rule: F401
    path: shop/dirty.py
    reason: an example of a waiver that is handed on
    owner: ada
    fingerprint: "0123456789abcdef"
    approved_by: grace
    ref: "17"
    expires: 2026-06-10
"""


def resolved(root: Path, level: int, **asked: object) -> plan.Plan:
    request = plan.Request(root=root, level=level, mode=Mode.SUPERVISED)
    request = dataclasses.replace(request, **asked)  # type: ignore[arg-type]
    return plan.resolve(request, plan.collect_gates(()), GATES, TODAY)


@pytest.mark.parametrize(("level", "base"), [(1, None), (3, "HEAD~1")])
def test_a_plan_comes_back_as_it_was(shop: Path, level: int, base: str | None) -> None:
    write(shop, {"failhard-waivers.yaml": WAIVERS})
    made = resolved(shop, level, base=base, policy=None, seed=7, only=("lint", "types"))
    gates = plan.collect_gates(())
    told = json.loads(json.dumps(handed.dump(made, GATES)))
    again = handed.load(told, gates)
    assert again.gates == {gate.id: gate for gate in gates}
    assert made.base is not None
    assert again.base is not None
    assert vars(again.base) == vars(made.base)
    plain = [dataclasses.replace(each, gates={}, base=None) for each in (made, again)]
    assert plain[0] == plain[1]
    assert stamps.digest(inputs._plain(plain[0])) == stamps.digest(inputs._plain(plain[1]))


EVERY_TYPE = """
[tool.failhard.llm]
deadline = 1.5
numbers = [1, -0.0, inf, 1e300, true]
day = 2026-06-01
moment = 2026-06-01T10:00:00.25+02:00
time = 10:00:00.5
nested = [{ text = "\\u00e9\\u0000", none = [], table = {} }]
"""


def test_whatever_a_project_writes_comes_back(shop: Path) -> None:
    made = resolved(shop, 1)
    table = tomllib.loads(EVERY_TYPE)["tool"]["failhard"]
    made = dataclasses.replace(made, project=dataclasses.replace(made.project, gates=table))
    again = handed.load(json.loads(json.dumps(handed.dump(made, GATES))), ())
    assert again.project == made.project
    assert repr(again.project.gates) == repr(table)


def test_the_plan_of_the_example_comes_back(tmp_path: Path) -> None:
    made = resolved(shutil.copytree(ROOT / "examples" / "triage_service", tmp_path / "app"), 3)
    again = handed.load(json.loads(json.dumps(handed.dump(made, GATES))), ())
    assert (again.project, again.settings, again.policy) == (made.project, made.settings, made.policy)


def test_settings_of_other_gates_stay_behind(shop: Path) -> None:
    gates = [gate for gate in plan.collect_gates(()) if gate.id == "lint"]
    again = handed.load(handed.dump(resolved(shop, 1), ["lint"]), gates)
    assert (set(again.settings), set(again.gates)) == ({"lint"}, {"lint"})
    assert len(again.policy.rules) > 1


@dataclasses.dataclass(frozen=True)
class Foreign(Settings):
    """What a gate of another distribution is set to."""


@pytest.mark.parametrize("value", [Foreign(), 1.5j, {"a": object()}])
def test_what_is_not_ours_is_not_handed_on(shop: Path, value: object) -> None:
    made = dataclasses.replace(resolved(shop, 1), settings={"lint": cast("Settings", value)})
    with pytest.raises(GateError, match="a plan holds a"):
        handed.dump(made, ["lint"])


@pytest.mark.parametrize(
    ("told", "part"),
    [
        (None, "no plan"),
        ([], "no plan"),
        ({"of": "os:DirEntry", "fields": {}}, "no type of ours"),
        ({"enum": "signal:Signals", "name": "SIGINT"}, "no type of ours"),
        ({"of": "pytest_failhard.plan:collect_gates", "fields": {}}, "no type"),
        ({"enum": "pytest_failhard.plan:Plan", "name": "level"}, "no part of a plan"),
        (OrderedDict(other=1), "no part of a plan"),
    ],
)
def test_what_is_no_plan_is_refused(told: Plain, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        handed.load(told, ())
