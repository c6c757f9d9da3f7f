"""What the bill of materials says of each member of the closure, gathered from metadata, locks and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packageurl import PackageURL
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from pytest_failhard.distributions.bom.embedded import Embedded, embedded
from pytest_failhard.distributions.bom.party import Party, supplier

if TYPE_CHECKING:
    from pytest_failhard.distributions.installed import Distribution
    from pytest_failhard.distributions.locks import Artefact
    from pytest_failhard.distributions.supply import Supply

PURE_TAG = "-none-any"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A member of the closure. `name` is canonical, `title` as its supplier spells it.

    `licence` is a valid SPDX expression or empty. `sha256` are the digests of the file that was
    installed, in hexadecimal: one where the lock tells which file that is; several where it names files
    of which one was installed; none where no lock names any.
    """

    name: str
    title: str
    version: str
    purl: str
    supplier: Party | None
    is_supplier_declared: bool
    licence: str
    filename: str
    sha256: tuple[str, ...]
    is_built: bool
    embedded: tuple[Embedded, ...]
    is_pure: bool


def gather(supply: Supply, suppliers: Mapping[str, Party]) -> tuple[Part, ...]:
    """Return a part for each member of the closure, by name.

    `suppliers` are those that the project declares, by canonical name: they hold where metadata names
    nobody. Raises GateError where a file of a member cannot be read.
    """
    nodes = supply.closure.nodes
    return tuple(_part(nodes[name], supply.artefacts[name], suppliers.get(name)) for name in sorted(nodes))


def package_url(name: str, version: str) -> str:
    """Return the package URL of a distribution; `name` is canonical."""
    return PackageURL("pypi", name=name, version=version).to_string()


def _part(distribution: Distribution, artefact: Artefact, declared: Party | None) -> Part:
    own = supplier(distribution)
    return Part(
        name=distribution.name,
        title=distribution.raw_name,
        version=distribution.version,
        purl=package_url(distribution.name, distribution.version),
        supplier=own or declared,
        is_supplier_declared=own is None and declared is not None,
        licence=licence(distribution),
        filename=artefact.filename,
        sha256=(artefact.sha256,) if artefact.sha256 else artefact.candidates,
        is_built=artefact.is_built,
        embedded=embedded(distribution),
        is_pure=bool(distribution.tags) and all(tag.endswith(PURE_TAG) for tag in distribution.tags),
    )


def licence(distribution: Distribution) -> str:
    """Return the licence that metadata declares as a valid SPDX expression, empty where it does not."""
    return expression(distribution.one("License-Expression") or distribution.one("License"))


def expression(declared: str) -> str:
    """Return a licence as a canonical SPDX expression, empty where it is none."""
    try:
        return str(canonicalize_license_expression(declared))
    except InvalidLicenseExpression:
        return ""
