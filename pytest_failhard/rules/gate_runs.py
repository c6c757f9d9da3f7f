"""Finds where a script runs a gate tool, wrappers one hop away included, and whether its failure counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_failhard.rules import invoked
from pytest_failhard.rules.data import ci as data
from pytest_failhard.rules.wrappers import Recipe, Wrappers
from pytest_failhard.source.shell import Chain, Command, Group, commands, parse

MAX_NESTING = 6
"""Shells within shells."""


@dataclass(frozen=True, kw_only=True, order=True)
class GateRun:
    """A gate tool that is run at a place; `softener` says why its failure has no consequence."""

    path: str
    line: int
    tool: str
    command: str
    softener: str = ""
    is_report: bool = False
    """Whether it writes a report: in another format, or into a file."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    path: str
    line: int
    """The line of the script's first line."""
    exact: bool
    folder: str
    hops: int = 0
    depth: int = 0
    fixed: tuple[str, int] | None = None
    """Where the softener stands, when it stands around what is read now."""

    def at(self, line: int) -> tuple[str, int]:
        return self.fixed or (self.path, self.line + (line - 1 if self.exact else 0))


class GateRuns:
    """Looks for gate tools in the scripts of one project."""

    def __init__(self, wrappers: Wrappers, more: Collection[str] = ()) -> None:
        self._wrappers = wrappers
        self._more = frozenset(more)

    def of(self, path: str, line: int, text: str, *, exact: bool, folder: str = "") -> Iterator[GateRun]:
        """Yield the runs in a script that begins on a line; with `exact` its lines are those of the file."""
        yield from self._chains(parse(text), _Place(path=path, line=line, exact=exact, folder=folder), "")

    def _chains(self, chains: Sequence[Chain], place: _Place, softener: str) -> Iterator[GateRun]:
        lenient = False
        for number, chain in enumerate(chains):
            for position, member in enumerate(chain.members):
                lenient = _lenient(member, lenient)
                why = softener or _swallowed(chain, position) or _ended(chains, number)
                if why and isinstance(member, Command) and _is_judged(member, chains[number + 1 :]):
                    why = ""
                if not why and lenient and not _is_captured(chains, number):
                    why = "`set +e`"
                yield from self._member(member, place, why)

    def _member(self, member: Command | Group, place: _Place, softener: str) -> Iterator[GateRun]:
        if isinstance(member, Group):
            yield from self._chains(member.chains, place, softener)
            return
        words = invoked.stripped(member.words)
        if place.depth < MAX_NESTING and (nested := _nested(words)):
            inner = replace(place, depth=place.depth + 1, fixed=place.at(member.line))
            yield from self._chains(parse(nested), inner, softener)
        elif name := invoked.tool(words, self._more):
            yield self._run(name, words, member, place, softener)
        elif place.hops == 0:
            for recipe in self._wrappers.recipes(words, place.folder):
                yield from self._recipe(recipe, place, member.line, softener)

    def _run(self, name: str, words: Sequence[str], member: Command, place: _Place, softener: str) -> GateRun:
        path, line = place.at(member.line)
        option = invoked.soft_option(name, words)
        return GateRun(
            path=path,
            line=line,
            tool=name,
            command=" ".join(words),
            softener=softener or (f"`{option}`" if option else ""),
            is_report=member.redirected or invoked.writes_report(words),
        )

    def _recipe(self, recipe: Recipe, place: _Place, line: int, softener: str) -> Iterator[GateRun]:
        inner = _Place(
            path=recipe.path,
            line=recipe.line,
            exact=True,
            folder=place.folder,
            hops=1,
            fixed=place.at(line) if softener else None,
        )
        yield from self._chains(parse(recipe.text), inner, softener or recipe.softener)


def _lenient(member: Command | Group, before: bool) -> bool:
    """Return whether the shell goes on after a failure, once this member is done."""
    if not isinstance(member, Command) or member.words[0] != "set":
        return before
    for word in member.words[1:]:
        if word == "errexit" or (word[0] in "+-" and "e" in word[1:] and word[1:].isalpha()):
            before = member.words[1].startswith("+")
    return before


def _swallowed(chain: Chain, position: int) -> str:
    """Return the `|| ...` behind a member that makes its failure a success, empty for none."""
    for place in range(position + 1, len(chain.members)):
        if chain.operators[place] == "||":
            end = next(
                (n for n in range(place + 1, len(chain.members)) if chain.operators[n] == "||"),
                len(chain.members),
            )
            right = chain.members[place:end]
            return f"`|| {_shown(right[0])}`" if all(map(_is_harmless, right)) else ""
    return ""


def _is_harmless(member: Command | Group) -> bool:
    """Tell whether a command certainly succeeds and does nothing about a failure."""
    if isinstance(member, Group):
        return bool(member.chains) and all(map(_is_harmless, (m for c in member.chains for m in c.members)))
    return member.words[0] in data.HARMLESS or _is_success(member)


def _is_success(member: Command) -> bool:
    return member.words[0] in data.EXITS and member.words[1:2] == (data.SAFE_CODE,)


def _shown(member: Command | Group) -> str:
    first = next(commands(member.chains), None) if isinstance(member, Group) else member
    if first is None or first.words[0] not in data.EXITS:
        return first.words[0] if first else ""
    return " ".join(first.words)


def _ended(chains: Sequence[Chain], number: int) -> str:
    """Return the `; true` behind a chain on the same line, empty for none."""
    if chains[number].end != ";" or number + 1 == len(chains):
        return ""
    last = chains[number + 1]
    only = last.members[0]
    if last.end not in {"", "\n"} or len(last.members) != 1 or not isinstance(only, Command):
        return ""
    if only.line != max(member.line for member in chains[number].members):
        return ""
    if only.words in {("true",), (":",)} or _is_success(only):
        return f"`; {' '.join(only.words)}`"
    return ""


def _is_captured(chains: Sequence[Chain], number: int) -> bool:
    """Tell whether the status of a chain under `set +e` still decides: it is the last, or it is kept."""
    after = list(commands(chains[number + 1 :]))
    if not after:
        return True
    kept = any(status in word for word in after[0].words for status in data.STATUS)
    return kept and any(each.words[0] in data.READERS and "$" in " ".join(each.words) for each in after)


def _is_judged(member: Command, after: Sequence[Chain]) -> bool:
    """Tell whether the report that a command writes is read further down, where the script can fail."""
    reports = [word for word in member.words[1:] if data.REPORT_FILE.search(word)]
    later = list(commands(after))
    reading = any(report in " ".join(each.words) for each in later for report in reports)
    return reading and any(each.words[0] in data.EXITS and not _is_success(each) for each in later)


def _nested(words: Sequence[str]) -> str:
    """Return the script in `bash -c '...'` or `eval '...'`, empty for none."""
    name = invoked.base(words[0]) if words else ""
    if name == "eval":
        return " ".join(words[1:])
    if name in data.SHELLS:
        for place, word in enumerate(words[1:-1], 1):
            if word.startswith("-") and word.endswith("c") and not word.startswith("--"):
                return words[place + 1]
    return ""
