"""Advisories from a folder of real data: nothing missed, nothing invented, and how long it takes.

The folder holds an archive of OSV records (`**/*.zip`), the same in the compact form (`**/*.json.gz`) and
`requirements-cases.json`: lists of pins with the ids that must be found for them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.advisories import compact, files
from pytest_failhard.distributions.advisories.matching import Effect, effect, issues, match
from pytest_failhard.distributions.advisories.records import Database
from pytest_failhard.gates.vulnerabilities import VulnerabilitiesGate, sources
from pytest_failhard.gates.vulnerabilities.pins import Pin, pins
from pytest_failhard.gates.vulnerabilities.settings import VulnerabilitiesSettings
from pytest_failhard.model import Evidence
from pytest_failhard.run import GateRun

PACKAGES = 96
ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Triple:
    """A version of a package that an advisory lists."""

    name: str
    version: str
    advisory: str


def triples(archive: Path) -> Iterator[Triple]:
    """Yield every listed version of every record that stands, read without our own reader."""
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            record = json.loads(opened.read(name))
            if "withdrawn" in record:
                continue
            for entry in record.get("affected", []):
                if entry["package"]["ecosystem"] == "PyPI":
                    package = canonicalize_name(entry["package"]["name"])
                    for version in entry.get("versions", []):
                        yield Triple(name=package, version=version, advisory=record["id"])


def missed(database: Database, wanted: Sequence[Triple]) -> list[Triple]:
    """Return the triples that the matcher does not find."""
    known = {(name, each.id): each for name, found in database.packages.items() for each in found}
    return [
        each
        for each in wanted
        if effect(known[each.name, each.advisory], each.version) is not Effect.AFFECTED
    ]


def pinned(listed: Sequence[str]) -> tuple[Pin, ...]:
    """Return the pins of a list; what is not pinned is left out."""
    requirements = [Requirement(each) for each in listed]
    exact = [each for each in requirements if [one.operator for one in each.specifier] == ["=="]]
    return pins((canonicalize_name(each.name), next(iter(each.specifier)).version) for each in exact).askable


def by_matcher(database: Database, wanted: Sequence[Pin]) -> dict[str, list[str]]:
    """Return what the matcher says: the ids of each package that has any."""
    found = {pin.name: match(database, pin.name, pin.installed).advisories for pin in wanted}
    return {name: sorted(each.id for each in known) for name, known in found.items() if known}


def by_tool(folder: Path, path: Path, database: Database, wanted: Sequence[Pin]) -> dict[str, list[str]]:
    """Return what pip-audit says over the loopback service, with all the gate's own checks."""
    settings = VulnerabilitiesSettings(mode="file", path=path.name)
    answer = sources.ask(gate_run(folder, database), settings, wanted, database)
    ids = {each.id for known in database.packages.values() for each in known}
    said = {
        name: sorted(ids & {identity for issue in sources.reported(entry) for identity in issue.ids})
        for name, entry in answer.entries.items()
    }
    return {name: found for name, found in said.items() if found}


def gate_run(folder: Path, database: Database) -> GateRun:
    """Return a run of the gate in a folder, a few days after the data."""

    def keep(name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
        del has_contacts
        digest = hashlib.sha256(data).hexdigest()
        return Evidence(name=name, sha256=digest, media_type="text/plain", volatile=volatile)

    gate = VulnerabilitiesGate()
    return GateRun(
        gate=gate.id,
        root=folder,
        level=3,
        source=(),
        test_roots=(),
        interpreter=Path(sys.executable),
        settings=gate.settings(),
        options={},
        base=None,
        base_missing="",
        seed=0,
        today=today(database),
        scratch=folder,
        keep=keep,
        deadline=time.monotonic() + 300,
        test_run=None,
    )


def today(database: Database) -> date:
    """Return a day on which the data is fresh."""
    return database.as_of.date() + timedelta(days=5)


def timed(function: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that a call takes, of CPU unless another clock is given: the least of some."""
    seconds = []
    for _ in range(ROUNDS):
        began = clock()
        function()
        seconds.append(clock() - began)
    return min(seconds)


def never(folder: Path) -> datetime:
    """Refuse: a benchmark reads no checkout."""
    raise FileNotFoundError(folder)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def cases(data: Path, folder: Path, path: Path, database: Database) -> int:
    """Compare each case, both ways; return how many differ."""
    wrong = 0
    for case in json.loads((data / "requirements-cases.json").read_bytes())["cases"]:
        wanted = pinned(case["requirements"])
        expected = {name: sorted(ids) for name, ids in case["expected"].items()}
        ours, theirs = by_matcher(database, wanted), by_tool(folder, path, database, wanted)
        verdict = "equal" if ours == theirs == expected else f"DIFFERENT: {ours} {theirs} {expected}"
        wrong += verdict != "equal"
        count = sum(map(len, expected.values()))
        say(f"{case['id']}: {len(wanted)} pins, {count} advisories in {len(expected)} packages: {verdict}")
    return wrong


def speed(folder: Path, packed: Path, archive: Path, database: Database) -> None:
    """Print the figures of loading, matching, and the whole mode `file`."""
    say(f"load compact: {timed(lambda: files.read(packed, never)) * 1000:.1f} ms")
    say(f"load archive: {timed(lambda: files.read(archive, never)) * 1000:.0f} ms")
    wanted = sample(database)
    matching = timed(lambda: [issues(match(database, pin.name, pin.installed).advisories) for pin in wanted])
    say(f"match {len(wanted)} packages: {matching * 1000:.2f} ms")
    settings = VulnerabilitiesSettings(mode="file", path=packed.name)
    whole = timed(
        lambda: sources.ask(gate_run(folder, database), settings, wanted, database), time.perf_counter
    )
    one = timed(
        lambda: sources.ask(gate_run(folder, database), settings, wanted[:1], database), time.perf_counter
    )
    say(f"mode file, {len(wanted)} packages: {whole:.2f} s, {whole / one:.2f} times that of one")


def sample(database: Database) -> tuple[Pin, ...]:
    """Return pins of packages that have advisories, in a version that most are gone from."""
    names = sorted(database.packages)[:PACKAGES]
    return pins((name, "1.0") for name in names).askable


def main() -> None:
    """Print what was missed and how long it took; exit status 1 where anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    data = parser.parse_args().folder
    packed, archive = next(data.rglob("*.json.gz")), next(data.rglob("*.zip"))
    from_archive = files.read(archive, never)
    forms = {
        "compact file": files.read(packed, never),
        "archive": from_archive,
        "archive, made compact by us": compact.read(compact.write(from_archive)),
    }
    wanted = list(triples(archive))
    failures = 0
    for form, database in forms.items():
        lost = missed(database, wanted)
        failures += len(lost)
        say(f"{form}: {len(wanted)} listed versions, {len(lost)} missed {lost[:3]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form, database in forms.items():
            say(f"-- {form}")
            failures += cases(data, folder, packed, database)
        speed(folder, packed, archive, forms["compact file"])
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
