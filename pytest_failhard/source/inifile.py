"""Reads ini files with the line of each value, as configparser understands them."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass

SECTION = re.compile(r"\[([^\]]+)\]")
OPTION = re.compile(r"([^\s:=#;\[][^:=]*?)\s*(?:[:=]\s*(.*))?\Z")


class IniError(ValueError):
    """The text is no ini file; the message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A value of an ini file: the number of its key's line, and its filled lines with their numbers."""

    line: int
    lines: tuple[tuple[int, str], ...]

    @property
    def value(self) -> str:
        """The whole value, its lines joined by line ends."""
        return "\n".join(text for _, text in self.lines)


def sections(path: str, text: str) -> Mapping[str, Mapping[str, Entry]]:
    """Return section -> key in lower case -> entry; raises IniError for what configparser refuses.

    A key that stands twice has its last value, as most tools read it.
    """
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error as error:
        raise IniError(f"{path}: does not parse as ini: {' '.join(error.message.split())}") from None
    except AttributeError:
        # How configparser ends on a line that goes on below a key without a value.
        raise IniError(f"{path}: does not parse as ini: a line goes on where no value is") from None
    return _read(text)


def _read(text: str) -> dict[str, dict[str, Entry]]:
    found: dict[str, dict[str, Entry]] = {}
    section, key, depth = "", "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line, indent = raw.strip(), len(raw) - len(raw.lstrip())
        if not line or line.startswith(("#", ";")):
            continue
        header = SECTION.match(line)
        if key and indent > depth:
            entry = found[section][key]
            found[section][key] = Entry(line=entry.line, lines=(*entry.lines, (number, line)))
        elif header:
            section, key = header[1], ""
            found.setdefault(section, {})
        elif (option := OPTION.match(line)) is not None:
            key, depth = option[1].strip().lower(), indent
            value = (option[2] or "").strip()
            found.setdefault(section, {})[key] = Entry(line=number, lines=((number, value),) if value else ())
    return found
