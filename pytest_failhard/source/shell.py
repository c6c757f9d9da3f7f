"""Splits a shell script into commands and what joins them, as far as a reader needs it; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# One alternative for each way a character can begin, so that no text is tried twice.
TOKEN = re.compile(
    r"""
    (?P<gap>(?:[ \t\r]|\\\r?\n)+)
    | (?P<comment>\#[^\n]*)
    | (?P<heredoc><<-?[ \t]*(?P<quote>["']?)(?P<word_end>\w+)(?P=quote))
    | (?P<redirect>(?:\d+|&)?(?:>>|>\||>&|<<<|<&|<>|>|<)(?:&?\d+-?|&-)?)
    | (?P<operator>&&|\|\||\|&|;;|[;&|()\n])
    | (?P<word>(?:
        \\.
        | '[^']*'
        | "(?:\\.|[^"\\])*"
        | \$\{\{.*?\}\}
        | \$\{[^}\n]*\}
        | \$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)
        | `[^`]*`
        | \$
        | [^\s;&|()<>'"\\`$]
      )+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)""", re.DOTALL)
ESCAPED = re.compile(r"\\([\"\\$`])")
KEYWORDS = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!", "time"})
ENDS = frozenset({"fi", "done", "esac"})
LISTS = frozenset({";", "\n", "&", ";;"})
MAX_DEPTH = 20
"""Groups within groups: a script that nests deeper is nobody's."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A simple command: its words without quotes and redirections, and its line in the script from 1."""

    words: tuple[str, ...]
    line: int
    redirected: bool = False
    """Whether its output goes to a file."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What stands in parentheses or braces."""

    chains: tuple[Chain, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Commands joined by `&&`, `||` and pipes, and what ended them: `;`, `&`, a line's end or nothing.

    `operators[n]` joins `members[n]` with the one before it; the first is empty.
    """

    members: tuple[Command | Group, ...]
    operators: tuple[str, ...]
    end: str

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.members[0].line


@dataclass(frozen=True, kw_only=True)
class _Token:
    kind: str
    text: str
    line: int


def parse(script: str) -> tuple[Chain, ...]:
    """Return the script as chains. What is no shell at all gives chains of strange words, never an error."""
    return _Parser(list(_tokens(script))).chains(0)


def commands(chains: Sequence[Chain]) -> Iterator[Command]:
    """Yield the simple commands, those in groups as well, in their order."""
    for chain in chains:
        for member in chain.members:
            if isinstance(member, Command):
                yield member
            else:
                yield from commands(member.chains)


def _tokens(script: str) -> Iterator[_Token]:
    line, place, awaited = 1, 0, list[str]()
    while place < len(script):
        match = TOKEN.match(script, place)
        if match is None:
            return
        kind, text = match.lastgroup or "other", match[0]
        place = match.end()
        if match["heredoc"]:
            awaited.append(match["word_end"])
        elif kind not in {"gap", "comment"}:
            yield _Token(kind=kind, text=text, line=line)
        line += text.count("\n")
        if text == "\n" and awaited:
            skipped = _heredocs(script, place, awaited)
            line += script.count("\n", place, skipped)
            place, awaited = skipped, []


def _heredocs(script: str, place: int, awaited: Sequence[str]) -> int:
    for word in awaited:
        end = re.compile(rf"^[ \t]*{re.escape(word)}[ \t]*$", re.MULTILINE).search(script, place)
        place = end.end() if end else len(script)
    return place


def unquoted(word: str) -> str:
    """Return a word as the command sees it: quotes and escapes are gone, variables stand as written."""
    return QUOTED.sub(lambda match: match[1] or match[3] or ESCAPED.sub(r"\1", match[2] or ""), word)


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def _next(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def chains(self, depth: int, closing: str = "") -> tuple[Chain, ...]:
        """Read up to the closing word or parenthesis, or to the end."""
        found: list[Chain] = []
        while (token := self._next()) is not None:
            if closing and token.text == closing:
                self._place += 1
                break
            chain = self._chain(depth, closing)
            if chain.members:
                found.append(chain)
        return tuple(found)

    def _chain(self, depth: int, closing: str) -> Chain:
        members: list[Command | Group] = []
        operators: list[str] = []
        operator, end = "", ""
        while (token := self._next()) is not None and token.text != closing:
            if token.kind == "operator" and token.text != "(":
                self._place += 1
                if token.text in LISTS or token.text == ")":
                    # After an operator a line's end joins nothing.
                    if token.text == "\n" and operator and len(members) == len(operators):
                        continue
                    end = token.text
                    break
                operator = token.text
                continue
            member = self._member(token, depth, closing)
            if member is not None:
                members.append(member)
                operators.append(operator if len(members) > 1 else "")
                operator = ""
        return Chain(members=tuple(members), operators=tuple(operators), end=end)

    def _member(self, token: _Token, depth: int, closing: str) -> Command | Group | None:
        if depth < MAX_DEPTH and token.text in {"(", "{"}:
            self._place += 1
            return Group(chains=self.chains(depth + 1, {"(": ")", "{": "}"}[token.text]), line=token.line)
        if token.text == "(":
            self._place += 1
            return None
        return self._command(closing)

    def _command(self, closing: str) -> Command | None:
        words: list[str] = []
        line, redirected = 0, False
        while (token := self._next()) is not None and token.kind != "operator":
            if token.text == closing and not words:
                break
            self._place += 1
            if token.kind == "redirect":
                redirected |= self._target(token)
                continue
            word = unquoted(token.text)
            line = line or token.line
            if words or word not in KEYWORDS | ENDS:
                words.append(word)
            elif self._opens_group():
                break
        return Command(words=tuple(words), line=line, redirected=redirected) if words else None

    def _opens_group(self) -> bool:
        token = self._next()
        return token is not None and token.text == "{"

    def _target(self, redirect: _Token) -> bool:
        """Skip what a redirection names; tell whether output goes to a file."""
        if redirect.text[-1].isdigit() or redirect.text.endswith("-"):
            return False
        token = self._next()
        if token is not None and token.kind == "word":
            self._place += 1
            return redirect.text.lstrip("0123456789&").startswith(">") and not redirect.text.startswith("2")
        return False
