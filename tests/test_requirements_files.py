"""requirements/: everything is pinned by hash, complete, and names no index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
COMPILED = sorted(path.name for path in FOLDER.glob("*.txt"))


EXAMPLE = "../examples/triage_service/requirements.txt"


def path(name: str) -> Path:
    return FOLDER / name


def pins(name: str) -> dict[str, list[str]]:
    """Return the version pins of each distribution; a requirement without a hash is refused."""
    found: dict[str, list[str]] = {}
    for entry in re.sub(r" \\\n", " ", path(name).read_text()).splitlines():
        if entry.strip() and not entry.lstrip().startswith("#"):
            text, *hashes = entry.split(" --hash=")
            assert hashes, entry
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", digest) for digest in hashes), entry
            requirement = Requirement(text)
            assert str(requirement.specifier).startswith("=="), entry
            found.setdefault(canonicalize_name(requirement.name), []).append(str(requirement.specifier))
    return found


def wanted(name: str) -> set[str]:
    """Return the names in an `.in` file and in those it includes."""
    lines = [line.partition("#")[0].strip() for line in (FOLDER / name).read_text().splitlines()]
    included = {line.split()[1] for line in lines if line.startswith("-r ")}
    named = {canonicalize_name(Requirement(line).name) for line in lines if line and line[0] != "-"}
    return named.union(*(wanted(other) for other in included))


def test_there_are_compiled_files() -> None:
    assert COMPILED == ["build.txt", "demo.txt", "dev.txt", "mutation.txt", "openai2.txt"]


@pytest.mark.parametrize("name", COMPILED)
def test_all_that_is_wanted_is_pinned_by_hash(name: str) -> None:
    assert wanted(name.replace(".txt", ".in")) - set(pins(name)) == set()


def test_the_packages_own_dependencies_are_pinned() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = pins("dev.txt")
    assert [text for text in declared if canonicalize_name(Requirement(text).name) not in pinned] == []


@pytest.mark.parametrize("name", [*COMPILED, EXAMPLE])
def test_the_header_bounds_the_age_of_all_that_is_locked(name: str) -> None:
    header = path(name).read_text().splitlines()[1]
    assert re.fullmatch(
        r"#    nox -s lock  # uv pip compile --exclude-newer \d{4}-\d\d-\d\dT00:00:00Z", header
    )


def test_the_example_runs_in_the_versions_that_it_has_here() -> None:
    ours = pins("dev.txt")
    theirs = pins(EXAMPLE)
    assert {name: versions for name, versions in theirs.items() if ours.get(name) != versions} == {}
    declared = tomllib.loads(path(EXAMPLE).with_name("pyproject.toml").read_text())["project"]["dependencies"]
    assert {canonicalize_name(Requirement(text).name) for text in declared} <= set(theirs)


@pytest.mark.parametrize("name", [*COMPILED, EXAMPLE])
def test_no_index_host_or_folder_is_named(name: str) -> None:
    assert (
        re.findall(r"--(?:extra-)?index|--find-links|https?:|file:|/home/|/root/", path(name).read_text())
        == []
    )
