"""Brings to both trees what git does not have: modules that a build wrote, and what is compiled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pytest_failhard.model import GateError, Run
from pytest_failhard.source import checkout, pyproject, read
from pytest_failhard.source.files import role, tree
from pytest_failhard.source.promotion import promoted
from pytest_failhard.system.environment import SYSTEM_PATH

ALWAYS_COMPILED = frozenset({".pyx", ".rs"})
BY_A_BUILD = frozenset({".c", ".cc", ".cpp", ".cxx"})
"""Compiled for Python only where the project has a build."""
CARGO = "Cargo.toml"
HEAD = "head"
LAST_LINES = 3


def share_generated(run: Run, trees: Sequence[Path]) -> tuple[str, ...]:
    """Copy the modules that git ignores and the product imports to where they are missing; return them."""
    root = run.root
    product = [file.path for file in read(root, run.source, run.test_roots).product]
    ignored = checkout.ignored(root, ("*.py",)).intersection(product) if product else frozenset[str]()
    kept = [path for path in product if path not in ignored]
    found = sorted(promoted(root, run.source, kept, ignored, lambda path: tree(root, path)))
    for each in trees:
        for path in found:
            if not (each / path).exists():
                (each / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / path, each / path)
    return tuple(found)


def compile_in(run: Run, build: Sequence[str], trees: Sequence[Path]) -> bool:
    """Run the project's build in each tree; tell whether there is one.

    Raises GateError where it fails, or where something is compiled and nothing says how.
    """
    found = next((path for each in trees for path in _compiled(each)), "")
    if found and not build:
        raise GateError(
            f"compiled-without-build: {found} is compiled, and nothing says how: name the command as `build` "
            'in [tool.failhard.performance], `build = ["python", "setup.py", "build_ext", "--inplace"]`'
        )
    for each in trees if build else ():
        _build(run, build, each)
    return bool(build)


def _compiled(root: Path) -> Iterator[str]:
    is_built = "build-system" in pyproject(root) or (root / "setup.py").is_file()
    suffixes = ALWAYS_COMPILED | (BY_A_BUILD if is_built else frozenset())
    for above, _, names in os.walk(root):
        for name in sorted(names):
            path = Path(above, name).relative_to(root).as_posix()
            if (name == CARGO or PurePosixPath(name).suffix in suffixes) and role(path) == "product":
                yield path


def _build(run: Run, build: Sequence[str], folder: Path) -> None:
    """Run the build in a tree, with an environment that is the same in all of them."""
    program = str(run.interpreter) if build[0] in {"python", "python3"} else build[0]
    home = folder.with_name(f"{folder.name}-build")
    home.mkdir()
    environment = {
        "PATH": f"{run.interpreter.parent}:{SYSTEM_PATH}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = run.start([program, *build[1:]], environment=environment, cwd=folder)
    code = process.wait(run.remaining())
    process.kill()
    if code:
        words = " / ".join((process.stderr.strip() or process.stdout.strip()).splitlines()[-LAST_LINES:])
        slug = "compiled-without-build" if folder.name == HEAD else "baseline-environment"
        said = words.replace(str(folder), ".") or "it said nothing"
        raise GateError(
            f"{slug}: `{' '.join(build)}` ended with {code} in the tree {folder.name}: {said}; "
            "run it in a fresh clone and mend `build`"
        )
