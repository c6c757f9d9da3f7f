"""All cases of the fail-open list."""

from __future__ import annotations

from tests.acceptance import (
    cases_forging,
    cases_integrity,
    cases_invocation,
    cases_measurement,
    cases_performance,
    cases_terms,
    cases_tools,
)

CASES = (
    *cases_measurement.CASES,
    *cases_invocation.CASES,
    *cases_forging.CASES,
    *cases_tools.CASES,
    *cases_performance.CASES,
    *cases_terms.CASES,
    *cases_integrity.CASES,
)
