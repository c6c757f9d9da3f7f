"""Judges what is installed against the locks and against its own record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pytest_failhard.distributions.locks import Lock, LockedPackage
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.dependencies.names import Names
from pytest_failhard.model import Finding, Severity

MANY = 5
"""So many distributions that drift are named one by one; more than half of all are one finding."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """The closure without the project itself, with what the locks and declarations say of each."""

    supply: Supply
    names: Names

    def __iter__(self) -> Iterator[str]:
        own = self.supply.declared.project.name
        return iter(sorted(name for name in self.supply.closure.nodes if name != own))

    def version(self, name: str) -> str:
        """Return the installed version of a member."""
        return self.supply.closure.nodes[name].version

    def entries(self, name: str) -> Mapping[str, tuple[LockedPackage, ...]]:
        """Return the entries of a member, by the path of the lock."""
        found = {lock.path: lock.packages.get(name, ()) for lock in self.supply.locks}
        return {path: entries for path, entries in found.items() if entries}

    def drifted(self) -> tuple[str, ...]:
        """Return the members that a lock has in another version, or none has."""
        if not self.supply.locks:
            return ()
        return tuple(name for name in self if any(_drifted(self, name)))

    def unpinned(self) -> tuple[str, ...]:
        """Return the members that neither a lock nor the project itself holds to one version."""
        return tuple(name for name in self if not self.entries(name) and name not in self.names.pinned)

    def finding(self, rule: str, name: str, message: str, fix: str, about: str = "") -> Finding:
        """Return a finding about a member, at the declaration that pulls it in."""
        path, line = self.names.place(name)
        return Finding(
            rule=rule,
            name=rule,
            path=path,
            line=line,
            severity=Severity.HIGH if rule == "modified-file" else Severity.MEDIUM,
            message=f"`{name}`{self.names.chain(name)} {message}",
            fix=fix,
            anchor=f"{name} {about}".strip(),
        )


def lock_findings(members: Members) -> Iterator[Finding]:
    """Yield where members are not held to one version by one lock."""
    supply = members.supply
    if not supply.locks:
        yield from _no_lock(members)
        return
    drifted = {name: tuple(_drifted(members, name)) for name in members}
    astray = [name for name, findings in drifted.items() if findings]
    if len(astray) > MANY and 2 * len(astray) > len(drifted):
        shown = ", ".join(astray[:MANY])
        yield Finding(
            rule="drifted",
            name="drifted",
            path=supply.locks[0].path,
            line=0,
            severity=Severity.MEDIUM,
            message=f"{len(astray)} of {len(drifted)} distributions are installed otherwise than in "
            f"{_paths(supply.locks)}: {shown} ...",
            fix="install the environment that is judged from the lock",
            anchor="most",
        )
        return
    for findings in drifted.values():
        yield from findings


def _drifted(members: Members, name: str) -> Iterator[Finding]:
    entries = members.entries(name)
    if not entries:
        yield members.finding(
            "drifted",
            name,
            f"{members.version(name)} is installed and in no lock ({_paths(members.supply.locks)})",
            "lock anew: the lock is older than the declaration, or the environment holds more than it",
        )
    for path, locked in entries.items():
        versions = sorted({entry.version for entry in locked})
        if members.version(name) not in versions:
            yield members.finding(
                "drifted",
                name,
                f"is installed as {members.version(name)}, {path} has {', '.join(versions)}",
                f"install from {path}, or lock anew",
            )


def _no_lock(members: Members) -> Iterator[Finding]:
    declared = members.supply.declared
    count = len(tuple(members))
    if count:
        yield Finding(
            rule="no-lock",
            name="no-lock",
            path=declared.source,
            line=0,
            severity=Severity.MEDIUM,
            message=f"no lock holds the {count} distributions of the closure to one version and one hash",
            fix="commit a lock: uv.lock, pylock.toml, or requirements with `==` and `--hash` "
            "(`uv pip compile --generate-hashes`); name it in `locks` if it has another name",
            anchor="no-lock",
        )
    unpinned = set(members.unpinned())
    # What only others require can only be pinned by a lock: that is the finding above.
    for name in sorted(unpinned & members.names.roots):
        yield members.finding(
            "unpinned",
            name,
            "may be installed in any version that appears tomorrow",
            "lock it, or pin it with `==`",
        )


def unhashed(members: Members) -> Iterator[Finding]:
    """Yield the members whose lock entry does not say which bytes they are."""
    for name in members:
        for path, entries in members.entries(name).items():
            if not all(entry.files and all(file.sha256 for file in entry.files) for entry in entries):
                yield members.finding(
                    "unhashed", name, f"has no sha256 in {path}", "lock with hashes (`--generate-hashes`)"
                )
                break


def editable(members: Members) -> Iterator[Finding]:
    """Yield the members that are installed from a folder which anybody may edit."""
    for name in members:
        if members.supply.closure.nodes[name].is_editable:
            yield members.finding(
                "editable-install", name, "is installed editable", "install a built wheel of it"
            )


def too_young(members: Members, made: date, days: int) -> Iterator[Finding]:
    """Yield what was published less than `days` days before the lock was made, or nobody knows when.

    A day is a day of UTC: a lock says days at best.
    """
    for lock in members.supply.locks:
        if not any(name in lock.packages for name in members):
            continue
        if not lock.has_upload_times:
            yield from _bounded(lock, made, days)
            continue
        for name in members:
            for entry in lock.packages.get(name, ()):
                if entry.version == members.version(name):
                    yield from _aged(members, name, entry, lock, made, days)


def _bounded(lock: Lock, made: date, days: int) -> Iterator[Finding]:
    if lock.not_after is not None and (made - _day(lock.not_after)).days >= days:
        return
    said = "says not when its files were published"
    if lock.not_after is not None:
        said = f"takes files published up to {_day(lock.not_after)}, less than {days} days before {made}"
    yield Finding(
        rule="too-young",
        name="too-young",
        path=lock.path,
        line=0,
        severity=Severity.MEDIUM,
        message=f"{lock.path} {said}",
        fix="lock with upload times (uv.lock, pylock.toml), or with an absolute `--exclude-newer` in the "
        "`uv pip compile` command of its header",
        anchor=lock.path,
    )


def _aged(
    members: Members, name: str, entry: LockedPackage, lock: Lock, made: date, days: int
) -> Iterator[Finding]:
    times = [file.uploaded for file in entry.files]
    if not times or any(each is None for each in times):
        message = f"has files in {lock.path} of which it is not said when they were published"
        yield members.finding("too-young", name, message, "lock anew from an index that says it")
        return
    newest = max(_day(each) for each in times if each is not None)
    if (made - newest).days < days:
        message = f"{entry.version} was published on {newest}, less than {days} days before {made}"
        yield members.finding(
            "too-young", name, message, "take the version before it, or wait; or waive a fix"
        )


def _day(moment: datetime) -> date:
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _paths(locks: tuple[Lock, ...]) -> str:
    return ", ".join(lock.path for lock in locks)
