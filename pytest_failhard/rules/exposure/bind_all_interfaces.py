"""FH502: a server that listens on every interface."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.environment import lookup
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, argument, last_part


class BindAllInterfaces(StaticRule):
    """A server listens on every interface of its machine.

    Finds:
        `host`, `server_name` and names that end so, equal to `0.0.0.0` or `::`: argument, variable, field,
        default of a parameter; an address that is bound.
    Why:
        Whoever reaches the machine reaches the server, also where nobody meant it to be public.
    Bad:
        import uvicorn

        uvicorn.run("app:app", host="0.0.0.0")
    Good:
        import uvicorn

        uvicorn.run("app:app", host="127.0.0.1")
    Exempt:
        A socket bound to port 0, or where nothing listens: that looks for a free port. The entry point of
        a container is waived.
    Evasions:
        `"::"`; an empty host where something listens; a host from the environment with such a default.
    Measured:
        In sample, on projects that it was tuned on: of 21 judged findings 21 break the policy, 1 of
        them do harm.
    """

    code = "FH502"
    name = "bind-all-interfaces"
    gate = "fallbacks"
    family = "exposure"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each host that is every interface."""
        for node, value in (*_arguments(module), *_names(module), *_parameters(module)):
            if _is_every(module, value):
                yield self._told(module, node)
        for call in module.calls.of(data.EMPTY_HOST_CALLS | data.BINDERS):
            if _listens(module, call):
                yield self._told(module, call)

    def _told(self, module: Module, node: ast.AST) -> Hit:
        where = module.qualname(node) or "the module"
        return self.hit(
            module,
            node,
            f"{where} listens on every interface",
            "listen on the interface that is meant, or let the configuration name it",
        )


def _arguments(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for keyword in module.keywords.where(data.HOSTS.search):
        yield keyword.value, keyword.value


def _names(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for assign in module.assigned.where(data.HOSTS.search):
        yield assign, assign.value
    for annotated in module.annotated.where(data.HOSTS.search):
        if annotated.value is not None:
            value = annotated.value
            default = argument(value, 0, "default") if isinstance(value, ast.Call) else None
            yield annotated, value if default is None or lookup(module, value) else default


def _parameters(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for arguments in module.nodes(ast.arguments):
        positional = [*arguments.posonlyargs, *arguments.args]
        last = positional[len(positional) - len(arguments.defaults) :]
        pairs = (
            *zip(last, arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        )
        for parameter, default in pairs:
            if default is not None and data.HOSTS.search(parameter.arg):
                yield parameter, default


def _is_every(module: Module, value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        # The name is reported where it is bound.
        return False
    read = lookup(module, value)
    text = module.text(read.default if read is not None else value)
    return text in data.ALL_INTERFACES


def _listens(module: Module, call: ast.Call) -> bool:
    name = last_part(call)
    if name in data.EMPTY_HOST_CALLS and module.text(argument(call, None, "host")) == "":
        return True
    if name not in data.BINDERS or not call.args or not _binds(module, call.args[0]):
        return False
    return name != data.BIND or any(hint in module.data for hint in data.LISTENING)


def _binds(module: Module, address: ast.expr) -> bool:
    address = module.value(address)
    if not isinstance(address, ast.Tuple) or len(address.elts) != data.ADDRESS_PARTS:
        return False
    host, port = module.text(address.elts[0]), module.value(address.elts[1])
    if isinstance(port, ast.Constant) and port.value == 0:
        # Whoever asks the system for any port that is free serves nobody.
        return False
    return host == "" or host in data.ALL_INTERFACES
