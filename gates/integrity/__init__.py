"""Integrity: nothing in the tree makes the checks look away, or makes a verdict look better than it is.

Why:
    Whoever is judged by a check learns to satisfy the check: a test process that ends itself with 0, a
    hook that calls a failed test passed, an object that equals everything, code that behaves while it is
    watched, a tool told to skip the file, a gate in CI followed by `|| true`. Each was seen, each ends
    green with every other gate.

Fails when:
    A rule of the catalogue (FH000, FH701 to FH712; `failhard explain RULE` says what each looks for) has
    a hit anywhere in the tree to which the level's `severity` gives `high`; `new_severity` says what a
    place counts that the change adds, beside the stock of the merge base or of `failhard-baseline.json`.
    A `failhard: allow` that is written wrongly (`malformed-allow`) and a tool whose files are not those
    that were installed (`modified-tool`) fail at every level. Reported only: `nested-project`,
    `ratchet-slack`, code that runs at every start of Python and that no package brought
    (`start-up-line`), from level 3 a waiver that comes with the change of its file (`added-waiver`). A
    file that cannot be read or parsed is
    an error, never a lower count. Measures: files, excluded_files, unlisted, suppressions and each kind
    of it (`suppressions_ruff`, ...), suppressions_blanket, suppressions_reasonless, coverage_exclusions,
    inline_allows; against the merge base suppressions_added and changed_together.

Fix:
    Remove what the finding names. A suppression that must be gets the one rule that it means, and a
    reason of two words or more behind it.

Waive:
    By finding in `failhard-waivers.yaml`, never by a comment in the code. A forged outcome, a forced exit
    and a patched checker are nobody's accepted risk: only a wrong finding can be marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pytest_failhard.gates.integrity import approvals, tools
from pytest_failhard.gates.integrity.measures import against_base, counted
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity
from pytest_failhard.rules.baseline import FILE
from pytest_failhard.rules.findings import options_of
from pytest_failhard.rules.gaming import (
    softened_ci_gate,
    unresolved_import,
    weakened_config,
    weakened_test_suite,
)
from pytest_failhard.rules.gaming.shadowed import shadows
from pytest_failhard.rules.inline import allows, malformed
from pytest_failhard.rules.ratchet import Terms, settle_new
from pytest_failhard.rules.scan import Limits, scan_project
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


@dataclass(frozen=True, kw_only=True)
class IntegritySettings(Settings):
    """How bad each rule is, for what was there and for what is new."""

    severity: dict[str, str] = field(default_factory=dict)
    """Rule or rule with sub -> off, low, medium or high."""
    new_severity: dict[str, str] = field(default_factory=dict)
    """Rule -> what a place counts that the change adds, where the stock counts less."""
    ci_files: tuple[str, ...] = ()
    """Globs of files that run checks, beside the usual ones."""
    gate_tools: tuple[str, ...] = ()
    """Names of checks beside the usual ones."""
    baseline: str = FILE
    """The file that notes the stock of the rules in `new_severity`."""
    baseline_sha256: str = ""
    """Its digest in hex, empty where none is demanded."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds
    """Processor time of all rules on one file."""


class IntegrityGate:
    """Observes what in the tree would change the outcome of a check without mending anything."""

    id = "integrity"
    settings: type[Settings] = IntegritySettings

    def observe(self, run: Run) -> Observation:
        """Return what the rules found in all files; raises GateError where one cannot be read."""
        settings = run.settings
        if not isinstance(settings, IntegritySettings):
            raise GateError(f"integrity: settings are {type(settings).__name__}, not IntegritySettings")
        limits = Limits(max_bytes=settings.max_file_bytes, max_seconds=settings.max_file_seconds)
        scan = scan_project(run.root, run.source, run.test_roots, limits)
        if scan.unreadable:
            raise GateError("unreadable-source: " + "; ".join(scan.unreadable))
        listing = python_files(run.root, run.source, run.test_roots)
        options = options_of(settings)
        tree = Tree(
            root=run.root,
            files=listing.files,
            scan=scan,
            base=run.base,
            base_missing=run.base_missing,
            interpreter=run.interpreter,
            source=run.source,
            test_roots=run.test_roots,
            options=options,
            nested=listing.nested,
        )
        configured = suppressing.of_files(run.root, tuple(configurations(run.root, run.test_roots)))
        more = [hit for check in TREE_CHECKS for hit in check(tree)] + [*suppressing.hits(configured)]
        terms = Terms(
            severity=settings.severity,
            new=settings.new_severity,
            file=settings.baseline,
            sha256=settings.baseline_sha256,
        )
        settled, slack = settle_new(scan, self.id, run, terms, options, more)
        stubs = others(run.root, listing.nested, ".pyi")
        counts = counted(run.root, scan.index.files, stubs, configured)
        findings = [*settled.findings, *slack, *map(_nested, listing.nested)]
        findings += [*malformed(scan, run.level, run.today), *tools.findings(run.packages)]
        findings += approvals.added(run.root, run.base, run.level)
        return Observation(
            tool="failhard",
            examined=len(listing.files) + len(stubs),
            findings=tuple(sorted(findings)),
            measures={
                "files": len(listing.files) + len(stubs),
                "excluded_files": len(listing.excluded),
                "unlisted": settled.unlisted,
                **counts,
                "inline_allows": len(list(allows(scan))),
                **against_base(run.base, scan.index.files, configured),
            },
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
