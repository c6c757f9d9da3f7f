"""What the gate `fallbacks` sees: the rules about product code."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.model import DECLARED_FALLBACKS, Finding, GateError, Observation, Run
from pytest_failhard.rules import exclusion
from pytest_failhard.rules.exclusion import paths
from pytest_failhard.rules.findings import by_family, options_of
from pytest_failhard.rules.inline import bind
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.ratchet import Terms, settle_new
from pytest_failhard.rules.scan import scan_project
from pytest_failhard.source.listing import python_files

FAMILIES = ("secrets", "swallowed", "mocks", "stubs", "waiting", "exposure")
THOUSAND = 1000


def observe(run: Run, settings: FallbacksSettings) -> Observation:
    """Return what the gate `fallbacks` sees; raises GateError where it could not look."""
    limits = Limits(max_bytes=settings.max_file_bytes, max_seconds=settings.max_file_seconds)
    terms_of_paths = paths(settings.exclude, settings.roles)
    scan = scan_project(run.root, run.source, run.test_roots, limits, terms_of_paths, run.recall())
    run.remember(scan.left)
    if scan.unreadable:
        raise GateError("unreadable-source: " + "; ".join(scan.unreadable))
    terms = Terms(
        severity=settings.severity,
        new=settings.new_severity,
        file=settings.baseline,
        sha256=settings.baseline_sha256,
    )
    settled, slack = settle_new(scan, FallbacksGate.id, run, terms, options_of(settings))
    inline = bind(scan, FallbacksGate.id, settled, run)
    files = [facts for facts in scan.files if facts.role == "product"]
    listed = python_files(run.root, run.source, run.test_roots, terms_of_paths.roles)
    told = exclusion.findings(FallbacksGate.id, terms_of_paths, listed.files)
    lines = sum(facts.code_lines for facts in files)
    families = by_family(scan, settled.hits)
    return Observation(
        tool="failhard",
        examined=len(files),
        findings=tuple(sorted((*settled.findings, *slack, *inline.findings, *told))),
        allows=inline.waivers,
        measures={
            "files": len(files),
            "code_lines": lines,
            "excluded_files": len(scan.excluded),
            "unlisted": settled.unlisted,
            **_density(settled.findings, lines),
            **({DECLARED_FALLBACKS: declared} if (declared := len(settings.approved_fallbacks)) else {}),
            **{family: families.get(family, 0) for family in FAMILIES},
        },
    )


def _density(findings: Iterable[Finding], lines: int) -> dict[str, Fraction]:
    """Return the findings of every severity in 1,000 lines of code; nothing where there is no line."""
    return {"findings_per_kloc": Fraction(THOUSAND * len(list(findings)), lines)} if lines else {}
