"""Reads a bill of materials back: validates it against the strict schema, follows its references."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as ShapeError

from pytest_failhard.distributions.bom.optional import IRI_GRAMMAR, without
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Registry
    from referencing.jsonschema import Schema

REFERENCES = "http://cyclonedx.org/schema/"
NEEDED_FORMATS = frozenset({"date-time", "idn-email"})
# jsonschema's own check parses an IRI by its grammar: 13 ms for each.
IRI = re.compile(r"[^\s<>\"{}|\\^`\x00-\x1f\x7f]+")
SHOWN = 5
SHA_256 = "SHA-256"


class _Part(BaseModel):
    """A piece of the document; what is not read here has been validated and is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Digest(_Part):
    """A hash of a file."""

    alg: str
    content: str


class Contact(_Part):
    """How an entity is reached."""

    email: str = ""


class Entity(_Part):
    """A person or an organisation."""

    name: str = ""
    url: tuple[str, ...] = ()
    contact: tuple[Contact, ...] = ()

    @property
    def is_reachable(self) -> bool:
        """Tell whether there is an address or a page."""
        return bool(self.url) or any(each.email for each in self.contact)


class Licence(_Part):
    """A licence choice; we write expressions alone."""

    expression: str = ""
    acknowledgement: str = ""


class Property(_Part):
    """A name and a value."""

    name: str
    value: str = ""


class Reference(_Part):
    """Something outside the document."""

    type: str
    hashes: tuple[Digest, ...] = ()


class Component(_Part):
    """A component, the root among them."""

    ref: str = Field("", alias="bom-ref")
    name: str
    version: str = ""
    purl: str = ""
    supplier: Entity = Entity()
    licenses: tuple[Licence, ...] = ()
    hashes: tuple[Digest, ...] = ()
    references: tuple[Reference, ...] = Field((), alias="externalReferences")
    properties: tuple[Property, ...] = ()

    @property
    def licence(self) -> str:
        """The licence expression, empty without one."""
        return next((each.expression for each in self.licenses), "")

    @property
    def sha256(self) -> frozenset[str]:
        """The digests of the component's file, or of the files of which one is it."""
        listed = [*self.hashes, *(each for reference in self.references for each in reference.hashes)]
        return frozenset(each.content for each in listed if each.alg == SHA_256)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a property."""
        return tuple(each.value for each in self.properties if each.name == name)


class Tools(_Part):
    """The programs that made the document."""

    components: tuple[Component, ...] = ()


class Lifecycle(_Part):
    """The phase in which the document was made."""

    phase: str = ""


class Metadata(_Part):
    """What is said of the document itself."""

    timestamp: datetime | None = None
    lifecycles: tuple[Lifecycle, ...] = ()
    tools: Tools = Tools()
    manufacturer: Entity = Entity()
    component: Component


class Edges(_Part):
    """What one component needs."""

    ref: str
    needs: tuple[str, ...] = Field((), alias="dependsOn")


class Composition(_Part):
    """How much of something is known."""

    aggregate: str
    assemblies: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


class Written(_Part):
    """A valid document whose references all lead somewhere."""

    version: Literal["1.6"] = Field(alias="specVersion")
    serial: str = Field("", alias="serialNumber")
    metadata: Metadata
    components: tuple[Component, ...] = ()
    dependencies: tuple[Edges, ...] = ()
    compositions: tuple[Composition, ...] = ()
    vulnerabilities: tuple[object, ...] = ()

    @property
    def members(self) -> frozenset[tuple[str, str, str]]:
        """Name, version and package URL of each component but the root."""
        return frozenset((each.name, each.version, each.purl) for each in self.components)


def load(data: bytes, *, is_valid: bool = False) -> Written:
    """Return the document; raises GateError with what is wrong with it.

    `is_valid` says that the schema was seen to hold for these very bytes.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GateError(f"the bill of materials is no JSON: {error}") from None
    if not is_valid:
        _refuse([_told(error) for error in _validator().iter_errors(document)])
    try:
        written = Written.model_validate(document)
    except ShapeError as error:
        raise GateError(f"the bill of materials lacks a part that we write: {error}") from None
    _refuse([*_dangling(written), *_invalid_licences(written)])
    return written


def compare(written: Written, members: frozenset[tuple[str, str, str]]) -> None:
    """Hold the components against the closure's name, version, package URL; raises GateError."""
    lacking, beyond = sorted(members - written.members), sorted(written.members - members)
    if lacking or beyond or len(written.components) != len(members):
        raise GateError(
            f"mismatch: the bill of materials and the closure differ: {_names(lacking)} not listed, "
            f"{_names(beyond)} listed and not in the closure, {len(written.components)} components "
            f"for {len(members)} members"
        )


def _names(members: Sequence[tuple[str, str, str]]) -> str:
    return ", ".join(f"{name} {version}" for name, version, _ in members[:SHOWN]) or "nothing"


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        more = f" and {len(mistakes) - SHOWN} more" if len(mistakes) > SHOWN else ""
        raise GateError(
            f"invalid: the bill of materials is no valid CycloneDX 1.6: {'; '.join(mistakes[:SHOWN])}{more}"
        )


def _told(error: ValidationError) -> str:
    place = "/".join(map(str, error.absolute_path))
    return f"{place or 'document'}: {error.message[:200]}"


def _validator() -> Validator:
    # All of it takes a while to load.
    with without(IRI_GRAMMAR):
        from jsonschema import Draft7Validator, validators
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.schema._res import BOM_JSON_STRICT, CRYPTOGRAPHY_DEFS, JSF, SPDX_JSON
    from referencing import Registry
    from referencing.jsonschema import DRAFT7

    referenced = {"spdx": SPDX_JSON, "cryptography-defs": CRYPTOGRAPHY_DEFS, "jsf-0.82": JSF}
    schema = BOM_JSON_STRICT[SchemaVersion.V1_6]
    if schema is None:
        raise GateError("cyclonedx-python-lib brings no schema of CycloneDX 1.6; install another version")
    resources = [
        (f"{REFERENCES}{name}.SNAPSHOT.schema.json", DRAFT7.create_resource(_schema(path)))
        for name, path in referenced.items()
    ]
    registry: Registry[Schema] = Registry().with_resources(resources)
    # jsonschema gives it no types.
    extend: Callable[..., type[Validator]] = validators.extend
    made = extend(Draft7Validator, {"uniqueItems": _repeated})
    return made(_schema(schema), registry=registry, format_checker=_formats())


def _repeated(
    validator: Validator, demanded: bool, instance: object, schema: Mapping[str, object]
) -> Iterator[ValidationError]:
    """Yield a mistake where an array holds a value twice: jsonschema's own check compares each with each."""
    del validator, schema
    from jsonschema.exceptions import ValidationError

    if demanded and isinstance(instance, list) and len({*map(_comparable, instance)}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _comparable(value: object) -> Hashable:
    """Return what is equal where two values of JSON are: 1 is 1.0, and neither is true."""
    if isinstance(value, dict):
        return frozenset((name, _comparable(each)) for name, each in value.items())
    if isinstance(value, list):
        return tuple(map(_comparable, value))
    return (bool, value) if isinstance(value, bool) else value


def _schema(path: str) -> Mapping[str, object]:
    schema: Mapping[str, object] = json.loads(Path(path).read_bytes())
    return schema


def _formats() -> FormatChecker:
    from jsonschema import Draft7Validator, FormatChecker

    known = Draft7Validator.FORMAT_CHECKER.checkers
    absent = NEEDED_FORMATS - set(known)
    if absent:
        raise GateError(
            f"jsonschema cannot check the formats {', '.join(sorted(absent))}: "
            "python -m pip install 'cyclonedx-python-lib[validation]'"
        )
    checker = FormatChecker(formats=[name for name in known if not name.startswith("iri")])
    checker.checks("iri-reference")(lambda text: not isinstance(text, str) or bool(IRI.fullmatch(text)))
    return checker


def _dangling(written: Written) -> Iterator[str]:
    """Say where a reference leads nowhere, and which component has no edges of its own."""
    refs = [written.metadata.component.ref, *(each.ref for each in written.components)]
    known = Counter(refs)
    listed = {edges.ref for edges in written.dependencies}
    yield from (f"components: {ref} stands there twice" for ref, count in known.items() if count > 1)
    yield from (f"dependencies: {ref} is not listed" for ref in known if ref not in listed)
    for place, used in _used(written):
        yield from (f"{place}: {ref} is no component" for ref in used if ref not in known)


def _used(written: Written) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the references of the document and where they stand."""
    for edges in written.dependencies:
        yield "dependencies", (edges.ref, *edges.needs)
    for composition in written.compositions:
        yield "compositions", (*composition.assemblies, *composition.dependencies)


def _invalid_licences(written: Written) -> Iterator[str]:
    """Say which licence is no expression of SPDX: the schema does not look into expressions."""
    for component in (written.metadata.component, *written.components):
        for licence in component.licenses:
            try:
                canonicalize_license_expression(licence.expression)
            except InvalidLicenseExpression as error:
                yield f"{component.name}: {error}"
