"""SBOM: a bill of materials of all that the product runs on, valid, complete and reproducible.

Why:
    Whoever runs a system must be able to tell in minutes whether a component with a new hole is in it,
    which version, and whom to ask. A list made by hand is out of date, and a list of the whole
    environment names the tools of development and hides what is missing.

Fails when:
    A finding reaches the level's `fail_at`: a required distribution is not installed, so that the list
    has a gap (`missing-component`); an element is missing that a standard wants which the level demands
    (`missing-element`: NTIA from level 2, CISA and BSI at level 4); from level 3 on nobody can be asked
    about the document (`no-contact`). Or a measure is out of bounds: `hashed_percent`,
    `licensed_percent` and `supplied_percent` must be 100 from level 3 on. It is an error where the file,
    read back from disk, is not valid CycloneDX 1.6, differs from the closure, or holds a reference that
    leads nowhere; where cyclonedx-bom does not see a component (from level 3 on); and where there is no
    time: neither a commit nor SOURCE_DATE_EPOCH.

Fix:
    Hashes: commit a lock (`uv.lock`, `pylock.toml`, requirements with `--hash`) and install from it.
    Suppliers: a distribution whose metadata names nobody is declared with the name of who makes it:
    `[tool.failhard.sbom.suppliers]`, `some-package = { name = "...", url = "..." }`. It is counted
    (`suppliers_declared`) and marked in the document. Contact: an author with an e-mail address in
    `[project]`, or `manufacturer = { name = "...", url = "..." }` in `[tool.failhard.sbom]`.

Waive:
    A measure with the worst accepted `value`, an owner and an end; a finding by package.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from fractions import Fraction
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.bom.party import creator
from pytest_failhard.gates.sbom.settings import SbomSettings
from pytest_failhard.model import GateError, Observation, Reuse, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pytest_failhard.distributions.bom.elements import Element
    from pytest_failhard.distributions.bom.parts import Part
    from pytest_failhard.distributions.bom.subject import Subject
    from pytest_failhard.distributions.bom.written import Written
    from pytest_failhard.distributions.supply import Supply
    from pytest_failhard.model import Evidence, Run

DOCUMENT = "sbom.cdx.json"
ELEMENTS = "elements.json"
OURSELVES, LIBRARY = "pytest-failhard", "cyclonedx-python-lib"


class SbomGate:
    """Observes the bill of materials of the product's runtime closure, which it makes."""

    id = "sbom"
    settings: type[Settings] = SbomSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=("cyclonedx-bom",), day=False)

    def observe(self, run: Run) -> Observation:
        """Make, read back, compare and score the document; raises GateError where it does not hold."""
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.distributions.bom import elements, subject, written
        from pytest_failhard.distributions.pieces import Pieces
        from pytest_failhard.distributions.supply import supply
        from pytest_failhard.gates.sbom import cross_check, findings

        settings = run.settings
        if not isinstance(settings, SbomSettings):
            raise GateError(f"sbom: settings are {type(settings).__name__}, not SbomSettings")
        seen = supply(run)
        pieces = Pieces(run)
        of, parts = _gathered(run, seen, settings)
        bound = subject.digest(of, parts, seen.closure.edges)
        earlier = pieces.get(DOCUMENT, bound)
        data = _rendered(of, parts, seen) if earlier is None else earlier.encode()
        back = _on_disk(run, data)
        document = written.load(back, is_valid=earlier is not None and back == data)
        written.compare(document, frozenset((each.title, each.version, each.purl) for each in parts))
        evidence = _kept(run, data)
        if earlier is None:
            pieces.put(DOCUMENT, bound, data.decode())
        scored = elements.score(document)
        tool = f"{LIBRARY} {importlib.metadata.version(LIBRARY)}"
        if settings.cross_check:
            other, _ = cross_check.cross_check(run, seen.target, parts, pieces)
            tool = f"{tool}, {other}"
        return Observation(
            tool=tool,
            examined=len(parts) + 1,
            findings=findings.findings(seen, parts, document, scored, settings),
            measures=_measures(parts, document, scored),
            evidence=(evidence, _scores(run, scored)),
        )


def _gathered(run: Run, seen: Supply, settings: SbomSettings) -> tuple[Subject, tuple[Part, ...]]:
    """Return what is known of the project and of each component."""
    from pytest_failhard.distributions.bom import parts
    from pytest_failhard.distributions.bom.subject import Subject
    from pytest_failhard.distributions.licence import own

    project = seen.declared.project
    suppliers = {str(canonicalize_name(name)): party for name, party in settings.suppliers.items()}
    gathered = parts.gather(seen, suppliers, run.clarifications)
    subject = Subject(
        name=project.name,
        version=project.version,
        licence=own.read(run.root, project).expression,
        creator=creator(project, settings.manufacturer),
        time=_time(run),
        tools={name: importlib.metadata.version(name) for name in (OURSELVES, LIBRARY)},
        is_complete=not any(problem.kind == "missing" for problem in seen.closure.problems),
    )
    return subject, gathered


def _rendered(of: Subject, parts: Sequence[Part], seen: Supply) -> bytes:
    # The library takes a while to load.
    from pytest_failhard.distributions.bom import document

    return document.render(of, parts, seen.closure.edges)


def _time(run: Run) -> datetime:
    if run.committed is None:
        raise GateError(
            "no-time: there is no commit whose time the document could bear; commit the project, "
            "or set SOURCE_DATE_EPOCH to seconds since 1970"
        )
    return run.committed


def _on_disk(run: Run, data: bytes) -> bytes:
    """Write the document and return what is then on the disk."""
    place = run.scratch / DOCUMENT
    place.write_bytes(data)
    return place.read_bytes()


def _kept(run: Run, data: bytes) -> Evidence:
    evidence = run.keep(DOCUMENT, data, has_contacts=True)
    if evidence.sha256 != hashlib.sha256(data).hexdigest():
        raise GateError(
            f"redacted: {DOCUMENT} held a secret (a URL with a password, a token); it stands in the "
            f"metadata of the project or of a package: see {evidence.name}"
        )
    return evidence


def _measures(
    parts: Sequence[Part], document: Written, scored: Sequence[Element]
) -> dict[str, int | Fraction]:
    members = document.components
    total = len(members)
    embedded = [each for part in parts for each in part.embedded]
    demanded = [each for each in scored if each.demanded]
    return {
        "components": total,
        "edges": sum(len(each.needs) for each in document.dependencies),
        "hashed_percent": _percent(sum(bool(each.sha256) for each in members), total),
        "licensed_percent": _percent(sum(bool(each.licence) for each in members), total),
        "supplied_percent": _percent(sum(bool(each.supplier.name) for each in members), total),
        "hashes_ambiguous": sum(len(each.sha256) > 1 for each in members),
        "suppliers_declared": sum(part.is_supplier_declared for part in parts),
        "embedded_sboms": len(embedded),
        "embedded_components": sum(each.parts or 0 for each in embedded),
        "elements_missing": sum(not each.is_met for each in demanded),
    }


def _percent(count: int, total: int) -> int | Fraction:
    return Fraction(100 * count, total) if total else 100


def _scores(run: Run, scored: Sequence[Element]) -> Evidence:
    listed = [{**vars(each), "is_met": each.is_met} for each in scored]
    return run.keep(ELEMENTS, json.dumps(listed, indent=1, sort_keys=True).encode() + b"\n")
