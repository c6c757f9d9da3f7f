"""Says what is wrong with routes under load, besides ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failhard.model import Finding, Severity

DECLARATION = "pyproject.toml"


def new_errors(route: str, *, enforced: bool) -> Finding:
    """Return that requests newly fail on a route."""
    return Finding(
        rule="new-errors",
        name="new-errors",
        path=DECLARATION,
        line=0,
        severity=Severity.HIGH if enforced else Severity.LOW,
        message=f"route {route}: requests under load fail at head that the base answers as declared",
        fix="answer them: what fails fast is no speed-up; the evidence of the route counts what came back",
        anchor=f"new-errors {route}",
    )


def queue_grows(benchmark: str, *, enforced: bool) -> Finding:
    """Return that head cannot keep half of the base's pace."""
    return Finding(
        rule="queue-grows",
        name="queue-grows",
        path=DECLARATION,
        line=0,
        severity=Severity.MEDIUM if enforced else Severity.LOW,
        message=f"{benchmark}: at half the pace that the base can keep, more and more requests wait at head",
        fix="find what the requests wait for: a lock, one worker, a pool that is too small",
        anchor=f"queue-grows {benchmark}",
    )


def shared(names: Sequence[str], left_out: Sequence[str]) -> Iterator[Finding]:
    """Yield the dependencies that both sides use, with the routes that are not measured for that."""
    for name in names:
        without = f"; not measured, because they would change it: {', '.join(left_out)}" if left_out else ""
        yield Finding(
            rule="shared-dependency",
            name="shared-dependency",
            path=DECLARATION,
            line=0,
            severity=Severity.LOW,
            message=f"both sides use one {name}, which an address names{without}",
            fix="declare how it is started (`provide = { start = [...] }`), so that each side has its own",
            anchor=f"shared-dependency {name}",
        )
