"""The sections that rest on evidence: what there is, and what has a form that is not drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pytest_failhard.report.html.reading import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_failhard.report.html import attempts, coverage, load, measured, supply, workloads
    from pytest_failhard.report.html.exhibits import Exhibits

Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True)
class Sections:
    """One field a section, None where there is no evidence for it. `problems` name what was not drawn."""

    coverage: coverage.Coverage | None
    attempts: attempts.Attempts | None
    components: supply.Components | None
    licences: supply.Licences | None
    benchmarks: measured.Benchmarks | None
    routes: load.Routes | None
    workloads: workloads.Workloads | None
    problems: tuple[str, ...]

    @property
    def has_performance(self) -> bool:
        """Tell whether there is anything about performance."""
        return any((self.benchmarks, self.routes, self.workloads))


def read(exhibits: Exhibits) -> Sections:
    """Return the sections, without secrets. Evidence of another form takes no other section with it."""
    problems: list[str] = []
    there = {gate for gate, _ in exhibits.evidence}

    def reading(what: str, gate: str, reader: Callable[[Exhibits], Read | None]) -> Read | None:
        try:
            return reader(exhibits) if gate in there else None
        except UnreadableError as error:
            problems.append(f"{what}: the evidence has another form than is drawn here: {error}")
            return None

    return exhibits.clean(
        Sections(
            coverage=reading("coverage by file", "coverage", _coverage),
            attempts=reading("LLM attempts", "llm", _attempts),
            components=reading("SBOM", "sbom", _components),
            licences=reading("licences", "licences", _licences),
            benchmarks=reading("benchmarks", "performance", _benchmarks),
            routes=reading("routes under load", "performance", _routes),
            workloads=reading("workloads", "performance", _workloads),
            problems=tuple(problems),
        )
    )


# Most runs draw few of them, and each takes milliseconds to import.


def _coverage(exhibits: Exhibits) -> coverage.Coverage | None:
    from pytest_failhard.report.html import coverage

    return coverage.read(exhibits)


def _attempts(exhibits: Exhibits) -> attempts.Attempts | None:
    from pytest_failhard.report.html import attempts

    return attempts.read(exhibits)


def _components(exhibits: Exhibits) -> supply.Components | None:
    from pytest_failhard.report.html import supply

    return supply.components(exhibits)


def _licences(exhibits: Exhibits) -> supply.Licences | None:
    from pytest_failhard.report.html import supply

    return supply.licences(exhibits)


def _benchmarks(exhibits: Exhibits) -> measured.Benchmarks | None:
    from pytest_failhard.report.html import measured

    return measured.read(exhibits)


def _routes(exhibits: Exhibits) -> load.Routes | None:
    from pytest_failhard.report.html import load

    return load.read(exhibits)


def _workloads(exhibits: Exhibits) -> workloads.Workloads | None:
    from pytest_failhard.report.html import workloads

    return workloads.read(exhibits)
