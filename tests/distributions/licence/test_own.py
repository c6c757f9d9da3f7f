"""Tests of what a project must say of its own licence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.declared import Project
from pytest_failhard.distributions.licence.own import read
from tests.support import write


@pytest.mark.parametrize(
    ("licence", "expression", "problem"),
    [
        ("MIT", "MIT", ""),
        ("LicenseRef-Proprietary", "LicenseRef-Proprietary", ""),
        ("gpl-3.0", "GPL-3.0-only", ""),
        ("", "", "the project does not say under which licence it stands"),
        (" ", "", "the project does not say under which licence it stands"),
        ("Proprietary", "", "the project's licence 'Proprietary' is no SPDX expression: "),
    ],
)
def test_the_expression(tmp_path: Path, licence: str, expression: str, problem: str) -> None:
    found = read(tmp_path, Project(licence=licence))
    assert found.expression == expression
    assert found.problem.startswith(problem)
    assert bool(found.problem) == bool(problem)


@pytest.mark.parametrize(
    ("patterns", "files", "unmatched"),
    [
        ((), {"LICENSE": "x"}, ()),
        ((), {"LICENCE.md": "x"}, ()),
        ((), {"COPYING": "x"}, ()),
        ((), {"README.md": "x"}, ("LICEN[CS]E*",)),
        ((), {"LICENSE": " \n"}, ("LICEN[CS]E*",)),
        ((), {"LICENSE/MIT.txt": "x"}, ("LICEN[CS]E*",)),
        (("LICENSE",), {"LICENSE": "x"}, ()),
        (("LICENSES/*.txt",), {"LICENSES/MIT.txt": "x"}, ()),
        (("LICENSE", "NOTICE"), {"LICENSE": "x"}, ("NOTICE",)),
        (("LICENSE",), {"LICENSE": ""}, ("LICENSE",)),
        (("LICENSE",), {"COPYING": "x"}, ("LICENSE",)),
        (("../LICENSE",), {"../LICENSE": "x"}, ("../LICENSE",)),
        (("/etc/hosts",), {}, ("/etc/hosts",)),
        (("",), {}, ("",)),
        (("**x",), {"x": "x"}, ("**x",)),
    ],
)
def test_the_texts(
    tmp_path: Path, patterns: tuple[str, ...], files: dict[str, str], unmatched: tuple[str, ...]
) -> None:
    root = write(tmp_path / "project", {"pyproject.toml": "", **files})
    assert read(root, Project(licence="MIT", licence_files=patterns)).unmatched == unmatched
