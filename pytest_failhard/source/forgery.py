"""Finds code that would end a test process or forge what a test did."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source.files import Project, parse
from pytest_failhard.source.manifest import SCOPES, conftests
from pytest_failhard.source.pytest_config import PytestConfig, plugin_file

ENDING = frozenset({"os._exit", "os.abort", "posix._exit", "signal.raise_signal"})
"""Calls that end the process wherever they stand."""
LEAVING = frozenset({"sys.exit", "exit", "quit", "builtins.exit", "builtins.quit", "SystemExit"})
"""Calls that end it with success at import time, if they say 0, None or nothing."""
OUTCOMES = frozenset(
    {"outcome", "exitstatus", "wasxfail", "failed", "passed", "testsfailed", "testscollected", "shouldfail"}
    # What an item runs: replaced, the written body never does.
    | {"obj", "runtest"}
)
REMOVERS = frozenset({"clear", "remove", "pop"})
FORGING_CALLS = frozenset({"pytest_deselected", "force_result", "_exit"})
ANSWERING = frozenset({"pytest_pyfunc_call", "pytest_runtest_protocol", "pytest_runtestloop"})
"""Hooks whose first answer keeps pytest's own implementation from running."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, order=True)
class ForcedExit:
    """A place where a process would end: what stands there and what to write instead."""

    path: str
    line: int
    form: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.form} ends the test process; {self.fix}"


def forced_exits(tree: ast.Module, path: str, *, imported_as_test: bool = True) -> tuple[ForcedExit, ...]:
    """Return the places that would end the process in which the tests run.

    Code under `if __name__ == "__main__"` and `if TYPE_CHECKING` does not run in it. With
    `imported_as_test` false (a product module) only what runs at import counts.
    """
    names = _names(tree)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}
    places: dict[tuple[int, str], ForcedExit] = {}
    for node, at_import in _running(tree.body, at_import=True):
        form, fix = _exit_form(node, names, functions, at_import=at_import)
        if form and (imported_as_test or at_import):
            line = node.lineno if isinstance(node, ast.expr | ast.stmt) else 0
            places[line, form] = ForcedExit(path=path, line=line, form=form, fix=fix)
    return tuple(sorted(places.values()))


def _running(nodes: Iterable[ast.AST], *, at_import: bool) -> Iterator[tuple[ast.AST, bool]]:
    for node in nodes:
        if isinstance(node, ast.If) and _is_main(node.test):
            yield from _running(node.orelse, at_import=at_import)
            continue
        yield node, at_import
        if isinstance(node, ast.ClassDef) or not isinstance(node, SCOPES):
            yield from _running(ast.iter_child_nodes(node), at_import=at_import)
        else:
            yield from _running(ast.iter_child_nodes(node), at_import=False)


def _is_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
        ):
            return True
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _exit_form(
    node: ast.AST, names: Mapping[str, str], functions: Mapping[str, Function], *, at_import: bool
) -> tuple[str, str]:
    match node:
        case ast.Raise(exc=ast.expr() as raised) if at_import and _qualified(raised, names) == "SystemExit":
            return "raise SystemExit at import", "move it into a function under `if __name__ == '__main__'`"
        case ast.Call():
            return _call_form(node, names, functions, at_import=at_import)
    return "", ""


def _call_form(
    call: ast.Call, names: Mapping[str, str], functions: Mapping[str, Function], *, at_import: bool
) -> tuple[str, str]:
    name = _qualified(call.func, names)
    if name in ENDING:
        return name, "let the test end by itself, or run the code in a subprocess"
    if name in {"os.kill", "os.killpg"} and call.args and _is_own_process(call.args[0], names):
        return f"{name} of its own process", "send the signal to a subprocess that the test started"
    if name == "pytest.exit" and _says_zero(call):
        return "pytest.exit with returncode 0", "give pytest.exit a returncode of 1, or let the test fail"
    if name == "atexit.register" and call.args and _exits(call.args[0], names, functions):
        return "atexit.register of a function that exits", "remove it: the exit code belongs to pytest"
    if at_import and name in LEAVING - {"SystemExit"} and _is_success(call):
        return f"{name} at import", "move it into a function under `if __name__ == '__main__'`"
    return "", ""


def _says_zero(call: ast.Call) -> bool:
    values = [keyword.value for keyword in call.keywords if keyword.arg == "returncode"] + call.args[1:2]
    return any(isinstance(value, ast.Constant) and value.value == 0 for value in values)


def _is_success(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(value, ast.Constant) and value.value in {0, None} for value in values)


def _is_own_process(node: ast.expr, names: Mapping[str, str]) -> bool:
    own = {"os.getpid", "os.getppid", "os.getpgid", "os.getpgrp"}
    calls = (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return (isinstance(node, ast.Constant) and node.value == 0) or any(
        _qualified(call.func, names) in own for call in calls
    )


def _exits(node: ast.expr, names: Mapping[str, str], functions: Mapping[str, Function]) -> bool:
    ways = ENDING | LEAVING
    if _qualified(node, names) in ways:
        return True
    body: ast.AST = functions.get(node.id, node) if isinstance(node, ast.Name) else node
    return any(_qualified(inner, names) in ways for inner in ast.walk(body) if isinstance(inner, ast.expr))


def _names(tree: ast.AST) -> dict[str, str]:
    """Return what names stand for: imports anywhere, and `bye = os._exit`."""
    names: dict[str, str] = {}
    assigned: list[tuple[str, ast.expr]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names.update({alias.asname: alias.name for alias in aliases if alias.asname})
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                names.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases})
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned.append((name, value))
    for name, value in assigned:
        qualified = _qualified(value, names) if not isinstance(value, ast.Call) else _looked_up(value, names)
        if qualified in ENDING | LEAVING | {"os", "sys", "pytest", "atexit", "signal"}:
            names[name] = qualified
    return names


def _qualified(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return the dotted name that an expression means; empty where it means none."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            inner = _qualified(value, names)
            return f"{inner}.{attr}" if inner else ""
        case ast.Subscript(value=ast.Attribute(value=value, attr="__dict__"), slice=key):
            return _joined(value, key, names)
        case ast.Subscript(value=ast.Call(func=ast.Name(id="vars"), args=[value]), slice=key):
            return _joined(value, key, names)
        case ast.Call():
            return _looked_up(node, names) or _qualified(node.func, names)
    return ""


def _looked_up(call: ast.Call, names: Mapping[str, str]) -> str:
    match call:
        case ast.Call(func=ast.Name(id="getattr"), args=[value, key, *_]):
            return _joined(value, key, names)
        case ast.Call(func=ast.Name(id="__import__"), args=[key, *_]):
            return _text(key)
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[key, *_]):
            return _text(key)
    return ""


def _joined(value: ast.expr, key: ast.expr, names: Mapping[str, str]) -> str:
    inner, name = _qualified(value, names), _text(key)
    return f"{inner}.{name}" if inner and name else ""


def _text(node: ast.expr) -> str:
    """Return a literal text, also one put together with `+`."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
    return ""


def function_at(tree: ast.Module, line: int) -> Function | ast.Lambda | None:
    """Return the function whose code begins at a line, decorators included."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            if line in {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}:
                return node
        elif isinstance(node, ast.Lambda) and node.lineno == line:
            return node
    return None


def forging(tree: ast.Module, line: int, hook: str = "") -> str:
    """Return how the hook at this line can turn an outcome; empty where it cannot.

    A hook that is not found in its file cannot be read, and is taken to forge.
    """
    function = function_at(tree, line)
    if function is None:
        return "its source cannot be read"
    names = _names(tree)
    answers = hook in ANSWERING and not any(isinstance(node, ast.Yield) for node in ast.walk(function))
    for node in ast.walk(function):
        way = _assigns(node) or _calls(node, names) or _answers(node, answers=answers)
        if way:
            return way
    return "it answers in place of pytest" if answers and isinstance(function, ast.Lambda) else ""


def _assigns(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=attr, ctx=ast.Store() | ast.Del()) if attr in OUTCOMES:
            return f"it assigns .{attr}"
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="items"))], value=value) if _reorders(value):
            return ""
        case (
            ast.Assign(targets=[ast.Subscript(value=ast.Name(id="items"))])
            | ast.AugAssign(target=ast.Subscript(value=ast.Name(id="items")))
        ):
            return "it replaces collected items"
        case ast.Delete(targets=[ast.Subscript(value=ast.Name(id="items")), *_]):
            return "it drops collected items"
        case ast.Subscript(slice=key, ctx=ast.Store()) if _text(key) in OUTCOMES:
            return f"it assigns {_text(key)}"
    return ""


def _reorders(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="sorted" | "reversed" | "list"), args=[inner]):
            return _reorders(inner)
        case ast.Name(id="items"):
            return True
    return False


def _calls(node: ast.AST, names: Mapping[str, str]) -> str:
    if not isinstance(node, ast.Call):
        return ""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="items"), attr=attr)) if attr in REMOVERS:
            return "it drops collected items"
        case ast.Call(func=ast.Name(id="setattr"), args=[_, key, *_]) if _text(key) in OUTCOMES:
            return f"it assigns .{_text(key)}"
        case ast.Call(func=ast.Attribute(attr="__setattr__"), args=[*_, key, _]) if _text(key) in OUTCOMES:
            return f"it assigns .{_text(key)}"
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in FORGING_CALLS:
            return f"it calls {attr}"
    name = _qualified(node.func, names)
    return f"it calls {name}" if name in ENDING | LEAVING else ""


def _answers(node: ast.AST, *, answers: bool) -> str:
    match node:
        case ast.Return(value=ast.Constant(value=value)) if value:
            return f"it returns {value!r} in place of pytest's own answer"
        case ast.Return(value=ast.Constant()):
            return ""
        case ast.Return(value=ast.expr()) if answers:
            return "it answers in place of pytest"
    return ""


def early_scan(root: Path, project: Project, config: PytestConfig) -> tuple[str, ...]:
    """Return where test files, and project modules that addopts loads, would end the process.

    To be asked before any conftest is imported; raises GateError for a file that does not parse.
    """
    plugins = [path for name in config.plugins() if (path := plugin_file(config, name))]
    paths = sorted({*(file.path for file in project.tests), *conftests(project), *plugins})
    return tuple(str(place) for path in paths for place in forced_exits(parse(root, path), path))
