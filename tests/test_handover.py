"""What a hidden collector is given: what its own configuration would have made it see, and nothing else."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from pathlib import Path

import coverage
import pytest

from pytest_failhard.handover import Sight, widen
from tests.support import write

RAN = [(-1, 1), (1, -1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = ("app/core.py", "app/skipped.py", "app/never.py", "other/tool.py")
    return write(tmp_path / "project", dict.fromkeys(names, "VALUE = 1\n"))


def theirs(root: Path, **options: bool | Iterable[str]) -> coverage.Coverage:
    """Return a collector that has begun nothing, as one that ours hides."""
    data = str(root.parent / "theirs")
    # The caller names options of coverage.
    return coverage.Coverage(data_file=data, config_file=False, **options)  # type: ignore[arg-type]


def handed_over(root: Path, hidden: coverage.Coverage, *ran: str) -> dict[str, list[int]]:
    """Hand over that these files ran; return the lines that the hidden collector then has, by file name."""
    ours = coverage.CoverageData(basename=str(root.parent / "ours"))
    ours.add_arcs({str(root / name): RAN for name in ran})
    sight = Sight(hidden)
    sight.add(ours)
    sight.touch()
    found = hidden.get_data()
    return {Path(name).name: found.lines(name) or [] for name in sorted(found.measured_files())}


def test_only_its_source_is_handed_over_and_what_never_ran_is_named(root: Path) -> None:
    hidden = theirs(root, source=[str(root / "app")], omit=["*/skipped.py"], branch=True)
    found = handed_over(root, hidden, "app/core.py", "app/skipped.py", "other/tool.py")
    assert found == {"core.py": [1], "never.py": []}
    assert hidden.get_data().arcs(str(root / "app" / "core.py")) == RAN


def test_without_source_what_it_includes_is_handed_over(root: Path) -> None:
    hidden = theirs(root, include=[f"{root}/other/*"])
    assert handed_over(root, hidden, "app/core.py", "other/tool.py") == {"tool.py": [1]}
    assert not hidden.get_data().has_arcs()


def test_with_neither_all_is_handed_over(root: Path) -> None:
    found = handed_over(root, theirs(root), "app/core.py", "other/tool.py")
    assert found == {"core.py": [1], "tool.py": [1]}


def test_where_nothing_of_it_ran_it_is_told_nothing(root: Path) -> None:
    hidden = theirs(root, source=[str(root / "app")])
    assert handed_over(root, hidden, "other/tool.py") == {}


def test_packages_and_modules_are_found_where_they_were_imported_from(root: Path) -> None:
    hidden = theirs(root, source_pkgs=["json", "textwrap", "sys", "never_imported"])
    found = handed_over(root, hidden, json.__file__, textwrap.__file__, "app/core.py")
    assert {name: lines for name, lines in found.items() if lines} == {"__init__.py": [1], "textwrap.py": [1]}
    assert "decoder.py" in found


def test_a_collector_that_follows_processes_is_known(root: Path) -> None:
    rcfile = root / "rcfile"
    rcfile.write_text("[run]\npatch = subprocess\n")
    assert Sight(coverage.Coverage(data_file=None, config_file=str(rcfile))).follows_processes
    assert not Sight(theirs(root)).follows_processes


@pytest.mark.parametrize(
    ("options", "source", "packages", "include"),
    [
        ({"source": ["app", "json"]}, ["{root}/app", "{root}/product", "json"], [], []),
        ({"source_pkgs": ["json"]}, ["{root}/product"], ["json"], []),
        ({"include": ["other/*"]}, None, [], ["other/*", "{root}/product/*"]),
        ({}, None, [], []),
    ],
    ids=["source", "packages", "include", "all"],
)
def test_ours_sees_what_it_would_have_seen_beside_the_product(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, list[str]],
    source: list[str] | None,
    packages: list[str],
    include: list[str],
) -> None:
    monkeypatch.chdir(root)
    ours = coverage.Coverage(data_file=None, config_file=False, source=[f"{root}/product"])
    widen(ours, theirs(root, **options))
    wanted = None if source is None else sorted(name.format(root=root) for name in source)
    assert ours.get_option("run:source") == wanted
    assert (ours.get_option("run:source_pkgs") or []) == packages
    assert (ours.get_option("run:include") or []) == [name.format(root=root) for name in include]
