"""FH000: text that shows otherwise than it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.module import Module


class UnreadableSource(StaticRule):
    """A file cannot be read as it stands.

    Finds:
        Characters that turn the direction of the text around, or a byte order mark inside it. A file
        that cannot be read or parsed at all (syntax-error, newer-grammar, undecodable, too-deep,
        too-large, too-slow, dangling-link, unreadable) is no finding: the gate is an error that lists
        all such files, and no waiver covers it.
    Why:
        What a reader sees is not what Python runs; and what no rule has read is not proven.
    Subs:
        `bidi-control`: a control character for the direction of the text.
    Bad:
        # Reviewed, nothing odd here: \u202e
        allowed = True
    Good:
        # The character is written as an escape where it is needed.
        RIGHT_TO_LEFT = chr(0x202E)
    Exempt:
        The byte order mark at the very start of a file.
    Evasions:
        Another encoding, named by a cookie: the text is decoded as Python decodes it.
    Measured:
        No verdicts yet.
    """

    code = "FH000"
    name = "unreadable-source"
    gate = "integrity"
    family = "gaming"
    subs = ("bidi-control",)
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each line with such a character."""
        return self._lines(module) if _is_suspect(module.data) else ()

    def _lines(self, module: Module) -> Iterator[Hit]:
        for number, line in enumerate(module.lines, start=1):
            text = line.removeprefix("\ufeff") if number == 1 else line
            found = sorted(set(data.BIDI.findall(text)))
            if found:
                names = ", ".join(f"U+{ord(character):04X}" for character in found)
                yield Hit(
                    path=module.path,
                    line=number,
                    code=self.code,
                    name=self.name,
                    sub="bidi-control",
                    qualname="",
                    message=f"{names} in the text: a reader sees another order than Python",
                    fix="remove the character, or write it as an escape",
                    canonical=" ".join(text.split()),
                )


def _is_suspect(source: bytes) -> bool:
    """Ask the bytes first: most files hold none of the three beginnings, and name no encoding."""
    head = source[: data.HEAD_BYTES]
    if b"coding" in head and data.COOKIE.search(head):
        return True
    return any(word in source for word in data.BIDI_STARTS) and data.BIDI_BYTES.search(source) is not None
