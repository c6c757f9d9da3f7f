"""Derives from a project's files how its system is started and configured; it imports and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_failhard.gates.system import reads
from pytest_failhard.model import GateError
from pytest_failhard.source import Project, SourceFile, pyproject, yaml_text
from pytest_failhard.source import files as source_files
from pytest_failhard.source.module import Module
from pytest_failhard.system.derive import code, readme, routes
from pytest_failhard.system.derive.deployment import deployment
from pytest_failhard.system.derive.derived import Derived
from pytest_failhard.system.derive.facts import Operation, Place

CONFIGURATIONS = ("gunicorn.conf.py", "gunicorn_conf.py", "gunicorn_config.py", "config/gunicorn.py")
"""Files that a server runs, and that are no product module."""
DOCUMENTS = ("openapi.json", "openapi.yaml", "openapi.yml", "docs/openapi.json", "docs/openapi.yaml")


def derive(project: Project, *, start: Sequence[str] = (), openapi: str | None = None) -> Derived:
    """Return all that the files say.

    `start` is the declared command, whose program is looked at wherever it is; with none, every product
    file of the tree is. `openapi` is the document that the declaration names, if it is a file. What cannot
    be read is told in `problems`.
    """
    modules, problems = _modules(project, start)
    found = deployment(project.root, _target(project.root))
    read_me = readme.readme(project.root)
    facts = [_Facts(module) for module in modules]
    every = [each.reads for each in facts]
    operations, told_by = _operations(project.root, facts, openapi, problems)
    return Derived(
        examined=len(facts) + len(found.read) + bool(read_me),
        deployment=found,
        readme=read_me,
        readme_starts=readme.starts(project.root, read_me),
        servers=tuple(sorted(each for fact in facts for each in fact.servers)),
        clients=tuple(sorted({each for fact in facts for each in fact.clients})),
        applications=tuple(sorted(each for fact in facts for each in fact.applications)),
        runs=tuple(sorted(place for fact in facts for place in fact.runs)),
        operations=operations,
        operations_from=told_by,
        reads=reads.reads(every),
        texts=frozenset(text for each in every for text in each.texts),
        scripts=_scripts(project.root),
        problems=(*problems, *found.problems),
    )


class _Facts:
    """What is kept of a file: its tree is not."""

    def __init__(self, module: Module) -> None:
        self.reads = reads.in_file(module)
        self.served = routes.served(module)
        self.servers = tuple(code.servers(module))
        self.clients = tuple(code.clients(module))
        self.applications = tuple(code.applications(module))
        line = code.runs_itself(module)
        serves = bool(self.servers or self.applications)
        self.runs = (Place(path=module.path, line=line),) if line and serves else ()


def _modules(project: Project, start: Sequence[str]) -> tuple[Iterator[Module], list[str]]:
    """Return the product's modules, one at a time, and a list that fills with what cannot be read."""
    named = {*CONFIGURATIONS, *start, *targets(start)} if start else set()
    others = [file for file in source_files.every(project) if file.role == "product"]
    if start:
        others = [file for file in others if _is_named(file.path, named)]
    listed = sorted({*project.product, *others})
    problems: list[str] = []
    return _parsed(project.root, listed, problems), problems


def targets(start: Sequence[str]) -> Iterator[str]:
    """Yield the files in which what a command names may be: `shop.wsgi:app`, `-m shop`."""
    for before, word in zip(("", *start), start, strict=False):
        module = word.partition(":")[0]
        if (":" in word or before == "-m") and all(part.isidentifier() for part in module.split(".")):
            path = module.replace(".", "/")
            yield from (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py")


def _is_named(path: str, named: set[str]) -> bool:
    return path in named or any(path.endswith(f"/{name}") for name in named if "/" in name)


def _parsed(root: Path, files: Sequence[SourceFile], problems: list[str]) -> Iterator[Module]:
    for file in files:
        try:
            tree = source_files.parse(root, file.path)
        except GateError as error:
            problems.append(str(error))
            continue
        yield Module(file.path, file.role, (root / file.path).read_bytes(), tree)


def _operations(
    root: Path, facts: Sequence[_Facts], openapi: str | None, problems: list[str]
) -> tuple[tuple[Operation, ...], str]:
    """Return the operations, and where they were read: in a document of the tree, else in the code."""
    named = [openapi] if openapi is not None and not openapi.startswith("/") else [*DOCUMENTS]
    for name in named:
        if (root / name).is_file():
            document = _document(root, name, problems)
            return routes.of_document(document, Place(path=name)), name
    return routes.operations(fact.served for fact in facts), "code"


def _document(root: Path, name: str, problems: list[str]) -> Mapping[str, object]:
    text = (root / name).read_text("utf-8", "replace")
    try:
        document = json.loads(text) if name.endswith(".json") else yaml_text.value(text)
    except (ValueError, RecursionError) as error:
        problems.append(f"{name}: does not parse: {error}")
        return {}
    return document if isinstance(document, dict) else {}


def _table(root: Path, *keys: str) -> Mapping[str, object]:
    table: object = pyproject(root)
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _scripts(root: Path) -> Mapping[str, str]:
    scripts = _table(root, "project", "scripts")
    return {name: target for name, target in scripts.items() if isinstance(target, str)}


def _target(root: Path) -> str:
    target = _table(root, "tool", "failhard", "container").get("target")
    return target if isinstance(target, str) else ""
