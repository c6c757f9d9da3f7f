"""Finds the fenced blocks of shell commands in a Markdown file, and what in them no shell could run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SHELLS = frozenset({"sh", "bash", "shell", "console", "zsh", "shell-session", "shellsession"})
TRANSCRIPTS = frozenset({"console", "shell-session", "shellsession"})
"""Blocks that show a session: what has no prompt in them is output."""
FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+.-]*)[^\n`]*$")
PROMPT = re.compile(r"^[ \t]*(?:\([\w.-]+\)[ \t]*)?[$%>][ \t]+")
ELLIPSIS = re.compile(r"(?<![\w./*\]])(?:\.\.\.|…)(?![\w/*])")
"""Three points that stand for something; those of a pattern (`./...`, `[...]`, `[ARG]...`) do not."""
HEREDOC = re.compile(r"<<-?[ \t]*[\"']?(?P<end>\w+)[\"']?")


@dataclass(frozen=True, kw_only=True, order=True)
class Shown:
    """A command that a document tells its reader to run: one logical line, and where it begins."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True, order=True)
class Unusable:
    """A command that nobody can run, and why not."""

    line: int
    why: str


def blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line of the first content line, the language in lower case, and the content of each block."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opened = FENCE.match(lines[number])
        number += 1
        if opened is None:
            continue
        first = number
        while number < len(lines) and not _closes(lines[number], opened["mark"]):
            number += 1
        indent = len(opened["indent"])
        body = [line[indent:] if not line[:indent].strip() else line for line in lines[first:number]]
        yield first + 1, opened["word"].lower(), "\n".join(body)
        number += 1


def commands(text: str) -> tuple[Shown, ...]:
    """Return the commands in all blocks of shell, one a logical line; comments and output are left out."""
    return tuple(
        shown
        for first, language, body in blocks(text)
        if language in SHELLS
        for shown in _commands(first, body, transcript=language in TRANSCRIPTS)
    )


def unusable(text: str) -> tuple[Unusable, ...]:
    """Return the commands in blocks of shell that hold `...` or do not parse."""
    found = []
    for shown in commands(text):
        if ELLIPSIS.search(_uncommented(shown.text)):
            found.append(Unusable(line=shown.line, why="holds ... where something has to stand"))
        elif why := _unparsable(shown.text):
            found.append(Unusable(line=shown.line, why=why))
    return tuple(found)


def _closes(line: str, mark: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(mark) and set(bare) == {mark[0]}


def _commands(first: int, body: str, *, transcript: bool) -> Iterator[Shown]:
    lines = body.splitlines()
    number = 0
    while number < len(lines):
        began, line = number, lines[number]
        number += 1
        prompt = PROMPT.match(line)
        if transcript and prompt is None:
            continue
        joined = line[prompt.end() :] if prompt else line
        while number < len(lines) and _goes_on(joined):
            joined += "\n" + lines[number]
            number += 1
        if joined.strip() and not joined.lstrip().startswith("#"):
            yield Shown(line=first + began, text=joined)


def _goes_on(text: str) -> bool:
    """Tell whether a command is not over at the end of its line."""
    heredoc = HEREDOC.search(text)
    if heredoc is not None:
        return not re.search(rf"^\s*{heredoc['end']}\s*$", text, re.MULTILINE)
    return text.endswith("\\") or bool(_quote_left_open(text)) or text.rstrip().endswith(("|", "&&"))


def _quote_left_open(text: str) -> str:
    """Return the quote that a text leaves open, empty for none; what a comment holds counts for nothing."""
    quote, escaped, before = "", False, " "
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and before in " \t\n":
            break
        before = character
    return quote


def _uncommented(text: str) -> str:
    """Return a command without its comment, what stands in quotes, and what it is handed to read."""
    own = text.partition("\n")[0] if HEREDOC.search(text) else text
    bare = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", "''", own)
    return re.sub(r"(^|\s)#[^\n]*", r"\1", bare)


def _unparsable(text: str) -> str:
    if HEREDOC.search(text):
        return ""
    if quote := _quote_left_open(text):
        return f"has a {quote} without an end"
    bare = _uncommented(text)
    # `case` has an unpaired parenthesis.
    if bare.count("(") != bare.count(")") and "case " not in bare:
        return "has a parenthesis without its counterpart"
    if re.search(r"(^|[\s;&|])(&&|\|\||\|)\s*$", bare.rstrip()):
        return "ends where a command has to follow"
    return ""
