"""Built distributions, workflows and keys that the tests of provenance share."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support import write

EPOCH = (2026, 1, 2, 3, 4, 6)
COMMIT = "1e69f48acb82d1966a394da916b4c1698aa569d6"
ATTESTING = f"""\
on:
  push:
    tags: ["*"]
permissions: {{}}
jobs:
  release:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      id-token: write
      attestations: write
    steps:
      - uses: actions/checkout@{COMMIT}
      - run: python -m build
      - run: failhard check --level 4
      - uses: actions/attest@{COMMIT}
        with:
          subject-path: dist/*
      - uses: actions/attest@{COMMIT}
        with:
          subject-path: dist/*
          sbom-path: .failhard/sbom.cdx.json
"""
PLACE = ".github/workflows/release.yml"


def metadata(name: str, version: str) -> str:
    """Return a METADATA or PKG-INFO."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nA shop.\n"


def wheel(
    root: Path, modules: Mapping[str, str], *, name: str = "shop", version: str = "1.0", folder: str = "dist"
) -> Path:
    """Build a wheel by hand, the same bytes each time."""
    path = root / folder / f"{name}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {**modules, f"{name}-{version}.dist-info/METADATA": metadata(name, version)}
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(zipfile.ZipInfo(inner, EPOCH), text)
    return path


def sdist(
    root: Path, *, name: str = "shop", version: str = "1.0", inner: str = "PKG-INFO", text: str = ""
) -> Path:
    """Build an sdist by hand that holds one file."""
    path = root / "dist" / f"{name}-{version}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (text or metadata(name, version)).encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(f"{name}-{version}/{inner}")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return path


def flip(path: Path) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def key(folder: Path, name: str = "key.pem") -> tuple[Path, str]:
    """Write a private key and return where it is, with the public key in PEM."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(folder, {name: pem})
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return folder / name, public.decode()
