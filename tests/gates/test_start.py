"""Tests of what the built-in gates load before one of them observes: every start of pytest pays for it."""

from __future__ import annotations

import subprocess
import sys

from tests.support import measuring

LOADED = """
import sys
from pytest_failhard.gates import builtin
assert len(builtin()) > 10
print(*sorted(sys.modules), sep="\\n")
"""
LATE = (
    "cryptography",
    "cyclonedx",
    "jsonschema",
    "openai",
    "pip_requirements_parser",
    "pytest_failhard.distributions.supply",
    "pytest_failhard.gates.llm.matrix",
    "pytest_failhard.rules.scan",
    "pytest_failhard.rules.swallowed",
)
"""What only a gate that observes needs."""


def test_the_gates_load_what_they_observe_with_when_they_observe() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADED],
        env=measuring(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = done.stdout.splitlines()
    assert "pytest_failhard.gates.fallbacks" in loaded
    assert not [name for name in loaded if name.startswith(LATE)]
