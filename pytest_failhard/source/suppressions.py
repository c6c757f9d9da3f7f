"""Reads where a file tells a tool to look away: which tool, what is named, how far, and why."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pytest_failhard.source import suppression_forms as data
from pytest_failhard.source.comments import Comment
from pytest_failhard.source.suppression_forms import BLOCK, FILE, FORMS, LINE, Form

_WORD = re.compile(r"[^\W_][\w'-]*|#\d+")
_CODE = re.compile(r"([A-Z]+)[0-9]+", re.IGNORECASE)
Reader = Callable[[], Sequence[Comment]]
_SPLIT = re.compile(r"[,\s]+")


@dataclass(frozen=True, kw_only=True, order=True)
class Suppression:
    """One place where a tool is told to look away.

    `rules` is empty for one that names none; `specific` says that it can only mean one thing all the
    same. `scope` is `line`, `block` or `file`; a range without an end reaches the end of the file.
    `reason` is empty where there is none worth the name. `flaw` says what is malformed.
    """

    path: str
    line: int
    kind: str
    name: str
    rules: tuple[str, ...]
    specific: bool
    scope: str
    reason: str
    flaw: str
    text: str
    """The comment or the code, whitespace collapsed."""
    where: str = ""
    """The qualified name of the function or class around it."""

    @property
    def blanket(self) -> bool:
        """Tell whether it hides whatever there is: no rule named, or a whole file."""
        return self.scope == FILE or bool(self.flaw) or not (self.rules or self.specific)


def of_bytes(path: str, source: bytes) -> tuple[Suppression, ...]:
    """Return those in the comments of a file that is not parsed (a stub); raises what tokenize raises."""

    def read() -> Sequence[Comment]:
        tokens = tokenize.tokenize(io.BytesIO(source).readline)
        return [
            Comment(line=each.start[0], text=each.string) for each in tokens if each.type == tokenize.COMMENT
        ]

    return tuple(sorted(of_comments(path, source, read)))


def of_comments(path: str, source: bytes, comments: Reader) -> Iterator[Suppression]:
    """Yield what comments say; `comments` is asked only where the bytes hold a word that matters."""
    if not data.SUSPECT.search(source):
        return
    listed = comments()
    lines = source.splitlines()
    alone = {each.line for each in listed if _is_alone(lines, each.line)}
    by_line = {each.line: each.text for each in listed}
    for comment in listed:
        matches = _matches(comment.text)
        above = by_line.get(comment.line - 1, "") if comment.line - 1 in alone else ""
        starts = [match.start() for _, match in matches]
        for (form, match), end in zip(matches, [*starts[1:], None], strict=False):
            rules, flaw = _rules(form, match, comment.text)
            texts = [comment.text[match.end() : end], comment.text[matches[-1][1].end() :]]
            if not _matches(above):
                texts.append(above)
            yield Suppression(
                path=path,
                line=comment.line,
                kind=form.kind,
                name=form.name,
                rules=rules,
                specific=form.specific,
                scope=_scope(form, comment, listed, alone, lines),
                reason=next((reason for text in texts if (reason := reason_in(text, rules))), ""),
                flaw=flaw,
                text=" ".join(comment.text.split()),
            )


def _is_alone(lines: Sequence[bytes], line: int) -> bool:
    return line <= len(lines) and lines[line - 1].lstrip(b" \t\f\xef\xbb\xbf").startswith(b"#")


def _matches(text: str) -> list[tuple[Form, re.Match[str]]]:
    """Return what a comment says to tools, in its order; the wider form of two at one place."""
    found: list[tuple[Form, re.Match[str]]] = []
    for form in FORMS if data.SUSPECT_TEXT.search(text) else ():
        for match in form.pattern.finditer(text):
            if not any(match.start() < other.end() and other.start() < match.end() for _, other in found):
                found.append((form, match))
    told: list[tuple[Form, re.Match[str]]] = []
    for form, match in sorted(found, key=lambda pair: pair[1].start()):
        # Type checkers read the start of a comment, and what stands behind another tool's word.
        if form.kind not in data.LEADING or match.start() == 0 or told:
            told.append((form, match))
    return told


def _scope(
    form: Form, comment: Comment, listed: Sequence[Comment], alone: set[int], lines: Sequence[bytes]
) -> str:
    if form.name == "type: ignore" and comment.line in alone and _is_first(lines, comment.line):
        return FILE
    if form.scope != BLOCK:
        return form.scope
    if comment.line not in alone and form.kind in {"pylint", "formatter"}:
        # Behind code these mean that line.
        return LINE
    ends = form.opens is not None and any(
        each.line > comment.line and form.opens.search(each.text) for each in listed
    )
    return BLOCK if ends else FILE


def _is_first(lines: Sequence[bytes], line: int) -> bool:
    """Tell whether nothing but comments and blanks stands above: there it means the whole module."""
    above = (each.strip(b" \t\f\r\xef\xbb\xbf") for each in lines[: line - 1])
    return all(not each or each.startswith(b"#") for each in above)


def _rules(form: Form, match: re.Match[str], text: str) -> tuple[tuple[str, ...], str]:
    """Return what is named, and what is malformed about it."""
    named = match.groupdict().get("rules")
    if named is None:
        rest = text[match.end() :].lstrip()
        cut = rest.startswith(("[", ":")) and not form.specific
        return (), "a colon or bracket and no rule that can be read" if cut else ""
    rules = tuple(each for each in _SPLIT.split(named.strip()) if each)
    if not rules:
        return (), "an empty list of rules"
    if form.name == "noqa":
        unknown = [each for each in rules if not _is_known(each)]
        return rules, f"{', '.join(unknown)}: no tool has such a code" if unknown else ""
    if any(each.lower() == "all" for each in rules):
        return (), ""
    return rules, ""


def _is_known(code: str) -> bool:
    match = _CODE.fullmatch(code)
    return match is not None and match[1].upper() in data.PREFIXES


def reason_in(text: str, rules: Sequence[str]) -> str:
    """Return the text as a reason, or nothing: fillers and the names of the rules give none."""
    text = text.strip(" \t#-:;,.)(]").strip()
    named = {part.lower() for rule in rules for part in _WORD.findall(rule.replace("-", " "))}
    words = [word.lower() for word in _WORD.findall(text)]
    empty = data.FILLERS | named
    telling = [word for word in words if word not in empty and not _CODE.fullmatch(word)]
    enough = len(text) >= data.REASON_CHARACTERS and len(words) >= data.REASON_WORDS
    return text if enough and len(telling) >= data.REASON_WORDS else ""
