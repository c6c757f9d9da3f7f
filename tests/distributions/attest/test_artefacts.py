"""What was built: found, read, and held against the tree."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pytest_failhard.distributions.attest import artefacts
from pytest_failhard.model import GateError
from tests.distributions.attest.samples import flip, metadata, sdist, wheel
from tests.support import write

MODULE = "PRICE = 1\n"


def stale(root: Path, *source: str) -> list[str]:
    return list(
        artefacts.stale(root, source or ("shop",), artefacts.read(root, *artefacts.found(root, ["dist/*"])))
    )


def test_wheels_and_sdists_are_found_by_pattern(tmp_path: Path) -> None:
    wheel(tmp_path, {})
    sdist(tmp_path)
    write(tmp_path, {"dist/.gitignore": "*\n", "dist/shop-1.0.zip": "", "out/x.txt": ""})
    (tmp_path / "dist" / "folder.whl").mkdir()
    found = ("dist/shop-1.0-py3-none-any.whl", "dist/shop-1.0.tar.gz")
    assert artefacts.found(tmp_path, artefacts.DEFAULT) == found
    assert artefacts.found(tmp_path, ["dist/*.whl", "dist/shop*", "out/*"]) == found
    assert artefacts.found(tmp_path, ["none/*"]) == ()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("/etc/*", "leads out"), ("../*", "leads out"), ("", "is no pattern")],
)
def test_a_pattern_stays_in_the_project(tmp_path: Path, pattern: str, expected: str) -> None:
    with pytest.raises(GateError, match=expected):
        artefacts.found(tmp_path, [pattern])


def test_name_and_version_are_those_of_the_metadata(tmp_path: Path) -> None:
    wheel(tmp_path, {"shop.py": MODULE}, name="Shop.Front", version="1.0.0")
    sdist(tmp_path)
    built, source = (artefacts.read(tmp_path, path) for path in artefacts.found(tmp_path, ["dist/*"]))
    assert (built.name, built.version, dict(built.modules)) == (
        "shop-front",
        "1.0.0",
        {"shop.py": MODULE.encode()},
    )
    assert (source.name, source.version, dict(source.modules)) == ("shop", "1.0", {})
    assert artefacts.is_version("1.0.0", "1.0")
    assert not artefacts.is_version("1.0.1", "1.0")
    assert artefacts.is_version("rolling", "rolling")


def test_a_broken_distribution_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.whl": b"PK", "b.tar.gz": b"\x1f\x8b", "c.tar.gz": b"text"})
    for path in ("a.whl", "b.tar.gz", "c.tar.gz"):
        with pytest.raises(GateError, match=f"{path}: cannot be read: .*; build it again"):
            artefacts.read(tmp_path, path)
    with pytest.raises(GateError, match=r"d\.whl: cannot be read: No such file"):
        artefacts.read(tmp_path, "d.whl")


def test_a_distribution_that_says_nothing_of_itself_is_an_error(tmp_path: Path) -> None:
    sdist(tmp_path, inner="README")
    with pytest.raises(GateError, match="has no readable PKG-INFO"):
        artefacts.read(tmp_path, "dist/shop-1.0.tar.gz")
    sdist(tmp_path, text="Name: shop\n")
    with pytest.raises(GateError, match="say neither name nor version"):
        artefacts.read(tmp_path, "dist/shop-1.0.tar.gz")
    with zipfile.ZipFile(tmp_path / "two.whl", "w") as archive:
        for name in ("a-1.dist-info/METADATA", "b-1.dist-info/METADATA"):
            archive.writestr(name, metadata("a", "1"))
    with pytest.raises(GateError, match="has 2 readable METADATA files, not one"):
        artefacts.read(tmp_path, "two.whl")


def test_a_distribution_that_unpacks_without_end_is_not_unpacked(tmp_path: Path) -> None:
    wheel(tmp_path, {"shop.py": MODULE})
    with pytest.raises(GateError, match="unpacks to more than 10 bytes"):
        artefacts.read(tmp_path, "dist/shop-1.0-py3-none-any.whl", most_bytes=10)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("shop/prices.py", "shop"),
        ("src/shop/prices.py", "src/shop"),
        ("src/shop/prices.py", "lib"),
        ("backend/shop/prices.py", "backend/shop"),
        ("elsewhere/prices.py", "shop"),
    ],
)
def test_a_wheel_of_this_tree(tmp_path: Path, place: str, source: str) -> None:
    write(tmp_path, {place: MODULE})
    wheel(tmp_path, {"shop/prices.py": MODULE, "shop/data.txt": "not compared"})
    assert stale(tmp_path, source) == []


def test_a_module_behind_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"parts/prices.py": MODULE, "shop/__init__.py": ""})
    (tmp_path / "shop" / "parts").symlink_to("../parts")
    wheel(tmp_path, {"shop/parts/prices.py": MODULE, "shop/__init__.py": ""})
    assert stale(tmp_path) == []


def test_a_wheel_of_another_tree(tmp_path: Path) -> None:
    write(tmp_path, {"shop/prices.py": "PRICE = 2\n", "other/prices.py": MODULE, "shop/new.py": ""})
    wheel(tmp_path, {"shop/prices.py": MODULE, "shop/gone.py": MODULE, "shop/new.py": ""})
    assert stale(tmp_path) == ["shop/gone.py", "shop/prices.py"]


def test_a_byte_that_changed_is_seen(tmp_path: Path) -> None:
    path = wheel(tmp_path, {})
    subject = artefacts.subject(tmp_path, "dist/shop-1.0-py3-none-any.whl")
    assert list(artefacts.changed(tmp_path, [subject])) == []
    flip(path)
    (said,) = artefacts.changed(tmp_path, [subject])
    assert said.startswith("digest-mismatch: dist/shop-1.0-py3-none-any.whl: its SHA-256 is ")
    path.unlink()
    (said,) = artefacts.changed(tmp_path, [subject])
    assert said.endswith(
        "was hashed, and now shop-1.0-py3-none-any.whl: cannot be read: No such file or directory"
    )
