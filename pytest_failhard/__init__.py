"""The public names, nothing else; each is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.benchmarking import Benchmark
    from pytest_failhard.model import (
        Evidence,
        Finding,
        Gate,
        GateError,
        Observation,
        Phase,
        Run,
        Settings,
        Severity,
        Tool,
        Verdict,
    )

__all__ = [
    "Benchmark",
    "Evidence",
    "Finding",
    "Gate",
    "GateError",
    "Observation",
    "Phase",
    "Run",
    "Settings",
    "Severity",
    "Tool",
    "Verdict",
]


def __getattr__(name: str) -> object:
    """Import a public name: every pytest process pays for what is imported here."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Benchmark":
        # Of those who write tests: it brings pytest along.
        from pytest_failhard import benchmarking

        return benchmarking.Benchmark
    from pytest_failhard import model

    return vars(model)[name]


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
