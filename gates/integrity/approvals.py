"""Names what a change brings along to let itself pass: waivers, and entries of the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.model import BASELINE_FILE, Finding, Severity
from pytest_failhard.strict import StrictError, read_yaml

if TYPE_CHECKING:
    from pytest_failhard.model import Base, Frozen

FILE = "failhard-waivers.yaml"
FROM_LEVEL = 3
IDENTITY = ("gate", "rule", "path", "fingerprint")
NAMED = 3

Identity = tuple[str, ...]


def added(root: Path, base: Base | None, level: int) -> Iterator[Finding]:
    """Yield a finding for each waiver that the merge base lacks, for a file that the same change touches.

    With a base named on the command line such a waiver does not count at all; this is what is said where
    none was named.
    """
    path = root / FILE
    if base is None or level < FROM_LEVEL or not path.is_file():
        return
    now, before = _entries(path.read_bytes()), _entries(base.read(FILE) or b"")
    changed = {*base.changed_lines(), *base.differing()} if now.keys() - before.keys() else set()
    for identity in sorted(now.keys() - before.keys()):
        gate, rule, place, _ = identity
        if place in changed:
            yield Finding(
                rule="added-waiver",
                name="added-waiver",
                path=FILE,
                line=0,
                severity=Severity.MEDIUM,
                message=f"the change that touches {place} brings the waiver of its own {gate}/{rule}",
                fix="let somebody else approve the waiver first, in a change of its own",
                anchor=" ".join(identity),
            )


def grown(root: Path, base: Base | None) -> Iterator[Finding]:
    """Yield a finding for each gate of which the change freezes more than the merge base, or worse values.

    With a base named on the command line what is added does not count at all.
    """
    path = root / BASELINE_FILE
    if base is None or not path.is_file():
        return
    # Read here alone, where there is a file: its types take time to build.
    from pytest_failhard import baseline

    frozen = baseline.parse(path.read_bytes()).frozen
    before = {baseline.key(entry): entry for entry in baseline.of_base(base.read(BASELINE_FILE))}
    more: dict[str, list[Frozen]] = {}
    for entry in frozen:
        old = before.get(baseline.key(entry))
        if old is None or baseline.looser(entry, old):
            more.setdefault(entry.gate, []).append(entry)
    for gate, entries in sorted(more.items()):
        named = "; ".join(" ".join(filter(None, (each.rule, each.path))) for each in entries[:NAMED])
        yield Finding(
            rule="grown-baseline",
            name="grown-baseline",
            path=BASELINE_FILE,
            line=0,
            severity=Severity.MEDIUM,
            message=f"the change adds or loosens frozen findings of {gate} ({len(entries)}): {named}",
            fix="let somebody else approve them first, in a change of its own",
            anchor=gate,
        )


def _entries(data: bytes) -> Mapping[Identity, None]:
    """Return what identifies the waivers in a version of the file; none where it cannot be read."""
    try:
        document = read_yaml(data, FILE)
    except StrictError:
        # That of the tree was checked before the run; an older one that cannot be read approved nothing.
        return {}
    listed = document.get("waivers") if isinstance(document, dict) else None
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {tuple(str(each.get(name, "")) for name in IDENTITY): None for each in found}
