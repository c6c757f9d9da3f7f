"""Judges what is declared: whether it is met, rightly named, needed at run time, and safely fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.closure import Problem
from pytest_failhard.distributions.data.names import BACKPORTS, OLDEST_PYTHON, PROVIDERS, RIGHT_NAMES, TOOLS
from pytest_failhard.distributions.declarations import RUNTIME, Declaration, Declared
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.dependencies.names import Names
from pytest_failhard.model import Finding, GateError, Severity

PROBLEMS: Mapping[str, tuple[str, Severity, str, str]] = {
    "missing": (
        "missing-distribution",
        Severity.HIGH,
        "is required and not installed",
        "install the project into the environment that `python` in [tool.failhard] names; does it exist?",
    ),
    "unsatisfied": (
        "unsatisfied-requirement",
        Severity.HIGH,
        "is installed in another version",
        "install a version that fits, or correct the bound",
    ),
    "invalid": (
        "invalid-requirement",
        Severity.HIGH,
        "is no requirement that PEP 508 knows",
        "correct it: installers guess, or refuse it",
    ),
    "python-version": (
        "python-version",
        Severity.HIGH,
        "is what the distribution supports",
        "run on a Python that it supports, or take a version that supports this one",
    ),
    "direct-mismatch": (
        "direct-mismatch",
        Severity.HIGH,
        "is not installed from the address that is required",
        "install it from there",
    ),
    "unknown-extra": (
        "unknown-extra",
        Severity.MEDIUM,
        "asks for an extra that the distribution does not have",
        "name one that it has: installers ignore an unknown one",
    ),
    "duplicate": (
        "duplicate-distribution",
        Severity.MEDIUM,
        "is installed twice in one folder",
        "remove both and install it anew",
    ),
}
THREE = 3
FOREIGN_INDEX = frozenset({"--extra-index-url", "--trusted-host"})
PLAIN_INDEX = frozenset({"--index-url", "-i", "--find-links", "-f"})
_OPTION = re.compile(r"(?P<name>-{1,2}[A-Za-z][A-Za-z-]*)[ =]+(?P<value>\S+)")
_COMMIT = re.compile(r"@(?:[0-9a-f]{40}|[0-9a-f]{64})(?:#|\Z)")
_VERSION_CONTROL = ("git+", "hg+", "svn+", "bzr+")
_DIGEST = re.compile(r"[#&]sha256=[0-9a-f]{64}\b")


def require_installed(supply: Supply) -> None:
    """Raise GateError where nothing that the project requires is installed: nothing could be judged."""
    wanted = {child for parent, child in supply.closure.edges if not parent}
    if len(wanted) > 1 and not wanted & supply.installed.keys():
        raise GateError(
            f"none of the {len(wanted)} distributions that {supply.declared.source} requires is installed "
            "for the interpreter that is judged: install the project there, or let `python` in "
            "[tool.failhard] name the interpreter of its environment"
        )


def findings(supply: Supply, names: Names, used: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with the declarations. `used` are the tools that the product itself runs."""
    yield from (_problem(each, names) for each in supply.closure.problems)
    for each in (*supply.declared.roots, *supply.declared.others):
        yield from _wrong_name(each, supply.declared)
        yield from _direct_reference(each)
        if each.scope == RUNTIME:
            yield from _tool(each, used)
    for line in supply.declared.options:
        for match in _OPTION.finditer(line.text):
            yield from _index(match["name"], match["value"], line.path, line.line)
    yield from _disagreeing(supply, names)


def _problem(problem: Problem, names: Names) -> Finding:
    rule, severity, text, fix = PROBLEMS[problem.kind]
    path, line = names.place(problem.parent or problem.name)
    is_about_python = problem.kind == "python-version"
    asked_for = f"{problem.name}: {problem.text}" if is_about_python else problem.text
    asked = f"required by {problem.parent}{names.chain(problem.parent)}" if problem.parent else ""
    version = f"{names.version(problem.name)} is there" if problem.kind == "unsatisfied" else ""
    details = "; ".join(part for part in (version, asked) if part)
    return Finding(
        rule=rule,
        name=rule,
        path=path,
        line=names.line(problem) or line,
        severity=severity,
        message=f"`{asked_for}` {text}" + (f": {details}" if details else ""),
        fix=fix,
        anchor=f"{problem.parent} {problem.name} {problem.text}",
    )


def _wrong_name(each: Declaration, declared: Declared) -> Iterator[Finding]:
    if each.requirement is None or each.requirement.marker is not None:
        return
    name = canonicalize_name(each.requirement.name)
    backport = BACKPORTS.get(name)
    if backport is not None and _has(declared, backport[1]):
        text = f"`{each.requirement.name}`: Python has {backport[0]} itself"
        yield _declared("wrong-name", Severity.MEDIUM, each, text, "remove it, import the standard library's")
    right = _RIGHT.get(name)
    if right is not None:
        text = (
            f"`{each.requirement.name}` is the name of a module; the distribution that brings it is {right}"
        )
        yield _declared("wrong-name", Severity.MEDIUM, each, text, f"require {right}")


_RIGHT = {
    canonicalize_name(module): providers[0]
    for module, providers in PROVIDERS.items()
    if module not in RIGHT_NAMES and canonicalize_name(module) not in providers
}


def _has(declared: Declared, since: tuple[int, int]) -> bool:
    """Tell whether every Python that the project supports has what came with a version."""
    bound = declared.project.requires_python
    if not bound:
        return since <= OLDEST_PYTHON
    try:
        specifiers = SpecifierSet(bound)
    except InvalidSpecifier:
        return since <= OLDEST_PYTHON
    older = range(since[1] if since[0] == THREE else 0)
    return not any(specifiers.contains(f"{THREE}.{minor}.99") for minor in older)


def _tool(each: Declaration, used: frozenset[str]) -> Iterator[Finding]:
    name = canonicalize_name(each.requirement.name) if each.requirement else ""
    if name in TOOLS - used:
        text = f"`{name}` builds or checks a system; as a requirement it is installed in production"
        fix = "move it to a group for development ([dependency-groups])"
        yield _declared("tool-in-runtime", Severity.MEDIUM, each, text, fix)


def _direct_reference(each: Declaration) -> Iterator[Finding]:
    url = each.requirement.url if each.requirement else None
    if not url:
        return
    name = each.requirement.name if each.requirement else ""
    if url.startswith(_VERSION_CONTROL):
        if not _COMMIT.search(url):
            text = f"`{name}` comes from a repository ({_host(url)}) at whatever a name there means today"
            yield _declared(
                "direct-reference", Severity.MEDIUM, each, text, "name the full commit id behind `@`"
            )
    elif not _DIGEST.search(url):
        text = f"`{name}` comes from {_host(url)} and nothing says which bytes it must be"
        fix = "append `#sha256=...`, or require it from the index"
        yield _declared("direct-reference", Severity.MEDIUM, each, text, fix)


def _index(option: str, value: str, path: str, line: int) -> Iterator[Finding]:
    is_plain = option in PLAIN_INDEX and value.startswith("http://")
    if option not in FOREIGN_INDEX and not is_plain:
        return
    why = {
        "--extra-index-url": "whoever registers a name there, or here, with a higher version is installed",
        "--trusted-host": "its certificate is not checked",
    }.get(option, "what it answers can be replaced on the way")
    yield Finding(
        rule="index-override",
        name="index-override",
        path=path,
        line=line,
        severity=Severity.HIGH,
        # No path and no user: either may hold a password.
        message=f"`{option}` {_host(value)}: {why}",
        fix="fetch everything from one index over https, and pin it with hashes",
        anchor=f"{option} {_host(value)}",
    )


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.hostname or ("a local path" if parts.scheme == "file" or "/" in url else url)


def _disagreeing(supply: Supply, names: Names) -> Iterator[Finding]:
    for name in supply.declared.disagreeing:
        path, line = names.place(name)
        yield Finding(
            rule="declarations-disagree",
            name="declarations-disagree",
            path=path,
            line=line,
            severity=Severity.MEDIUM,
            message=f"`{name}` stands in only one of pyproject.toml and the requirements file",
            fix="declare it in one place, and compile the other from that",
            anchor=name,
        )


def _declared(rule: str, severity: Severity, each: Declaration, message: str, fix: str) -> Finding:
    name = canonicalize_name(each.requirement.name) if each.requirement else each.text
    return Finding(
        rule=rule,
        name=rule,
        path=each.path,
        line=each.line,
        severity=severity,
        message=message,
        fix=fix,
        anchor=f"{each.scope} {name}",
    )
