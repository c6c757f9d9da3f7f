"""Reads in the product's code, or in an OpenAPI document, which operations the system serves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_failhard.source.module import FUNCTIONS, Module, argument
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.facts import Operation, Place

REGISTERING = frozenset({"add_url_rule", "add_api_route", "add_route", "Route", "APIRoute"})
MOUNTING = frozenset({"include_router", "register_blueprint", "mount", "add_routes"})
OWNERS = frozenset({"APIRouter", "Blueprint", "FastAPI", "Flask", "Quart", "Starlette", "Sanic", "Bottle"})
PARAMETER = re.compile(r"<(?:[^<>:]*:)?(\w+)>|\{(\w+)(?::[^{}]*)?\}|(?<=/):(\w+)")
WHOLE = re.compile(r"<path:\w+>|\{\w+:path\}")
MAX_DEPTH = 8
"""Routers within routers: one that holds itself ends here."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What one file serves. `owner` is the dotted name of the application or router of each operation."""

    operations: tuple[tuple[str, Operation], ...]
    mounts: tuple[tuple[str, str, str], ...]
    """Owner, prefix, and the dotted name of the router that it mounts."""


def served(module: Module) -> Served:
    """Return the operations of a file by decorator or registration, and what it mounts where."""
    found = [*_decorated(module), *_registered(module)]
    mounts = []
    for call in module.calls.of(MOUNTING):
        inner = argument(call, 0, "router", "blueprint", "app")
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if inner is not None and owner is not None and module.resolve(inner):
            prefix = module.text(argument(call, None, "prefix", "url_prefix")) or ""
            mounts.append((_dotted(module, owner), prefix, _dotted(module, inner)))
    return Served(operations=tuple(found), mounts=tuple(mounts))


def operations(files: Iterable[Served]) -> tuple[Operation, ...]:
    """Return all operations with the prefixes of what mounts their routers."""
    listed = tuple(files)
    mounts = [mount for each in listed for mount in each.mounts]
    found = {
        Operation(method=operation.method, path=_path(prefix + operation.path), place=operation.place)
        for each in listed
        for owner, operation in each.operations
        for prefix in _prefixes(owner, mounts, 0)
    }
    return tuple(sorted(found))


def of_document(document: Mapping[str, object], place: Place) -> tuple[Operation, ...]:
    """Return the operations of an OpenAPI document."""
    paths = document.get("paths")
    return tuple(
        sorted(
            Operation(method=method.upper(), path=_path(str(path)), place=place)
            for path, methods in (paths.items() if isinstance(paths, dict) else ())
            if isinstance(methods, dict)
            for method in methods
            if str(method).lower() in data.VERBS
        )
    )


def matches(template: str, path: str) -> bool:
    """Tell whether a path, with or without values in it, is one of a template's."""
    parts = re.split(r"(\{\w+\*?\})", template.rstrip("/") or "/")
    pattern = "".join(
        re.escape(part) if not part.startswith("{") else (".+" if part.endswith("*}") else "[^/]+") for part in parts
    )
    return re.fullmatch(pattern, path.partition("?")[0].rstrip("/") or "/") is not None


def _decorated(module: Module) -> Iterator[tuple[str, Operation]]:
    for function in (node for kind in FUNCTIONS for node in module.nodes(kind)):
        for decorator in function.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            path = module.text(argument(decorator, 0, "path", "rule"))
            methods = _methods(module, decorator, decorator.func.attr)
            if path is not None and (path.startswith("/") or not path):
                owner = decorator.func.value
                yield from _each(module, owner, methods, _own_prefix(module, owner) + path, decorator.lineno)


def _registered(module: Module) -> Iterator[tuple[str, Operation]]:
    for call in module.calls.where(_registers):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        position = 1 if name == "add_route" and len(call.args) == 3 else 0
        path = module.text(argument(call, position, "path", "rule"))
        if path is None or not path.startswith("/"):
            continue
        verb = name.removeprefix("add_")
        methods = _methods(module, call, verb if verb in data.VERBS else "route")
        owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        yield from _each(module, owner, methods, _own_prefix(module, owner) + path, call.lineno)


def _registers(name: str) -> bool:
    return name in REGISTERING or (name.startswith("add_") and name.removeprefix("add_") in data.VERBS)


def _each(
    module: Module, owner: ast.expr, methods: Sequence[str], path: str, line: int
) -> Iterator[tuple[str, Operation]]:
    for method in methods:
        place = Place(path=module.path, line=line)
        yield _dotted(module, owner), Operation(method=method, path=path, place=place)


def _methods(module: Module, call: ast.Call, verb: str) -> tuple[str, ...]:
    """Return the methods of a decorator or a registration, none where it is for something else."""
    if verb in data.VERBS:
        return (verb.upper(),)
    if verb not in {"route", "api_route"} or not (call.args or call.keywords):
        return ()
    given = argument(call, None, "methods")
    listed = module.value(given) if given is not None else None
    if isinstance(listed, ast.List | ast.Tuple | ast.Set):
        texts = [module.text(each) for each in listed.elts]
        return tuple(text.upper() for text in texts if text and text.lower() in data.VERBS)
    return ("GET",) if given is None else ()


def _own_prefix(module: Module, owner: ast.expr) -> str:
    made = module.value(owner)
    if not isinstance(made, ast.Call):
        return ""
    return module.text(argument(made, None, "prefix", "url_prefix")) or ""


def _dotted(module: Module, node: ast.expr) -> str:
    name = module.resolve(node)
    first = name.partition(".")[0]
    return name if first in module.imports.values() or name in module.imports.values() else f"{module.name}.{name}"


def _prefixes(owner: str, mounts: Sequence[tuple[str, str, str]], depth: int) -> Iterator[str]:
    """Yield what stands before the paths of a router: once for each place where it is mounted."""
    above = [(outer, prefix) for outer, prefix, inner in mounts if _same(owner, inner)]
    if not above or depth == MAX_DEPTH:
        yield ""
        return
    for outer, prefix in above:
        yield from (before + prefix for before in _prefixes(outer, mounts, depth + 1))


def _same(defined: str, named: str) -> bool:
    """Tell whether two dotted names may be one: a project is imported from one of its folders."""
    return defined == named or defined.endswith(f".{named}") or named.endswith(f".{defined}")


def _path(written: str) -> str:
    whole = WHOLE.sub(lambda match: f"{{{re.sub(r'[<>{}]|path|:', '', match[0]) or 'rest'}*}}", written)
    path = PARAMETER.sub(lambda match: f"{{{next(name for name in match.groups() if name)}}}", whole)
    return re.sub(r"//+", "/", path) or "/"
