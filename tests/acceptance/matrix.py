"""The fail-open list as one table: what each entry is about, what it demands, what the last run said."""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from tests.acceptance.case import Case
from tests.acceptance.cases import CASES
from tests.acceptance.harness import Expected, Mode
from tests.acceptance.keeping import Kept, Row
from tests.acceptance.procedures import PROCEDURES
from tests.acceptance.project import git

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
SCHEMA = "failhard-acceptance/1"
AUTHOR = "author"
"""The table of titles.toml that is no topic: what author mode does not promise."""
NO_PROMISE = "no promise"
TOOLS = ("pytest", "pytest-xdist", "coverage", "ruff", "mypy", "bandit")


class Results(TypedDict):
    """What is kept of a run: when, of what, in which size (`ci` or `full`), with which versions; its rows."""

    schema: str
    date: str
    commit: str
    changed: bool
    size: str
    system: str
    versions: dict[str, str]
    rows: list[Row]
    failed: list[str]


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((HERE / "titles.toml").read_text("utf-8"))


def topics() -> dict[str, dict[str, str]]:
    """Return the titles by id, by topic."""
    return {topic: dict(titles) for topic, titles in _tables().items() if topic != AUTHOR}


def titles() -> dict[str, str]:
    """Return all titles by id, in the order of the ids."""
    found = [pair for table in topics().values() for pair in table.items()]
    return dict(sorted(found, key=lambda pair: number(pair[0])))


def limits() -> dict[str, str]:
    """Return what author mode does not promise, by id."""
    return dict(_tables()[AUTHOR])


def later() -> dict[str, str]:
    """Return why the entries that no case is about have none, by id."""
    tables = tomllib.loads((HERE / "later.toml").read_text("utf-8"))
    return {identity: table["reason"] for table in tables.values() for identity in table["ids"]}


def number(identity: str) -> int:
    """Return the number in an id."""
    return int(identity.removeprefix("FO-"))


def unpromised(case: Case) -> bool:
    """Tell whether author mode promises nothing in a case: not where the case is about options after `--`."""
    return case.author is None and case.supervised is not Expected.REFUSE


def demanded(identity: str, mode: Mode) -> tuple[str, ...]:
    """Return what an entry demands in a mode, in words; several where its variants differ."""
    # What has no name is what the entry is about, and stands first.
    cases = sorted((case for case in CASES if case.id == identity), key=lambda case: bool(case.name))
    words = [case.expected(mode) for case in cases]
    named = [word.value for word in words if word is not None]
    if identity in PROCEDURES:
        named.append(PROCEDURES[identity].demanded(mode) or NO_PROMISE)
    if mode is Mode.AUTHOR and any(unpromised(case) for case in cases):
        named.append(NO_PROMISE)
    return tuple(dict.fromkeys(named))


def gates(identity: str) -> tuple[str, ...]:
    """Return the gates that say it."""
    named = [case.gate for case in CASES if case.id == identity]
    if identity in PROCEDURES:
        named.append(PROCEDURES[identity].gate)
    return tuple(dict.fromkeys(name for name in named if name))


def results(kept: Kept, size: str) -> Results:
    """Return the rows of a run with what they are about; raises CalledProcessError without git."""
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in TOOLS}}
    return Results(
        schema=SCHEMA,
        date=datetime.now(UTC).date().isoformat(),
        commit=git(HERE, "rev-parse", "HEAD").strip(),
        changed=bool(git(HERE, "status", "--porcelain").strip()),
        size=size,
        system=platform.system(),
        versions=versions,
        rows=sorted(kept["rows"], key=_place),
        failed=sorted(kept["failed"]),
    )


def _place(row: Row) -> tuple[object, ...]:
    return number(row["id"]), row["kind"], row["name"], row["mode"], row["workers"]


def load(path: Path = RESULTS) -> Results | None:
    """Return what was kept, or None where nothing is."""
    if not path.is_file():
        return None
    found: Results = json.loads(path.read_bytes())
    return found


def not_run(found: Results) -> list[str]:
    """Return the ids that should have run and did not."""
    seen = {row["id"] for row in found["rows"] if row["kind"] == "case"}
    return [identity for identity in titles() if identity not in seen and identity not in later()]


def headline(found: Results) -> str:
    """Return what a run was, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    changed = " with changes" if found["changed"] else ""
    when = f"{found['date']}, size {found['size']}, commit {found['commit'][:12]}{changed}"
    return f"{when}; {found['system']}, {versions}"


def summary(rows: Iterable[Row]) -> str:
    """Return how many runs were as demanded, red cases and green twins apart."""
    parts = []
    for kind, words in (("case", "runs of cases"), ("twin", "green twins")):
        oks = [row["ok"] for row in rows if row["kind"] == kind]
        if oks:
            parts.append(f"{sum(oks)} of {len(oks)} {words} as demanded")
    return ", ".join(parts) or "nothing was run"


def said(row: Row) -> str:
    """Return verdict and exit code."""
    return f"{row['verdict']}, exit {row['code']}" if row["code"] is not None else "did not end"


def table(found: Results) -> Iterator[str]:
    """Yield the lines of the table: a line for each run, and one for each entry that has none."""
    names, reasons = titles(), later()
    by_id: dict[str, list[Row]] = {identity: [] for identity in names}
    for row in found["rows"]:
        by_id.setdefault(row["id"], []).append(row)
    yield _line("id", "mode", "demanded", "said", "", "situation: what was said")
    for identity, rows in by_id.items():
        title = names.get(identity, "no entry of the list")
        yield from (_run(row, title) for row in rows)
        if not rows:
            why = f"not a case here: {reasons[identity]}" if identity in reasons else "not run"
            yield _line(identity, "-", "-", "-", "-", f"{title}: {why}")
    yield from (f"failed before anything was said: {test}" for test in found["failed"])


def _run(row: Row, title: str) -> str:
    twin = ["the green twin"] if row["kind"] == "twin" else []
    more = ", ".join([*twin, *([row["name"]] if row["name"] else []), *(["-n 2"] if row["workers"] else [])])
    about = f"{title} ({more})" if more else title
    ok = "ok" if row["ok"] else "NOT"
    return _line(row["id"], row["mode"], row["demanded"], said(row), ok, f"{about}: {row['said']}")


def _line(*cells: str) -> str:
    widths = (6, 10, 11, 19, 3)
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    return f"{'  '.join(padded)}  {cells[-1]}".rstrip(": ")
