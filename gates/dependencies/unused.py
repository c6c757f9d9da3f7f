"""Finds direct dependencies that nothing in the project seems to use."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.data.names import UNASKED_EXTRAS
from pytest_failhard.distributions.declarations import RUNTIME
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.modules import Modules
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.dependencies.names import Names
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.source.files import SourceFile, parse, pyproject

CONFIGURATION = (
    "Dockerfile*",
    "*/Dockerfile*",
    "Procfile",
    "Makefile",
    "*.cfg",
    "*.ini",
    "*.yaml",
    "*.yml",
    "*/*.yaml",
    "*/*.yml",
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    "*.sh",
    "*/*.sh",
    ".env*",
)
MOST_BYTES = 1024 * 1024
DECLARING = frozenset({"dependencies", "optional-dependencies"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_LETTERS = re.compile(r"[a-z]+")


def findings(
    root: Path,
    supply: Supply,
    names: Names,
    modules: Modules,
    code: Sequence[SourceFile],
    imports: Iterable[Import],
) -> Iterator[Finding]:
    """Yield the distributions that production is installed with and that no code of it imports or names.

    `code` are the files whose strings count, `imports` what they import, for a type checker too.
    """
    direct = {child for parent, child in supply.closure.edges if not parent}
    runtime = {
        canonicalize_name(each.requirement.name)
        for each in supply.declared.roots
        if each.requirement is not None and each.scope == RUNTIME
    }
    wanted = sorted(direct & runtime & supply.closure.nodes.keys() - {supply.declared.project.name})
    imported = {name for each in imports for name in modules.providers(each.asked)}
    idle = [name for name in wanted if name not in imported and modules.of(name)]
    if not idle:
        return
    members = supply.closure.nodes
    calls = {name: _calls(name, members[name], modules) for name in idle}
    words = _words(root, code, frozenset().union(*calls.values()))
    used = {name for name in wanted if name in imported}
    used |= {name for name in idle if calls[name] & words}
    for name in idle:
        if name not in used and not _is_part(name, members[name], used, members):
            path, line = names.place(name)
            yield Finding(
                rule="unused-dependency",
                name="unused-dependency",
                path=path,
                line=line,
                severity=Severity.LOW,
                message=f"`{name}` is imported nowhere in the product, named nowhere in its strings or files",
                fix="remove it, if nothing loads it by name",
                anchor=name,
            )


def named(code: Sequence[SourceFile], root: Path, wanted: Iterable[str]) -> frozenset[str]:
    """Return those of some names with which a string of the code begins: commands that it runs."""
    looked_for = frozenset(wanted)
    if not looked_for:
        return frozenset()
    begun = {text.split(maxsplit=1)[0] for text in _strings(root, code, looked_for) if text.strip()}
    return looked_for & {word.replace("_", "-") for word in begun}


def _calls(name: str, distribution: Distribution, modules: Modules) -> frozenset[str]:
    """Return the words by which a distribution is used without an import: modules and commands."""
    return frozenset({*modules.of(name), *_entry_points(distribution).get("console_scripts", ())})


def _entry_points(distribution: Distribution) -> Mapping[str, tuple[str, ...]]:
    path = distribution.folder / "entry_points.txt"
    if not path.is_file():
        return {}
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # typeshed's own example
    try:
        parser.read_string(path.read_text("utf-8", "replace"))
    except configparser.Error:
        # It registers nothing that anybody could read.
        return {}
    return {group: tuple(parser.options(group)) for group in parser.sections()}


def _is_part(
    name: str, distribution: Distribution, used: Iterable[str], members: Mapping[str, Distribution]
) -> bool:
    """Tell whether a used distribution looks for this one: as an optional part of it, or as its plugin."""
    groups = {_stem(group) for group in _entry_points(distribution)} - {"console", "gui"}
    return any(name in _optional(members[other]) or _stem(other) in groups for other in used)


def _stem(name: str) -> str:
    """Return what a distribution and its entry point groups share: `pytest` for `pytest11`."""
    found = _LETTERS.match(name.lower())
    return found.group() if found else ""


def _optional(distribution: Distribution) -> set[str]:
    found: set[str] = set()
    for text in distribution.requires:
        match, extra = _NAME.match(text), _EXTRA.search(text)
        if match and not (extra and extra[1] in UNASKED_EXTRAS):
            found.add(canonicalize_name(match.group()))
    return found


def _words(root: Path, code: Sequence[SourceFile], only: frozenset[str]) -> frozenset[str]:
    """Return the words in the strings of the code and in the configuration, declarations apart."""
    texts = [*_strings(root, code, only), *_configured(root), *_tables(root)]
    return frozenset(word for text in texts for word in _WORD.findall(text))


def _strings(root: Path, code: Sequence[SourceFile], only: frozenset[str]) -> Iterator[str]:
    """Yield the strings of the files in which one of some words stands."""
    wanted = re.compile("|".join(re.escape(word).replace("\\-", "[-_]") for word in sorted(only)).encode())
    for file in code:
        if not wanted.search((root / file.path).read_bytes()):
            continue
        for node in ast.walk(parse(root, file.path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _configured(root: Path) -> Iterator[str]:
    for path in sorted({path for pattern in CONFIGURATION for path in root.glob(pattern)}):
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            yield path.read_text("utf-8", "replace")


def _tables(root: Path) -> Iterator[str]:
    """Yield the texts of pyproject.toml outside of what declares requirements."""
    try:
        document = dict(pyproject(root))
    except GateError:
        return
    project = document.get("project")
    if isinstance(project, dict):
        document["project"] = {key: value for key, value in project.items() if key not in DECLARING}
    document.pop("dependency-groups", None)
    yield from _texts(document)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in DECLARING:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
