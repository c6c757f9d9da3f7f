"""Finds the line of a TOML file on which a value stands."""

from __future__ import annotations

import re
from itertools import islice

_HEADER = re.compile(r"\s*\[{1,2}(?P<name>[^\[\]=,]+)\]{1,2}\s*(?:#.*)?$")
_QUOTES = "\"' "


class Places:
    """The lines of a file. A table's name is written with dots, as `project.optional-dependencies`."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def key(self, table: str, key: str) -> int:
        """Return the line of a key below the header of its table, 0 where it is written otherwise."""
        pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
        return next((number for number, line in self._table(table) if pattern.match(line)), 0)

    def text(self, table: str, key: str, text: str) -> int:
        """Return the line of a text that is a value of a key or an entry of its list, 0 if not found."""
        # One from the header is no worse than none: the text itself is looked for.
        start = self.key(table, key) or self._header(table)
        wanted = (f'"{text}"', f"'{text}'")
        lines = islice(self._lines, max(start - 1, 0), None)
        return next((n for n, line in enumerate(lines, max(start, 1)) if _holds(line, wanted)), start)

    def header(self, name: str) -> list[int]:
        """Return the lines of all headers of a name."""
        return [number for number, found in self._headers() if found == name]

    def _header(self, table: str) -> int:
        return next(iter(self.header(table)), 0)

    def _headers(self) -> list[tuple[int, str]]:
        found = ((number, _HEADER.match(line)) for number, line in enumerate(self._lines, 1))
        return [(number, _plain(match["name"])) for number, match in found if match]

    def _table(self, table: str) -> list[tuple[int, str]]:
        headers = self._headers()
        for index, (number, name) in enumerate(headers):
            if name == table:
                end = headers[index + 1][0] - 1 if index + 1 < len(headers) else len(self._lines)
                return list(enumerate(self._lines[number:end], number + 1))
        return []


def _holds(line: str, wanted: tuple[str, ...]) -> bool:
    return any(each in line for each in wanted)


def _plain(name: str) -> str:
    return ".".join(part.strip(_QUOTES) for part in name.split("."))
