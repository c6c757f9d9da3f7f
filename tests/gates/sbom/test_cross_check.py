"""Tests of the cross-check by cyclonedx-bom: it must see every member, and its faults are errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.distributions.pieces import Pieces
from pytest_failhard.gates.sbom import SbomGate
from pytest_failhard.gates.sbom.cross_check import components, cross_check
from pytest_failhard.gates.sbom.settings import SbomSettings
from pytest_failhard.model import GateError, Memory
from tests.conftest import Script
from tests.distributions.bom.material import TIME
from tests.distributions.fake_site import package, pyproject, target
from tests.gates.sbom.place import AUTHORS, Place
from tests.support import Kept, gate_run

TARGET = target()
ENTRY = {"name": "core", "version": "1.0", "purl": "pkg:pypi/core@1.0"}


def document(*entries: object) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "components": list(entries)}).encode()


def test_the_real_tool_sees_the_same(tmp_path: Path, script: Script) -> None:
    place = Place.made(tmp_path, ("web.kit", "Dotted.name"))
    package(place.packages, "Dotted.name", headers={"Author": "Ada"})
    observation = place.look(cross_check=True)
    assert observation.tool.startswith("cyclonedx-python-lib 11")
    assert ", cyclonedx-bom 7." in observation.tool
    compared = json.loads(place.kept.files["cross-check.json"])
    assert [name for name, _, _ in compared["compared"]] == ["core", "dotted-name", "web-kit"]
    assert compared["its_own"] == 4
    assert str(tmp_path).encode() not in b"".join(place.kept.files.values())
    # A second run puts back what it said, and compares it: one that is broken is not asked.
    first, place.tools = place.kept.files, script(("exit", 1))
    assert place.look(cross_check=True) == observation
    assert place.kept.files == first
    assert place.memory.left is None
    package(place.packages, "fourth", headers={"Author": "Ada"})
    pyproject(place.root, ("web.kit", "fourth"), AUTHORS)
    with pytest.raises(GateError, match=r"and not fourth 1\.0: the two see different environments"):
        place.look(cross_check=True)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (document(ENTRY), r"not web-kit 1\.0: the two see different environments"),
        (document(ENTRY, {**ENTRY, "name": "web-kit", "version": "2"}), r"not web-kit 1\.0"),
        (document(ENTRY, {**ENTRY, "name": "web-kit"}), r"not web-kit 1\.0"),
        (document(), "lists 0 components"),
        (b"", "unreadable output"),
        (b"{}", "unreadable output"),
        (b"\xff", "unreadable output"),
        (b'{"bomFormat": "SPDX", "components": []}', "unreadable output"),
        (document(1), "unreadable output"),
        (document({**ENTRY, "purl": "core"}), "unreadable output"),
        (None, "it wrote no file"),
    ],
    ids=str,
)
def test_what_it_must_not_say(tmp_path: Path, written: bytes | None, reason: str, script: Script) -> None:
    place = Place.made(tmp_path)
    scratch = tmp_path / "scratch"
    steps: list[tuple[str, object]] = [("exit", 0)]
    if written is not None:
        steps.insert(0, ("write", [str(scratch / "cyclonedx-bom.json"), written.hex()]))
    tools = script(*steps)
    run = gate_run(
        place.root,
        SbomGate(),
        scratch=scratch,
        settings=SbomSettings(cross_check=True),
        interpreter=place.python,
        committed=TIME,
        executable=tools.executable,
        packages=tools.packages,
        keep=Kept(),
    )
    with pytest.raises(GateError, match=reason):
        SbomGate().observe(run)


@pytest.mark.parametrize(
    "steps", [[("exit", 2)], [("kill", 9)], [("err", "INTERNAL ERROR"), ("exit", 0)]], ids=str
)
def test_a_faulty_tool_is_an_error(tmp_path: Path, script: Script, steps: list[tuple[str, object]]) -> None:
    tools = script(*steps)
    run = gate_run(tmp_path / "p", SbomGate(), executable=tools.executable, packages=tools.packages)
    with pytest.raises(GateError, match="cyclonedx_py"):
        cross_check(run, TARGET, (), Pieces(run))


def test_an_answer_with_a_place_of_this_run_in_it_is_not_left(tmp_path: Path, script: Script) -> None:
    scratch, memory = tmp_path / "scratch", Memory()
    tools = script(
        ("write", [str(scratch / "cyclonedx-bom.json"), document(ENTRY).hex()]),
        ("err", f"wrote {scratch}"),
        ("exit", 0),
    )
    run = gate_run(
        tmp_path / "p",
        SbomGate(),
        scratch=scratch,
        executable=tools.executable,
        packages=tools.packages,
        memory=memory,
    )
    assert cross_check(run, TARGET, (), Pieces(run))[0].startswith("cyclonedx-bom ")
    assert memory.left is None


def test_a_missing_tool_is_an_error_with_the_command(tmp_path: Path) -> None:
    run = gate_run(tmp_path / "p", SbomGate(), packages=(str(tmp_path),))
    with pytest.raises(GateError, match=r"cyclonedx-bom is not installed for .*: python -m pip install"):
        cross_check(run, TARGET, (), Pieces(run))


def test_what_has_no_package_url_is_passed_over() -> None:
    assert list(components(document({"name": "x", "version": "1"}, ENTRY))) == [
        ("core", "1.0", "pkg:pypi/core@1.0")
    ]
