"""What the gate `integrity` sees: the rules about the tree, suppressions, and what lies beside the code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pytest_failhard.gates.integrity import IntegrityGate, approvals, tools
from pytest_failhard.gates.integrity.budget import exceeded
from pytest_failhard.gates.integrity.measures import against_base, counted, gathered
from pytest_failhard.gates.integrity.sabotage import sabotage
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import Finding, GateError, Observation, Run, Severity
from pytest_failhard.rules import exclusion
from pytest_failhard.rules.exclusion import is_excluded, paths
from pytest_failhard.rules.findings import options_of
from pytest_failhard.rules.gaming import (
    softened_ci_gate,
    unresolved_import,
    weakened_config,
    weakened_test_suite,
)
from pytest_failhard.rules.gaming.shadowed import shadows
from pytest_failhard.rules.inline import allows, malformed
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.ratchet import Terms, settle_new
from pytest_failhard.rules.scan import scan_project
from pytest_failhard.rules.suppressed import in_stubs
from pytest_failhard.rules.tree import Tree
from pytest_failhard.rules.unit import Hit
from pytest_failhard.rules.weak import suppressing
from pytest_failhard.rules.weak.files import configurations
from pytest_failhard.source.listing import others, python_files

TREE_CHECKS: tuple[Callable[[Tree], Iterable[Hit]], ...] = (
    in_stubs,
    shadows,
    softened_ci_gate.check,
    weakened_config.check,
    weakened_test_suite.check,
    unresolved_import.check,
)
"""What no single Python file can answer: each is asked once, with the whole tree."""
UNEXCLUDED = frozenset({"FH707", "FH708", "FH709", "FH711"})
"""Rules about what changes the outcome of other checks: no option takes a file out of them."""


def observe(run: Run, settings: IntegritySettings) -> Observation:
    """Return what the gate `integrity` sees; raises GateError where it could not look."""
    look = _Look(run, settings)
    settled, slack = settle_new(
        *(look.scan, IntegrityGate.id, run, _terms(settings), look.tree.options, look.hits()),
    )
    found = gathered(run.root, look.scan.files, look.stubs, look.configured)
    survived = sabotage(run, look.scan, settings.sabotage, settings.sabotage_seconds)
    findings = [
        *settled.findings,
        *survived.findings,
        *slack,
        *look.findings(),
        *exceeded(found, settings.suppression_budget),
    ]
    return Observation(
        tool="failhard",
        examined=len(look.scan.files) + len(look.stubs),
        findings=tuple(sorted(findings)),
        measures={
            "files": len(look.scan.files) + len(look.stubs),
            "excluded_files": len(look.listing.excluded) + len(look.scan.excluded),
            "unlisted": settled.unlisted,
            **counted(found),
            "inline_allows": len(list(allows(look.scan))),
            **against_base(run.base, look.scan.files, look.configured),
            **survived.measures,
        },
        # Tests of the project were run.
        fleeting=bool(survived.measures or survived.findings),
    )


class _Look:
    """All that the checks of one run are given."""

    def __init__(self, run: Run, settings: IntegritySettings) -> None:
        self._run = run
        self._paths = paths(settings.exclude, settings.roles)
        limits = Limits(max_bytes=settings.max_file_bytes, max_seconds=settings.max_file_seconds)
        self.scan = scan_project(run.root, run.source, run.test_roots, limits, self._paths, run.recall())
        run.remember(self.scan.left)
        if self.scan.unreadable:
            raise GateError("unreadable-source: " + "; ".join(self.scan.unreadable))
        self.listing = python_files(run.root, run.source, run.test_roots, self._paths.roles)
        stubs = others(run.root, self.listing.nested, ".pyi")
        self.stubs = tuple(path for path in stubs if not is_excluded(path, self._paths))
        self.configured = suppressing.of_files(run.root, tuple(configurations(run.root, run.test_roots)))
        self.tree = Tree(
            root=run.root,
            files=self.listing.files,
            scan=self.scan,
            base=run.base,
            base_missing=run.base_missing,
            interpreter=run.interpreter,
            source=run.source,
            test_roots=run.test_roots,
            options=options_of(settings),
            nested=self.listing.nested,
        )

    def hits(self) -> Iterator[Hit]:
        """Yield what needs the whole tree. What changes the outcome of other checks is never excluded."""
        yield from suppressing.hits(self.configured)
        for hit in (hit for check in TREE_CHECKS for hit in check(self.tree)):
            if hit.code in UNEXCLUDED or not is_excluded(hit.path, self._paths):
                yield hit

    def findings(self) -> Iterator[Finding]:
        """Yield what is no rule's: other projects, what is written wrongly, what lies beside the tree."""
        run = self._run
        yield from map(_nested, self.listing.nested)
        yield from malformed(self.scan, run.level, run.today)
        yield from tools.findings(run.packages)
        yield from approvals.added(run.root, run.base, run.level)
        yield from approvals.grown(run.root, run.base)
        yield from exclusion.findings(IntegrityGate.id, self._paths, self.listing.files)


def _terms(settings: IntegritySettings) -> Terms:
    return Terms(
        severity=settings.severity,
        new=settings.new_severity,
        file=settings.baseline,
        sha256=settings.baseline_sha256,
    )


def _nested(folder: str) -> Finding:
    return Finding(
        rule="nested-project",
        name="nested-project",
        path=folder,
        line=0,
        severity=Severity.LOW,
        message=f"{folder} has a `[project]` of its own: it is another project, which is not read here",
        fix="none needed; judge it by itself: failhard check " + folder,
        anchor=folder,
    )
