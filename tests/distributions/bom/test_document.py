"""Tests of the document: every part of it, and that the same closure gives the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom

from pytest_failhard.distributions.bom import written
from pytest_failhard.distributions.bom.document import render
from pytest_failhard.distributions.bom.parts import gather
from pytest_failhard.distributions.bom.party import Party
from pytest_failhard.distributions.bom.written import Component, Written
from tests.distributions.bom.material import (
    TEAM,
    gathered,
    lock,
    rendered,
    sha256,
    subject,
    supply_of,
    wheel,
)

WEB, CORE, BARE = "pkg:pypi/web-kit@1.0", "pkg:pypi/core@1.0", "pkg:pypi/bare@1.0"

EDGES = (("", "web-kit"), ("", "bare"), ("web-kit", "core"))


def component(bom: Written, name: str) -> Component:
    return next(each for each in bom.components if each.name == name)


def test_the_root_is_the_project_and_no_published_package(tmp_path: Path) -> None:
    document = json.loads(rendered(tmp_path))
    root = document["metadata"]["component"]
    assert (root["bom-ref"], root["name"], root["version"], root["type"]) == (
        "root",
        "app",
        "1.0",
        "application",
    )
    assert "purl" not in root
    assert (
        root["supplier"]
        == document["metadata"]["manufacturer"]
        == {
            "name": "The team",
            "contact": [{"email": "team@example.com"}],
        }
    )
    assert document["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert document["metadata"]["lifecycles"] == [{"phase": "build"}]
    assert [each["name"] for each in document["metadata"]["tools"]["components"]] == ["a-tool"]
    assert (document["specVersion"], "vulnerabilities" in document) == ("1.6", False)


def test_a_component_says_all_that_is_known(tmp_path: Path) -> None:
    bom = written.load(rendered(tmp_path, uv_lock=lock("web-kit")))
    web = component(bom, "Web.Kit")
    assert (web.ref, web.purl, web.version) == (WEB, WEB, "1.0")
    assert (web.supplier.name, [each.email for each in web.supplier.contact]) == (
        "Ada Ace",
        ["ada@example.com"],
    )
    assert web.licence == "MIT"
    assert [each.content for each in web.hashes] == [sha256(wheel("web-kit"))]
    assert {each.name: each.value for each in web.properties} == {
        "bsi:component:archive": "archive",
        "bsi:component:effectiveLicence": "MIT",
        "bsi:component:executable": "executable",
        "bsi:component:filename": wheel("web-kit"),
        "bsi:component:structured": "structured",
    }


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    bom = written.load(rendered(tmp_path))
    assert component(bom, "bare").values("failhard:unknown") == ("file name", "hash", "licence", "supplier")
    assert component(bom, "Web.Kit").values("failhard:unknown") == ("file name", "hash")
    nobody = render(subject(None, "", is_complete=False), gathered(tmp_path / "b"), EDGES)
    assert written.load(nobody).metadata.component.values("failhard:unknown") == ("licence",)


def test_hashes_of_which_one_is_right_are_no_hashes_of_the_component(tmp_path: Path) -> None:
    pins = f"web-kit==1.0 --hash=sha256:{'1' * 64} --hash=sha256:{'2' * 64}\ncore==1.0 --hash=sha256:{'3' * 64}\n"
    bom = written.load(rendered(tmp_path, requirements_txt=f"{pins}bare==1.0 --hash=sha256:{'4' * 64}\n"))
    web, core = component(bom, "Web.Kit"), component(bom, "core")
    assert (web.hashes, sorted(web.sha256)) == ((), ["1" * 64, "2" * 64])
    assert ([each.content for each in core.hashes], core.references) == (["3" * 64], ())


def test_parts_within_parts(tmp_path: Path) -> None:
    bom = written.load(rendered(tmp_path))
    core = component(bom, "core")
    assert core.values("failhard:embedded:0:path") == ("core-1.0.dist-info/sboms/a.cdx.json",)
    assert (core.values("failhard:embedded:0:parts"), core.values("failhard:embedded:1:parts")) == (
        ("3",),
        ("2",),
    )
    assert len(core.values("failhard:embedded:1:sha256")[0]) == 64


def test_parts_that_nobody_can_count(tmp_path: Path) -> None:
    seen = supply_of(tmp_path)
    (seen.closure.nodes["core"].folder / "sboms/a.cdx.json").write_text("?")
    bom = written.load(render(subject(), gather(seen, {}), seen.closure.edges))
    assert component(bom, "core").values("failhard:embedded:0:parts") == ("unknown",)


def test_a_supplier_that_the_project_declares_is_marked_and_never_overrules(tmp_path: Path) -> None:
    declared = {"bare": Party(name="Known to us", url="https://known.example"), "web-kit": TEAM}
    parts = gathered(tmp_path, declared)
    bom = written.load(render(subject(), parts, EDGES))
    bare = component(bom, "bare")
    assert (bare.supplier.name, bare.supplier.url) == ("Known to us", ("https://known.example",))
    assert bare.values("failhard:supplier") == ("declared by the project",)
    assert component(bom, "Web.Kit").supplier.name == "Ada Ace"
    assert [part.name for part in parts if part.is_supplier_declared] == ["bare"]


def test_what_was_built_here_is_marked(tmp_path: Path) -> None:
    sdist = (
        'version = 1\n[[package]]\nname = "bare"\nversion = "1.0"\n'
        f'sdist = {{url = "https://x.example/bare-1.0.tar.gz", hash = "sha256:{"5" * 64}"}}\n'
    )
    bare = component(written.load(rendered(tmp_path, uv_lock=sdist)), "bare")
    assert bare.values("failhard:built") == ("from the source distribution",)
    assert bare.values("bsi:component:filename") == ("bare-1.0.tar.gz",)


def test_every_node_has_its_edges_and_none_to_itself(tmp_path: Path) -> None:
    bom = written.load(rendered(tmp_path))
    assert {each.ref: each.needs for each in bom.dependencies} == {
        "root": (BARE, WEB),
        WEB: (CORE,),
        CORE: (),
        BARE: (),
    }


def test_what_is_whole_and_what_is_not(tmp_path: Path) -> None:
    bom = written.load(rendered(tmp_path))
    assert [(each.aggregate, each.assemblies or each.dependencies) for each in bom.compositions] == [
        ("complete", (BARE, CORE, WEB, "root")),
        ("incomplete", (CORE,)),
    ]
    seen = supply_of(tmp_path / "b")
    for path in (seen.closure.nodes["core"].folder / "sboms").rglob("*.json"):
        path.unlink()
    bom = written.load(render(subject(is_complete=False), gather(seen, {}), seen.closure.edges))
    assert [each.aggregate for each in bom.compositions] == ["incomplete", "unknown"]


def test_it_is_read_by_the_library_of_the_format(tmp_path: Path) -> None:
    document = json.loads(rendered(tmp_path))
    del document["compositions"]  # which the library does not know
    bom: Bom = Bom.from_json(document)  # type: ignore[attr-defined]  # added by a decorator
    assert {each.purl.to_string() for each in bom.components if each.purl} == {WEB, CORE, BARE}
    assert bom.metadata.component is not None
    assert bom.metadata.component.name == "app"
    assert {(each.ref.value, len(each.dependencies)) for each in bom.dependencies} >= {("root", 2), (WEB, 1)}


PROGRAM = """
import sys
from pathlib import Path
from tests.distributions.bom.material import rendered
sys.stdout.buffer.write(rendered(Path(sys.argv[1])))
"""


def test_the_same_bytes_under_every_hash_seed_and_in_every_folder(tmp_path: Path) -> None:
    own = rendered(tmp_path / "a")
    for seed in ("1", "2"):
        completed = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "a longer folder" / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert completed.stdout == own
    assert str(tmp_path).encode() not in own


def test_another_closure_is_another_document(tmp_path: Path) -> None:
    serials = {
        json.loads(data)["serialNumber"]
        for data in (rendered(tmp_path / "a"), rendered(tmp_path / "b", uv_lock=lock("bare")))
    }
    assert len(serials) == 2
