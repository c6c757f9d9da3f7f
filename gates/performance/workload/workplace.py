"""Where a workload runs: a fresh copy of a side's tree, and an environment made from nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.gates.performance.workload import statements
from pytest_failhard.gates.performance.workload.answering import Model
from pytest_failhard.model import Run
from pytest_failhard.source import read
from pytest_failhard.source.import_roots import import_roots
from pytest_failhard.system import declared, workcopy
from pytest_failhard.system.declaration import System
from pytest_failhard.system.environment import prepare
from pytest_failhard.system.provided import provided

LINES = ".jsonl"
STATEMENTS = "statements"
"""The file that has a byte for each SQL statement of a run."""
SQL_WORDS = (b"sqlite", b"sqlalchemy")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A side as workloads need it: its tree, its interpreter, the folders on its import path."""

    name: SideName
    tree: Path
    python: Path
    roots: tuple[Path, ...]

    @classmethod
    def of(cls, side: Side) -> Ground:
        """Return a side that was built to be measured."""
        return cls(name=side.name, tree=side.tree, python=side.python, roots=side.roots)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A fresh folder with a copy of the tree, and the variables for a start in it, but for its port.

    `secrets` are the values that the variables hold, by name.
    """

    tree: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def statements(self) -> int | None:
        """How many SQL statements ran, None where nobody counts."""
        path = self.tree.with_name(STATEMENTS)
        return path.stat().st_size if path.is_file() else None


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Where workloads of both sides run. `head` decides what is declared, and what the items are."""

    head: Ground
    base: Ground | None
    system: System | None
    shared: tuple[str, ...]
    """Dependencies that both sides use: what one leaves there, the other one finds."""
    where: Mapping[str, str]
    """Where the dependencies are, by variable."""

    def prepare(
        self, run: Run, ground: Ground, workload: Workload, model: Model, number: int, *, counting: bool
    ) -> Place:
        """Return a fresh place for a run; its folder's name is as long on both sides.

        Where it is for `counting`, Python processes in it count their SQL statements.
        """
        folder = run.scratch / "workloads" / f"{workload.id}-{number:04}-{ground.name}"
        tree = folder / "tree"
        shutil.copytree(ground.tree, tree, symlinks=True, ignore=shutil.ignore_patterns(*workcopy.UNCOPIED))
        self._bring_items(workload, tree)
        prepared = prepare(
            self.system or System(kind="job"),
            interpreter=ground.python,
            folder=folder / "state",
            keys=model.keys,
            provided=self.where,
        )
        given = model.lead(prepared, all_keys=self.system is None)
        roots = [str(tree / root.relative_to(ground.tree)) for root in ground.roots]
        if counting:
            roots.insert(0, str(_hook(folder)))
        seeded = {"PYTHONPATH": os.pathsep.join(roots), "PYTHONHASHSEED": hash_seed(run.seed, number)}
        return Place(tree=tree, variables={**given, **seeded}, secrets=prepared.secrets)

    def items(self, workload: Workload) -> Path | None:
        """Return the file of the items: the one that is declared, or named in the command."""
        name = workload.input or _named(self.head.tree, workload)
        return self.head.tree / name if name is not None else None

    def _bring_items(self, workload: Workload, tree: Path) -> None:
        """Give both sides head's items: other ones would be other work."""
        path = self.items(workload)
        if path is not None and path.is_file():
            target = tree / path.relative_to(self.head.tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


@contextmanager
def grounds(run: Run, head: Ground, base: Ground | None) -> Iterator[Grounds]:
    """Return where workloads run, with what they depend on, while the context is open."""
    system = declared.read(head.tree)
    if system is None:
        yield Grounds(head=head, base=base, system=None, shared=(), where={})
        return
    with provided(run, system, interpreter=head.python) as found:
        yield Grounds(
            head=head, base=base, system=system, shared=tuple(sorted(found.links)), where=found.variables
        )


def whole(run: Run) -> Ground:
    """Return the working tree alone, copied: for counting without a comparison."""
    copy = workcopy.copy(run.root, run.scratch / "head")
    files = [file.path for file in read(run.root, run.source, run.test_roots).product]
    roots = import_roots(run.root, run.source, files)
    return Ground(
        name="head",
        tree=copy.folder,
        python=run.interpreter,
        roots=tuple(copy.folder / root for root in roots),
    )


def discard(place: Place) -> None:
    """Remove a place that is not needed any more."""
    shutil.rmtree(place.tree.parent)


def hash_seed(seed: int, number: int) -> str:
    """Return the hash seed of a pair: equal on both sides, another one in each pair."""
    return str(int.from_bytes(hashlib.sha256(f"{seed}|{number}".encode()).digest()[:4]))


def uses_sql(tree: Path) -> bool:
    """Tell whether a file of Python in a tree speaks of a database that is counted."""
    paths = (path for path in tree.rglob("*.py") if not workcopy.UNCOPIED & {*path.parts})
    return any(word in path.read_bytes() for path in paths for word in SQL_WORDS)


def _hook(folder: Path) -> Path:
    hooks = folder / "hooks"
    hooks.mkdir()
    source = Path(statements.__file__).read_text("utf-8")
    path = str(folder / STATEMENTS)
    (hooks / "sitecustomize.py").write_text(f"{source}\n\nstart({path!r})\n", "utf-8")
    return hooks


def _named(tree: Path, workload: Workload) -> str | None:
    words = (word.partition("=")[2] or word for word in (*workload.submit, *workload.start))
    return next((word for word in words if word.endswith(LINES) and (tree / word).is_file()), None)
