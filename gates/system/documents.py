"""Finds the documents that a system should come with, by where they usually are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

KINDS: Mapping[str, tuple[str, ...]] = {
    "decision record": (
        "docs/adr",
        "docs/adrs",
        "docs/decisions",
        "adr",
        "docs/architecture/decisions",
        "ADR.md",
    ),
    "error guide": ("docs/errors.md", "docs/error-guide.md", "docs/troubleshooting.md", "TROUBLESHOOTING.md"),
    "runbook": ("docs/runbook.md", "docs/runbooks", "RUNBOOK.md", "docs/operations.md"),
    "deploy guide": ("docs/deployment.md", "docs/deploy.md", "DEPLOYMENT.md", "docs/deployment"),
}
"""Document -> where it may be, the usual place first; case does not matter."""


def documents(root: Path) -> Mapping[str, str]:
    """Return where each document is, empty for one that is nowhere."""
    present = {path.relative_to(root).as_posix().lower(): path for path in _below(root)}
    return {
        kind: next((_shown(root, present[name.lower()]) for name in places if name.lower() in present), "")
        for kind, places in KINDS.items()
    }


def absent(root: Path, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each wanted document that is nowhere, with its usual place."""
    found = documents(root)
    for kind in wanted:
        if not found.get(kind):
            yield kind, KINDS.get(kind, (f"docs/{kind.replace(' ', '-')}.md",))[0]


def _below(root: Path) -> Iterator[Path]:
    for folder in (root, root / "docs", root / "docs" / "architecture"):
        if folder.is_dir():
            yield from folder.iterdir()


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
