"""Hand-made folders of packages, and the target that has them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_failhard.distributions import closure, declared, installed
from pytest_failhard.distributions.closure import Closure
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.distributions.target import Target
from tests.support import write

MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.4",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "#1",
    "python_full_version": "3.12.4",
    "python_version": "3.12",
    "sys_platform": "linux",
}


def target(*paths: Path, **markers: str) -> Target:
    """Return a target whose packages lie in folders, with other markers where they are given."""
    return Target(
        paths=paths,
        markers={**MARKERS, **markers},
        standard=frozenset({"json"}),
        prefix=Path("/nowhere"),
        abi="cpython-312-x86_64-linux-gnu",
    )


def record_hash(data: bytes, algorithm: str = "sha256") -> str:
    """Return a hash as RECORD writes it."""
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def package(
    site: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    tags: Iterable[str] = ("py3-none-any",),
    direct_url: object = None,
) -> Path:
    """Install a distribution and return its `.dist-info` folder; without files it has one module."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    fields = [("Metadata-Version", "2.4"), ("Name", name), ("Version", version), *(headers or {}).items()]
    fields += [("Requires-Dist", each) for each in requires]
    fields += [("Provides-Extra", each) for each in extras]
    metadata = "".join(f"{key}: {value}\n" for key, value in fields) + "\nName: described\n"
    tree = dict(files if files is not None else {f"{name.replace('-', '_')}.py": b"VALUE = 1\n"})
    tree[f"{folder}/METADATA"] = metadata.encode()
    tree[f"{folder}/WHEEL"] = "".join(f"Tag: {tag}\n" for tag in tags).encode()
    if direct_url is not None:
        tree[f"{folder}/direct_url.json"] = json.dumps(direct_url).encode()
    rows = [f"{path},{record_hash(data)},{len(data)}" for path, data in tree.items()]
    record = "\n".join([*rows, f"{folder}/RECORD,,", ""])
    write(site, {**tree, f"{folder}/RECORD": record})
    return site / folder


def pyproject(root: Path, dependencies: Iterable[str] = (), more: str = "") -> Path:
    """Write a project that declares something and return its root."""
    listed = "".join(f"    {json.dumps(each)},\n" for each in dependencies)
    text = f'[project]\nname = "app"\nversion = "1.0"\ndependencies = [\n{listed}]\n{more}'
    return write(root, {"pyproject.toml": text})


def closure_of(root: Path, asked: Target, settings: SupplySettings | None = None) -> Closure:
    """Return the closure of a project in a target."""
    present = installed.read(asked)
    return closure.compute(declared.read(root, settings or SupplySettings(), present), present, asked)


def problems(found: Closure) -> set[tuple[str, str, str]]:
    """Return kind, parent and name of each problem."""
    return {(each.kind, each.parent, each.name) for each in found.problems}
