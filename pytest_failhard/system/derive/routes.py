"""Reads in the product's code, or in an OpenAPI document, which operations the system serves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_failhard.source.module import Module, argument, last_part
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.facts import Operation, Place

REGISTERING = frozenset({"add_url_rule", "add_api_route", "add_route", "Route", "APIRoute"})
MOUNTING = frozenset({"include_router", "register_blueprint", "mount", "add_routes"})
ROUTERS = frozenset({"APIRouter", "Blueprint"})
PARAMETER = re.compile(r"<(?:[^<>:]*:)?(\w+)>|\{(\w+)(?::[^{}]*)?\}|(?<=/):(\w+)")
WHOLE = re.compile(r"<path:(\w+)>|\{(\w+):path\}")
MAX_DEPTH = 8
"""Routers within routers: one that holds itself ends here."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What one file serves."""

    operations: tuple[Registered, ...]
    mounts: tuple[Mount, ...]
    constants: tuple[tuple[str, str], ...]
    """Names of classes and the module that are bound to the beginning of a path, with it."""
    exports: tuple[tuple[str, str], ...]
    """What a package hands on: its dotted name there, and where it is from."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """An operation, and the dotted name of the application or router that has it.

    What a router has is served where the router is mounted, and nowhere else.
    """

    owner: str
    is_router: bool
    operation: Operation


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A router, by its dotted name, that an application or another router serves below a prefix.

    What stands before `prefix` and is no certain text is known by the last name of what holds it.
    """

    owner: str
    router: str
    prefix: str
    constant: str


def served(module: Module) -> Served:
    """Return the operations of a file by decorator or registration, and what it mounts where."""
    return Served(
        operations=(*_decorated(module), *_registered(module)),
        mounts=tuple(_mounts(module)),
        constants=tuple(_constants(module)),
        exports=tuple(_exports(module)),
    )


def operations(files: Iterable[Served]) -> tuple[Operation, ...]:
    """Return all operations with the prefixes of what mounts their routers, each once."""
    listed = tuple(files)
    constants = dict(pair for each in listed for pair in each.constants)
    exports = dict(pair for each in listed for pair in each.exports)
    mounts = [
        replace(
            mount,
            prefix=constants.get(mount.constant, "") + mount.prefix,
            router=_original(mount.router, exports),
        )
        for each in listed
        for mount in each.mounts
    ]
    found: dict[tuple[str, str], Operation] = {}
    for registered in (one for each in listed for one in each.operations):
        for prefix in _prefixes(registered.owner, mounts, is_router=registered.is_router):
            operation = registered.operation
            path = templated(prefix + operation.path)
            known = found.get((operation.method, path), replace(operation, path=path))
            found[operation.method, path] = min(known, replace(operation, path=path))
    return tuple(sorted(found.values()))


def of_document(document: Mapping[str, object], place: Place) -> tuple[Operation, ...]:
    """Return the operations of an OpenAPI document."""
    paths = document.get("paths")
    return tuple(
        sorted(
            Operation(method=method.upper(), path=templated(str(path)), place=place)
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
        re.escape(part) if not part.startswith("{") else (".+" if part.endswith("*}") else "[^/]+")
        for part in parts
    )
    return re.fullmatch(pattern, path.partition("?")[0].rstrip("/") or "/") is not None


def _mounts(module: Module) -> Iterator[Mount]:
    for call in module.calls.of(MOUNTING):
        inner = argument(call, 0, "router", "blueprint", "app")
        if inner is None or not isinstance(call.func, ast.Attribute) or not module.resolve(inner):
            continue
        constant, prefix = _prefix(module, argument(call, None, "prefix", "url_prefix"))
        yield Mount(
            owner=_dotted(module, call.func.value),
            router=_dotted(module, inner),
            prefix=prefix,
            constant=constant,
        )


def _prefix(module: Module, given: ast.expr | None) -> tuple[str, str]:
    """Return the name of what a prefix begins with, empty for none, and the certain text behind it."""
    match given:
        case ast.JoinedStr(values=[ast.FormattedValue(value=first), *rest]):
            return last_part(first), "".join(module.text(part) or "" for part in rest)
        case ast.expr():
            text = module.text(given)
            return (last_part(given), "") if text is None else ("", text)
    return "", ""


def _exports(module: Module) -> Iterator[tuple[str, str]]:
    if module.path.endswith("__init__.py"):
        yield from ((f"{module.name}.{name}", dotted) for name, dotted in module.imports.items())


def _original(named: str, exports: Mapping[str, str]) -> str:
    """Return where a router is from that packages hand on."""
    for _ in range(MAX_DEPTH):
        place = next((place for place in exports if _same(place, named)), None)
        if place is None or exports[place] == named:
            break
        named = exports[place]
    return named


def _constants(module: Module) -> Iterator[tuple[str, str]]:
    for node in module.nodes(ast.Assign, ast.AnnAssign):
        match node:
            case ast.Assign(targets=[target, *_], value=ast.Constant(value=str(text))):
                pass
            case ast.AnnAssign(target=target, value=ast.Constant(value=str(text))):
                pass
            case _:
                continue
        if text.startswith("/") and last_part(target):
            yield last_part(target), text


def _decorated(module: Module) -> Iterator[Registered]:
    for function in (function for same in module.functions.values() for function in same):
        for decorator in function.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            path = module.text(argument(decorator, 0, "path", "rule"))
            methods = _methods(module, decorator, decorator.func.attr)
            if path is not None and (path.startswith("/") or not path):
                owner = decorator.func.value
                yield from _each(module, owner, methods, _own_prefix(module, owner) + path, decorator.lineno)


def _registered(module: Module) -> Iterator[Registered]:
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
) -> Iterator[Registered]:
    made = module.value(owner)
    for method in methods:
        yield Registered(
            owner=_dotted(module, owner),
            is_router=isinstance(made, ast.Call) and last_part(made) in ROUTERS,
            operation=Operation(method=method, path=path, place=Place(path=module.path, line=line)),
        )


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
    first: ast.AST = node
    while isinstance(first, ast.Attribute):
        first = first.value
    name = module.resolve(node)
    return name if isinstance(first, ast.Name) and first.id in module.imports else f"{module.name}.{name}"


def _prefixes(owner: str, mounts: Sequence[Mount], *, is_router: bool, depth: int = 0) -> Iterator[str]:
    """Yield what stands before the paths of an owner: for a router, once for each place of it."""
    above = [mount for mount in mounts if _same(owner, mount.router)] if depth < MAX_DEPTH else []
    if not above and not is_router:
        yield ""
    for mount in above:
        outer = _prefixes(mount.owner, mounts, is_router=False, depth=depth + 1)
        yield from (before + mount.prefix for before in outer)


def _same(defined: str, named: str) -> bool:
    """Tell whether two dotted names may be one: a project is imported from one of its folders."""
    return defined == named or defined.endswith(f".{named}") or named.endswith(f".{defined}")


def templated(written: str) -> str:
    """Return a path with each parameter in braces, however a framework writes it; `{x*}` takes slashes."""
    whole = WHOLE.sub(lambda match: f"{{{match[1] or match[2]}*}}", written)
    path = PARAMETER.sub(lambda match: f"{{{next(name for name in match.groups() if name)}}}", whole)
    return re.sub(r"//+", "/", path) or "/"
