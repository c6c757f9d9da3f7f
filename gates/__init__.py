"""The built-in gates, in the order of the report, behind the same hook as everyone's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import pytest

    from pytest_failhard.model import Gate


hookimpl = pluggy.HookimplMarker("pytest")


def builtin() -> tuple[Gate, ...]:
    """Return one instance of each built-in gate; the tools themselves load when a gate observes."""
    from pytest_failhard.gates.container import ContainerGate
    from pytest_failhard.gates.coverage import CoverageGate
    from pytest_failhard.gates.dependencies import DependenciesGate
    from pytest_failhard.gates.fallbacks import FallbacksGate
    from pytest_failhard.gates.integrity import IntegrityGate
    from pytest_failhard.gates.licences import LicencesGate
    from pytest_failhard.gates.lint import LintGate
    from pytest_failhard.gates.llm import LlmGate
    from pytest_failhard.gates.performance import PerformanceGate
    from pytest_failhard.gates.provenance import ProvenanceGate
    from pytest_failhard.gates.sbom import SbomGate
    from pytest_failhard.gates.secrets import SecretsGate
    from pytest_failhard.gates.security import SecurityGate
    from pytest_failhard.gates.system import SystemGate
    from pytest_failhard.gates.tests import TestsGate
    from pytest_failhard.gates.types import TypesGate
    from pytest_failhard.gates.vulnerabilities import VulnerabilitiesGate

    return (
        TestsGate(),
        CoverageGate(),
        LintGate(),
        TypesGate(),
        FallbacksGate(),
        IntegrityGate(),
        SecretsGate(),
        DependenciesGate(),
        SecurityGate(),
        VulnerabilitiesGate(),
        SbomGate(),
        SystemGate(),
        LlmGate(),
        LicencesGate(),
        ContainerGate(),
        PerformanceGate(),
        ProvenanceGate(),
    )


@hookimpl
def pytest_failhard_gates(config: pytest.Config | None) -> Sequence[Gate]:
    """Return the built-in gates."""
    del config
    return builtin()
