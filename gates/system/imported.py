"""Joins what product code imports with what the clean environment answers."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.distributions import imports, target
from pytest_failhard.distributions.imports import Import
from pytest_failhard.gates.system.seen import finding
from pytest_failhard.model import Finding, Run
from pytest_failhard.rules.importing import is_guarded
from pytest_failhard.source import files, import_roots
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.module import Module
from pytest_failhard.system import importing
from pytest_failhard.system.install import Installed

UNRESOLVED, NO_MANIFEST = "R1-import-unresolved", "R1-no-manifest"
DECLARE = "declare the distribution that brings it, or remove the import"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What was found: `missing` are the parts of modules that are not there, `examined` imports."""

    findings: tuple[Finding, ...]
    missing: frozenset[str]
    examined: int
    roots: tuple[str, ...]
    """The folders of the tree from which the product imports its own."""


def look(run: Run, tree: Path, installed: Installed, *, is_library: bool) -> Imported:
    """Resolve every import of product code; raises GateError for a file that cannot be read.

    A library's own modules are looked for where it is installed, those of a program in its folder.
    """
    product = files.read(tree, run.source, ()).product
    every = list(imports.read(tree, product, target.probe(run).markers))
    # What a file can do without in one place, its other functions are not called without.
    optional = {(each.path, each.top) for each in every if each.is_guarded}
    asked = [each for each in every if _counts(each) and (each.path, each.top) not in optional]
    roots = import_roots.import_roots(tree, run.source, [file.path for file in product])
    is_alone = is_library and installed.is_built
    places = [] if is_alone else [tree / root for root in dict.fromkeys((".", *roots))]
    missing = importing.missing(run, installed.python, places, (each.module for each in asked))
    absent = [each for each in asked if each.module in missing and (is_alone or not _is_beside(tree, each))]
    foreign = [each for each in absent if installed.manifest is None and "." not in missing[each.module]]
    found = {
        (each.path, each.module): _unresolved(each, missing[each.module])
        for each in reversed(absent)
        if each not in foreign
    }
    relative = [each for file in product for each in _relative(tree, file)]
    return Imported(
        findings=(*_without_manifest(foreign), *found.values(), *relative),
        missing=frozenset(missing[each.module] for each in absent),
        examined=len(asked),
        roots=roots,
    )


def _counts(each: Import) -> bool:
    """Tell whether an import must succeed: nothing guards it, and it is for more than a type checker."""
    return not (each.is_guarded or each.is_typing or each.instead_of)


def _is_beside(tree: Path, each: Import) -> bool:
    """Tell whether a module lies in the folder of the file that imports it: there a script finds it.

    Whether it is started as one, only its start can tell.
    """
    place = (tree / each.path).parent.joinpath(*each.module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def _unresolved(each: Import, part: str) -> Finding:
    what = "there is no such module" if part == each.module else f"there is no module {part}"
    return finding(
        UNRESOLVED,
        f"`import {each.module}`: {what} in the environment that the manifest gives",
        DECLARE if "." not in part else "add the module, or remove the import",
        at=(each.path, each.line),
        basis=each.module,
    )


def _without_manifest(absent: Iterable[Import]) -> Iterator[Finding]:
    modules: Mapping[str, Import] = {each.top: each for each in reversed(list(absent))}
    if modules:
        named = ", ".join(sorted(modules))
        first = min(modules.values())
        yield finding(
            NO_MANIFEST,
            f"no file says what the system is installed from, and its code imports {named}",
            "list what it needs in requirements.txt, or as [project].dependencies in pyproject.toml",
            at=(first.path, first.line),
            basis=named,
        )


def _relative(tree: Path, file: SourceFile) -> Iterator[Finding]:
    """Yield the relative imports that lead to no file."""
    module = Module(file.path, file.role, (tree / file.path).read_bytes(), files.parse(tree, file.path))
    for node in module.nodes(ast.ImportFrom):
        if not isinstance(node, ast.ImportFrom) or not node.level or not node.module:
            continue
        above = PurePosixPath(file.path).parents[min(node.level, len(PurePosixPath(file.path).parents)) - 1]
        place = (tree / above).joinpath(*node.module.split("."))
        is_there = place.is_dir() or any(place.parent.glob(f"{place.name}.*"))
        if not (is_there or is_guarded(module, node) or module.is_type_checking(node)):
            name = "." * node.level + node.module
            yield finding(
                UNRESOLVED,
                f"`from {name} import ...`: there is no such module in the project",
                "add the module, or remove the import",
                at=(file.path, node.lineno),
                basis=name,
            )
