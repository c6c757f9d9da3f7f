"""A small closure with all that a bill of materials can say, and the documents of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pytest_failhard.distributions.bom.document import render
from pytest_failhard.distributions.bom.parts import Part, gather
from pytest_failhard.distributions.bom.party import Party
from pytest_failhard.distributions.bom.subject import Subject
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.distributions.supply import Supply, of_target
from tests.distributions.fake_site import package, pyproject, target
from tests.support import write

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TEAM = Party(name="The team", email="team@example.com")
CYCLONEDX = json.dumps({"bomFormat": "CycloneDX", "components": [{"components": [{}]}, {}]}).encode()
SPDX = json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{}, {}]}).encode()


def sha256(name: str) -> str:
    """Return the digest that our locks give to a file."""
    return hashlib.sha256(name.encode()).hexdigest()


def wheel(name: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
    """Return the file name of a wheel."""
    return f"{name.replace('-', '_')}-{version}-{tag}.whl"


def lock(*names: str) -> str:
    """Return a uv.lock with a wheel of each."""
    entries = [
        f'[[package]]\nname = "{name}"\nversion = "1.0"\n'
        f'wheels = [{{url = "https://x.example/{wheel(name)}", hash = "sha256:{sha256(wheel(name))}"}}]\n'
        for name in names
    ]
    return "version = 1\n" + "".join(entries)


def site(folder: Path) -> Path:
    """Install web (needs core, and itself with an extra), core (compiled, with parts of its own), bare."""
    author = {"Author-email": "Ada Ace <ada@example.com>", "License-Expression": "MIT"}
    package(folder, "Web.Kit", requires=["core", "Web.Kit"], headers=author)
    core = package(
        folder,
        "core",
        headers={"Author": "Core team", "Home-page": "https://core.example/", "License": "mit or Apache-2.0"},
        tags=("cp311-cp311-linux_x86_64",),
    )
    write(core / "sboms", {"a.cdx.json": CYCLONEDX, "inner/b.spdx.json": SPDX})
    package(folder, "bare")
    return folder


def supply_of(
    folder: Path, more: str = "", files: Mapping[str, str] | None = None, wanted: tuple[str, ...] = ()
) -> Supply:
    """Return the supply of a project that needs web and bare, in a fresh folder."""
    root = pyproject(folder / "project", wanted or ("web.kit", "bare"), more)
    write(root, files or {})
    return of_target(root, SupplySettings(), target(site(folder / "site")))


def subject(creator: Party | None = TEAM, licence: str = "MIT", *, is_complete: bool = True) -> Subject:
    """Return what our documents are of."""
    return Subject(
        name="app",
        version="1.0",
        licence=licence,
        creator=creator,
        time=TIME,
        tools={"a-tool": "1.2"},
        is_complete=is_complete,
    )


def gathered(folder: Path, suppliers: Mapping[str, Party] | None = None, **files: str) -> tuple[Part, ...]:
    """Return the parts of that project; files are named with `_` for the dot."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    return gather(supply_of(folder, files=named), suppliers or {})


def rendered(folder: Path, **files: str) -> bytes:
    """Return the document of that project."""
    seen = supply_of(folder, files={name.replace("_", "."): text for name, text in files.items()})
    return render(subject(), gather(seen, {}), seen.closure.edges)
