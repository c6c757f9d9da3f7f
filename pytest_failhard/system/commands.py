"""Compares commands as they stand in a declaration, an image or a script: what do they start?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from pytest_failhard.source.shell import commands, parse

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
WRAPPERS = frozenset({"exec", "tini", "dumb-init", "catatonit"})
"""What starts the command behind it and hands signals on, without words of its own but flags."""
RUNNERS = (("poetry", "run"), ("uv", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"))
PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?")
_BIND = frozenset({"-b", "--bind", "--host", "-h", "--port", "-p"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def words_of(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that a command starts, by way of shells, wrappers and runners of environments."""
    words = list(argv)
    while words:
        inner = _inner(words)
        if inner is None:
            break
        words = inner
    return tuple(words)


def split(script: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands of a script for a shell, each without the variables set before it."""
    found = (_after_variables(list(each.words)) for each in commands(parse(script)))
    return tuple(tuple(words) for words in found if words)


def shell_text(argv: Sequence[str]) -> str | None:
    """Return what a shell is told to run by `sh -c`, None where the command is none of a shell."""
    words = list(argv)
    while words and PurePosixPath(words[0]).name in WRAPPERS:
        words = _unwrapped(words)
    if len(words) < 3 or PurePosixPath(words[0]).name not in SHELLS:
        return None
    at = next((index for index, word in enumerate(words[1:-1], 1) if re.fullmatch(r"-[a-z]*c", word)), None)
    return None if at is None else words[at + 1]


def comparable(argv: Sequence[str], *, bound: bool = False) -> tuple[str, ...]:
    """Return a command without what may differ from place to place: where its program is, where it binds.

    With `bound` where it binds, and how its arguments are written, stay.
    """
    words = list(words_of(argv))
    if words and PYTHON.fullmatch(PurePosixPath(words[0]).name):
        words[0] = "python"
        words = [word for word in words if word not in {"-u", "-O", "-I"}]
        if words[1:2] == ["-m"] and words[2:3] in (["gunicorn"], ["uvicorn"], ["hypercorn"], ["celery"]):
            words = words[2:]
    elif words:
        words[0] = PurePosixPath(words[0]).name
    return tuple(words) if bound else tuple(word.removeprefix("./") for word in _unbound(words))


def _inner(words: list[str]) -> list[str] | None:
    name = PurePosixPath(words[0]).name
    text = shell_text(words) if name in SHELLS else None
    if text is not None:
        return [word for each in split(text)[-1:] for word in each] or None
    if name in WRAPPERS:
        return _unwrapped(words)
    if name == "env":
        return _after_variables(words[1:])
    if (name, *words[1:2]) in RUNNERS:
        return [word for index, word in enumerate(words[2:]) if index or word != "--"]
    return None


def _unwrapped(words: list[str]) -> list[str]:
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[1:]
    return rest


def _after_variables(words: list[str]) -> list[str]:
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] == "-i"):
        words = words[1:]
    return words


def _unbound(words: Sequence[str]) -> Iterator[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _BIND:
            skip = True
        elif word.partition("=")[0] not in _BIND and not re.fullmatch(r"-[bp]\S+", word):
            # `--config=x` and `--config x` are one.
            yield from word.split("=", 1) if word.startswith("--") else [word]
