"""Reads how the system is started from what the README tells its reader to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_failhard.system import commands
from pytest_failhard.system.derive import data, fenced
from pytest_failhard.system.derive.facts import Place, Start

NAMES = ("README.md", "README.rst", "README.txt", "README", "Readme.md", "readme.md")


def readme(root: Path) -> str:
    """Return the name of the README at the root, empty where there is none."""
    return next((name for name in NAMES if (root / name).is_file()), "")


def starts(root: Path, path: str) -> tuple[Start, ...]:
    """Return the commands in the file's blocks of shell that start a server or a worker."""
    text = (root / path).read_text("utf-8", "replace") if path else ""
    return tuple(_starts(root, path, fenced.commands(text)))


def _starts(root: Path, path: str, shown: tuple[fenced.Shown, ...]) -> Iterator[Start]:
    for each in shown:
        for argv in commands.split(each.text.replace("\\\n", " ")):
            words = commands.words_of(uncommented(argv))
            if kind_of(words) or _runs_file(root, words):
                yield Start(source="readme", argv=words, place=Place(path=path, line=each.line))


def kind_of(words: tuple[str, ...]) -> str:
    """Return the kind of system that a command runs by its program alone, empty where it does not tell."""
    plain = commands.comparable(words, bound=True)
    name = plain[0] if plain else ""
    if name == "python" and plain[1:2] == ("-m",):
        name = "".join(plain[2:3])
    if name in {"flask", "fastapi", "streamlit", "celery", "sanic"} and not _runs(plain):
        return ""
    if name == "manage.py" or "runserver" in plain:
        return data.HTTP
    return data.PROGRAMS.get(name, "")


def _runs(words: tuple[str, ...]) -> bool:
    return bool({"run", "dev", "worker", "beat"}.intersection(words)) or words[:1] == ("sanic",)


def _runs_file(root: Path, words: tuple[str, ...]) -> bool:
    """Tell whether a command runs a file of the project's that is called like a server."""
    if not words or not commands.PYTHON.fullmatch(PurePosixPath(words[0]).name) or len(words) < 2:
        return False
    name = PurePosixPath(words[1])
    served = name.stem in {"main", "app", "server", "run", "wsgi", "asgi", "api", "run_server", "start"}
    return name.suffix == ".py" and served and (root / name).is_file()


def uncommented(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command up to a comment, without what sends its output elsewhere."""
    end = next((index for index, word in enumerate(words) if word.startswith("#")), len(words))
    return tuple(word for word in words[:end] if not word.startswith((">", "2>", "<")))
