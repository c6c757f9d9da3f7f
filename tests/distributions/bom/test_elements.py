"""Tests of the score by three standards: what is there, what is said to be unknown, what is missing."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.distributions.bom import written
from pytest_failhard.distributions.bom.document import render
from pytest_failhard.distributions.bom.elements import BSI, CISA, NTIA, Element, score
from pytest_failhard.distributions.bom.parts import gather
from pytest_failhard.distributions.bom.party import Party
from tests.distributions.bom.material import TEAM, lock, subject, supply_of


def scored(tmp_path: Path, creator: Party | None = TEAM, *, is_complete: bool = True) -> tuple[Element, ...]:
    seen = supply_of(tmp_path, files={"uv.lock": lock("web-kit")})
    made = subject(creator, is_complete=is_complete)
    return score(written.load(render(made, gather(seen, {}), seen.closure.edges)))


def missing(elements: tuple[Element, ...]) -> set[tuple[str, str]]:
    return {(each.standard, each.name) for each in elements if each.demanded and not each.is_met}


def one(elements: tuple[Element, ...], standard: str, name: str) -> Element:
    return next(each for each in elements if (each.standard, each.name) == (standard, name))


def test_unknowns_that_are_said_count_for_ntia_and_cisa_and_not_for_bsi(tmp_path: Path) -> None:
    elements = scored(tmp_path)
    assert missing(elements) == {(BSI, "component creator with e-mail or URL"), (BSI, "licence")}
    supplier = one(elements, NTIA, "supplier")
    assert (supplier.present, supplier.flagged, supplier.of) == (3, 1, 4)
    hashes = one(elements, CISA, "component hash")
    assert (hashes.present, hashes.flagged, hashes.of) == (2, 2, 4)
    names = one(elements, BSI, "file name")
    assert (names.present, names.flagged, names.of) == (2, 2, 4)


def test_who_made_it_cannot_be_unknown(tmp_path: Path) -> None:
    assert missing(scored(tmp_path, None)) >= {
        (NTIA, "author of the data"),
        (NTIA, "supplier"),
        (CISA, "author of the data"),
        (BSI, "creator with e-mail or URL"),
    }
    assert (BSI, "creator with e-mail or URL") in missing(scored(tmp_path / "b", Party(name="Ada")))


def test_a_graph_with_a_gap_covers_not_all(tmp_path: Path) -> None:
    assert (CISA, "coverage of transitive dependencies") in missing(scored(tmp_path, is_complete=False))


def test_sha_512_is_counted_as_missing_and_demanded_of_nobody(tmp_path: Path) -> None:
    hashes = one(scored(tmp_path), BSI, "SHA-512 of the deployable")
    assert (hashes.present, hashes.of, hashes.is_met, hashes.demanded) == (0, 3, False, False)
