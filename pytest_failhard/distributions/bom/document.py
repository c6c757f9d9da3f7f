"""Writes the bill of materials: CycloneDX 1.6 in JSON, the same bytes for the same closure."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalContact, OrganizationalEntity
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from pytest_failhard.distributions.bom.embedded import Embedded
from pytest_failhard.distributions.bom.parts import Part
from pytest_failhard.distributions.bom.party import Party
from pytest_failhard.distributions.bom.subject import OURS, ROOT, UNKNOWN, Subject

FLAGS = {"executable": "executable", "structured": "structured"}
ARCHIVE = {True: "archive", False: "no archive"}


def render(subject: Subject, parts: Sequence[Part], edges: Iterable[tuple[str, str]]) -> bytes:
    """Return the document. An edge's parent is "" for the project; the names are canonical."""
    # A member may need the project in its turn.
    refs = {"": ROOT, subject.name: ROOT, **{part.name: part.purl for part in parts}}
    joined = sorted({(refs[a], refs[b]) for a, b in edges if a in refs and b in refs and a != b})
    bom = Bom(
        metadata=_metadata(subject),
        components=[_component(part) for part in parts],
        dependencies=[
            Dependency(BomRef(ref), [Dependency(BomRef(below)) for above, below in joined if above == ref])
            for ref in dict.fromkeys(refs.values())
        ],
        # Replaced by one that comes from the content.
        serial_number=uuid.UUID(int=0),
    )
    output = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    document = {**json.loads(output), "compositions": list(_compositions(subject, parts))}
    del document["serialNumber"]
    digest = hashlib.sha256(_dumped(document)).hexdigest()
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sha256:{digest}").urn
    return _dumped(document)


def _dumped(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _metadata(subject: Subject) -> BomMetaData:
    entity = _entity(subject.creator)
    unknown = [] if subject.licence else ["licence"]
    return BomMetaData(
        timestamp=subject.time,
        lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
        tools=ToolRepository(
            components=[
                Component(name=name, version=version, type=ComponentType.APPLICATION)
                for name, version in subject.tools.items()
            ]
        ),
        manufacturer=entity,
        component=Component(
            name=subject.name,
            version=subject.version or None,
            type=ComponentType.APPLICATION,
            bom_ref=ROOT,
            supplier=entity,
            licenses=_licences(subject.licence),
            properties=[*_bsi(subject.licence, is_archive=False), *_unknown(unknown)],
        ),
    )


def _component(part: Part) -> Component:
    lacks = {
        "supplier": not part.supplier,
        "licence": not part.licence,
        "hash": not part.sha256,
        "file name": not part.filename,
    }
    one = part.sha256 if len(part.sha256) == 1 else ()
    return Component(
        name=part.title,
        version=part.version,
        type=ComponentType.LIBRARY,
        bom_ref=part.purl,
        purl=PackageURL.from_string(part.purl),
        supplier=_entity(part.supplier),
        licenses=_licences(part.licence, is_clarified=bool(part.stated)),
        hashes=[_hash(digest) for digest in one],
        external_references=_allowed(part),
        properties=[
            *_bsi(part.licence, is_archive=True, filename=part.filename),
            *_unknown([what for what, is_lacking in lacks.items() if is_lacking]),
            *_ours(part),
        ],
    )


def _entity(party: Party | None) -> OrganizationalEntity | None:
    if party is None:
        return None
    contacts = [OrganizationalContact(email=party.email)] if party.email else []
    return OrganizationalEntity(
        name=party.name, urls=[XsUri(party.url)] if party.url else [], contacts=contacts
    )


def _licences(expression: str, *, is_clarified: bool = False) -> list[LicenseExpression]:
    if not expression:
        return []
    by = LicenseAcknowledgement.CONCLUDED if is_clarified else LicenseAcknowledgement.DECLARED
    return [LicenseExpression(expression, acknowledgement=by)]


def _hash(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _allowed(part: Part) -> list[ExternalReference]:
    """Return the digests of which one is the component's: as its own they would contradict each other."""
    if len(part.sha256) < 2:
        return []
    return [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(part.purl),
            comment="the lock allows these files; one of them was installed",
            hashes=[_hash(digest) for digest in part.sha256],
        )
    ]


def _bsi(licence: str, *, is_archive: bool, filename: str = "") -> Iterator[Property]:
    """Yield the properties of the taxonomy of BSI TR-03183-2."""
    texts = {**FLAGS, "archive": ARCHIVE[is_archive], "filename": filename, "effectiveLicence": licence}
    return (Property(name=f"bsi:component:{name}", value=text) for name, text in texts.items() if text)


def _unknown(what: Iterable[str]) -> Iterator[Property]:
    return (Property(name=UNKNOWN, value=each) for each in what)


def _ours(part: Part) -> Iterator[Property]:
    if part.is_supplier_declared:
        yield Property(name=f"{OURS}supplier", value="declared by the project")
    if part.stated:
        yield Property(name=f"{OURS}licence:declared", value=part.stated)
    if part.is_built:
        yield Property(name=f"{OURS}built", value="from the source distribution")
    for number, inner in enumerate(part.embedded):
        place = f"{OURS}embedded:{number}"
        yield Property(name=f"{place}:path", value=inner.path)
        yield Property(name=f"{place}:sha256", value=inner.sha256)
        yield Property(name=f"{place}:parts", value=_counted(inner))


def _counted(inner: Embedded) -> str:
    return "unknown" if inner.parts is None else str(inner.parts)


def _compositions(subject: Subject, parts: Sequence[Part]) -> Iterator[dict[str, object]]:
    """Yield what is known to be whole: the graph; not what compiled or vendored code is made of."""
    graph = "complete" if subject.is_complete else "incomplete"
    yield {"aggregate": graph, "dependencies": sorted([ROOT, *(part.purl for part in parts)])}
    partly = sorted(part.purl for part in parts if part.embedded)
    opaque = sorted(part.purl for part in parts if not part.embedded and not part.is_pure)
    if partly:
        yield {"aggregate": "incomplete", "assemblies": partly}
    if opaque:
        yield {"aggregate": "unknown", "assemblies": opaque}
