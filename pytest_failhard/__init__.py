"""The public names, nothing else."""

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
