"""Known-vulnerable pins that are added to every audit: who does not find them did not look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pytest_failhard.distributions.advisories.matching import match
from pytest_failhard.distributions.advisories.records import Database


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A pin and the ids of the advisory that it must be met with; any one of them will do."""

    name: str
    version: str
    ids: frozenset[str]


CANARIES = (
    Canary(
        name="jinja2",
        version="2.10",
        ids=frozenset({"PYSEC-2019-217", "CVE-2019-10906", "GHSA-462w-v97r-4m45"}),
    ),
    Canary(
        name="requests",
        version="2.19.0",
        ids=frozenset({"PYSEC-2018-28", "CVE-2018-18074", "GHSA-x84v-xcm2-53pg"}),
    ),
    Canary(
        name="pyyaml",
        version="3.13",
        ids=frozenset({"PYSEC-2018-49", "CVE-2017-18342", "GHSA-rprw-h62v-c2w7"}),
    ),
    Canary(
        name="urllib3",
        version="1.24",
        ids=frozenset({"PYSEC-2019-132", "CVE-2019-11236", "GHSA-r64q-w8jr-g9qp"}),
    ),
    Canary(
        name="flask",
        version="0.12.2",
        ids=frozenset({"PYSEC-2018-66", "CVE-2018-1000656", "GHSA-562c-5r94-xh97"}),
    ),
)


def known(database: Database) -> tuple[Canary, ...]:
    """Return the canaries that a database meets with an advisory they must be met with."""
    return tuple(
        canary
        for canary in CANARIES
        if any(canary.ids & each.ids for each in match(database, canary.name, canary.version).advisories)
    )


def choose(taken: Collection[str], among: Collection[Canary] = CANARIES) -> tuple[Canary, bool]:
    """Return a canary, and whether its name is free beside the taken ones: else it needs a run of its own."""
    free = [canary for canary in among if canary.name not in taken]
    return (free[0], True) if free else (next(iter(among)), False)
