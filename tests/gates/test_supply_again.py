"""What the gates of the supply chain see after a change is what they see without a memory, and nothing stale."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard import engine, plan, private, reusing
from pytest_failhard.distributions import supply
from pytest_failhard.model import Mode, Observation, Phase
from pytest_failhard.opened import Watch
from pytest_failhard.redact import Redactor
from pytest_failhard.store import Staging
from tests.acceptance.project import write
from tests.distributions.bom.material import lock
from tests.gates.sbom.place import interpreter

GATES = plan.collect_gates(())
SUPPLY = ("dependencies", "licences", "sbom")
TODAY = date(2026, 6, 1)
DECLARED = '["web.kit", "bare"]'
LOCK = lock("web-kit", "core", "bare")
Seen = dict[str, tuple[Observation, dict[str, bytes]]]


@dataclasses.dataclass
class Runs:
    """Runs over one project, each with a worker's part of it, as if each were a process of its own."""

    root: Path
    folder: Path
    notes: list[str] = dataclasses.field(default_factory=list)
    number: int = 0
    reused: frozenset[str] = frozenset()

    @functools.cached_property
    def found(self) -> plan.Plan:
        """The settings of all runs: no change is one of them."""
        request = plan.Request(root=self.root, level=3, mode=Mode.SUPERVISED, only=SUPPLY)
        return plan.resolve(request, GATES, [gate.id for gate in GATES], TODAY)

    def run(self, *gates: str, cached: bool = True) -> Seen:
        """Return what the gates saw, and their evidence by name."""
        _forget()
        self.number += 1
        scratch = self.folder / f"run-{self.number}"
        (scratch / "staging").mkdir(parents=True)
        staging = Staging(scratch / "staging", Redactor.from_environment({}))
        found = self.found
        place = private.place(self.root, Mode.SUPERVISED, {"XDG_CACHE_HOME": str(self.folder / "cache")})
        told = {**place.to_json(), "since": time.time_ns()} if cached else None
        packages = [self.root.parent / "venv"]
        cache = reusing.Reusing(told, found, staging, scratch, self.notes.append, Watch(), packages)
        jobs = engine.jobs(found, gates, Phase.STATIC, staging, scratch, None, "")
        known, left = cache.sort(jobs)
        outcomes = {outcome.gate: outcome for outcome in known}
        self.reused = frozenset(outcomes)
        engine.observe(
            left,
            slots=len(gates),
            budget=100,
            done=lambda outcome: outcomes.update({outcome.gate: outcome}),
            warn=self.notes.append,
        )
        cache.keep(left, outcomes)
        cache.close({})
        return {name: _told(outcome, staging.folder) for name, outcome in outcomes.items()}


def _told(outcome: engine.Outcome, folder: Path) -> tuple[Observation, dict[str, bytes]]:
    assert outcome.observation is not None, outcome.error
    return outcome.observation, {
        path.name: path.read_bytes() for path in sorted(folder.glob(f"{outcome.gate}/*"))
    }


def _forget() -> None:
    """Forget what a process remembers of a tree: each run is one of its own."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("pytest_failhard.source.", "pytest_failhard.distributions.")):
            for value in vars(module).values():
                getattr(value, "cache_clear", bool)()
    supply._KEPT.clear()


@pytest.fixture
def runs(shop: Path, tmp_path: Path) -> Iterator[Runs]:
    interpreter(shop.parent / "venv")
    text = (shop / "pyproject.toml").read_text().replace("dependencies = []", f"dependencies = {DECLARED}")
    text = text.replace("[tool.failhard]\n", '[tool.failhard]\npython = "../venv/bin/python"\n')
    write(
        shop,
        {
            "pyproject.toml": text,
            "uv.lock": LOCK,
            "shop/prices.py": "import web_kit\n",
            "shop/more.py": "import bare\n",
        },
    )
    yield Runs(root=shop, folder=tmp_path / "own")
    _forget()


def found(seen: Seen) -> set[tuple[str, str]]:
    """Return what was found, and about what."""
    return {(each.name, each.anchor) for observation, _ in seen.values() for each in observation.findings}


def components(seen: Seen) -> list[str]:
    return [each["name"] for each in json.loads(seen["sbom"][1]["sbom.cdx.json"])["components"]]


def exchanged(path: Path, old: bytes, new: bytes) -> None:
    """Put other bytes of the same number into a file, at the same time of change."""
    before = path.stat()
    assert len(old) == len(new)
    path.write_bytes(path.read_bytes().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def changed(root: Path) -> None:
    """Add an import, take one away, add one to the tests; take the licence text away, and what is locked."""
    write(root, {"shop/new.py": "import strange\n", "shop/more.py": "VALUE = 1\n"})
    write(
        root, {"tests/test_more.py": "import odd\n", "LICENSE": None, "uv.lock": LOCK.replace("1.0", "2.0")}
    )


def mended(root: Path) -> None:
    """Exchange an import for one of the same size; name what is idle, bring what is missing."""
    exchanged(root / "shop/new.py", b"strange", b"web_kit")
    write(
        root, {"Dockerfile": "CMD bare\n", "odd/__init__.py": "", "LICENSE": "MIT License\n", "uv.lock": LOCK}
    )


def declared(root: Path) -> None:
    """Remove a file; exchange a requirement and the licence for one of the same size; add another project."""
    exchanged(root / "pyproject.toml", b'"bare"', b'"core"')
    exchanged(root / "pyproject.toml", b'"MIT"', b'"ISC"')
    inner = {"examples/a/pyproject.toml": '[project]\nname = "a"\n', "examples/a/x.py": "import stranger\n"}
    write(root, {"Dockerfile": None, **inner})


BROKEN = {
    ("missing-import", "strange"),
    ("missing-import", "odd"),
    ("unused-dependency", "bare"),
    ("own-licence-file-missing", "LICENSE"),
    *((rule, name) for rule in ("drifted", "unknown-hash") for name in ("bare", "core", "web-kit")),
}
ABOUT_BARE = {
    ("unknown-supplier", "bare"),
    ("unknown-licence", "bare"),
    ("licence-undetermined", "bare [[], [], []]"),
}


def test_what_changed_is_seen_and_all_else_is_as_without_a_memory(runs: Runs) -> None:
    first = runs.run(*SUPPLY)
    assert components(first) == ["Web.Kit", "bare", "core"]
    whole = found(first)
    changed(runs.root)
    assert found(runs.run(*SUPPLY)) == whole | BROKEN
    mended(runs.root)
    assert found(runs.run(*SUPPLY)) == whole
    declared(runs.root)
    seen = runs.run(*SUPPLY)
    assert found(seen) == whole - ABOUT_BARE | {("unused-dependency", "core")}
    assert components(seen) == ["Web.Kit", "core"]
    assert json.loads(seen["licences"][1]["licences.json"])["own"]["expression"] == "ISC"
    assert not runs.reused
    assert not runs.notes
    assert runs.run(*SUPPLY) == seen
    assert runs.reused == set(SUPPLY)
    assert runs.run(*SUPPLY, cached=False) == seen
