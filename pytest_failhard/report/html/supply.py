"""What the system is made of: components of the SBOM, and the licences as they were read."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Loose, whole

MAX_ROWS = 2000
EFFECTIVE = "bsi:component:effectiveLicence"


class _Licence(Loose):
    id: str = ""
    name: str = ""


class _Choice(Loose):
    expression: str = ""
    license: _Licence = _Licence()


class _Property(Loose):
    name: str
    value: str = ""


class _Named(Loose):
    name: str = ""


class _Component(Loose):
    name: str
    version: str = ""
    purl: str = ""
    licenses: tuple[_Choice, ...] = ()
    properties: tuple[_Property, ...] = ()
    supplier: _Named = _Named()


class _Bom(Loose):
    components: tuple[_Component, ...] = ()


class _Package(Loose):
    name: str
    version: str = ""
    expression: str = ""
    source: str = ""
    copyleft: tuple[str, ...] = ()
    chain: str = ""
    not_allowed: tuple[str, ...] = ()
    undetermined: str = ""
    clarification: dict[str, object] | None = None


class _Licences(Loose):
    packages: tuple[_Package, ...]


@dataclass(frozen=True, kw_only=True)
class Component:
    """One row of the SBOM."""

    name: str
    version: str
    licence: str
    supplier: str
    purl: str


@dataclass(frozen=True, kw_only=True)
class Licence:
    """How the licence of one package was read; `state` is `allowed`, `not allowed`, `undetermined`."""

    name: str
    version: str
    expression: str
    source: str
    state: str
    note: str
    chain: str


@dataclass(frozen=True, kw_only=True)
class Components:
    """The components by name; `total` counts those not shown too."""

    rows: tuple[Component, ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class Licences:
    """The packages, what is not allowed first; `total` counts those not shown too."""

    rows: tuple[Licence, ...]
    total: int


def components(exhibits: Exhibits) -> Components | None:
    """Return the SBOM's components, None where there is no SBOM; raises UnreadableError."""
    data = exhibits.of("sbom", "sbom.cdx.json")
    if data is None:
        return None
    rows = sorted(map(_component, whole(_Bom, data).components), key=lambda row: (row.name, row.version))
    return Components(rows=tuple(rows[:MAX_ROWS]), total=len(rows))


def licences(exhibits: Exhibits) -> Licences | None:
    """Return how each licence was read, None where there is no such evidence; raises UnreadableError."""
    data = exhibits.of("licences", "licences.json")
    if data is None:
        return None
    rows = sorted(
        map(_licence, whole(_Licences, data).packages),
        key=lambda row: (row.state == "allowed", row.name, row.version),
    )
    return Licences(rows=tuple(rows[:MAX_ROWS]), total=len(rows))


def _component(found: _Component) -> Component:
    effective = [each.value for each in found.properties if each.name == EFFECTIVE]
    declared = [each.expression or each.license.id or each.license.name for each in found.licenses]
    return Component(
        name=found.name,
        version=found.version,
        licence=next(filter(None, [*effective, *declared]), ""),
        supplier=found.supplier.name,
        purl=found.purl,
    )


def _licence(found: _Package) -> Licence:
    state, notes = "allowed", []
    if found.undetermined:
        state, notes = "undetermined", [found.undetermined]
    elif found.not_allowed:
        state, notes = "not allowed", [f"not allowed: {', '.join(found.not_allowed)}"]
    if found.copyleft:
        notes.append(f"copyleft: {', '.join(found.copyleft)}")
    if found.clarification is not None:
        notes.append("clarified by a person")
    return Licence(
        name=found.name,
        version=found.version,
        expression=found.expression,
        source=found.source,
        state=state,
        note="; ".join(notes),
        chain=found.chain,
    )
