"""Runs mypy on the product with what an earlier run left, and proves that it has looked at every file."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.gates.types import stores
from pytest_failhard.gates.types.memory import Memory
from pytest_failhard.gates.types.output import Problem, parse_finished, parse_problems
from pytest_failhard.gates.types.tree import Tree, compared, modules, stems
from pytest_failhard.model import GateError, Run
from pytest_failhard.source.import_roots import placed

# One database is cheaper than many; before 2.0 there is only one, and the word for it is passed over.
CONFIGURATION = "[mypy]\nmypy_path = {bases}\nsqlite_num_shards = 1\n"
LINKS, CACHE, FINISHED = "roots", "cache", "finished.txt"
# Flags that can only make mypy stricter: a policy's flags may be extended by the project.
_STRICTER = re.compile(
    r"--(strict(-[a-z]+)*|extra-checks|local-partial-types|check-untyped-defs|no-implicit-(reexport|optional)"
    r"|(disallow|warn)-[a-z-]+|enable-error-code=[a-z-]+)"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where mypy finds a product file, and what it calls it."""

    path: str
    module: str
    link: str

    @property
    def stem(self) -> str:
        """The module's name in mypy's cache."""
        name = self.module.replace(".", "/")
        return f"{name}/__init__" if PurePosixPath(self.path).stem == "__init__" else name


def require_stricter(flags: Sequence[str]) -> None:
    """Raise GateError where a flag could make mypy overlook something."""
    loosening = [flag for flag in flags if not _STRICTER.fullmatch(flag)]
    if loosening:
        raise GateError(f"types: {loosening[0]!r} is not a flag that makes mypy stricter; remove it")


def linked(run: Run, paths: Sequence[str], roots: Sequence[str]) -> tuple[Place, ...]:
    """Return where mypy finds each path.

    The import roots are links below the scratch folder, which is also the working directory: a path
    with a blank, comma or colon in it cannot disturb mypy's configuration, and the names of files in its
    cache are those of the next run, whose scratch folder is another one.
    """
    folder = run.scratch / LINKS
    folder.mkdir()
    for number, root in enumerate(roots):
        (folder / str(number)).symlink_to(run.root / root, target_is_directory=True)
    bases = ":".join(f"{LINKS}/{number}" for number in range(len(roots)))
    (run.scratch / "mypy.ini").write_text(CONFIGURATION.format(bases=bases), "utf-8")
    places = {path: placed(path, roots) for path in paths}
    return tuple(
        Place(path=path, module=module, link=f"{LINKS}/{number}/{below}")
        for path, (number, below, module) in places.items()
    )


def seed(run: Run, earlier: Memory, now: Tree, roots: Sequence[str]) -> bool:
    """Give mypy what it found in an earlier run about the files that are the same; tell whether it was used.

    mypy itself takes a file for the same by its size and the second of its last change. What it knew of a
    file with other bytes is therefore taken away from it, whatever the size and the time say.
    """
    folder = run.scratch / CACHE
    try:
        change = compared(run.root, earlier.tree, now)
        stores.put(folder, earlier.stores)
        own = modules([*earlier.tree.files, *earlier.tree.folders, *now.files, *now.folders], roots)
        packages = {name.partition("/")[0] for name in stores.names(folder) - own}
        # A package that the project hides, or no longer hides: no import is what it was.
        is_used = not packages & change.tops(roots)
        stores.forget(folder, set(stems(change.touched)))
    except (stores.StoreError, OSError):
        is_used = False
    if not is_used:
        # Without it mypy looks at all files again.
        shutil.rmtree(folder, ignore_errors=True)
    return is_used


@dataclass(frozen=True, kw_only=True)
class Checked:
    """mypy's errors, and its cache as databases by name."""

    problems: tuple[Problem, ...]
    stores: Mapping[str, bytes]


def check(run: Run, places: Sequence[Place], flags: Sequence[str], *, is_seeded: bool) -> Checked:
    """Let mypy check the places; raises GateError where it did not prove that it has looked at every file."""
    if is_seeded:
        try:
            return _check(run, places, flags)
        except GateError:
            # The cause may be its cache, in which the next run would find it again.
            if not run.remaining():
                raise
            shutil.rmtree(run.scratch / CACHE)
            (run.scratch / FINISHED).unlink(missing_ok=True)
    return _check(run, places, flags)


def _check(run: Run, places: Sequence[Place], flags: Sequence[str]) -> Checked:
    (run.scratch / "mypy.arguments").write_text("".join(f"{each.link}\n" for each in places), "utf-8")
    completed = run.python(
        "mypy",
        "--config-file=mypy.ini",
        f"--cache-dir={CACHE}",
        "--sqlite-cache",
        "--output=json",
        f"--timing-stats={FINISHED}",
        f"--python-executable={run.interpreter}",
        "--explicit-package-bases",
        "--namespace-packages",
        "--no-color-output",
        *flags,
        "@mypy.arguments",
        found=frozenset({1}),
        cwd=run.scratch,
        volatile=True,  # the order of the errors depends on which files it has looked at before
    )
    problems = parse_problems(completed.stdout, completed.returncode)
    try:
        listing = (run.scratch / FINISHED).read_bytes()
    except OSError as error:
        raise GateError(f"mypy left no list of modules, so it did not finish: {error.strerror}") from None
    missing = sorted({each.module for each in places} - parse_finished(listing))
    if missing:
        raise GateError(f"mypy did not check {len(missing)} of {len(places)} modules, first {missing[0]}")
    try:
        metas, databases = stores.metas(run.scratch / CACHE), stores.take(run.scratch / CACHE)
    except (stores.StoreError, OSError) as error:
        raise GateError(f"mypy left an unreadable cache: {error}") from None
    _require_read(run, places, metas)
    return Checked(problems=problems, stores=databases)


def _require_read(run: Run, places: Sequence[Place], metas: Mapping[str, bytes]) -> None:
    """Raise GateError unless mypy has noted for each file the digest of the bytes that are there."""
    other = [each.path for each in places if not _is_of(metas.get(each.stem, b""), run.root / each.path)]
    if other:
        raise GateError(
            f"mypy did not note that it read {len(other)} of {len(places)} files as they are, "
            f"first {other[0]}"
        )


def _is_of(meta: bytes, path: Path) -> bool:
    # The digest by which mypy itself knows a file: its cache has it as text in all of its formats.
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest().encode() in meta
