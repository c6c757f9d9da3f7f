"""FH709: what checks is replaced: a clock, the test library, an exit, a tool."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_failhard.model import Option
from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.index import Index
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, argument, last_part, own_nodes

FIX = "use `monkeypatch.setattr` in the one test that needs it"


class PatchedChecker(StaticRule):
    """What judges the code is replaced by the code.

    Finds:
        An assignment to a clock, a builtin, an exit, a part of pytest or unittest, or the start of
        processes, that outlives a test: at import, in a test without a fixture that undoes it, in a
        fixture of the session; an entry of `sys.modules` or `sys.meta_path` for one of them.
    Why:
        Time stands still, a failed report says that it passed, a tool that is asked answers 0.
    Subs:
        `shadowed-tool`: a module of the tree has the name of a tool, or is one that each interpreter
        imports at its start (`sitecustomize`), or a `.pth` file lies in it.
        `shadowed-library`: a module that can be imported has the name of one of the standard library.
    Bad:
        import time

        time.perf_counter = lambda: 0.0
    Good:
        def test_speed(monkeypatch):
            monkeypatch.setattr("time.perf_counter", lambda: 0.0)
    Exempt:
        `monkeypatch`; `mock.patch` in a test; a fixture that undoes it; `builtins._`; private names that
        the file itself puts on `pytest`; a function of the product that installs a finder; a project that
        is the tool in question.
    Evasions:
        `setattr`, `time.__dict__`, `vars(time)`, `sys.modules["time"]`, a finder, an alias.
    Measured:
        No verdicts yet.
    """

    code = "FH709"
    name = "patched-checker"
    gate = "integrity"
    family = "gaming"
    subs = ("shadowed-tool", "shadowed-library")
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each replacement."""
        for node, name in (*_assigned(module), *_called(module)):
            if not (_is_undone(module, node) or _is_import_hook(module, node, name)):
                where = module.qualname(node) or "the module"
                yield self.hit(module, node, f"{where} replaces {name}", FIX, details={"of": name})

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out a project that is what it replaces."""
        del options
        own = index.metadata.distribution
        return [hit for hit in hits if not own or data.GATE_TOOLS.get(_first(hit)) != own]


def _first(hit: Hit) -> str:
    return hit.details["of"].partition(".")[0]


def _assigned(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    targets: list[tuple[ast.stmt, ast.expr]] = [
        (node, target) for node in module.nodes(ast.Assign) for target in node.targets
    ]
    targets += [(node, node.target) for node in module.nodes(ast.AugAssign)]
    targets += [(node, node.target) for node in module.nodes(ast.AnnAssign) if node.value is not None]
    targets += [(node, target) for node in module.nodes(ast.Delete) for target in node.targets]
    for node, target in targets:
        for each in target.elts if isinstance(target, ast.Tuple) else (target,):
            name = _meant(module, each)
            if name and not (isinstance(node, ast.Assign) and module.resolve(node.value) == name):
                yield node, name


def _meant(module: Module, target: ast.expr) -> str:
    """Return what of a checker a target replaces; empty for everything else."""
    if isinstance(target, ast.Attribute):
        return _checker(module, target.value, target.attr)
    if not isinstance(target, ast.Subscript):
        return ""
    if any(target in module.ancestors(call) for call in module.calls.of(("get_referents",))):
        return "what gc.get_referents reaches"
    key = module.text(target.slice) or ""
    if module.resolve(target.value) == "sys.modules":
        return f"sys.modules[{key!r}]" if key.partition(".")[0] in data.PATCHED_MODULES else ""
    return _checker(module, _owner(target.value), key)


def _owner(node: ast.expr) -> ast.expr:
    """Return the object whose attributes a `__dict__` or `vars(...)` is."""
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return node.value
    if isinstance(node, ast.Call) and last_part(node) == "vars" and node.args:
        return node.args[0]
    return node if isinstance(node, ast.Name) and node.id == "__builtins__" else ast.Constant(None)


def _checker(module: Module, owner: ast.expr, attribute: str) -> str:
    name = f"{_dotted(module, owner)}.{attribute}"
    if not data.PATCHED.fullmatch(name) or name == "builtins._":
        return ""
    private = attribute.startswith("_") and name.count(".") == 1 and "pytest" in name
    return "" if private else name


def _dotted(module: Module, owner: ast.expr) -> str:
    """Return the dotted name of an imported thing: a variable that is called like a module is none."""
    first = owner
    while isinstance(first, ast.Attribute):
        first = first.value
    if not isinstance(first, ast.Name) or _is_made_here(module, first):
        return ""
    if first.id == "__builtins__":
        return module.resolve(owner).replace("__builtins__", "builtins", 1)
    bound = first.id in module.imports or module.value(first) is not first
    return module.resolve(owner) if bound else ""


def _is_made_here(module: Module, name: ast.Name) -> bool:
    """Tell whether a function binds a name to what it makes: that is no module, though one is so named."""
    function = module.function(name)
    return isinstance(function, FUNCTIONS) and any(
        isinstance(each.value, ast.Call)
        and last_part(each.value) not in data.IMPORTING_CALLS
        and any(isinstance(target, ast.Name) and target.id == name.id for target in each.targets)
        for each in own_nodes(function, ast.Assign)
    )


def _called(module: Module) -> Iterator[tuple[ast.expr, str]]:
    for call in module.calls.of(_CALLS):
        name = _CALLS[last_part(call)](module, call)
        if name:
            yield call, name


def _set(module: Module, call: ast.Call) -> str:
    plain = isinstance(call.func, ast.Name) or last_part(call) == "__setattr__"
    if not plain or len(call.args) < 2:
        return ""
    return _checker(module, call.args[0], module.text(call.args[1]) or "")


def _found(module: Module, call: ast.Call) -> str:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return "sys.meta_path" if module.resolve(owner) == "sys.meta_path" else ""


def _started(module: Module, call: ast.Call) -> str:
    """Return what `patch(...).start()` replaces for good."""
    patch = call.func.value if isinstance(call.func, ast.Attribute) else None
    patch = module.value(patch) if patch is not None else None
    if not isinstance(patch, ast.Call) or not patch.args or "patch" not in module.resolve(patch.func):
        return ""
    name = module.text(patch.args[0]) or ""
    if len(patch.args) > 1 and last_part(patch) == "object":
        return _checker(module, patch.args[0], module.text(patch.args[1]) or "")
    return name if data.PATCHED.fullmatch(name) else ""


def _reloaded(module: Module, call: ast.Call) -> str:
    name = _dotted(module, call.args[0]) if call.args else ""
    return name if name in data.PATCHED_MODULES - {"os"} else ""


_CALLS = {
    "setattr": _set,
    "delattr": _set,
    "__setattr__": _set,
    "insert": _found,
    "append": _found,
    "start": _started,
    "reload": _reloaded,
}


def _is_undone(module: Module, node: ast.AST) -> bool:
    """Tell whether the node stands in a fixture that ends with its test."""
    function = module.function(node)
    while function is not None:
        fixture = next((each for each in function.decorator_list if last_part(each) == "fixture"), None)
        if fixture is not None:
            return not _is_wide(module, fixture)
        function = module.function(function)
    return _is_restored(module, node)


def _is_import_hook(module: Module, node: ast.AST, name: str) -> bool:
    """Tell whether a product installs a finder when it is asked to: that is what finders are for."""
    return name == "sys.meta_path" and module.role == "product" and module.function(node) is not None


def _is_wide(module: Module, fixture: ast.expr) -> bool:
    scope = argument(fixture, None, "scope") if isinstance(fixture, ast.Call) else None
    return module.text(scope) in data.WIDE_SCOPES


def _is_restored(module: Module, node: ast.AST) -> bool:
    """Tell whether a function puts back in a `finally` what it replaced before."""
    function = module.function(node)
    if function is None or not isinstance(node, ast.Assign):
        return False
    targets = {ast.dump(target) for target in node.targets}
    return any(
        isinstance(each, ast.Assign) and targets & {ast.dump(target) for target in each.targets}
        for final in _finals(function)
        for each in ast.walk(final)
    )


def _finals(function: FunctionNode) -> Iterator[ast.stmt]:
    for each in ast.walk(function):
        if isinstance(each, ast.Try):
            yield from each.finalbody
