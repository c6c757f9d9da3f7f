"""The last result: what was seen of each page, what of it is wrong, and its table in the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypedDict

SCHEMA = "report-page/1"
PLACE = Path(__file__).with_name("last.json")
PAGES: Mapping[str, str] = {
    "everything": "every section and every verdict",
    "passed": "a report that passed",
    "nothing": "no gate was judged",
    "few": "50 findings",
    "many": "5,000 findings",
}
ANSWER_MS = 200.0
"""From a key to the next picture: what those who make browsers call good."""


class Look(TypedDict):
    """One page at one width in one theme."""

    page: str
    bytes: int
    width: str
    theme: str
    rules: int
    violations: list[str]
    wider: list[str]
    requests: list[str]


class Walk(TypedDict):
    """One page gone through with the keyboard."""

    page: str
    stops: int
    wrong: list[str]


class Timed(TypedDict):
    """The search on one page: milliseconds from each key to the painted answer, and long tasks meanwhile."""

    page: str
    findings: int
    keys: list[float]
    tasks: list[float]
    load: float
    cores: int


class Seen(TypedDict):
    """All of one look."""

    schema: str
    browser: str
    axe: str
    spoiled: int
    unseen: list[str]
    looks: list[Look]
    keyboard: Walk
    rows: list[str]
    speed: list[Timed]


def keep(seen: Seen) -> None:
    """Write it as the last result."""
    PLACE.write_text(json.dumps(seen, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def kept() -> Seen:
    """Return the last result."""
    seen: Seen = json.loads(PLACE.read_text("utf-8"))
    return seen


def wrong(seen: Seen) -> list[str]:
    """Return everything that is not as it must be; nothing looked at is wrong too."""
    found = [
        f"{look['page']}, {look['width']}, {look['theme']}: {each}"
        for look in seen["looks"]
        for each in (*look["violations"], *look["wider"], *(f"asked {url}" for url in look["requests"]))
    ]
    found += [f"keyboard: {each}" for each in seen["keyboard"]["wrong"]]
    found += [f"rows: {each}" for each in seen["rows"]]
    found += [f"no check saw, where it was put in: {each}" for each in seen["unseen"]]
    for timed in seen["speed"]:
        if not timed["keys"]:
            found.append(f"{timed['findings']} findings: no key was timed")
        elif (middle := median(timed["keys"])) > ANSWER_MS:
            far = f"{middle:.0f} ms from a key to the picture, at most {ANSWER_MS:.0f}"
            found.append(f"{timed['findings']} findings: {far}")
    looked = {look["page"] for look in seen["looks"] if look["rules"]}
    if not {*PAGES} <= looked or not seen["keyboard"]["stops"] or not seen["spoiled"]:
        found.append("something was not looked at")
    return found


def table(seen: Seen) -> Iterator[str]:
    """Yield the lines of the tables in the documentation."""
    yield f"{seen['browser'].replace('/', ' ')}, axe-core {seen['axe']}; {_count(seen)}."
    yield ""
    yield "| page | size | axe rules | violations | wider than the window | requests |"
    yield "|---|---|---|---|---|---|"
    for name in dict.fromkeys(look["page"] for look in seen["looks"]):
        yield _row(name, [look for look in seen["looks"] if look["page"] == name])
    walk = seen["keyboard"]
    yield ""
    yield (
        f"With the keyboard alone: {walk['stops']} stops on the page with everything, in its order, "
        f"each marked and in sight; {len(walk['wrong'])} problems."
    )
    yield ""
    yield (
        "The rows that do not stand in the page at first come with the button, the address of a finding and "
        f"a printed page; {len(seen['rows'])} problems."
    )
    yield ""
    yield (
        f"Each check was shown a page spoiled for it: {seen['spoiled'] - len(seen['unseen'])} of "
        f"{seen['spoiled']} were seen."
    )
    yield ""
    yield "| findings | keys pressed | from a key to the painted answer, median | slowest | longest task |"
    yield "|---|---|---|---|---|"
    for timed in seen["speed"]:
        keys = timed["keys"]
        yield (
            f"| {timed['findings']:,} | {len(keys)} | {median(keys):.0f} ms | {max(keys):.0f} ms | "
            f"{_longest(timed['tasks'])} |"
        )
    first, last = (median(timed["keys"]) for timed in (seen["speed"][0], seen["speed"][-1]))
    yield ""
    load = max(timed["load"] for timed in seen["speed"])
    yield (
        f"A hundred times the findings take {last / first:.1f} times as long to search. The machine's load "
        f"meanwhile: {load} on {seen['speed'][0]['cores']} cores."
    )


def _count(seen: Seen) -> str:
    looks = seen["looks"]
    return (
        f"{len({look['page'] for look in looks})} pages, each at 390 and 1,280 px, light and dark; axe "
        "sees each as it opens, and with everything unfolded and filtered: of a gate the 100 rows that stand "
        "in the page at once"
    )


def _row(name: str, looks: Sequence[Look]) -> str:
    rules = min(look["rules"] for look in looks)
    wide = sum(len(look["wider"]) for look in looks)
    asked = sum(len(look["requests"]) for look in looks)
    bad = sum(len(look["violations"]) for look in looks)
    size = f"{looks[0]['bytes'] / 1024:,.0f} KiB"
    return f"| {PAGES.get(name, name)} | {size} | {rules} | {bad} | {'no' if not wide else 'yes'} | {asked} |"


def _longest(tasks: Sequence[float]) -> str:
    return f"{max(tasks):.0f} ms" if tasks else "below 50 ms"
