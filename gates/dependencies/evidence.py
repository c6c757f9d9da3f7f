"""Writes what the gate saw: the closure as a graph, and who answers each import."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.dependencies.resolution import Resolved


def closure(supply: Supply) -> bytes:
    """Return nodes, edges and problems of the closure as JSON."""
    return _json(
        {
            "source": supply.declared.source,
            "is_explicit": supply.declared.is_explicit,
            "roots": [each.text for each in supply.declared.roots],
            "locks": [lock.path for lock in supply.locks],
            "nodes": {name: each.version for name, each in sorted(supply.closure.nodes.items())},
            "edges": sorted(supply.closure.edges),
            "problems": [asdict(each) for each in supply.closure.problems],
        }
    )


def imports(resolved: Iterable[Resolved]) -> bytes:
    """Return who answers each module as JSON, with the places that ask for it."""
    found: dict[str, dict[str, object]] = {}
    places: dict[str, list[str]] = {}
    for each in resolved:
        key = f"{each.module} ({each.source.value})"
        found[key] = {
            "module": each.module,
            "source": each.source.value,
            "distributions": sorted(each.providers),
        }
        places.setdefault(key, []).append(f"{each.wanted.path}:{each.wanted.line}")
    return _json([{**found[key], "places": sorted(set(places[key]))} for key in sorted(found)])


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
