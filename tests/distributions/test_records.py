"""Installed files against the hashes that their installer recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.installed import Distribution, read
from pytest_failhard.distributions.records import changed
from tests.distributions.fake_site import package, record_hash, target
from tests.support import write


def installed(site: Path) -> Distribution:
    return read(target(site))["a"]


def test_nothing_has_changed(tmp_path: Path) -> None:
    package(tmp_path, "a", files={"a/__init__.py": b"", "a/data, more.bin": bytes(range(256))})
    record = tmp_path / "a-1.0.dist-info" / "RECORD"
    record.write_text(record.read_text().replace("a/data, more.bin", '"a/data, more.bin"'))
    assert changed(installed(tmp_path)) == ()


def test_one_byte_and_one_file(tmp_path: Path) -> None:
    package(tmp_path, "a", files={f"a/{name}.py": b"VALUE = 1\n" for name in "xyz"})
    (tmp_path / "a/x.py").write_bytes(b"VALUE = 2\n")
    (tmp_path / "a/z.py").unlink()
    assert changed(installed(tmp_path)) == ("a/x.py", "a/z.py")


def test_a_file_that_became_a_folder(tmp_path: Path) -> None:
    package(tmp_path, "a", files={"a.py": b""})
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").mkdir()
    assert changed(installed(tmp_path)) == ("a.py",)


def test_a_script_beside_the_packages(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site"
    package(site, "a", files={"../../bin/a": b"#!/usr/bin/env python\n"})
    assert changed(installed(site)) == ()
    (tmp_path / "bin" / "a").write_bytes(b"#!/bin/sh\n")
    assert changed(installed(site)) == ("../../bin/a",)


@pytest.mark.parametrize(
    "name", ["a-1.0.dist-info/RECORD.jws", "a-1.0.dist-info/RECORD", "a/__pycache__/a.pyc"]
)
def test_what_can_have_no_hash(tmp_path: Path, name: str) -> None:
    folder = package(tmp_path, "a")
    (folder / "RECORD").write_text(f"{name},,\n")
    assert changed(installed(tmp_path)) == ()


def test_a_file_whose_hash_was_taken_out(tmp_path: Path) -> None:
    folder = package(tmp_path, "a")
    (folder / "RECORD").write_text("a.py,,\n")
    assert changed(installed(tmp_path)) == ("a.py",)


def test_other_algorithms(tmp_path: Path) -> None:
    folder = package(tmp_path, "a", files={"a.py": b"x", "b.py": b"y"})
    (folder / "RECORD").write_text(f"a.py,{record_hash(b'x', 'sha512')},1\nb.py,nosuch=abc,1\n")
    assert changed(installed(tmp_path)) == ("b.py",)


def test_without_a_record_nothing_is_proven(tmp_path: Path) -> None:
    folder = package(tmp_path, "a")
    (folder / "RECORD").unlink()
    assert changed(installed(tmp_path)) == ("a-1.0.dist-info/RECORD",)


def test_what_an_older_tool_installed_has_no_hashes(tmp_path: Path) -> None:
    write(tmp_path, {"a.egg-info/PKG-INFO": "Name: a\nVersion: 1\n"})
    assert changed(installed(tmp_path)) == ("a.egg-info/RECORD",)
