"""Which distributions the judged system's interpreter has, and what they require."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.model import GateError, Run

ASK = "import json, sys; print(json.dumps(sys.path))"
SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A distribution: its version, and the canonical names of what it needs without extras."""

    version: str
    requires: frozenset[str]


def installed(run: Run) -> Mapping[str, Installed]:
    """Return what the interpreter has, by canonical name; raises GateError where it does not say."""
    process = run.start(
        [str(run.interpreter), "-I", "-X", "utf8", "-c", ASK],
        environment={"PATH": str(run.interpreter.parent)},
        cwd=run.scratch,
    )
    code = process.wait(SECONDS)
    process.kill()
    try:
        folders = json.loads(process.stdout)
    except (ValueError, RecursionError):
        folders = None
    if code != 0 or not isinstance(folders, list):
        raise GateError(
            f"{run.interpreter.name}: does not say where its packages are (exit code {code}): "
            f"{process.stderr[-300:]!r}; correct `python` in [tool.failhard]"
        )
    return of_folders(map(str, folders))


def of_folders(folders: Iterable[str]) -> Mapping[str, Installed]:
    """Return what is installed in folders; the first of two distributions of a name counts."""
    found: dict[str, Installed] = {}
    for distribution in importlib.metadata.distributions(path=list(folders)):
        name = canonicalize_name(str(distribution.metadata["Name"]))
        required = _required(distribution.requires or ())
        found.setdefault(name, Installed(version=distribution.version, requires=required))
    return found


def _required(lines: Iterable[str]) -> frozenset[str]:
    names: set[str] = set()
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            # Written by a tool that is too old to know the rules: its name at least is usable.
            names.add(canonicalize_name(line.partition(" ")[0]))
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.add(canonicalize_name(requirement.name))
    return frozenset(names)


def reaches(name: str, wanted: str, known: Mapping[str, Installed]) -> bool:
    """Tell whether a distribution needs another one, directly or by way of others."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in seen or current not in known:
            continue
        seen.add(current)
        waiting += sorted(known[current].requires)
    return name in known and wanted in {needed for each in seen for needed in known[each].requires}
