"""Tests of the bills of materials that packages bring themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pytest_failhard.distributions.bom.embedded import Embedded, embedded
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.model import GateError
from tests.distributions.bom.material import CYCLONEDX, SPDX
from tests.support import write


def look(tmp_path: Path, **files: bytes) -> tuple[Embedded, ...]:
    folder = tmp_path / "a-1.dist-info"
    write(folder, {f"sboms/{name}": data for name, data in files.items()})
    return embedded(Distribution(name="a", raw_name="a", version="1", folder=folder))


def test_none(tmp_path: Path) -> None:
    assert look(tmp_path) == ()


def test_each_file_is_placed_digested_and_counted(tmp_path: Path) -> None:
    assert look(tmp_path, b=SPDX, a=CYCLONEDX) == (
        Embedded(path="a-1.dist-info/sboms/a", sha256=hashlib.sha256(CYCLONEDX).hexdigest(), parts=3),
        Embedded(path="a-1.dist-info/sboms/b", sha256=hashlib.sha256(SPDX).hexdigest(), parts=2),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SPDXVersion: SPDX-2.3\n",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"bomFormat": "CycloneDX", "components": {}}).encode(),
        json.dumps({"bomFormat": "CycloneDX", "components": [1]}).encode(),
        json.dumps({"bomFormat": "CycloneDX", "components": [{"components": 1}]}).encode(),
        json.dumps({"spdxVersion": "SPDX-2.3", "packages": {}}).encode(),
        json.dumps({"packages": []}).encode(),
    ],
    ids=lambda data: data[:60].decode("utf-8", "replace"),
)
def test_what_nobody_can_count_is_unknown_and_not_zero(tmp_path: Path, data: bytes) -> None:
    assert [each.parts for each in look(tmp_path, a=data)] == [None]


def test_a_document_without_components_has_none(tmp_path: Path) -> None:
    assert [each.parts for each in look(tmp_path, a=b'{"bomFormat": "CycloneDX"}')] == [0]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(GateError, match=r"a-1\.dist-info/sboms/a: cannot be read: Permission denied"):
        look(tmp_path, a=b"{}")
