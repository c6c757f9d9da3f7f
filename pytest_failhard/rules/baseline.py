"""Reads and writes `failhard-baseline.json`: the places that were there before a rule was taken seriously."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.model import GateError

FILE = "failhard-baseline.json"
SCHEMA = "failhard-baseline/1"
FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where the place was when it was noted, why it may stay, and who says so."""

    path: str
    reason: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Rule name -> fingerprint -> entry."""

    rules: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)

    def holds(self, rule: str, fingerprint: str) -> bool:
        """Tell whether a place of a rule is noted."""
        return fingerprint in self.rules.get(rule, {})


def parse(data: bytes, where: str = FILE) -> Baseline:
    """Return the baseline in a document; raises GateError for anything that is not exactly one."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GateError(f"{where}: is no JSON: {error}") from None
    match document:
        case {"schema": str(schema), "rules": dict(rules), **rest} if schema == SCHEMA and not rest:
            return Baseline(rules={name: _entries(where, name, listed) for name, listed in rules.items()})
    raise GateError(f'{where}: must have exactly `schema: "{SCHEMA}"` and `rules`')


def _entries(where: str, name: str, listed: object) -> Mapping[str, Entry]:
    if not isinstance(listed, dict):
        raise GateError(f"{where}: rules.{name}: must map fingerprints to entries")
    return {key: _entry(f"{where}: rules.{name}.{key}", key, value) for key, value in listed.items()}


def _entry(where: str, fingerprint: str, value: object) -> Entry:
    if not FINGERPRINT.fullmatch(fingerprint):
        raise GateError(f"{where}: is no fingerprint of 16 hex digits")
    match value:
        case {"path": str(path), "reason": str(reason), "owner": str(owner), **rest} if not rest:
            if path and reason.strip() and owner.strip():
                return Entry(path=path, reason=reason, owner=owner)
    raise GateError(f"{where}: must have exactly path, reason and owner, none of them empty")


def dump(baseline: Baseline) -> bytes:
    """Return the document: sorted, a line an entry's key, LF, so that a change of it can be reviewed."""
    rules = {
        name: {fingerprint: vars(entry) for fingerprint, entry in listed.items()}
        for name, listed in baseline.rules.items()
        if listed
    }
    text = json.dumps({"schema": SCHEMA, "rules": rules}, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()
