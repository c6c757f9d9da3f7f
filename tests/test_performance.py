"""What a user waits for, call by call: compared with the merge base by our own gate."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from pytest_failhard import judge
from pytest_failhard.distributions import spdx
from pytest_failhard.model import Finding, Observation, Rule, Severity, Verdict
from pytest_failhard.redact import Redactor
from tests.rules.support import PATH, scanned

if TYPE_CHECKING:
    from pytest_failhard import Benchmark

FINDINGS = tuple(
    Finding(
        rule="FH101/true",
        name="silent-fallback",
        path=f"app/part_{number}.py",
        line=number,
        severity=Severity.HIGH,
        message=f"part {number} answers as if nothing had happened",
        fix="let the error through",
    )
    for number in range(50)
)
FUNCTION = """
def order_{0}(client, items):
    try:
        return [client.price(item) for item in items if item.available]
    except client.Unavailable as error:
        raise OrderError(f"no price for {{len(items)}} items") from error
"""
LOG = '{"level": "info", "event": "ticket triaged", "queue": "finance", "seconds": 0.25}\n' * 50


def test_fifty_findings_are_judged(failhard_benchmark: Benchmark) -> None:
    rule = Rule(gate="fallbacks", fail_at=Severity.HIGH, timeout=60, at_most={"per_kloc": Fraction(1)})
    seen = Observation(tool="ours", examined=100, findings=FINDINGS, measures={"per_kloc": Fraction(3, 2)})

    result = failhard_benchmark(judge.judge, rule, seen, (), date(2026, 1, 15))

    assert (result.verdict, len(result.findings)) == (Verdict.FAIL, 51)


def test_a_file_is_scanned_by_every_rule(failhard_benchmark: Benchmark) -> None:
    source = "class OrderError(Exception):\n    pass\n" + "".join(map(FUNCTION.format, range(20)))

    scan = failhard_benchmark(scanned, {PATH: source})

    assert (scan.hits, scan.unreadable) == ((), ())


def test_a_log_is_redacted(failhard_benchmark: Benchmark) -> None:
    secret = "a-secret-of-the-environment"
    redactor = Redactor.from_environment({"API_TOKEN": secret})

    text = failhard_benchmark(redactor.text, f"{LOG}{secret}\n")

    assert text.startswith(LOG)
    assert secret not in text


def test_a_licence_expression_is_read(failhard_benchmark: Benchmark) -> None:
    allowed = spdx.Allowlist.of(("MIT", "Apache-2.0", "BSD-3-Clause"))

    assert failhard_benchmark(spdx.allows, "(MIT OR GPL-3.0-only) AND (Apache-2.0 OR BSD-3-Clause)", allowed)
