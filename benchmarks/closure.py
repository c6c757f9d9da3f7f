"""What the closure costs, how it grows, and whether it equals what a clean install brings."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time

from pytest_failhard.distributions import closure, declared, installed, records
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.distributions.supply import Supply, of_target
from pytest_failhard.distributions.target import Target, probe
from pytest_failhard.gates.security import SecurityGate
from tests.distributions.fake_site import package, pyproject, target
from tests.support import gate_run

SIZES = (96, 100, 1000, 2000)
NEEDS = 6
"""Requirements of a hand-made distribution: about as many as a real one has, extras included."""
TOOLS = ("bandit", "cyclonedx-bom", "mypy", "pip-audit", "pip-licenses", "pre-commit", "pytest", "ruff")
"""What stands beside the project in the larger environment."""
REPEATS = 5


def main() -> None:
    """Print times over hand-made folders; with requirements the comparison with a clean install."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "requirements", nargs="*", help="what the project declares, or one folder of a project"
    )
    parser.add_argument(
        "--no-binary", action="append", default=[], help="build this distribution from its sdist"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.requirements:
            figures = _compared(Path(folder), given.requirements, given.no_binary)
        else:
            figures = {str(size): _made(Path(folder, str(size)), size) for size in SIZES}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _made(folder: Path, size: int) -> object:
    """Return the milliseconds for a folder of packages that all need each other in a chain of small steps."""
    site, root = folder / "site", pyproject(folder / "app", [f"p{size}-0"])
    for number in range(size):
        later = [f"p{size}-{(number + step) % size}>=0.5" for step in range(1, NEEDS - 2)]
        package(
            site,
            f"p{size}-{number}",
            requires=[*later, "typing-x ; python_version < '3'", "q ; extra == 'q'"],
        )
    asked = target(site)
    present = installed.read(asked)
    said = declared.read(root, SupplySettings(), present)
    # The first walk parses each requirement; the best of several would hide it.
    walk = _cpu(lambda: closure.compute(said, present, asked))
    found = closure.compute(said, present, asked)
    if len(found.nodes) != size or found.problems:
        sys.exit(f"{len(found.nodes)} of {size} members, problems {found.problems[:3]}")
    reading = min(_cpu(lambda: installed.read(asked)) for _ in range(REPEATS))
    chains = _cpu(lambda: [found.chain(name) for name in found.nodes])
    return {
        "read_ms": _ms(reading),
        "closure_ms": _ms(walk),
        "closure_us_per_member": round(walk / size * 1e6, 1),
        "all_chains_ms": _ms(chains),
    }


def _compared(folder: Path, requirements: Sequence[str], no_binary: Sequence[str]) -> object:
    """Return how the closure in a larger environment differs from a clean install, and what it costs."""
    root = Path(requirements[0]).resolve()
    if (root / "pyproject.toml").is_file():
        wanted = [each.text for each in declared.read(root, SupplySettings(), {}).roots]
    else:
        wanted, root = list(requirements), pyproject(folder / "app", requirements)
    built = [part for name in no_binary for part in ("--no-binary", name)]
    clean = _environment(folder / "clean", [*wanted, *built])
    pins = [f"{name}=={each.version}" for name, each in _installed(folder, clean).items()]
    larger = _environment(folder / "larger", [*pins, *built, *TOOLS])
    expected = {name: each.version for name, each in _installed(folder, clean).items()}
    asked = _target(folder, larger)
    found = of_target(root, SupplySettings(), asked)
    actual = {name: each.version for name, each in found.closure.nodes.items()}
    return {
        "clean_install": len(expected),
        "closure": len(actual),
        "larger_environment": len(found.installed),
        "only_in_clean_install": sorted(expected.items() - actual.items()),
        "only_in_closure": sorted(actual.items() - expected.items()),
        "problems": [str(each) for each in found.closure.problems],
        "locked": _locked(folder, asked, found),
        **_costs(root, asked, found),
    }


def _costs(root: Path, asked: Target, found: Supply) -> Mapping[str, object]:
    members = list(found.closure.nodes.values())
    paths = [path for member in members for path in _files(member)]
    hashing = min(_cpu(lambda: _hash(paths)) for _ in range(REPEATS))
    checking = min(_cpu(lambda: [records.changed(member) for member in members]) for _ in range(REPEATS))
    said = declared.read(root, SupplySettings(), found.installed)
    return {
        "read_ms": _ms(min(_cpu(lambda: installed.read(asked)) for _ in range(REPEATS))),
        "closure_ms": _ms(
            min(_cpu(lambda: closure.compute(said, found.installed, asked)) for _ in range(REPEATS))
        ),
        "recorded_files": len(paths),
        "recorded_megabytes": round(sum(path.stat().st_size for path in paths) / 1024**2, 1),
        "changed": [path for member in members for path in records.changed(member)],
        "record_check_ms": _ms(checking),
        "record_check_to_hashing": round(checking / hashing, 2),
    }


def _locked(folder: Path, asked: Target, found: Supply) -> object:
    """Return for how many members a fresh lock of uv says which file was installed."""
    # The runtime requirements alone: a group may name what no index has.
    copy = pyproject(folder / "locked", [str(each.requirement) for each in found.declared.roots])
    with (copy / "pyproject.toml").open("a", encoding="utf-8") as stream:
        stream.write(f'[tool.uv]\nenvironments = ["sys_platform == {sys.platform!r}"]\n')
    _run("uv", "lock", "--quiet", "--project", str(copy), "--python", sys.executable)
    again = of_target(copy, SupplySettings(locks=("uv.lock",)), asked)
    known = [each for each in again.artefacts.values() if each.sha256]
    return {
        "members": len(found.closure.nodes),
        "with_sha256": len(known),
        "built": sum(each.is_built for each in known),
        "unknown": sorted(name for name, each in again.artefacts.items() if not each.sha256),
    }


def _environment(folder: Path, wanted: Sequence[str]) -> Path:
    _run("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
    _run("uv", "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *wanted)
    return folder / "bin" / "python"


def _target(folder: Path, interpreter: Path) -> Target:
    project = Path(tempfile.mkdtemp(dir=folder))
    return probe(gate_run(project, SecurityGate(), interpreter=interpreter))


def _installed(folder: Path, interpreter: Path) -> Mapping[str, Distribution]:
    return installed.read(_target(folder, interpreter))


def _files(member: Distribution) -> list[Path]:
    return [member.folder.parent / file.path for file in member.files if file.sha256]


def _hash(paths: Sequence[Path]) -> None:
    for path in paths:
        hashlib.sha256(path.read_bytes()).digest()


def _run(*argv: str) -> None:
    done = subprocess.run([sysconfig.get_path("scripts") + f"/{argv[0]}", *argv[1:]], check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv[:3])}: exit code {done.returncode}")


def _cpu(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


if __name__ == "__main__":
    main()
