"""The sections that rest on evidence: what there is, and what has a form that is not drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pytest_failhard.report.html import attempts, coverage, load, measured, supply, workloads
from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import UnreadableError

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

    def reading(what: str, reader: Callable[[Exhibits], Read | None]) -> Read | None:
        try:
            return reader(exhibits)
        except UnreadableError as error:
            problems.append(f"{what}: the evidence has another form than is drawn here: {error}")
            return None

    return exhibits.clean(
        Sections(
            coverage=reading("coverage by file", coverage.read),
            attempts=reading("LLM attempts", attempts.read),
            components=reading("SBOM", supply.components),
            licences=reading("licences", supply.licences),
            benchmarks=reading("benchmarks", measured.read),
            routes=reading("routes under load", load.read),
            workloads=reading("workloads", workloads.read),
            problems=tuple(problems),
        )
    )
