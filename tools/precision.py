"""Tells from the verdict logs how often each static rule is right, with n and interval; writes nothing.

Three kinds of logs: what was judged on the repositories that the rules were tuned on, what was judged where
nobody had read before (`unread/`), and what a second judge says of findings of the first kind.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "benchmarks" / "verdicts"
UNREAD = "unread"
SECOND = "second-judge.jsonl"
SAMPLES = (UNREAD, "again")
"""`unread`: drawn before the rules were changed for what it showed; `again`: from others, after that."""
WRONG = ("false", "exempt")
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
class Unread(Judged):
    """One finding in a repository that nobody had tuned a rule on, with who read it and when it was drawn."""

    judge: str
    sample: str


@dataclass(frozen=True, kw_only=True)
class Compared(Judged):
    """A finding that two have read, the second without the verdict of the first.

    `verdict` and `reason` are the second's; `settled` is what holds, `note` why where they differ.
    """

    judge: str
    first: str
    settled: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often two judges say the same of `n` findings, and by how much more than by chance.

    `kappa` is J. Cohen's (1960): 1 for judges who always agree, 0 for those who agree as chance has it.
    """

    n: int
    share: float
    kappa: float


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


Line = TypeVar("Line", bound=Judged)


def read(folder: Path = LOGS) -> list[Judged]:
    """Return all findings judged in-sample. Raises LogError for a line with other keys, or judged twice."""
    paths = [path for path in sorted(folder.glob("*.jsonl")) if path.name != SECOND]
    return _once([each for path in paths for each in _lines(path, Judged)])


def read_unread(folder: Path = LOGS) -> list[Unread]:
    """Return the findings judged out of sample. Raises LogError as `read`, also where they are in-sample."""
    judged = _once(
        [each for path in sorted((folder / UNREAD).glob("*.jsonl")) for each in _lines(path, Unread)]
    )
    known = {each.repo for each in read(folder)}
    for each in judged:
        if each.sample not in SAMPLES or each.repo in known:
            raise LogError(f"{each.repo} {each.path}:{each.line}: is not out of sample")
    return judged


def read_second(folder: Path = LOGS) -> list[Compared]:
    """Return the findings that two have judged; raises LogError as `read`."""
    path = folder / SECOND
    return _once(list(_lines(path, Compared))) if path.exists() else []


def _once(judged: list[Line]) -> list[Line]:
    seen: set[Line] = set()
    for each in judged:
        if each in seen:
            raise LogError(f"{each.rule} {each.repo} {each.path}:{each.line}: judged twice")
        seen.add(each)
    return judged


def _lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    names = {each.name for each in fields(kind)}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        entry = json.loads(line)
        verdicts = {entry.get(name) for name in ("verdict", "first", "settled")} - {None}
        if set(entry) != names or not verdicts <= {*VERDICTS}:
            raise LogError(f"{path.name}:{number}: needs exactly {', '.join(sorted(names))}")
        yield kind(**entry)


def agreement(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Return how far two judges agree on the same findings, in order."""
    n = len(first)
    share = sum(one == other for one, other in zip(first, second, strict=True)) / n if n else 0.0
    counts = Counter(first), Counter(second)
    by_chance = sum(counts[0][each] * counts[1][each] for each in counts[0]) / (n * n) if n else 0.0
    return Agreement(n=n, share=share, kappa=(share - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0)


def agreements(compared: Iterable[Compared]) -> Mapping[str, Agreement]:
    """Return how far the judges agree on whether findings are right, and on which of three verdicts."""
    pairs = [(each.first, each.verdict) for each in compared]
    right = [(one not in WRONG, other not in WRONG) for one, other in pairs]
    return {
        "right or wrong": agreement([str(one) for one, _ in right], [str(other) for _, other in right]),
        "harmful, policy or false": agreement([one for one, _ in pairs], [other for _, other in pairs]),
    }


def as_drawn(judged: Iterable[Unread], sample: str = UNREAD) -> Mapping[str, Precision]:
    """Return the precision out of sample: what was wrong when it was drawn counts, mended since or not."""
    return by_rule((each for each in judged if each.sample == sample), mended=True)


def by_rule(judged: Iterable[Judged], *, mended: bool = False) -> Mapping[str, Precision]:
    """Return the precision of each rule and of each of its forms (`FH101`, `FH101/true`), sorted.

    `mended` counts what was wrong before the rule was changed among the findings.
    """
    verdicts: dict[str, list[str]] = {}
    for each in judged:
        for name in dict.fromkeys((each.rule, f"{each.rule}/{each.sub}" if each.sub else each.rule)):
            verdicts.setdefault(name, []).append(each.verdict)
    return {
        name: Precision(
            n=len(found) - (0 if mended else found.count("exempt")),
            true=found.count("harmful") + found.count("policy"),
            harmful=found.count("harmful"),
            exempt=found.count("exempt"),
        )
        for name, found in sorted(verdicts.items())
    }
