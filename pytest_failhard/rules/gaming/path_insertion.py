"""path-insertion: imports that come from elsewhere on the machine."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import delays as data
from pytest_failhard.rules.places import is_absolute, is_outside, place
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.module import Module, last_part


class PathInsertion(StaticRule):
    """A file puts a folder outside the project on the path of imports.

    Finds:
        An entry of `sys.path`, or `site.addsitedir`, that is an absolute path or leads out of the project.
    Why:
        What is imported then is not what is in the tree: it is on this machine only, no gate reads it, and
        a module there can take the place of the product or of a tool.
    Subs:
        `absolute`: a path of one machine, or of somebody's home. `outside`: a path that leads from the
        file out of the project.
    Bad:
        import sys

        sys.path.insert(0, "/opt/shared/lib")
    Good:
        import sys
        from pathlib import Path

        sys.path.insert(0, str(Path(__file__).parent.parent))
    Exempt:
        Folders of the project, however they are reached; what is worked out at run time.
    Evasions:
        `sys.path += [...]`, `sys.path[0] = ...`, `extend`, `from sys import path`, a name for the folder,
        `Path.home()`, `expanduser`. Not seen: a folder from the environment, a loop over folders.
    Measured:
        In sample: 76 hits in 5 generated projects, none in 18 hand-written ones. 30 judged: all break the
        policy, 22 do harm.
    """

    code = "path-insertion"
    name = "path-insertion"
    gate = "integrity"
    family = "gaming"
    subs = ("absolute", "outside")
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each entry that lies elsewhere."""
        if not any(word in module.data for word in data.PATH_BYTES):
            return
        for node, entry in (*_called(module), *_assigned(module)):
            found = place(module, entry)
            sub = _sub(found) if found else ""
            if sub:
                where = module.qualname(node) or "the module"
                message = f"{where} imports from a folder that is no part of the project"
                yield self.hit(module, node, message, "declare it as a dependency, and install it", sub=sub)


def _sub(found: tuple[str, ...]) -> str:
    if is_absolute(found):
        return "absolute"
    return "outside" if is_outside(found) else ""


def _called(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for call in module.nodes(ast.Call):
        last = last_part(call)
        if last == "addsitedir" and call.args:
            yield call, call.args[0]
        elif last in data.PATH_CALLS and len(call.args) > data.PATH_CALLS[last] and _is_path(module, call):
            yield call, call.args[data.PATH_CALLS[last]]
        elif last == "extend" and call.args and _is_path(module, call):
            yield from ((call, each) for each in _entries(call.args[0]))


def _is_path(module: Module, call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and module.resolve(call.func.value) == "sys.path"


def _assigned(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for assign in module.nodes(ast.Assign):
        target = assign.targets[0]
        if isinstance(target, ast.Subscript) and module.resolve(target.value) == "sys.path":
            whole = isinstance(target.slice, ast.Slice)
            yield from ((assign, each) for each in (_entries(assign.value) if whole else [assign.value]))
        elif isinstance(target, ast.Attribute) and module.resolve(target) == "sys.path":
            yield from ((assign, each) for each in _entries(assign.value))
    for added in module.nodes(ast.AugAssign):
        if module.resolve(added.target) == "sys.path":
            yield from ((added, each) for each in _entries(added.value))


def _entries(value: ast.expr) -> list[ast.expr]:
    """Return the entries of a list, those of a sum of lists too."""
    if isinstance(value, ast.BinOp):
        return [*_entries(value.left), *_entries(value.right)]
    return list(value.elts) if isinstance(value, ast.List | ast.Tuple) else []
