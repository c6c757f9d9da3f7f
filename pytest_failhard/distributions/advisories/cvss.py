"""The base score of a CVSS version 3 vector.

Formulas and weights: FIRST, Common Vulnerability Scoring System v3.1 Specification Document, sections
7.1 and 7.4 and appendix A (https://www.first.org/cvss/v3-1/specification-document).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_failhard.model import Severity

PREFIXES = ("CVSS:3.0/", "CVSS:3.1/")
IMPACT = {"H": 560, "L": 220, "N": 0}
WEIGHTS: Mapping[str, Mapping[str, int]] = {
    "AV": {"N": 850, "A": 620, "L": 550, "P": 200},
    "AC": {"L": 770, "H": 440},
    "UI": {"N": 850, "R": 620},
    "C": IMPACT,
    "I": IMPACT,
    "A": IMPACT,
}
"""In thousandths."""
PRIVILEGES: Mapping[str, Mapping[str, int]] = {
    "U": {"N": 850, "L": 620, "H": 270},
    "C": {"N": 850, "L": 680, "H": 500},
}
HIGH, MEDIUM = 70, 40
"""In tenths: the qualitative ratings Critical and High, Medium, Low of section 5."""


def severity(vectors: Iterable[str]) -> Severity:
    """Return how bad a vulnerability is by the worst of its vectors; unknown is the highest."""
    scores = [score(vector) for vector in vectors]
    worst = max((each for each in scores if each is not None), default=None)
    if worst is None or None in scores or worst >= HIGH:
        return Severity.HIGH
    return Severity.MEDIUM if worst >= MEDIUM else Severity.LOW


def score(vector: str) -> int | None:
    """Return the base score in tenths, None for what is no vector of version 3."""
    if not vector.startswith(PREFIXES):
        return None
    pairs = [part.partition(":") for part in vector.split("/")[1:]]
    metrics = {name: value for name, _, value in pairs}
    scope = metrics.get("S", "")
    try:
        weights = {name: table[metrics[name]] / 1000 for name, table in WEIGHTS.items()}
        privileges = PRIVILEGES[scope][metrics["PR"]] / 1000
    except KeyError:
        # A metric that is missing, or has a value that the specification does not know.
        return None
    missed = (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"])
    impact = _impact(1 - missed, is_changed=scope == "C")
    exploitability = 8.22 * weights["AV"] * weights["AC"] * privileges * weights["UI"]
    if impact <= 0:
        return 0
    total = 1.08 * (impact + exploitability) if scope == "C" else impact + exploitability
    return _rounded_up(min(total, 10))


def _impact(base: float, *, is_changed: bool) -> float:
    if is_changed:
        return 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15
    return 6.42 * base


def _rounded_up(value: float) -> int:
    """Return the smallest tenth that is not below a value, as appendix A computes it, in tenths."""
    whole = round(value * 100_000)
    return whole // 10_000 + (1 if whole % 10_000 else 0)
