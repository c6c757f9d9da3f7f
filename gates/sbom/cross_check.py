"""Holds the bill of materials against the one that cyclonedx-bom makes of the same environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from pytest_failhard.distributions import answers
from pytest_failhard.model import GateError, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_failhard.distributions.bom.parts import Part
    from pytest_failhard.distributions.pieces import Pieces
    from pytest_failhard.distributions.target import Target
    from pytest_failhard.model import Completed, Evidence, Run

CYCLONEDX = Tool(module="cyclonedx_py", distribution="cyclonedx-bom", lowest="7.2.2")
OUTPUT = "cyclonedx-bom.json"
KEPT = "cross-check.json"
SHOWN = 5
Seen = tuple[str, str, str]


def cross_check(run: Run, target: Target, parts: Sequence[Part], pieces: Pieces) -> tuple[str, Evidence]:
    """Return the tool and what was compared; raises GateError where it does not see a member as we do.

    That it sees more is no contradiction: it lists the environment, and ours is the closure in it.
    """
    tool = run.tool(CYCLONEDX)
    seen = _listed(run, answers.bound(run, target), pieces)
    ours = [(part.name, part.version, part.purl) for part in parts]
    lacking = [f"{name} {version}" for name, version, purl in ours if _plain(name, version, purl) not in seen]
    if lacking:
        raise GateError(
            f"cross-check: cyclonedx-bom lists {len(seen)} components of the environment and not "
            f"{', '.join(lacking[:SHOWN])}: the two see different environments"
        )
    record = {"tool": tool, "compared": [list(each) for each in ours], "its_own": len(seen)}
    return tool, run.keep(KEPT, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _listed(run: Run, bound: str, pieces: Pieces) -> frozenset[Seen]:
    """Return what it lists, or what it listed in an earlier run of the same environment."""
    text = pieces.get(CYCLONEDX.module, bound)
    if text is not None:
        said, listed = json.loads(text)
        _ask(run, answers.load(said))
        return frozenset((name, version, purl) for name, version, purl in listed)
    completed = _ask(run)
    try:
        seen = frozenset(components((run.scratch / OUTPUT).read_bytes()))
    except OSError as error:
        raise GateError(f"cyclonedx-bom: it wrote no file: {error.strerror}") from None
    answer = answers.dump(completed)
    if answer is not None:
        pieces.put(CYCLONEDX.module, bound, json.dumps([answer, sorted(seen)]))
    return seen


def _ask(run: Run, earlier: Completed | None = None) -> Completed:
    return run.python(
        CYCLONEDX.module,
        "environment",
        "--spec-version=1.6",
        "--output-format=JSON",
        "--no-validate",
        "--output-reproducible",
        f"--output-file={run.scratch / OUTPUT}",
        str(run.interpreter),
        earlier=earlier,
    )


def components(data: bytes) -> Iterator[Seen]:
    """Yield name, version and package URL of each component, all canonical; raises GateError."""
    try:
        document = json.loads(data.decode("utf-8", "strict"))
        if document["bomFormat"] != "CycloneDX":
            raise ValueError("not CycloneDX")
        for entry in document["components"]:
            if "purl" in entry:
                yield _plain(entry["name"], entry["version"], entry["purl"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GateError(f"cyclonedx-bom: unreadable output ({error}): {data[:200]!r}") from None


def _plain(name: str, version: str, purl: str) -> Seen:
    """Return the three as they compare: without the qualifiers, which say where a file came from."""
    url = PackageURL.from_string(purl)
    plain = PackageURL(url.type, url.namespace, canonicalize_name(url.name), url.version)
    return canonicalize_name(name), version, plain.to_string()
