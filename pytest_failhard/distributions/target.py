"""What the target interpreter says of itself: where its packages lie and what markers mean there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError, Run

SECONDS = 20.0
"""What the probe may take; an interpreter starts in a small part of a second."""
MARKERS = frozenset(
    {
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    }
)
# It runs in the target, which may be older than we are and has no package of ours.
PROBE = """
import json, os, platform, sys, sysconfig
version = sys.implementation.version
level = version.releaselevel
markers = {
    "implementation_name": sys.implementation.name,
    "implementation_version": "{0.major}.{0.minor}.{0.micro}".format(version)
    + ("" if level == "final" else level[0] + str(version.serial)),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
print(json.dumps({
    "paths": [path for path in sys.path if os.path.isdir(path)],
    "markers": markers,
    "standard": sorted(sys.stdlib_module_names),
    "prefix": sys.prefix,
    "abi": sysconfig.get_config_var("SOABI") or "",
}))
"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The interpreter whose environment is judged.

    `paths` are its existing search folders in order; `markers` the eleven variables of PEP 508 as it
    computes them; `standard` the names of its standard library's modules.
    """

    paths: tuple[Path, ...]
    markers: Mapping[str, str]
    standard: frozenset[str]
    prefix: Path
    abi: str


def probe(run: Run, seconds: float = SECONDS) -> Target:
    """Ask the target interpreter; raises GateError where it does not start, answer, or answer in time.

    It runs isolated: neither the folder of the run nor a user's own packages are on its path, as they
    will not be in production.
    """
    process = run.start(
        [str(run.interpreter), "-I", "-X", "utf8", "-c", PROBE],
        environment={
            "PATH": os.defpath,
            "HOME": str(run.scratch),
            "TMPDIR": str(run.scratch),
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
        },
        cwd=run.scratch,
    )
    code = process.wait(seconds)
    process.kill()
    if code is None:
        raise _error(run, f"did not answer in {seconds:.0f} s")
    if code != 0:
        words = " / ".join(process.stderr.strip().splitlines()[-3:])[-300:]
        raise _error(run, f"ended with exit code {code}: {words or 'it wrote nothing'}")
    try:
        return parsed(process.stdout)
    except ValueError as error:
        raise _error(run, f"gave no description of itself ({error}): {process.stdout[:100]!r}") from None


def _error(run: Run, what: str) -> GateError:
    return GateError(
        f"{run.interpreter.name}: the interpreter whose packages are judged {what}; "
        "correct `python` in [tool.failhard]"
    )


def parsed(text: str | bytes) -> Target:
    """Return what the probe said; raises ValueError where that is something else."""
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(said, dict):
        raise ValueError("no object")
    paths, markers, standard = said.get("paths"), said.get("markers"), said.get("standard")
    prefix, abi = said.get("prefix"), said.get("abi")
    if not isinstance(markers, dict) or set(markers) != MARKERS:
        raise ValueError("the variables of markers are not complete")
    if not isinstance(paths, list) or not paths or not isinstance(standard, list) or not standard:
        raise ValueError("no search folders or no standard library")
    if not isinstance(prefix, str) or not isinstance(abi, str):
        raise ValueError("no prefix or no ABI")
    return Target(
        paths=tuple(Path(str(path)) for path in paths),
        markers={str(name): str(value) for name, value in markers.items()},
        standard=frozenset(map(str, standard)),
        prefix=Path(prefix),
        abi=abi,
    )
