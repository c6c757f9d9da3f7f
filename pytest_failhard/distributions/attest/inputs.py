"""What the statements of a run rest on beside its report: kept as evidence, read back to build them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_failhard.distributions.attest.artefacts import digest
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.distributions.attest.statement import Json, Subject, at, text
from pytest_failhard.model import GateError, Option

SBOM = "sbom.cdx.json"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The origin of a run, the files that line 1 is about, and what they were made of.

    `version` is that of the verifier, which is ours.
    """

    version: str
    origin: Origin
    subjects: tuple[Subject, ...]
    materials: tuple[Json, ...] = ()


def dump(inputs: Inputs) -> bytes:
    """Return the inputs as JSON, the same bytes for the same inputs."""
    return (json.dumps(asdict(inputs), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def load(data: bytes) -> Inputs:
    """Read back what `dump` gave; raises GateError for anything else."""
    try:
        document = json.loads(data)
        return Inputs(
            version=str(document["version"]),
            origin=Origin(**document["origin"]),
            subjects=tuple(Subject(**each) for each in document["subjects"]),
            materials=tuple(dict(each) for each in document["materials"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"the inputs of the provenance cannot be read: {error}") from None


def components(sbom: bytes) -> Iterator[Json]:
    """Yield the members of the closure that an SBOM lists, as resource descriptors, in its order.

    Where a lock knows several hashes and not which file has which, none of them is the digest. Raises
    GateError.
    """
    for component in _listed(_parsed(SBOM, sbom), "components"):
        hashes = (entry for entry in _listed(component, "hashes") if text(entry, "alg") == "SHA-256")
        found: list[Option] = [text(entry, "content") for entry in hashes]
        described: Json = {"uri": text(component, "purl")}
        if len(found) == 1:
            described["digest"] = {"sha256": found[0]}
        elif found:
            described["annotations"] = {"sha256_is_one_of": found}
        yield described


def locks(root: Path, closure: bytes) -> Iterator[Json]:
    """Yield the locks that the gate `dependencies` read, by its evidence; raises GateError."""
    for path in _listed(_parsed("closure.json", closure), "locks"):
        if isinstance(path, str):
            yield {"name": path, "digest": {"sha256": digest(root / path)}}


def advisories(states: bytes) -> Iterator[Json]:
    """Yield the advisory file that the gate `vulnerabilities` judged by, where it did; raises GateError."""
    file = at(_parsed("states.json", states), "file")
    if text(file, "sha256"):
        as_of: Json = {"as_of": text(file, "as_of")}
        yield {"name": "advisories", "digest": {"sha256": text(file, "sha256")}, "annotations": as_of}


def _parsed(name: str, data: bytes) -> Option:
    try:
        document: Option = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GateError(f"{name}: cannot be read: {error}") from None
    return document


def _listed(document: Option, key: str) -> list[Option]:
    found = at(document, key)
    return found if isinstance(found, list) else []
