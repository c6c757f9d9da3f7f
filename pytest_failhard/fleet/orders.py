"""What a worker is asked about one project, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from pytest_failhard.model import Verdict


def own_version() -> str:
    """Return the version of pytest-failhard here."""
    return version("pytest-failhard")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One project to be judged by `failhard check`. `timeout` is in seconds.

    `token` is another one in each run: by it a worker learns that the project was begun before.
    """

    project: str
    token: str
    arguments: tuple[str, ...]
    timeout: float
    version: str
    """Of pytest-failhard where the order was given: another one would judge by other rules."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one project. `because` is empty for a pass; `report` is where its report lies.

    `seconds` and `worker` are another matter in each run.
    """

    project: str
    verdict: Verdict
    because: tuple[str, ...] = ()
    level: int | None = None
    complete: bool = False
    report: str = ""
    digest: str = ""
    seconds: float = 0.0
    worker: str = ""


def unjudged(order: Order, because: str) -> Outcome:
    """Return the outcome of a project about which nothing is known."""
    return Outcome(project=order.project, verdict=Verdict.ERROR, because=(because,))
