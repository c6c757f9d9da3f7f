"""What is weak in a configuration, and what a look at it needs to know of the project."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting
from pytest_failhard.source.files import role
from pytest_failhard.source.module import module_name


@dataclass(frozen=True, kw_only=True, order=True)
class Weakness:
    """One place where a tool is told to see less. `key` and `value` are what identifies it."""

    path: str
    line: int
    key: str
    value: str
    message: str
    fix: str


def weakness(setting: Setting, value: str, effect: str, fix: str = "") -> Weakness:
    """Return the weakness of a setting: `value` is the part of it that is wrong, `effect` says why."""
    return Weakness(
        path=setting.path,
        line=setting.line,
        key=setting.where,
        value=" ".join(value.split()),
        message=f"{setting.where}: `{_short(value)}` {effect}",
        fix=fix or f"remove `{_short(value)}` from {setting.key}",
    )


def _short(value: str) -> str:
    shown = " ".join(value.split())
    return shown if len(shown) <= data.SHOWN else shown[: data.SHOWN] + "..."


@dataclass(frozen=True, kw_only=True)
class Project:
    """The files of a project that the tools ought to see; all paths relative to `root`, in POSIX form."""

    root: Path
    product: tuple[str, ...]
    tests: tuple[str, ...]
    """Test files: those that pytest would collect if nobody told it otherwise."""

    def below(self, folder: str) -> Project:
        """Return the project as a configuration file in a folder sees it."""
        if folder in {"", "."}:
            return self
        return Project(
            root=self.root / folder,
            product=tuple(_relative(self.product, folder)),
            tests=tuple(_relative(self.tests, folder)),
        )

    @functools.cached_property
    def own(self) -> tuple[str, ...]:
        """The product files that somebody wrote as such: no migrations, no generated and no foreign code.

        A file among the tests that the product imports is product as well, but no tool is to blame for it.
        """
        return tuple(
            path for path in self.product if role(path) == "product" and not data.NOT_OWN.search(path)
        )

    def with_tests(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those of the files in which a test is written."""
        return tuple(path for path in paths if data.HOLDS_TEST.search((self.root / path).read_bytes()))

    def modules(self) -> Iterator[str]:
        """Yield the dotted names of what somebody wrote of the product."""
        yield from (module_name(path) for path in self.own)


def _relative(paths: Iterable[str], folder: str) -> Iterator[str]:
    yield from (path[len(folder) + 1 :] for path in paths if path.startswith(f"{folder}/"))


def left_out(pattern: str, paths: Iterable[str], *, anywhere: bool) -> tuple[str, ...]:
    """Return the paths that a glob leaves out; `anywhere` where it may match a folder's name by itself."""
    plain = pattern.strip().removeprefix("./").rstrip("/")
    plain = plain.removesuffix("/**").replace("**", "*") if plain not in {"**", "*"} else "*"
    return tuple(path for path in paths if plain and _matches(plain, path, anywhere=anywhere))


def _matches(pattern: str, path: str, *, anywhere: bool) -> bool:
    names = [path, f"/{path}", *(parent.as_posix() for parent in PurePosixPath(path).parents)]
    if anywhere:
        names += PurePosixPath(path).parts
    return any(fnmatch.fnmatchcase(name, pattern) for name in names if name != ".")


def shown(paths: tuple[str, ...]) -> str:
    """Return the first paths of a list, and how many more there are."""
    first = ", ".join(paths[: data.EXAMPLES])
    rest = len(paths) - data.EXAMPLES
    return f"{first} and {rest} more" if rest > 0 else first
