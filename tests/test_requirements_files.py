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


def pins(name: str) -> dict[str, list[str]]:
    """Return the version pins of each distribution; a requirement without a hash is refused."""
    found: dict[str, list[str]] = {}
    for entry in re.sub(r" \\\n", " ", (FOLDER / name).read_text()).splitlines():
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
    assert COMPILED == ["build.txt", "demo.txt", "dev.txt", "openai2.txt"]


@pytest.mark.parametrize("name", COMPILED)
def test_all_that_is_wanted_is_pinned_by_hash(name: str) -> None:
    assert wanted(name.replace(".txt", ".in")) - set(pins(name)) == set()


def test_the_packages_own_dependencies_are_pinned() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = pins("dev.txt")
    assert [text for text in declared if canonicalize_name(Requirement(text).name) not in pinned] == []


@pytest.mark.parametrize("name", COMPILED)
def test_no_index_host_or_folder_is_named(name: str) -> None:
    assert (
        re.findall(
            r"--(?:extra-)?index|--find-links|https?:|file:|/home/|/root/", (FOLDER / name).read_text()
        )
        == []
    )
