"""Finds the comments that hold one of some words, tokenizing only the files that have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_failhard.rules.kept import once
from pytest_failhard.source.comments import Comment
from pytest_failhard.source.module import Module

NEIGHBOURS = 3
"""Lines above and below that a split sentence may need."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Comments on adjacent lines: the first may stand behind code, the others have their lines alone."""

    comments: Sequence[Comment]

    @property
    def line(self) -> int:
        """The first line."""
        return self.comments[0].line

    @property
    def end(self) -> int:
        """The last line."""
        return self.comments[-1].line

    @property
    def text(self) -> str:
        """The comments as one text, with the first `#` alone and single blanks."""
        return "# " + " ".join(" ".join(each.text.strip("#").split()) for each in self.comments)


def blocks(module: Module, words: Iterable[str], matches: Callable[[str], bool]) -> Iterator[Block]:
    """Yield the blocks of a file where `matches` may hold of a comment in lower case.

    `words` are what it cannot do without. A file is tokenized only where a line passes from its `#` on.
    """
    encoded = [each.encode() for each in words]
    if any(word in module.marks for word in encoded):
        present = [word for word in encoded if word in module.lower]
        if any(map(matches, _suspects(module, present))):
            yield from _joined(module)


@once
def _marked_lines(module: Module) -> tuple[Sequence[bytes], Sequence[int]]:
    """Return the lines of a file in lower case, and the indexes of those with a `#`."""
    lines = module.lower.splitlines()
    return lines, [number for number, line in enumerate(lines) if b"#" in line]


def _suspects(module: Module, words: Sequence[bytes]) -> Iterator[str]:
    """Yield what stands behind the `#` of lines with a word, with the comment lines around it."""
    lines, marked = _marked_lines(module)
    for number in marked:
        line = lines[number]
        if any(word in line for word in words):
            above = lines[max(number - NEIGHBOURS, 0) : number]
            below = lines[number + 1 : number + 1 + NEIGHBOURS]
            alone = line[line.index(b"#") :].decode("utf-8", "replace")
            yield alone
            joined = [_comment(each) for each in (*above, line, *below) if b"#" in each]
            yield " ".join(" ".join(joined).split())


def _comment(line: bytes) -> str:
    return line[line.index(b"#") :].strip(b"# \t").decode("utf-8", "replace")


def _joined(module: Module) -> Iterator[Block]:
    found: list[Comment] = []
    for each in module.comments:
        if found and not (each.line == found[-1].line + 1 and _is_alone(module, each.line)):
            yield Block(comments=tuple(found))
            found = []
        found.append(each)
    if found:
        yield Block(comments=tuple(found))


def _is_alone(module: Module, line: int) -> bool:
    return line <= len(module.lines) and module.lines[line - 1].lstrip().startswith("#")
