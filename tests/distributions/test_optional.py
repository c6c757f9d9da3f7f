"""Extras that nobody named and product code needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.declared import Declaration
from pytest_failhard.distributions.installed import read
from pytest_failhard.distributions.optional import extras
from pytest_failhard.distributions.pyproject import parsed
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.distributions.supply import of_target
from pytest_failhard.model import GateError
from tests.distributions.fake_site import package, pyproject, target
from tests.support import write

EXTRAS = """
[project.optional-dependencies]
all = ["app[model,cloud]", "big"]
model = ["openai", "tiktoken"]
cloud = ["google-cloud-storage"]
test = ["pytest", "hypothesis"]
broken = ["two words", "absent"]
"""
CODE = """
from __future__ import annotations
import json, os.path
from . import sibling
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import big
import flask
"""


def scopes(tmp_path: Path, code: str, *named: str) -> set[str]:
    site, root = tmp_path / "site", pyproject(tmp_path / "app", ["flask"], EXTRAS)
    for name in ("flask", "openai", "tiktoken", "big", "pytest", "hypothesis"):
        package(site, name, files={f"{name}/__init__.py": b"", f"../../bin/{name}.py": b""})
    package(
        site,
        "google-cloud-storage",
        files={"google/cloud/storage/__init__.py": b"", "google/cloud/x.so": b""},
    )
    write(root, {"app/__init__.py": CODE + code, "app/empty.py": "VALUE = 1\n"})
    found = of_target(root, SupplySettings(extras=named), target(site), source=("app",))
    assert not [each for each in found.closure.problems if each.kind != "invalid"]
    return {each.scope for each in found.declared.roots}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", set()),
        ("def ask():\n    import openai.types\n", {"extra:model"}),
        ("try:\n    from tiktoken import core\nexcept ImportError:\n    core = None\n", {"extra:model"}),
        ("from google.cloud import storage\n", {"extra:cloud"}),
        ("from google.cloud.x import y\n", {"extra:cloud"}),
        ("from google.cloud import pubsub\n", set()),
        ("import big\n", {"extra:all"}),
        # What developers have is not declared for production.
        ("import pytest\n", set()),
        ("import absent\n", set()),
    ],
)
def test_what_is_imported_says_which(tmp_path: Path, code: str, expected: set[str]) -> None:
    assert scopes(tmp_path, code) == {"runtime", *expected}


def test_what_is_named_needs_no_import(tmp_path: Path) -> None:
    assert scopes(tmp_path, "", "model") == {"runtime", "extra:model"}


def test_a_file_that_may_import_one_must_parse(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"app/__init__\.py:9: does not parse"):
        scopes(tmp_path, "import openai!\n")
    # Of what speaks of none, other gates say that it does not parse.
    write(tmp_path / "app", {"app/other.py": "import json!\n"})
    assert scopes(tmp_path, "") == {"runtime"}


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    package(tmp_path, "openai")
    present = read(target(tmp_path))
    extra = Declaration(text="openai", requirement=parsed("openai"), path="", line=0, scope="extra:model")
    with pytest.raises(GateError, match=r"a\.py: cannot be read: No such file"):
        extras(tmp_path, ["a.py"], [extra], [], present)


def test_where_no_extra_is_installed_nothing_is_read(tmp_path: Path) -> None:
    extra = Declaration(text="openai", requirement=parsed("openai"), path="", line=0, scope="extra:model")
    assert extras(tmp_path, ["gone.py"], [extra], [], {}) == ()
