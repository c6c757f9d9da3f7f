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
    So does a `failhard: allow` that is written wrongly (`malformed-allow`), a tool whose files are not
    those that were installed (`modified-tool`), a kind of suppression of which there are more than
    `suppression_budget` admits. Reported only: `nested-project`, `ratchet-slack`, what `exclude` and
    `roles` let through (`paths-exclude`, `paths-roles`, `unmatched-option`), code that runs at every
    start of Python and that no package brought (`start-up-line`), from level 3 a waiver that comes with
    the change of its file (`added-waiver`). A file that cannot be read or parsed is an error, never a
    lower count. Measures: files, excluded_files, unlisted, suppressions and each kind of it
    (`suppressions_ruff`, ...), suppressions_blanket, suppressions_reasonless, coverage_exclusions,
    inline_allows; against the merge base suppressions_added and changed_together.

Fix:
    Remove what the finding names. A suppression that must be gets the one rule that it means, and a
    reason of two words or more behind it.

Waive:
    By finding in `failhard-waivers.yaml`, never by a comment in the code. A forged outcome, a forced exit
    and a patched checker are nobody's accepted risk: only a wrong finding can be marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pytest_failhard.gates.integrity import approvals, tools
from pytest_failhard.gates.integrity.budget import exceeded, unknown
from pytest_failhard.gates.integrity.measures import against_base, counted, gathered
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity
from pytest_failhard.rules import exclusion
from pytest_failhard.rules.baseline import FILE
from pytest_failhard.rules.exclusion import Role, is_excluded, paths
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
UNEXCLUDED = frozenset({"FH707", "FH708", "FH709", "FH711"})
"""Rules about what changes the outcome of other checks: no option takes a file out of them."""


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
    exclude: tuple[str, ...] = ()
    """Globs of files that are not judged."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Glob -> role of the files that it means, where their paths say otherwise."""
    suppression_budget: dict[str, int] = field(default_factory=dict)
    """Kind of suppression, or `kind/rule` -> how many of it are admitted."""
    baseline: str = FILE
    """The file that notes the stock of the rules in `new_severity`."""
    baseline_sha256: str = ""
    """Its digest in hex, empty where none is demanded."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds
    """Processor time of all rules on one file."""

    def __post_init__(self) -> None:
        """Refuse a budget of something that is no kind of suppression."""
        if wrong := unknown(self.suppression_budget):
            raise ValueError(f"suppression_budget: {wrong}")


class IntegrityGate:
    """Observes what in the tree would change the outcome of a check without mending anything."""

    id = "integrity"
    settings: type[Settings] = IntegritySettings

    def observe(self, run: Run) -> Observation:
        """Return what the rules found in all files; raises GateError where one cannot be read."""
        settings = run.settings
        if not isinstance(settings, IntegritySettings):
            raise GateError(f"integrity: settings are {type(settings).__name__}, not IntegritySettings")
        look = _Look(run, settings)
        settled, slack = settle_new(
            *(look.scan, self.id, run, _terms(settings), look.tree.options, look.hits()),
        )
        found = gathered(run.root, look.scan.files, look.stubs, look.configured)
        findings = [
            *settled.findings,
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
            },
        )


class _Look:
    """All that the checks of one run are given."""

    def __init__(self, run: Run, settings: IntegritySettings) -> None:
        self._run = run
        self._paths = paths(settings.exclude, settings.roles)
        limits = Limits(max_bytes=settings.max_file_bytes, max_seconds=settings.max_file_seconds)
        self.scan = scan_project(run.root, run.source, run.test_roots, limits, self._paths)
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
