"""Reads a Dockerfile as the builder does: instructions with their flags, forms, here-documents and lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

KNOWN = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
    | {"MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
_HEREDOC_TAKERS = frozenset({"ADD", "COPY", "RUN"})
_JSON_TAKERS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>\S.*?)\s*")
_FLAG = re.compile(r"--(?P<name>[a-z][a-z-]*)(?:=(?P<value>\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"(?:^|(?<=\s))\d*<<(?P<strip>-?)(?P<quote>[\"']?)(?P<end>[A-Za-z_][\w.]*)(?P=quote)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_PAIR = re.compile(
    r"(?P<key>[A-Za-z_][\w.-]*)=(?P<value>(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\s\"'\\])*)", re.DOTALL
)
_PART = re.compile(
    r"\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>[^']*)'|\\(?P<escaped>.)|(?P<plain>[^\"'\\]+|.)", re.DOTALL
)
_ESCAPED = re.compile(r"\\([\"\\$])")
_VARIABLE = re.compile(
    r"\\\$|\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-+?])(?P<word>[^{}]*))?\})"
)


class DockerfileError(Exception):
    """The text is no Dockerfile; the message names the line."""


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction. `line` counts from 1; `text` is what follows the flags, in one line.

    `words` is the list of the JSON form, None for the shell form. For HEALTHCHECK both speak of what
    follows `CMD`; `text` is then that alone, and `NONE` where the check is switched off.
    """

    line: int
    name: str
    flags: tuple[tuple[str, str], ...] = ()
    text: str = ""
    words: tuple[str, ...] | None = None
    heredocs: tuple[str, ...] = ()

    def flag(self, name: str) -> str:
        """Return a flag's value, empty where it is not given."""
        return next((value for each, value in self.flags if each == name), "")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what ENV or ARG sets, unquoted and not substituted; an ARG without a value is left out."""
        if self.name == "ENV" and not _PAIR.match(self.text):
            key, *value = self.text.split(maxsplit=1)
            return ((key, "".join(value)),)
        return tuple((match["key"], unquoted(match["value"])) for match in _PAIR.finditer(self.text))

    @property
    def bare(self) -> tuple[str, ...]:
        """Return the names that an ARG declares without a value."""
        return tuple(word for word in self.text.split() if "=" not in word) if self.name == "ARG" else ()

    @property
    def shell(self) -> str:
        """Return the commands that a shell runs: the text, or the here-documents where a shell reads them."""
        before = self.text.partition("<<")[0].split()
        is_script = bool(self.heredocs) and (not before or before[-1].rpartition("/")[2] in _SHELLS)
        return "\n".join(self.heredocs) if is_script else self.text


def parse(text: str, path: str) -> tuple[Instruction, ...]:
    """Return the instructions; raises DockerfileError for a text that a builder would refuse, too."""
    lines = text.replace("\r\n", "\n").lstrip("\ufeff").split("\n")
    found = tuple(_instructions(lines, _escape(lines), path))
    first = next((each for each in found if each.name != "ARG"), None)
    if first is None:
        raise DockerfileError(f"{path}: no instruction but ARG; nothing is built from it")
    if first.name != "FROM":
        raise DockerfileError(f"{path}:{first.line}: {first.name} before FROM; only ARG may stand there")
    return found


def substituted(text: str, known: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return a text with its variables replaced, and the names of those that have no value."""
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        if name is None:
            return "$"
        how, word = match["how"] or "", match["word"] or ""
        is_set = name in known and (bool(known[name]) or not how.startswith(":"))
        if how.endswith("+"):
            return word if is_set else ""
        if is_set:
            return known[name]
        if not how.endswith("-"):
            missing.append(name)
        return word if how.endswith("-") else ""

    return _VARIABLE.sub(value, text), tuple(missing)


def unquoted(text: str) -> str:
    """Return a word without its quotes and escapes."""
    return "".join(
        _ESCAPED.sub(r"\1", match["double"])
        if match["double"] is not None
        else next(part for part in match.groups()[1:] if part is not None)
        for match in _PART.finditer(text)
    )


def _escape(lines: list[str]) -> str:
    """Return the character that continues a line: a directive above all else may change it."""
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match["name"].lower() == "escape" and match["value"] in {"\\", "`"}:
            return match["value"]
    return "\\"


def _instructions(lines: list[str], escape: str, path: str) -> Iterator[Instruction]:
    continued = re.compile(re.escape(escape) + r"[ \t]*$")
    number = 0
    while number < len(lines):
        began = number + 1
        line, number = _line(lines, number, continued)
        if not line or line.startswith("#"):
            continue
        found = _instruction(line, began, path)
        ends = _ends(found)
        bodies = []
        for strip, end in ends:
            body, number = _body(lines, number, strip, end)
            if body is None:
                raise DockerfileError(f"{path}:{began}: the here-document {end} has no end")
            bodies.append(body)
        yield replace(found, heredocs=tuple(bodies))


def _line(lines: list[str], number: int, continued: re.Pattern[str]) -> tuple[str, int]:
    """Return a line with all that continues it, and the number of the one after; comments stand alone."""
    line = lines[number].strip()
    number += 1
    while not line.startswith("#") and continued.search(line):
        line = continued.sub("", line)
        number = _next(lines, number)
        if number >= len(lines):
            break
        # The space that begins a line belongs to the instruction.
        line += lines[number].rstrip()
        number += 1
    return line.strip() and line, number


def _next(lines: list[str], number: int) -> int:
    """Return the next line that continues: empty ones and comments are passed over."""
    while number < len(lines) and (not lines[number].strip() or lines[number].lstrip().startswith("#")):
        number += 1
    return number


def _instruction(line: str, began: int, path: str) -> Instruction:
    name, *words = line.split(maxsplit=1)
    name, rest = name.upper(), "".join(words).strip()
    if name not in KNOWN:
        raise DockerfileError(f"{path}:{began}: unknown instruction {name[:40]}")
    if not rest:
        raise DockerfileError(f"{path}:{began}: {name} without an argument")
    flags, rest = _flags(rest)
    if name == "HEALTHCHECK":
        rest = _check(rest, began, path)
    form = _json(rest) if name in _JSON_TAKERS else None
    return Instruction(line=began, name=name, flags=flags, text=rest, words=form)


def _flags(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags = []
    while match := _FLAG.match(text):
        flags.append((match["name"], match["value"] or ""))
        text = text[match.end() :]
    return tuple(flags), text


def _check(text: str, began: int, path: str) -> str:
    kind, *rest = text.split(maxsplit=1) or [""]
    if kind.upper() == "NONE" and not rest:
        return "NONE"
    if kind.upper() != "CMD" or not rest:
        raise DockerfileError(f"{path}:{began}: HEALTHCHECK without CMD or NONE")
    return rest[0]


def _json(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        # The builder takes it for a shell command then.
        return None
    return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _ends(found: Instruction) -> list[tuple[bool, str]]:
    if found.name not in _HEREDOC_TAKERS or found.words is not None:
        return []
    # A mark within quotes is text.
    bare = _QUOTED.sub(lambda match: match[0] if _is_mark(found.text, match.start()) else " ", found.text)
    return [(bool(match["strip"]), match["end"]) for match in _HEREDOC.finditer(bare)]


def _is_mark(text: str, start: int) -> bool:
    return text[:start].endswith(("<<", "<<-"))


def _body(lines: list[str], number: int, strip: bool, end: str) -> tuple[str | None, int]:
    for last in range(number, len(lines)):
        if (lines[last].lstrip("\t") if strip else lines[last]).rstrip("\r") == end:
            return "\n".join(lines[number:last]), last + 1
    return None, number
