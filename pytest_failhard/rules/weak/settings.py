"""Reads the configuration files of the tools into settings with their lines, whatever their syntax."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.source import yaml_text
from pytest_failhard.source.inifile import IniError, sections
from pytest_failhard.source.yaml_text import YamlError

HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?\Z")
KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")


class ConfigError(ValueError):
    """A configuration file does not parse; the message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One key of a tool: `section` is the part of its table behind the tool's name, empty for the tool's own.

    `value` is what TOML says, or the text of an ini value, one entry a line.
    """

    path: str
    tool: str
    section: str
    key: str
    value: object
    line: int

    @property
    def where(self) -> str:
        """The key with its tool and section, as a message names it."""
        return ".".join(part for part in (self.tool, self.section, self.key) if part)

    @property
    def entries(self) -> tuple[str, ...]:
        """The value as a list: of a list its items, of a text its lines and what commas part."""
        if isinstance(self.value, list):
            return tuple(str(item) for item in self.value)
        parts = re.split(r"[\n,]", str(self.value)) if isinstance(self.value, str) else [str(self.value)]
        return tuple(part.strip() for part in parts if part.strip())

    @property
    def lines(self) -> tuple[str, ...]:
        """The value as a list whose items may hold commas."""
        if isinstance(self.value, list):
            return tuple(str(item) for item in self.value)
        return tuple(line.strip() for line in str(self.value).splitlines() if line.strip())

    @property
    def truth(self) -> bool | None:
        """What the value says as a flag, None where it is none."""
        return data.TRUTHS.get(str(self.value).strip().lower())

    @property
    def number(self) -> float | None:
        """What the value says as a number, None where it is none."""
        if isinstance(self.value, bool):
            return None
        try:
            return float(str(self.value))
        except ValueError:
            return None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one file, and those of its tables that are filled or empty."""

    path: str
    found: tuple[Setting, ...]

    def of(self, tool: str) -> tuple[Setting, ...]:
        """Return the settings of one tool."""
        return tuple(each for each in self.found if each.tool == tool)

    def get(self, tool: str, section: str, key: str) -> Setting | None:
        """Return one setting, None where the file does not have it."""
        named = (each for each in self.found if (each.tool, each.section, each.key) == (tool, section, key))
        return next(named, None)


def read(path: str, text: str, like: str = "") -> Settings:
    """Return the settings of a file of a name that is known, or `like` one; raises ConfigError."""
    name = like or PurePosixPath(path).name
    if name.endswith((".yaml", ".yml")) or (name == ".bandit" and not data.INI_START.search(text)):
        return Settings(path=path, found=tuple(_yaml(path, text)))
    if name.endswith(".toml"):
        return Settings(path=path, found=tuple(_toml(path, text, name)))
    return Settings(path=path, found=tuple(_ini(path, text, name)))


def _yaml(path: str, text: str) -> Iterator[Setting]:
    try:
        document = yaml_text.value(text)
    except YamlError as error:
        raise ConfigError(str(error)) from None
    for key, value in document.items() if isinstance(document, dict) else ():
        line = _first(text, re.compile(rf"\s*{re.escape(str(key))}\s*:"))
        yield Setting(path=path, tool="bandit", section="", key=str(key), value=value, line=line)


def _first(text: str, pattern: re.Pattern[str]) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 0)


def _ini(path: str, text: str, name: str) -> Iterator[Setting]:
    try:
        found = sections(path, text)
    except IniError as error:
        raise ConfigError(str(error)) from None
    for section, entries in found.items():
        tool, inner = _ini_tool(name, section)
        for key, entry in entries.items() if tool else ():
            # pylint and coverage write one key with hyphens and with underscores.
            plain = key.replace("_", "-") if tool == "pylint" else key
            yield Setting(path=path, tool=tool, section=inner, key=plain, value=entry.value, line=entry.line)


def _ini_tool(name: str, section: str) -> tuple[str, str]:
    """Return the tool that reads a section of a file of this name, and what the section is to it."""
    if name in data.INI_TOOLS:
        tool = data.INI_TOOLS[name]
        return tool, section.removeprefix(f"{tool}:").removeprefix(tool).lstrip("-")
    for prefix, tool in data.SHARED_SECTIONS[name].items():
        if section == prefix or (prefix.endswith((":", "-", ".")) and section.startswith(prefix)):
            return tool, section[len(prefix) :]
    return "", ""


def _toml(path: str, text: str, name: str) -> Iterator[Setting]:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(error)) from None
    lines = _toml_lines(text)
    for keys, value in _leaves(document, ()):
        tool, section = _toml_tool(name, keys[:-1])
        if tool:
            place = lines.get(keys, 0) or lines.get(keys[:-1], 0)
            key = keys[-1].replace("_", "-") if tool == "pylint" else keys[-1]
            yield Setting(path=path, tool=tool, section=section, key=key, value=value, line=place)


def _toml_tool(name: str, keys: Sequence[str]) -> tuple[str, str]:
    if name in data.TOML_TOOLS:
        tool = data.TOML_TOOLS[name]
        own = keys[1:] if keys[:1] == (tool,) else keys
        return tool, ".".join(own)
    if len(keys) < 2 or keys[0] != "tool" or keys[1] not in data.PYPROJECT_TOOLS:
        return "", ""
    section = ".".join(keys[2:])
    return keys[1], "" if section == "ini_options" else section


def _leaves(table: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*keys, key))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value):
                yield from _leaves(item, (*keys, f"{key}[{number}]"))
        else:
            yield (*keys, key), value


def _toml_lines(text: str) -> Mapping[tuple[str, ...], int]:
    """Return the line of each table and key, as far as a look at single lines tells."""
    lines: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = _parts(header[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table[:-1], f"{table[-1]}[{counts[table]}]")
            lines.setdefault(table, number)
        elif key := KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r""""([^"]*)"|'([^']*)'|([\w-]+)""", dotted)
    return tuple(next(filter(None, each), "") for each in found)
