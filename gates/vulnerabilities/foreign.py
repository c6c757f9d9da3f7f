"""Which modules product code imports that are neither its own nor the standard library's."""

from __future__ import annotations

from pytest_failhard.distributions import imports
from pytest_failhard.distributions.own_modules import OwnModules
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.model import Run
from pytest_failhard.source import files
from pytest_failhard.source.files import Project


def foreign(run: Run, project: Project, supply: Supply) -> tuple[imports.Import, ...]:
    """Return one import of each foreign top-level module, the first by path and line, sorted by module."""
    product = {file.path: file for file in project.product}
    read = imports.read(run.root, project.product, supply.target.markers)
    own = OwnModules(run.root, run.source, files.every(project), frozenset(each.top for each in read))
    found: dict[str, imports.Import] = {}
    for each in read:
        known = each.top in supply.target.standard or each.is_typing
        if not known and not own.answers(product[each.path], each.module, each.name):
            found.setdefault(each.top, each)
    return tuple(found[top] for top in sorted(found))
