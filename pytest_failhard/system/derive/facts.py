"""What is found in a project's files, each with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A file relative to the root in POSIX form, and a line, 0 where none is meant."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        """Write it as compilers do."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, kw_only=True, order=True)
class Start:
    """A command that starts the system. `source` is `docker`, `procfile`, `compose`, `readme` or `code`.

    `argv` is what is started at last, behind shells and wrappers.
    """

    source: Literal["docker", "procfile", "compose", "readme", "code"]
    argv: tuple[str, ...]
    place: Place
    process: str = ""
    """The process type of a Procfile, the service of a compose file."""


@dataclass(frozen=True, kw_only=True, order=True)
class Probe:
    """A path that something asks to see whether the system is ready, or alive."""

    kind: Literal["ready", "live"]
    path: str
    place: Place


@dataclass(frozen=True, kw_only=True, order=True)
class Read:
    """A variable that the product reads from its environment.

    `type` is how it is converted: `str`, `int`, `float`, `bool`. `required` tells that reading it fails, or
    stops the start, where it is absent.
    """

    name: str
    place: Place
    type: Literal["str", "int", "float", "bool"] = "str"
    required: bool = False


@dataclass(frozen=True, kw_only=True, order=True)
class Imported:
    """A package that the product imports, and what that means: a kind of server, or of dependency."""

    package: str
    means: str
    place: Place


@dataclass(frozen=True, kw_only=True, order=True)
class Operation:
    """A method and a path that the system serves; a parameter stands in braces: `/items/{id}`."""

    method: str
    path: str
    place: Place
