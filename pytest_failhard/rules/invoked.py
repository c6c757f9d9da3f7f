"""Says which gate tool a command runs: as the command, not as a word somewhere in the line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from pytest_failhard.rules.data import ci as data

HOPS = 8
"""So many runners and prefixes in front of a tool are followed."""


def stripped(words: Sequence[str]) -> tuple[str, ...]:
    """Return the command behind assignments, prefixes and runners: `uv run python -m pytest` is pytest."""
    left = tuple(words)
    for _ in range(HOPS):
        while left and data.ASSIGNMENT.match(left[0]):
            left = left[1:]
        shorter = _step(left) if left else left
        if shorter == left:
            return left
        left = shorter
    return left


def _step(words: tuple[str, ...]) -> tuple[str, ...]:
    name = base(words[0])
    if name in data.PREFIXES:
        return _operands(words[1:], times=name in {"timeout", "gtimeout", "travis_wait"})
    if name in data.DIRECT_RUNNERS:
        return _operands(words[1:])
    if data.PYTHON.match(words[0]):
        return _module(words)
    if name in data.RUNNERS and len(words) > 1 and words[1] in data.RUNNERS[name]:
        return _run(name, words[2:])
    return words


def base(word: str) -> str:
    """Return the name of the program that a word starts, without folder, version and suffix."""
    name = PurePosixPath(word.replace("\\", "/")).name.removesuffix(".exe")
    return name.partition("==")[0].partition("@")[0]


def _operands(words: Sequence[str], *, times: bool = False) -> tuple[str, ...]:
    """Return what comes after options, and after a duration where there is one."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in data.VALUED else 1
    if times and place < len(words) and data.DURATION.match(words[place]):
        place += 1
    return tuple(words[place:])


def _module(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return what `python -m` runs (`-Im` too); a file of Python is not looked into."""
    for place, word in enumerate(words[1:-1], 1):
        if not word.startswith("-") and words[place - 1] not in data.PYTHON_VALUED:
            return words
        if word.endswith("m") and not word.startswith("--"):
            return (words[place + 1].partition(".")[0].replace("_", "-"), *words[place + 2 :])
    return words


def _run(name: str, words: Sequence[str]) -> tuple[str, ...]:
    left = _operands(words)
    if left and left[0] in data.SECOND_WORDS:
        left = _operands(left[1:])
    if name in data.CONTAINERS:
        # The image or the service comes first.
        return _operands(left[1:])
    if name == "hatch" and left:
        return (left[0].rpartition(":")[2], *left[1:])
    return left


def tool(words: Sequence[str], more: Collection[str] = ()) -> str:
    """Return the gate tool that a command runs to check something, empty for none.

    `more` are further names. What only reports, installs stubs or shows a version is no check.
    """
    left = stripped(words)
    name = base(left[0]).lower() if left else ""
    name = {"py.test": "pytest", "pytest-failhard": "failhard"}.get(name, name)
    if name not in data.GATE_TOOLS and name not in more:
        return ""
    return "" if _is_idle(name, left[1:]) else name


def _is_idle(name: str, arguments: tuple[str, ...]) -> bool:
    if data.INFORMATIVE.intersection(arguments):
        return True
    if name == "coverage":
        return not data.COVERAGE_GATES.intersection(arguments[:1])
    if data.TYPE_STUBS in arguments:
        return all(each.startswith("-") for each in arguments)
    return not data.IDLE_SUBCOMMANDS.get(name, frozenset()).isdisjoint(arguments[:1])


def soft_option(name: str, words: Sequence[str]) -> str:
    """Return the option by which a tool ends with 0 whatever it finds, empty for none."""
    for place, word in enumerate(words):
        if word in data.SOFT_OPTIONS or (name in data.CONTINUES and word == data.CONTINUES[name]):
            return word
        if word == data.EXIT_CODE and words[place + 1 : place + 2] == (data.SAFE_CODE,):
            return f"{word} {data.SAFE_CODE}"
    return ""


def writes_report(words: Sequence[str]) -> bool:
    """Tell whether a command writes its result into a file or another format, for people or machines."""
    return any(data.REPORTS.match(word) for word in words[1:])
