"""Coverage: the tests run the product's lines, branches and error handlers.

Why:
    A line that no test runs is a claim. Generated systems come with tests of the sunny path: the handler
    of the failed payment is there, is never entered, and raises NameError on the day it is needed. A
    total hides that, and configuration (`omit`, `exclude_lines`, `# pragma: no cover`) empties it.

Fails when:
    A measure is below the level's floor: `line_percent`, `branch_percent`, `changed_line_percent`,
    `changed_branch_percent` (against the merge base), `except_line_percent`, `statements`; or
    `no_cover_pragmas` is above its ceiling. Measured with our own configuration in every process of the
    test run; a file that nobody imported counts with all its lines. Outside the count stand only the
    bodies of `if TYPE_CHECKING:`, stubs of `...` and `raise NotImplementedError`. The rules
    `uncovered-file`, `uncovered-changed-lines` and `uncovered-except` name the places, worst first.

Fix:
    Write tests for the first file that is named; its missing lines stand in the message. For an
    `except` body let the test raise what it catches.

Waive:
    A measure, where the level allows, by a waiver that states the lowest accepted `value`, with an
    owner, a reason why these lines cannot be tested yet, and an end. Missing or partial data is an
    error and cannot be waived.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard import model
from pytest_failhard.gates.coverage.sheets import Share, Sheet
from pytest_failhard.model import Finding, GateError, Observation, Reuse, Run, Settings, Severity, Tool

COVERAGE = Tool(module="coverage", distribution="coverage", lowest="7.13.1")
NOTHING = "0 of 0 counts as 100"


@dataclass(frozen=True, kw_only=True)
class CoverageSettings(Settings):
    """No options: what is measured and what stands outside the count is the same everywhere."""


class CoverageGate:
    """Counts, from data of our own measurement, which part of the product the tests ran."""

    id = "coverage"
    phase = model.Phase.TESTS
    settings = CoverageSettings

    def memory(self, settings: Settings) -> Reuse:
        """Return what the answer about a single file depends on besides the file and what ran of it."""
        del settings
        return Reuse(tools=(COVERAGE.distribution,), day=False)

    def observe(self, run: Run) -> Observation:
        """Return the shares of lines and branches; raises GateError for missing or partial data."""
        return self.begin(run)(run)

    def begin(self, run: Run) -> Callable[[Run], Observation]:
        """Read the files, and return what is left: to say what ran of them."""
        tool = run.tool(COVERAGE)
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.coverage.gathering import Gathering

        return functools.partial(_observe, tool, Gathering(run).sheets)


def _observe(tool: str, gather: Callable[[Run], list[Sheet]], run: Run) -> Observation:
    sheets = gather(run)
    statements = sum(len(sheet.statements) for sheet in sheets)
    if not statements:
        raise GateError(
            f"{', '.join(run.source)}: no executable statement in {len(sheets)} product files; "
            "correct `source` in [tool.failhard]"
        )
    shares = _shares(sheets, with_base=run.base is not None)
    facts = _facts(run, shares)
    evidence = run.keep("coverage.json", _evidence(tool, sheets, shares, facts))
    return Observation(
        tool=tool,
        examined=statements,
        findings=tuple(_findings(sheets)),
        measures={
            **{name: share.percent for name, share in shares.items()},
            "statements": statements,
            "no_cover_pragmas": sum(sheet.pragmas for sheet in sheets),
        },
        evidence=(evidence,),
    )


def _sum(shares: Iterable[Share]) -> Share:
    known = list(shares)
    return Share(covered=sum(share.covered for share in known), total=sum(share.total for share in known))


def _shares(sheets: list[Sheet], *, with_base: bool) -> dict[str, Share]:
    shares = {
        "line_percent": _sum(sheet.lines(sheet.statements) for sheet in sheets),
        "branch_percent": _sum(sheet.ways(sheet.statements) for sheet in sheets),
        "except_line_percent": _sum(sheet.lines(sheet.handlers) for sheet in sheets),
    }
    if with_base:
        shares["changed_line_percent"] = _sum(sheet.lines(sheet.changed) for sheet in sheets)
        shares["changed_branch_percent"] = _sum(sheet.ways(sheet.changed) for sheet in sheets)
    return shares


def _facts(run: Run, shares: Mapping[str, Share]) -> dict[str, str]:
    facts = {name: NOTHING for name, share in shares.items() if not share.total}
    if run.base is None:
        facts["changed_line_percent"] = facts["changed_branch_percent"] = f"not measured: {run.base_missing}"
    else:
        facts["base"] = run.base.chosen
    return facts


def _evidence(
    tool: str, sheets: Iterable[Sheet], shares: Mapping[str, Share], facts: Mapping[str, str]
) -> bytes:
    document = {
        "tool": tool,
        "facts": facts,
        "counts": {name: f"{share.covered}/{share.total}" for name, share in shares.items()},
        "files": {
            sheet.path: {
                "statements": sorted(sheet.statements),
                "missing_lines": sorted(sheet.missing),
                "missing_branches": sorted(sheet.missing_branches),
                "branches": len(sheet.branches),
                "except_lines": sorted(sheet.handlers),
                "changed_lines": sorted(sheet.changed),
            }
            for sheet in sheets
        },
    }
    return (json.dumps(document, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _findings(sheets: list[Sheet]) -> Iterator[Finding]:
    yield from _named(sheets, "uncovered-file", lambda sheet: sheet.statements, "lines", "the missing lines")
    yield from _named(
        sheets, "uncovered-changed-lines", lambda sheet: sheet.changed, "changed lines", "what was changed"
    )
    yield from _named(
        sheets,
        "uncovered-except",
        lambda sheet: sheet.handlers,
        "lines in `except` bodies",
        "the failures that these handlers catch",
    )


def _named(
    sheets: Iterable[Sheet], name: str, of: Callable[[Sheet], frozenset[int]], what: str, target: str
) -> Iterator[Finding]:
    """Yield a finding for each file with missing lines, the file with the most of them first."""
    bad = [(sheet, of(sheet) & sheet.missing) for sheet in sheets]
    for sheet, missing in sorted(bad, key=lambda item: (-len(item[1]), item[0].path)):
        if not missing:
            continue
        share = sheet.lines(of(sheet))
        yield Finding(
            rule=name,
            name=name,
            path=sheet.path,
            line=min(missing),
            severity=Severity.MEDIUM,
            message=f"{len(missing)} of {share.total} {what} not run "
            f"({_shown(share)} % run): {_ranges(sheet, missing)}",
            fix=f"add tests that run {target}",
            anchor=name,
        )


def _shown(share: Share) -> str:
    """Return the percentage with two decimals, cut off, so that it never looks better than it is."""
    return f"{(10000 * share.covered // share.total) / 100:.2f}"


def _ranges(sheet: Sheet, missing: frozenset[int]) -> str:
    """Return line ranges; a range goes on over lines without a statement, not over one that ran."""
    ranges: list[list[int]] = []
    for line in sorted(sheet.statements):
        if line not in missing:
            ranges.append([])
        elif ranges and ranges[-1]:
            ranges[-1].append(line)
        else:
            ranges.append([line])
    return ", ".join(
        str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}" for found in ranges if found
    )
