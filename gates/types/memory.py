"""Packs what one run leaves for the next into bytes, and unpacks them if they are just that."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_failhard.gates.types.facts import Facts
from pytest_failhard.gates.types.stores import STORE
from pytest_failhard.gates.types.tree import Tree

LIMIT_BYTES = 60 * 1024 * 1024
"""Above it no cache of mypy's is left: that of the whole run has a limit too."""
HEADER = 8
NONE = Tree(files={}, folders=frozenset())


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What an earlier run left. `terms` say with what mypy ran: its cache is of no use to another."""

    terms: Sequence[str] = ()
    tree: Tree = NONE
    sources: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each file that parsed, by path."""
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """What the bytes of the product's sources say, by path."""
    stores: Mapping[str, bytes] = field(default_factory=dict)


def dump(memory: Memory) -> bytes:
    """Return the bytes; mypy's cache is not among them where it is too large."""
    if sum(map(len, memory.stores.values())) > LIMIT_BYTES:
        return dump(dataclasses.replace(memory, terms=(), stores={}))
    header = json.dumps(
        {
            "terms": list(memory.terms),
            "files": dict(memory.tree.files),
            "folders": sorted(memory.tree.folders),
            "sources": dict(memory.sources),
            "facts": {path: list(dataclasses.astuple(facts)) for path, facts in memory.facts.items()},
            "stores": {name: len(data) for name, data in memory.stores.items()},
        }
    ).encode()
    return b"".join([len(header).to_bytes(HEADER, "big"), header, *memory.stores.values()])


def load(data: bytes | None) -> Memory:
    """Return what was left; an empty memory where the bytes are nothing of ours."""
    if data is None:
        return Memory()
    try:
        end = HEADER + int.from_bytes(data[:HEADER], "big")
        header = json.loads(data[HEADER:end])
        return Memory(
            terms=_texts(header["terms"]),
            tree=Tree(files=_table(header["files"]), folders=frozenset(_texts(header["folders"]))),
            sources=_table(header["sources"]),
            facts={path: _facts(*each) for path, each in header["facts"].items()},
            stores=_stores(data[end:], header["stores"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Only other code than this could have written it, which the cache rules out: begin anew.
        return Memory()


def _texts(value: list[object]) -> tuple[str, ...]:
    texts = tuple(each for each in value if isinstance(each, str))
    if len(texts) != len(value):
        raise TypeError("a text is none")
    return texts


def _table(value: Mapping[str, object]) -> dict[str, str]:
    return dict(zip(value, _texts(list(value.values())), strict=True))


def _facts(imports: list[object], untyped: int, suppressions: int, unchecked: list[list[object]]) -> Facts:
    lines = tuple((int(str(line)), str(text)) for line, text in unchecked)
    return Facts(
        imports=_texts(imports), untyped=int(untyped), suppressions=int(suppressions), unchecked=lines
    )


def _stores(data: bytes, sizes: Mapping[str, int]) -> dict[str, bytes]:
    stores: dict[str, bytes] = {}
    start = 0
    for name, size in sizes.items():
        if STORE.fullmatch(name) is None or size < 0:
            raise ValueError(f"{name} is no database of mypy's")
        stores[name] = data[start : start + size]
        start += size
    if start != len(data):
        raise ValueError(f"{len(data)} bytes are not {start}")
    return stores
