"""From which folders a project's own imports resolve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.source.import_roots import import_roots, placed
from tests.support import write


@pytest.mark.parametrize(
    ("tree", "source", "roots"),
    [
        ({"app/__init__.py": "", "app/core.py": ""}, ("app",), (".",)),
        ({"src/app/__init__.py": ""}, ("src/app",), ("src",)),
        ({"src/app/core.py": ""}, ("src",), ("src",)),
        ({"one.py": ""}, ("one.py",), (".",)),
        ({"jobs/load.py": "import shared\n", "jobs/shared.py": ""}, ("jobs",), ("jobs",)),
        ({"jobs/load.py": "import jobs.shared\n", "jobs/shared.py": ""}, ("jobs",), (".",)),
        ({"jobs/load.py": "import \u017fhared\n", "jobs/shared.py": ""}, ("jobs",), ("jobs",)),
        (
            {"jobs/load.py": "# coding: utf-7\nimport +AHM-hared\n", "jobs/shared.py": ""},
            ("jobs",),
            ("jobs",),
        ),
        ({"src/app/__init__.py": "", "src/app/a.py": "import src.app\n"}, ("src/app",), (".",)),
        ({"src/app/__init__.py": "", "src/app/a.py": "# of src\n"}, ("src/app",), ("src",)),
    ],
)
def test_roots(
    tmp_path: Path, tree: Mapping[str, str], source: tuple[str, ...], roots: tuple[str, ...]
) -> None:
    assert import_roots(write(tmp_path, tree), source, sorted(tree)) == roots


def test_a_file_that_does_not_parse_names_no_import(tmp_path: Path) -> None:
    files = {"jobs/load.py": "import shared\n", "jobs/shared.py": "import jobs (", "jobs/__main__.py": ""}
    root = write(tmp_path, files)
    # One that is gone since it was listed names none either.
    assert import_roots(root, ("jobs",), ("jobs/gone.py", "jobs/shared.py", "jobs/load.py")) == ("jobs",)


def test_a_file_below_no_root_is_an_error() -> None:
    with pytest.raises(GateError, match=r"^lib/a.py is below no import root; correct `source`"):
        placed("lib/a.py", ("src",))
