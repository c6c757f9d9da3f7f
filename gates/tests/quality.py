"""Reads the text of the tests by the rules of the catalogue, and leaves to the run what ran."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pytest_failhard.gates.tests.results import View
from pytest_failhard.model import Finding, GateError, Option, Run, Severity, Waiver
from pytest_failhard.rules import exclusion
from pytest_failhard.rules.exclusion import ALL, Paths
from pytest_failhard.rules.findings import OFF, Settled, finding, rank_of, settle
from pytest_failhard.rules.inline import bind
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.scan import Scan, scan_project
from pytest_failhard.rules.tested import CONFTEST, ROOTS
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.listing import python_files
from pytest_failhard.source.pytest_config import PytestConfig

GATE = "tests"
EMPTY = "empty-test"
SKIPPED = "unexplained-skip"
WHOLE = "module-skip"
STRICT_KEYS = ("strict_xfail", "xfail_strict", "strict")


@dataclass(frozen=True, kw_only=True)
class Text:
    """What the text of the tests says: findings at the level's severities, what lets some through, counts."""

    findings: tuple[Finding, ...]
    allows: tuple[Waiver, ...]
    measures: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How bad each rule is, the gate's settings by name, and what a file may cost."""

    severity: Mapping[str, str]
    options: Mapping[str, Option]
    limits: Limits
    paths: Paths = ALL


def scanned(run: Run, terms: Terms) -> Scan:
    """Return what stands in the files, whatever the tests did."""
    return scan_project(run.root, run.source, run.test_roots, terms.limits, terms.paths, run.lent())


def read(run: Run, collected: Collection[str], view: View, terms: Terms, scan: Scan) -> Text:
    """Return what the rules say of the collected files; raises GateError for one that cannot be read."""
    problems = [each for each in scan.unreadable if _is_ours(each.partition(": ")[0], collected)]
    if problems:
        raise GateError("unreadable-source: " + "; ".join(problems))
    hits = settle(scan, GATE, {}, {**terms.options, ROOTS: list(run.test_roots)}).hits
    judged = _Judged(view)
    findings = tuple(_listed((hit for hit in hits if not judged.covers(hit)), terms.severity))
    files = python_files(run.root, run.source, run.test_roots, terms.paths.roles).files
    inline = bind(scan, GATE, Settled(findings=findings, hits=hits, unlisted=0), run)
    return Text(
        findings=(*findings, *inline.findings, *exclusion.findings(GATE, terms.paths, files)),
        allows=inline.waivers,
        measures=_measures(scan, collected, hits),
    )


def strictness(config: PytestConfig) -> Mapping[str, Option]:
    """Return the option that says whether pytest takes every xfail for strict."""
    values = [str(config.values[key]).lower() for key in STRICT_KEYS if key in config.values]
    return {"xfail_strict": values[:1] == ["true"]}


def _is_ours(path: str, collected: Collection[str]) -> bool:
    return path in collected or PurePosixPath(path).name == CONFTEST


def _listed(hits: Iterable[Hit], severity: Mapping[str, str]) -> Iterator[Finding]:
    for hit in hits:
        rank = rank_of(hit, severity)
        if rank != OFF:
            yield finding(hit, Severity[rank.upper()])


def _measures(scan: Scan, collected: Collection[str], hits: Iterable[Hit]) -> Mapping[str, int]:
    known = [facts for facts in scan.index.files if facts.path in collected]
    return {
        "test_functions": sum(facts.tests for facts in known),
        "assertions": sum(facts.assertions for facts in known),
        "assertion_free": sum(hit.name == EMPTY for hit in hits),
    }


class _Judged:
    """The skips and xfails that happened: the run has judged them, so their text is not judged again."""

    def __init__(self, view: View) -> None:
        happened = [nodeid for nodeid, kind in view.kinds.items() if kind in {"skipped", "xfailed"}]
        self._tests = {nodeid.partition("[")[0] for nodeid in happened}
        self._files = {record.nodeid for record in view.files if record.outcome == "skipped"}

    def covers(self, hit: Hit) -> bool:
        """Tell whether a hit is about a skip that happened; a file or class as a whole is the rule's own."""
        if hit.name != SKIPPED or (hit.sub == WHOLE and hit.path not in self._files):
            return False
        nodeid = "::".join([hit.path, *filter(None, hit.qualname.split("."))])
        return nodeid in self._tests or nodeid in self._files
