"""Finds code that would end a test process or forge what a test did."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source.files import Project, parse
from pytest_failhard.source.manifest import SCOPES, conftests
from pytest_failhard.source.module import Module
from pytest_failhard.source.pytest_config import PytestConfig, plugin_file

ENDING = frozenset(
    {"os._exit", "os.abort", "posix._exit", "posix.abort", "signal.raise_signal"}
    | {f"faulthandler.{name}" for name in ("_sigsegv", "_sigabrt", "_sigfpe", "_fatal_error")}
)
"""Calls that end the process wherever they stand."""
FOREIGN = frozenset({"_exit", "_Exit", "exit", "abort", "quick_exit", "Py_Exit", "Py_Finalize", "raise"})
STARTERS = frozenset({"threading.Timer", "threading.Thread"})
ALIASED = frozenset({"os", "sys", "pytest", "atexit", "signal", "ctypes", "ctypes.pythonapi"})
LEAVING = frozenset({"sys.exit", "exit", "quit", "builtins.exit", "builtins.quit", "SystemExit"})
"""Calls that end it with success at import time, if they say 0, None or nothing."""
LAST_NAMES = (
    {name.rpartition(".")[2] for name in ENDING | LEAVING | STARTERS}
    | FOREIGN
    | {"kill", "killpg", "register"}
)
OUTCOMES = frozenset(
    {"outcome", "exitstatus", "wasxfail", "failed", "passed", "testsfailed", "testscollected", "shouldfail"}
    # What an item runs: replaced, the written body never does.
    | {"obj", "runtest"}
)
REMOVERS = frozenset({"clear", "remove", "pop"})
FORGING_CALLS = frozenset({"pytest_deselected", "force_result", "_exit"})
ANSWERING = frozenset({"pytest_pyfunc_call", "pytest_runtest_protocol", "pytest_runtestloop"})
"""Hooks whose first answer keeps pytest's own implementation from running."""
COMMAND = "pytest_cmdline_main"
"""The hook whose answer is the exit code."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Functions = Mapping[str, Sequence[Function]]


@dataclass(frozen=True, kw_only=True, order=True)
class ForcedExit:
    """A place where a process would end: what stands there and what to write instead."""

    path: str
    line: int
    form: str
    fix: str
    plain: bool = False
    """Whether it is an ordinary exit, which only matters because it stands at import."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.form} ends the test process; {self.fix}"


def forced_exits(tree: ast.Module, path: str, *, imported_as_test: bool = True) -> tuple[ForcedExit, ...]:
    """Return the places that would end the process in which the tests run.

    Code under `if __name__ == "__main__"` and `if TYPE_CHECKING` does not run in it. With
    `imported_as_test` false (a product module) only what runs at import counts.
    """
    return exits(Module(path, "test", b"", tree), imported_as_test=imported_as_test)


def exits(module: Module, *, imported_as_test: bool) -> tuple[ForcedExit, ...]:
    """Return the same of a module that is read already."""
    names = names_of(module)
    nodes: list[ast.Call | ast.Raise] = [*module.nodes(ast.Call), *module.nodes(ast.Raise)]
    places: dict[tuple[int, str], ForcedExit] = {}
    for node in nodes:
        if isinstance(node, ast.Call) and not _may_end(node.func, names):
            continue
        form, fix, only_at_import = _exit_form(node, names, module.functions)
        if form and _runs(module, node, everywhere=imported_as_test and not only_at_import):
            places[node.lineno, form] = ForcedExit(
                path=module.path, line=node.lineno, form=form, fix=fix, plain=only_at_import
            )
    return tuple(sorted(places.values()))


def _may_end(called: ast.expr, names: Mapping[str, str]) -> bool:
    """Ask the last name first, which is cheap: most calls are of something else."""
    if isinstance(called, ast.Attribute):
        return called.attr in LAST_NAMES
    return not isinstance(called, ast.Name) or called.id in LAST_NAMES or called.id in names


def _runs(module: Module, node: ast.AST, *, everywhere: bool) -> bool:
    """Tell whether a node runs in the process of the tests: with a test, or at import alone."""
    in_function = any(
        isinstance(above, SCOPES) and not isinstance(above, ast.ClassDef) for above in module.ancestors(node)
    )
    return (everywhere or not in_function) and not (module.is_main(node) or module.is_type_checking(node))


def _exit_form(
    node: ast.Call | ast.Raise, names: Mapping[str, str], functions: Functions
) -> tuple[str, str, bool]:
    """Return the form of an exit, what to write instead, and whether it matters at import alone."""
    guarded = "move it into a function under `if __name__ == '__main__'`"
    if isinstance(node, ast.Call):
        form, fix = _call_form(node, names, functions)
        if form:
            return form, fix, False
        name = _qualified(node.func, names)
        plain = name in LEAVING - {"SystemExit"} and _is_success(node)
        return (f"{name} at import", guarded, True) if plain else ("", "", False)
    raised = node.exc
    if raised is None or _qualified(raised, names) != "SystemExit":
        return "", "", False
    succeeds = not isinstance(raised, ast.Call) or _is_success(raised)
    return ("raise SystemExit at import", guarded, True) if succeeds else ("", "", False)


def _call_form(call: ast.Call, names: Mapping[str, str], functions: Functions) -> tuple[str, str]:
    name = _qualified(call.func, names)
    if name in ENDING or _is_foreign(name):
        return name, "let the test end by itself, or run the code in a subprocess"
    if name in {"os.kill", "os.killpg"} and call.args and _is_own_process(call.args[0], names):
        return f"{name} of its own process", "send the signal to a subprocess that the test started"
    if name == "pytest.exit" and _says_zero(call):
        return "pytest.exit with returncode 0", "give pytest.exit a returncode of 1, or let the test fail"
    if name == "atexit.register" and call.args and _exits(call.args[0], names, functions, ENDING | LEAVING):
        return "atexit.register of a function that exits", "remove it: the exit code belongs to pytest"
    if name in STARTERS and any(_exits(given, names, functions, ENDING) for given in _given(call)):
        return f"{name} of a function that exits", "remove it: the process belongs to pytest"
    return "", ""


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _is_foreign(name: str) -> bool:
    """Tell whether a name is an exit of the C library, or of the interpreter, through ctypes."""
    return name.startswith("ctypes.") and name.rpartition(".")[2] in FOREIGN


def _says_zero(call: ast.Call) -> bool:
    values = [keyword.value for keyword in call.keywords if keyword.arg == "returncode"] + call.args[1:2]
    return any(isinstance(value, ast.Constant) and value.value == 0 for value in values)


def _is_success(call: ast.Call) -> bool:
    return all(isinstance(value, ast.Constant) and value.value in {0, None} for value in _given(call))


def _is_own_process(node: ast.expr, names: Mapping[str, str]) -> bool:
    own = {"os.getpid", "os.getppid", "os.getpgid", "os.getpgrp"}
    calls = (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return (isinstance(node, ast.Constant) and node.value == 0) or any(
        _qualified(call.func, names) in own for call in calls
    )


def _exits(node: ast.expr, names: Mapping[str, str], functions: Functions, ways: frozenset[str]) -> bool:
    if _qualified(node, names) in ways:
        return True
    found = functions.get(node.id, ()) if isinstance(node, ast.Name) else ()
    bodies: Sequence[ast.AST] = found or (node,)
    return any(
        isinstance(inner, ast.expr) and _qualified(inner, names) in ways
        for body in bodies
        for inner in ast.walk(body)
    )


def names_of(module: Module) -> Mapping[str, str]:
    """Return what names of a module stand for: imports anywhere, and `bye = os._exit`."""
    return _names([*module.nodes(ast.Import), *module.nodes(ast.ImportFrom), *module.nodes(ast.Assign)])


def _names(nodes: Iterable[ast.AST]) -> dict[str, str]:
    names: dict[str, str] = {}
    assigned: list[tuple[str, ast.expr]] = []
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                names.update({alias.asname: alias.name for alias in aliases if alias.asname})
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                names.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases})
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned.append((name, value))
    names.update({name: meant for name, value in assigned if (meant := _aliased(value, names))})
    return names


def _aliased(value: ast.expr, names: Mapping[str, str]) -> str:
    """Return the dotted name that a value is worth remembering by; empty for every other value."""
    if not isinstance(value, ast.Call):
        qualified = _qualified(value, names)
        return qualified if qualified in ENDING | LEAVING | ALIASED else ""
    called = _qualified(value.func, names)
    looked_up = _looked_up(value, names)
    return looked_up or (called if called.startswith("ctypes.") else "")


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
    return way_of(function, _names(ast.walk(tree)), hook)


def way_of(function: Function | ast.Lambda, names: Mapping[str, str], hook: str) -> str:
    """Return how a function that implements a hook can turn an outcome; empty where it cannot."""
    nodes = list(ast.walk(function))
    answers = hook in ANSWERING and not any(isinstance(node, ast.Yield) for node in nodes)
    items = _items(nodes)
    for node in nodes:
        way = _assigns(node, items) or _calls(node, names) or _answers(node, hook, answers=answers)
        if way:
            return way
    return "it answers in place of pytest" if answers and isinstance(function, ast.Lambda) else ""


def _items(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names under which a hook has the collected items."""
    known = {"items"}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=alias)], value=value) if _is_items(value, known):
                known.add(alias)
    return frozenset(known)


def _is_items(node: ast.expr, known: Container[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Attribute(value=ast.Name(id="session"), attr="items"):
            return True
    return False


def _assigns(node: ast.AST, items: Container[str]) -> str:
    match node:
        case ast.Attribute(attr=attr, ctx=ast.Store() | ast.Del()) if attr in OUTCOMES:
            return f"it assigns .{attr}"
        case ast.Subscript(slice=key, ctx=ast.Store()) if _text(key) in OUTCOMES:
            return f"it assigns {_text(key)}"
    return _drops(node, items)


def _drops(node: ast.AST, items: Container[str]) -> str:
    match node:
        case ast.Assign(targets=[ast.Subscript(value=listed)], value=value) if _is_items(listed, items):
            return "" if _reorders(value, items) else "it replaces collected items"
        case ast.AugAssign(target=ast.Subscript(value=listed)) if _is_items(listed, items):
            return "it replaces collected items"
        case ast.Attribute(ctx=ast.Store()) if _is_items(node, ()):
            return "it replaces collected items"
        case ast.Delete(targets=[ast.Subscript(value=listed), *_]) if _is_items(listed, items):
            return "it drops collected items"
        case ast.Call(func=ast.Attribute(value=listed, attr=attr)) if attr in REMOVERS:
            return "it drops collected items" if _is_items(listed, items) else ""
    return ""


def _reorders(value: ast.expr, items: Container[str]) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="sorted" | "reversed" | "list"), args=[inner]):
            return _reorders(inner, items)
    return _is_items(value, items)


def _calls(node: ast.AST, names: Mapping[str, str]) -> str:
    match node:
        case ast.Call(func=ast.Name(id="setattr"), args=[_, key, *_]) if _text(key) in OUTCOMES:
            return f"it assigns .{_text(key)}"
        case ast.Call(func=ast.Attribute(attr="__setattr__"), args=[*_, key, _]) if _text(key) in OUTCOMES:
            return f"it assigns .{_text(key)}"
        case ast.Call(func=ast.Attribute(attr="update"), keywords=[_, *_] as given):
            told = sorted({str(keyword.arg) for keyword in given} & OUTCOMES)
            return f"it assigns {told[0]}" if told else ""
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in FORGING_CALLS:
            return f"it calls {attr}"
        case ast.Call(func=called):
            name = _qualified(called, names)
            return f"it calls {name}" if name in ENDING | LEAVING else ""
    return ""


def _answers(node: ast.AST, hook: str, *, answers: bool) -> str:
    match node:
        case ast.Return(value=ast.Constant(value=value)) if value or (value == 0 and hook == COMMAND):
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
