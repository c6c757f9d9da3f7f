"""One commit, one canonical report: wherever, whenever and by however many it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.cli.merge import Asked, merge
from tests.acceptance.harness import Ask, Mode, Outcome, apart, run
from tests.acceptance.project import commit, copy, write
from tests.size import FULL, in_full
from tests.support import GATES, demanded
from tests.test_redact import SK

GATES_RUN = "tests,lint,fallbacks,integrity"
LATER_GATES = ",security,secrets,dependencies,sbom,licences"
FINDINGS = {
    "shop/fallback.py": "def price(text: str) -> int:\n    try:\n        return int(text)\n    except ValueError:\n"
    "        return 0\n",
    "shop/dirty.py": "import os\nimport sys\n",
    "shop/ünïcode.py": f'KEY = "{SK}"\n',
    "tests/test_parts.py": "import pytest\n\n\n@pytest.mark.parametrize('part', sorted({'a', 'b', 'c'}))\n"
    "def test_part(part: str) -> None:\n    assert part in {'a', 'b', 'c'}\n",
}
NEAR: Mapping[str, str] = {"PYTHONHASHSEED": "1", "TZ": "UTC"}
FAR: Mapping[str, str] = {
    "PYTHONHASHSEED": "4242",
    "TZ": "Pacific/Kiritimati",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C",
    "HOME": "{root}/../hïer zu Hause",
    "COLUMNS": "40",
}


def canonical(outcome: Outcome) -> bytes:
    """Return the bytes of `report.json` above its volatile part."""
    assert outcome.report is not None, str(outcome)
    above, mark, _ = (outcome.folder / "report.json").read_bytes().partition(b'\n  "volatile": ')
    assert mark
    return above


@pytest.fixture
def near(template: Path, tmp_path: Path) -> Path:
    """A project with findings of several gates, committed."""
    root = copy(template, tmp_path / "near" / "shop")
    commit(write(root, FINDINGS))
    return root


def test_two_runs_differ_in_nothing_but_what_is_volatile(near: Path, tmp_path: Path) -> None:
    level = 3 if FULL else 2
    only = GATES_RUN + (LATER_GATES if FULL else ",security,secrets")
    (tmp_path / "wö anders" / "hïer zu Hause").mkdir(parents=True)
    far = copy(near, tmp_path / "wö anders" / "shop")
    first = run(
        Mode.SUPERVISED, near, apart(Ask(level=level, only=only, supervised=("--jobs=1",), environment=NEAR))
    )
    other = run(
        Mode.SUPERVISED, far, apart(Ask(level=level, only=only, supervised=("--jobs=4",), environment=FAR))
    )

    assert canonical(first) == canonical(other)
    content = json.loads((first.folder / "report.json").read_bytes())
    assert content["project"]["commit"]
    assert (content["project"]["dirty"], content["settings"]["seed"], content["models"]) == (False, 0, [])
    assert [part["id"] for part in content["gates"]] == [name for name in GATES if name in only.split(",")]
    assert sum(bool(part["findings"]) for part in content["gates"]) >= 2
    for text in (str(tmp_path), "hïer", SK):
        assert text not in canonical(first).decode()


@in_full
def test_jobs_that_share_the_gates_make_the_report_of_one(near: Path, tmp_path: Path) -> None:
    shards = []
    gates = demanded(1)
    for number, only in enumerate((",".join(gates[::2]), ",".join(gates[1::2]))):
        root = copy(near, tmp_path / f"job{number}" / "shop")
        ask = Ask(only=only, environment=FAR if number else NEAR)
        (root.parent / "hïer zu Hause").mkdir()
        shards.append(run(Mode.SUPERVISED, root, apart(ask)).folder)
    whole = run(Mode.SUPERVISED, near, apart(Ask()))
    joint = merged(*shards, into=tmp_path / "joint")
    assert joint == canonical(whole)


def merged(*shards: Path, into: Path) -> bytes:
    """Return the canonical part of the report that a merge writes."""
    merge(Asked(folders=shards, into=into, project=into.parent, expected=len(shards)), GATES, {})
    return (into / "report.json").read_bytes().partition(b'\n  "volatile": ')[0]
