"""FH401: a call that waits on somebody else without a bound."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.rules.timeouts import is_awaited_with_bound, is_bounded, says_none
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, argument, last_part

FIX = {
    "http": "give the call timeout=",
    "llm-client": "give the client timeout= and max_retries=",
    "aiohttp": "give the session timeout=aiohttp.ClientTimeout(total=...)",
    "subprocess": "give the call timeout=",
    "socket": "give the connection timeout=",
}


class MissingTimeout(StaticRule):
    """A call of the network, a model or a process may wait for ever.

    Finds:
        Calls of requests, `urlopen`, clients of models, aiohttp sessions, sockets, mail and processes
        without a timeout; a timeout that is none: None, 0, infinity, more than an hour.
    Why:
        The other side does not answer, and nothing here ever fails: requests and processes wait without
        end, a client of OpenAI 10 minutes, three times.
    Subs:
        `http`: requests, `urlopen`, and a timeout of None on httpx, which has one of its own.
        `llm-client`: a client of a model, unless each call that uses it has a timeout. `aiohttp`: a session,
        where neither it nor the call has one. `subprocess`: run, call, check_call, check_output. `socket`:
        smtplib and `socket.create_connection`.
    Bad:
        from openai import OpenAI

        client = OpenAI()
    Good:
        from openai import OpenAI

        client = OpenAI(timeout=30, max_retries=1)
    Exempt:
        Arguments handed on with `**`; an `http_client=` that has a timeout, or that is not seen here; calls
        within `asyncio.wait_for` and `asyncio.timeout`; sockets where `setdefaulttimeout` is called.
    Evasions:
        `timeout=0`, `timeout=10**6`, `float("inf")`; the constructor under another name or in a factory;
        `functools.partial(requests.get)`.
    Measured:
        In sample, on projects that it was tuned on: of 78 judged findings 78 break the policy, 33
        of them do harm.
    """

    code = "FH401"
    name = "missing-timeout"
    gate = "fallbacks"
    family = "waiting"
    subs = ("http", "llm-client", "aiohttp", "subprocess", "socket")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each call without a bound."""
        if not module.mentions(data.PACKAGES):
            return
        for call in module.nodes(ast.Call):
            target = _target(module, call)
            kind = _kind(module, call, target) if target else ""
            if kind:
                yield self.hit(
                    module,
                    call,
                    f"{module.qualname(call) or 'the module'} calls {target} without a timeout",
                    FIX[kind],
                    sub=kind,
                )


def _target(module: Module, call: ast.Call) -> str:
    """Return the dotted name of what a call or a `partial` calls, a method under its client's class."""
    name = module.resolve(call.func)
    if name in data.PARTIALS and call.args:
        return module.resolve(call.args[0])
    if isinstance(call.func, ast.Attribute) and call.func.attr in data.CLIENT_METHODS:
        made = module.value(call.func.value)
        if isinstance(made, ast.Call):
            return f"{module.resolve(made.func)}.{call.func.attr}"
    return name


def _kind(module: Module, call: ast.Call, target: str) -> str:
    if target in data.REQUESTS or target.rpartition(".")[0] in data.REQUESTS_SESSIONS:
        return "" if is_bounded(module, call) else "http"
    if target in data.HTTPX or target.rpartition(".")[0] in data.HTTPX_CLIENTS:
        return "http" if says_none(module, call) else ""
    if target == data.URLOPEN:
        return "" if is_bounded(module, call, data.URLOPEN_POSITION) else "http"
    if target in data.SUBPROCESSES:
        return "" if is_bounded(module, call) else "subprocess"
    if target in data.SOCKETS:
        return "" if _has_socket_bound(module, call, target) else "socket"
    return _client(module, call, target)


def _has_socket_bound(module: Module, call: ast.Call, target: str) -> bool:
    return is_bounded(module, call, data.SOCKETS[target]) or any(
        module.resolve(each.func) == data.SOCKET_DEFAULT for each in module.nodes(ast.Call)
    )


def _client(module: Module, call: ast.Call, target: str) -> str:
    last = target.rpartition(".")[2]
    if target == data.AIOHTTP_SESSION:
        if is_bounded(module, call):
            return ""
        uses = list(_uses(module, call, data.AIOHTTP_CALLS))
        return "aiohttp" if not all(_is_bounded_use(module, each) for each in uses) else ""
    if last not in data.LLM_CLIENTS or not data.LLM_PACKAGE.search(target):
        return ""
    if is_bounded(module, call) or _has_bounded_transport(module, call):
        return ""
    uses = list(_uses(module, call, data.LLM_CALLS))
    return "" if uses and all(_is_bounded_use(module, each) for each in uses) else "llm-client"


def _is_bounded_use(module: Module, call: ast.Call) -> bool:
    return is_bounded(module, call) or is_awaited_with_bound(module, call)


def _has_bounded_transport(module: Module, call: ast.Call) -> bool:
    given = argument(call, None, *data.HTTP_CLIENTS)
    if given is None:
        return False
    made = module.value(given)
    return not isinstance(made, ast.Call) or is_bounded(module, made)


def _uses(module: Module, made: ast.Call, methods: frozenset[str]) -> Iterator[ast.Call]:
    """Yield the calls of what a constructor's result is bound to: an attribute's in the whole file."""
    target, within = _binding(module, made)
    if target is None:
        return
    name = last_part(target)
    for call in module.nodes(ast.Call):
        if last_part(call) not in methods or name not in _chain(call.func):
            continue
        if isinstance(target, ast.Attribute) or within in module.ancestors(call):
            yield call


def _binding(module: Module, made: ast.Call) -> tuple[ast.expr | None, ast.AST]:
    """Return the name or attribute that a new object is bound to, and where a plain name means it."""
    above = module.parent(made)
    while isinstance(above, ast.Await | ast.IfExp | ast.BoolOp):
        above = module.parent(above)
    within: ast.AST = module.function(made) or module.tree
    if isinstance(above, ast.withitem):
        return above.optional_vars, module.parent(above) or within
    if isinstance(above, ast.Assign):
        return above.targets[0], within
    if isinstance(above, ast.AnnAssign | ast.NamedExpr):
        return above.target, within
    return None, within


def _chain(node: ast.expr) -> Iterator[str]:
    """Yield the names before the last one: `self`, `client`, `chat` of `self.client.chat.create`."""
    while isinstance(node, ast.Attribute):
        node = node.value
        yield last_part(node)
