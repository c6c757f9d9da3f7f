"""Tells what a change adds from what was there: by the baseline file, else by the merge base itself."""

from __future__ import annotations

import hashlib
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import baseline as baselines
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.rules.findings import finding, rank, rank_of, settle
from pytest_failhard.rules.scan import scan_sources
from pytest_failhard.rules.suppressed import blanket, unreasoned
from pytest_failhard.rules.weak import suppressing
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.suppressions import of_bytes
from pytest_failhard.strictness import SEVERITIES

if TYPE_CHECKING:
    from pytest_failhard.baseline import Baseline
    from pytest_failhard.model import Base, Option, Run
    from pytest_failhard.rules.findings import Settled
    from pytest_failhard.rules.scan import Scan
    from pytest_failhard.rules.unit import Hit

STUB = ".pyi"
MODULE = ".py"
Place = tuple[str, str, str]
"""Name of the rule, qualified name, canonical text: what a fingerprint is made of within a file."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy says of the rules of a gate: their severities for the stock and for what is new.

    `file` is the baseline's name, `sha256` its digest in hex, empty where none is demanded.
    """

    severity: Mapping[str, str]
    new: Mapping[str, str]
    file: str = baselines.FILE
    sha256: str = ""


def settle_new(
    scan: Scan, gate: str, run: Run, terms: Terms, options: Mapping[str, Option], more: Iterable[Hit] = ()
) -> tuple[Settled, tuple[Finding, ...]]:
    """Return the findings of a gate, what is new with the severity of what is new; and the slack.

    Raises GateError for a baseline that cannot be used.
    """
    ratchet = Ratchet(run.root, run.base, terms)
    settled = settle(
        *(scan, gate, terms.severity, options, more), ranks=lambda hits: ratchet.ranks(hits, scan, options)
    )
    return settled, tuple(ratchet.slack(settled.hits))


class Ratchet:
    """What counts as new in one run of one gate.

    The baseline file is read from the merge base, never from the change; without a merge base from the
    tree. Without the file, new is what the base's version of a file does not have. Where neither can
    tell, all is new: what is not proven to be old is not.
    """

    def __init__(self, root: Path, base: Base | None, terms: Terms) -> None:
        self._root = root
        self._base = base
        self._terms = terms
        self._baseline = _read(root, base, terms.file, terms.sha256)
        self._before: dict[str, frozenset[Place] | None] = {}

    def ranks(
        self, hits: Iterable[Hit], scan: Scan, options: Mapping[str, Option]
    ) -> Iterator[tuple[Hit, str]]:
        """Yield each hit with its severity: that of what is new where it is the worse one, and the hit is."""
        for hit in hits:
            stock = rank_of(hit, self._terms.severity)
            added = rank((hit.key, hit.name, hit.rule, hit.code), self._terms.new)
            if SEVERITIES.index(added) > SEVERITIES.index(stock) and not self.holds(hit, scan, options):
                yield replace(hit, message=f"{hit.message} (new)"), added
            else:
                yield hit, stock

    def holds(self, hit: Hit, scan: Scan, options: Mapping[str, Option]) -> bool:
        """Tell whether a hit was there before the change."""
        if self._baseline is not None:
            return self._baseline.holds(hit.name, fingerprint(hit))
        if self._base is None:
            return False
        if hit.path not in self._before:
            self._before[hit.path] = self._at_base(self._base, hit, scan, options)
        before = self._before[hit.path]
        return before is None or _place(hit) in before

    def _at_base(
        self, base: Base, hit: Hit, scan: Scan, options: Mapping[str, Option]
    ) -> frozenset[Place] | None:
        """Return what the base's version of a file has; None where it is the same file."""
        data = base.read(hit.path)
        if data is None:
            return frozenset()
        if data == (self._root / hit.path).read_bytes():
            return None
        if not hit.path.endswith(MODULE):
            return frozenset(map(_place, _other_hits(hit.path, data)))
        role = scan.index.by_path[hit.path].role
        # A version that does not parse has no hits: then all is new.
        old = scan_sources([(SourceFile(path=hit.path, role=role), lambda: data)], scan.index.metadata)
        return frozenset(
            _place(each)
            for rule in old.rules.values()
            for each in rule.settle([one for one in old.hits if one.code == rule.code], old.index, options)
        )

    def slack(self, hits: Iterable[Hit]) -> Iterator[Finding]:
        """Yield a finding for each rule whose entries in the tree's own file name places that are gone."""
        data = _bytes(self._root / self._terms.file)
        noted = (
            baselines.parse(data, self._terms.file, is_digested=False)
            if data is not None
            else baselines.Baseline()
        )
        found = {(hit.name, fingerprint(hit)) for hit in hits}
        for name in sorted(self._terms.new):
            gone = [key for key in noted.rules.get(name, {}) if (name, key) not in found]
            if gone:
                yield Finding(
                    rule="ratchet-slack",
                    name="ratchet-slack",
                    path=self._terms.file,
                    line=0,
                    severity=Severity.LOW,
                    message=f"{name}: {len(gone)} of the noted places are gone; a new one would pass there",
                    fix="failhard ratchet update",
                    anchor=name,
                )


def fingerprint(hit: Hit) -> str:
    """Return the fingerprint of the finding that a hit becomes."""
    return finding(hit, Severity.LOW).fingerprint


def _place(hit: Hit) -> Place:
    return (hit.name, hit.qualname, hit.canonical)


def _other_hits(path: str, data: bytes) -> tuple[Hit, ...]:
    """Return the hits of a stub or of a configuration file."""
    if not path.endswith(STUB):
        return tuple(suppressing.hits(suppressing.of_text(path, data.decode("utf-8", "replace"))))
    try:
        found = of_bytes(path, data)
    except (SyntaxError, ValueError, tokenize.TokenError):
        # As with a module: what cannot be read had nothing.
        return ()
    return (*blanket(found), *unreasoned(found))


def _read(root: Path, base: Base | None, name: str, sha256: str) -> Baseline | None:
    data = base.read(name) if base is not None else _bytes(root / name)
    if data is None:
        if sha256:
            raise GateError(f"{name}: is absent, and the policy names its digest")
        return None
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise GateError(f"{name}: its digest is not the one in the policy ({sha256})")
    return baselines.parse(data, name, is_digested=False)


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
