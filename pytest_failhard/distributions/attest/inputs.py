"""What the statements of a run rest on beside its report: kept as evidence, read back to build them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.distributions.attest.statement import Json, Subject, at, text
from pytest_failhard.model import GateError, Option

SBOM = "sbom.cdx.json"
Reader = Callable[[str, str], bytes | None]
"""Returns the kept bytes of a gate's evidence by gate and name, None where there is none."""


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

    A member without a digest is left out: a descriptor of in-toto has one. Raises GateError.
    """
    try:
        listed: Option = json.loads(sbom)["components"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"{SBOM}: cannot be read: {error}") from None
    for component in listed if isinstance(listed, list) else []:
        purl, digest = text(component, "purl"), _sha256(at(component, "hashes"))
        if purl and digest:
            yield {"uri": purl, "digest": {"sha256": digest}}


def _sha256(hashes: Option) -> str:
    each: Iterable[Option] = hashes if isinstance(hashes, list) else []
    return next((text(entry, "content") for entry in each if text(entry, "alg") == "SHA-256"), "")
