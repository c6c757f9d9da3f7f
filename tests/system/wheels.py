"""Writes wheels by hand: tiny ones from texts, and real ones from what is installed beside the tests."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import Requirement

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
ANY = "py3-none-any"


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    requires: Iterable[str] = (),
    scripts: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel of these files, by default one module of its name, and return its path."""
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in requires]
    listed = "".join(f"{command} = {target}\n" for command, target in (scripts or {}).items())
    content: dict[str, str | bytes] = {
        **(files if files is not None else {f"{name}.py": f"VERSION = {version!r}\n"}),
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": WHEEL.format(pure="true", tag=ANY),
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{listed}"} if listed else {}),
    }
    return _written(folder, f"{name}-{version}-{ANY}.whl", info, content)


def installed(folder: Path, *names: str) -> None:
    """Write wheels of distributions that are installed beside the tests, with all that they need."""
    waiting, done = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        distribution = importlib.metadata.distribution(name)
        needed = map(Requirement, distribution.requires or ())
        waiting += [each.name for each in needed if each.marker is None or each.marker.evaluate()]
        _again(folder, distribution)


def _again(folder: Path, distribution: importlib.metadata.Distribution) -> None:
    paths = [path for path in distribution.files or () if ".." not in path.parts and path.suffix != ".pyc"]
    content = {
        path.as_posix(): path.read_binary() for path in paths if path.name not in {"RECORD", "INSTALLER"}
    }
    info = next(path.parts[0] for path in paths if path.parts[0].endswith(".dist-info"))
    tags = [line for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")]
    tag = tags[0].removeprefix("Tag: ")
    _written(folder, f"{info.removesuffix('.dist-info')}-{tag}.whl", info, content)


def _written(folder: Path, name: str, info: str, content: Mapping[str, str | bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    record = io.StringIO()
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, given in content.items():
            data = given.encode() if isinstance(given, str) else given
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.write(f"{path},sha256={digest},{len(data)}\n")
            archive.writestr(path, data)
        archive.writestr(f"{info}/RECORD", f"{record.getvalue()}{info}/RECORD,,\n")
    return folder / name


def offline(folder: Path, wheels: Path) -> dict[str, str]:
    """Return the variables of an operator whose packages all come from a folder, and whose cache is fresh."""
    return {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }
