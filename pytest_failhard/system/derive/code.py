"""Reads in the product's code what it serves with, what it talks to, and where its applications are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.source.module import Module, last_part
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.facts import Imported, Place

APPLICATIONS = {"Flask": "wsgi", "FastAPI": "asgi", "Starlette": "asgi", "Quart": "asgi", "Litestar": "asgi"}
"""Class of an application -> what a server speaks with it."""
FACTORIES = frozenset({"create_app", "make_app", "build_app", "get_app"})
RUNNING = frozenset({"run", "run_app", "serve", "serve_forever", "quickstart", "execute_from_command_line"})


@dataclass(frozen=True, kw_only=True, order=True)
class Application:
    """An application that a module holds under a name: `module:name` for a server."""

    module: str
    name: str
    speaks: str
    place: Place


def servers(module: Module) -> Iterator[Imported]:
    """Yield what a file serves with: an import, and the call of what makes it a server."""
    for package, line in _imports(module):
        known = next((name for name in data.SERVERS if _is_below(package, name)), None)
        if known is not None and data.SERVERS[known][1] is data.ANY:
            yield Imported(
                package=known, means=data.SERVERS[known][0], place=Place(path=module.path, line=line)
            )
    for call in module.calls.where(_makes_server):
        dotted = module.resolve(call.func)
        for name, (kind, calls) in data.SERVERS.items():
            if _is_below(dotted, name) and dotted.rpartition(".")[2] in calls:
                yield Imported(package=name, means=kind, place=Place(path=module.path, line=call.lineno))


def clients(module: Module) -> Iterator[Imported]:
    """Yield the client libraries that a file imports; `means` is the dependency."""
    for package, line in _imports(module):
        known = next((name for name in data.CLIENTS if _is_below(package, name)), None)
        if known is not None:
            means = data.CLIENTS[known] or known
            yield Imported(package=known, means=means, place=Place(path=module.path, line=line))


def applications(module: Module) -> Iterator[Application]:
    """Yield the applications that stand at the top of a module."""
    for statement in module.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name() as target, *_], value=ast.Call() as value):
                pass
            case ast.AnnAssign(target=ast.Name() as target, value=ast.Call() as value):
                pass
            case _:
                continue
        speaks = APPLICATIONS.get(last_part(value)) or _factory(module, value)
        if speaks:
            yield Application(
                module=module.name,
                name=target.id,
                speaks=speaks,
                place=Place(path=module.path, line=statement.lineno),
            )


def runs_itself(module: Module) -> int:
    """Return the line on which a file starts a server when it is run as a program, 0 where it does not."""
    for call in module.calls.where(RUNNING.__contains__):
        if module.is_main(call):
            return call.lineno
    return 0


def _factory(module: Module, call: ast.Call) -> str:
    """Tell what is spoken by what a function of the module returns: `app = create_app()`."""
    if last_part(call) not in FACTORIES:
        return ""
    packages = {package.partition(".")[0] for package, _ in _imports(module)}
    return "wsgi" if "flask" in packages else "asgi"


def _makes_server(name: str) -> bool:
    return name in _MAKERS


_MAKERS = frozenset(name for _, calls in data.SERVERS.values() for name in calls)


def _imports(module: Module) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file imports by their dotted names, its own and type checkers' left out."""
    for node in module.nodes(ast.Import):
        if not module.is_type_checking(node):
            yield from ((alias.name, node.lineno) for alias in node.names)
    for taken in module.nodes(ast.ImportFrom):
        if not taken.level and taken.module and not module.is_type_checking(taken):
            yield taken.module, taken.lineno
            yield from ((f"{taken.module}.{alias.name}", taken.lineno) for alias in taken.names)


def _is_below(dotted: str, package: str) -> bool:
    return dotted == package or dotted.startswith(f"{package}.")
