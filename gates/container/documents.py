"""Reads YAML into tables that know the lines of their keys."""

from __future__ import annotations

import yaml

from pytest_failhard.source import yaml_text


class Table(dict[str, object]):
    """A mapping whose keys are text. `line` is where it begins, counted from 1."""

    line = 0

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, int] = {}

    def put(self, key: str, value: object, line: int) -> None:
        """Set a key that stands in a line; a table begins with its key."""
        self[key] = value
        if isinstance(value, Table):
            value.line = line
        self._lines[key] = line

    def at(self, key: str) -> int:
        """Return a key's line, else where the table begins."""
        return self._lines.get(key, self.line)

    def table(self, *keys: str) -> Table:
        """Return the table below keys, an empty one where there is none."""
        found: object = self
        for key in keys:
            found = found.get(key) if isinstance(found, Table) else None
        if isinstance(found, Table):
            return found
        empty = Table()
        empty.line = self.line
        return empty

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return the tables in a list, nothing where there is none."""
        found = self.get(key)
        return tuple(each for each in found if isinstance(each, Table)) if isinstance(found, list) else ()

    def text(self, key: str) -> str:
        """Return a scalar as text, empty where there is none."""
        found = self.get(key)
        if isinstance(found, bool):
            return str(found).lower()
        return str(found) if isinstance(found, str | int | float) else ""


class _Loader(yaml.SafeLoader):
    """Safe: it makes tables, lists and scalars, whatever tag stands before them."""


def read(text: str) -> tuple[Table, ...]:
    """Return the documents that are tables; raises YamlError for what is no YAML."""
    return tuple(each for each in yaml_text.values(text, _Loader) if isinstance(each, Table))


def _table(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Table:
    table = Table()
    table.line = node.start_mark.line + 1
    loader.flatten_mapping(node)
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        table.put(name, loader.construct_object(value, deep=True), key.start_mark.line + 1)
    return table


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    del suffix
    if isinstance(node, yaml.MappingNode):
        return _table(loader, node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _table)
_Loader.add_multi_constructor("!", _tagged)
