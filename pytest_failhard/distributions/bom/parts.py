"""What the bill of materials says of each member of the closure, gathered from metadata, locks and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packageurl import PackageURL

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.bom.embedded import Embedded, embedded
from pytest_failhard.distributions.bom.party import Party, supplier
from pytest_failhard.distributions.licence.resolution import Resolved, resolve

if TYPE_CHECKING:
    from pytest_failhard.distributions.installed import Distribution
    from pytest_failhard.distributions.locks import Artefact
    from pytest_failhard.distributions.supply import Supply
    from pytest_failhard.model import Clarification

PURE_TAG = "-none-any"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A member of the closure. `name` is canonical, `title` as its supplier spells it.

    `licence` is a valid SPDX expression or empty; where a person settled it, `stated` is what metadata
    says. `sha256` are the digests of the file that was installed, in hexadecimal: one where the lock
    tells which file that is; several where it names files of which one was installed; none where no
    lock names any.
    """

    name: str
    title: str
    version: str
    purl: str
    supplier: Party | None
    is_supplier_declared: bool
    licence: str
    stated: str
    filename: str
    sha256: tuple[str, ...]
    is_built: bool
    embedded: tuple[Embedded, ...]
    is_pure: bool


EVERYTHING = spdx.Allowlist(is_open=True)
"""To list a licence is not to allow it. Where several are named and nobody knows whether all or one of them
holds, they are listed as all: whoever keeps to all of them keeps to the one."""


def gather(
    supply: Supply, suppliers: Mapping[str, Party], clarifications: Iterable[Clarification] = ()
) -> tuple[Part, ...]:
    """Return a part for each member of the closure, by name; the project itself is none.

    `suppliers` are those that the project declares, by canonical name: they hold where metadata names
    nobody. Raises GateError where a file of a member cannot be read.
    """
    settled = tuple(clarifications)
    members = {
        name: member for name, member in supply.closure.nodes.items() if name != supply.declared.project.name
    }
    return tuple(
        _part(
            members[name],
            supply.artefacts[name],
            suppliers.get(name),
            resolve(members[name], EVERYTHING, settled),
        )
        for name in sorted(members)
    )


def package_url(name: str, version: str) -> str:
    """Return the package URL of a distribution; `name` is canonical."""
    return PackageURL("pypi", name=name, version=version).to_string()


def _part(distribution: Distribution, artefact: Artefact, declared: Party | None, licence: Resolved) -> Part:
    own = supplier(distribution)
    return Part(
        name=distribution.name,
        title=distribution.raw_name,
        version=distribution.version,
        purl=package_url(distribution.name, distribution.version),
        supplier=own or declared,
        is_supplier_declared=own is None and declared is not None,
        licence=licence.expression,
        stated=_stated(licence) if licence.clarification is not None else "",
        filename=artefact.filename,
        sha256=(artefact.sha256,) if artefact.sha256 else artefact.candidates,
        is_built=artefact.is_built,
        embedded=embedded(distribution),
        is_pure=bool(distribution.tags) and all(tag.endswith(PURE_TAG) for tag in distribution.tags),
    )


def _stated(licence: Resolved) -> str:
    """Return the fields of metadata about the licence, of a long text its first line."""
    fields = (*licence.raw.expressions, *licence.raw.fields, *licence.raw.classifiers)
    return "; ".join(text.strip().partition("\n")[0] for text in fields) or "nothing"
