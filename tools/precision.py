"""Tells from the verdict logs how often each static rule is right, with n and interval; writes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "benchmarks" / "verdicts"
VERDICTS = ("harmful", "policy", "false", "exempt")
Z = 1.959964
"""The 97.5 % point of the normal distribution: both tails of a 95 % interval."""


class LogError(Exception):
    """A line of a verdict log cannot be counted; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One finding that somebody has read.

    `verdict`: `harmful`, a reviewer would ask for a change; `policy`, it breaks the policy and does no harm;
    `false`, it is none; `exempt`, it was false when it was read, and the rule leaves it alone since.
    """

    rule: str
    sub: str
    repo: str
    commit: str
    path: str
    line: int
    verdict: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How many of `n` judged findings broke the policy (harmful ones among them) and did harm.

    `exempt` false ones were read as well and are no part of `n`: the rule was changed for them.
    """

    n: int
    true: int
    harmful: int
    exempt: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson score interval of `true / n`, 95 %, as shares."""
        return wilson(self.true, self.n)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (E. B. Wilson 1927, without continuity correction)."""
    if not n:
        return 0.0, 1.0
    share = hits / n
    centre = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def read(folder: Path = LOGS) -> list[Judged]:
    """Return all judged findings. Raises LogError for a line with other keys, or judged twice."""
    judged = [each for path in sorted(folder.glob("*.jsonl")) for each in _lines(path)]
    seen: set[Judged] = set()
    for each in judged:
        if each in seen:
            raise LogError(f"{each.rule} {each.repo} {each.path}:{each.line}: judged twice")
        seen.add(each)
    return judged


def _lines(path: Path) -> Iterator[Judged]:
    names = {each.name for each in fields(Judged)}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        entry = json.loads(line)
        if set(entry) != names or entry["verdict"] not in VERDICTS:
            raise LogError(f"{path.name}:{number}: needs exactly {', '.join(sorted(names))}")
        yield Judged(**entry)


def by_rule(judged: Iterable[Judged]) -> Mapping[str, Precision]:
    """Return the precision of each rule and of each of its forms (`FH101`, `FH101/true`), sorted."""
    verdicts: dict[str, list[str]] = {}
    for each in judged:
        for name in dict.fromkeys((each.rule, f"{each.rule}/{each.sub}" if each.sub else each.rule)):
            verdicts.setdefault(name, []).append(each.verdict)
    return {
        name: Precision(
            n=len(found) - found.count("exempt"),
            true=found.count("harmful") + found.count("policy"),
            harmful=found.count("harmful"),
            exempt=found.count("exempt"),
        )
        for name, found in sorted(verdicts.items())
    }
