"""FH504: a connection whose other end is not verified."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.environment import lookup
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import FUNCTIONS, Module, argument, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

SWITCH, USED = "switch", "used"


class DisabledTlsVerification(StaticRule):
    """Whom a connection reaches is not verified.

    Finds:
        `verify=False` on requests, httpx, or a client of theirs; what comes to the same in ssl and aiohttp.
    Why:
        Anybody on the way can answer in the other side's name and read what is sent, keys included.
    Bad:
        import requests

        requests.get("https://bank.example", verify=False, timeout=5)
    Good:
        import requests

        requests.get("https://bank.example", verify="/etc/ssl/bank.pem", timeout=5)
    Exempt:
        A choice between this and a connection that is verified, unless it is off by default. A
        certificate of one's own is passed as `verify=PATH`.
    Evasions:
        `CERT_NONE`; `_create_unverified_context`; `check_hostname = False`; `ssl=False` (aiohttp);
        `session.verify = False`; `verify=settings.x` where x is False by default.
    Measured:
        In sample, on projects that it was tuned on: of 7 judged findings 7 break the policy, 5 of
        them do harm.
    """

    code = "FH504"
    name = "disabled-tls-verification"
    gate = "fallbacks"
    family = "exposure"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each switch that is off, and what `settle` needs of settings that are."""
        if any(hint in module.data for hint in data.TLS_HINTS):
            for call in module.nodes(ast.Call):
                if call.keywords:
                    yield from self._call(module, call)
            for node in (*_contexts(module), *_attributes(module)):
                yield from self._context(module, node)
        for name, node in _off(module):
            yield self.hit(module, node, "", "", details={SWITCH: name})

    def _told(self, module: Module, node: ast.AST, details: Mapping[str, str] | None = None) -> Hit:
        return self.hit(
            module,
            node,
            f"{module.qualname(node) or 'the module'} does not verify whom it is connected to",
            "verify it; pass the file of a certificate of your own",
            details=details,
        )

    def _call(self, module: Module, call: ast.Call) -> Iterator[Hit]:
        given = argument(call, None, "verify")
        if given is not None and _is_http(module, call):
            if _is_off(module, given):
                yield self._told(module, call)
            elif isinstance(given, ast.Attribute):
                yield self._told(module, call, {USED: given.attr})
        switch = argument(call, None, *data.AIOHTTP_SWITCHES)
        if (
            switch is not None
            and last_part(call) in data.AIOHTTP_METHODS
            and literal(module, switch) == "false"
        ):
            yield self._told(module, call)

    def _context(self, module: Module, node: ast.AST) -> Iterator[Hit]:
        test = _chooses(module, node)
        if test is None or _is_off_by_default(module, test):
            yield self._told(module, node)
        elif isinstance(test, ast.Attribute):
            yield self._told(module, node, {USED: test.attr})

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the switches that are off, those of settings where the project's default is off."""
        del index, options
        off = {hit.details[SWITCH] for hit in hits if SWITCH in hit.details}
        for hit in hits:
            if SWITCH not in hit.details and hit.details.get(USED, "") in {"", *off}:
                yield hit


def _is_http(module: Module, call: ast.Call) -> bool:
    if last_part(call) not in data.HTTP_METHODS:
        return False
    if module.resolve(call.func).partition(".")[0] in data.HTTP_PACKAGES:
        return True
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is None:
        return False
    made = module.value(owner)
    if isinstance(made, ast.Call):
        return module.resolve(made.func).partition(".")[0] in data.HTTP_PACKAGES
    return data.SESSION_NAME.search(last_part(owner)) is not None


def _is_off(module: Module, given: ast.expr) -> bool:
    read = lookup(module, module.value(given))
    if read is not None:
        return read.default is not None and literal(module, read.default) in {"false", "empty"}
    return literal(module, given) == "false"


def _contexts(module: Module) -> Iterator[ast.AST]:
    for attribute in module.attributes.of(data.UNVERIFIED):
        if _is_given(module, attribute):
            yield attribute
    taken = [name for name, dotted in module.imports.items() if dotted in data.UNVERIFIED_NAMES]
    for name in module.names.of(taken) if taken else ():
        if _is_given(module, name):
            yield name


def _chooses(module: Module, node: ast.AST) -> ast.expr | None:
    """Return what decides between a switch that is off and one that is on; None where nothing does."""
    for above in module.ancestors(node):
        if isinstance(above, FUNCTIONS):
            return None
        if isinstance(above, ast.IfExp | ast.If | ast.Dict) and _has_verified(above):
            return above if isinstance(above, ast.Dict) else above.test
    return None


def _has_verified(choice: ast.AST) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == data.VERIFIED for each in ast.walk(choice))


def _is_off_by_default(module: Module, test: ast.expr) -> bool:
    """Tell whether a test is a parameter that is false where nobody gives it, or no test at all."""
    function = module.function(test)
    if not isinstance(test, ast.Name) or not isinstance(function, FUNCTIONS):
        return isinstance(test, ast.Constant)
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [
        *zip(reversed(positional), reversed(given.defaults), strict=False),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    return any(each.arg == test.id and default and _is_off(module, default) for each, default in pairs)


def _is_given(module: Module, node: ast.Name | ast.Attribute) -> bool:
    """Tell whether a name is read as a value, not set and not compared with one."""
    return isinstance(node.ctx, ast.Load) and not isinstance(module.parent(node), ast.Compare)


def _attributes(module: Module) -> Iterator[ast.AST]:
    for assign in module.nodes(ast.Assign):
        target = assign.targets[0]
        if not isinstance(target, ast.Attribute) or literal(module, assign.value) != "false":
            continue
        is_session = data.SESSION_NAME.search(last_part(target.value)) is not None
        if target.attr in data.CHECKED_ATTRIBUTES or (target.attr == data.VERIFYING_ATTRIBUTE and is_session):
            yield assign


def _off(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the fields of classes that are False by default and speak of verification."""
    for annotated in module.annotated.where(data.SWITCH_NAME.search):
        if annotated.value is not None and _is_false(module, annotated.value):
            yield last_part(annotated.target), annotated
    for assign in module.assigned.where(data.SWITCH_NAME.search):
        if _is_false(module, assign.value):
            yield last_part(assign.targets[0]), assign


def _is_false(module: Module, value: ast.expr) -> bool:
    default = argument(value, 0, "default") if isinstance(value, ast.Call) else value
    return default is not None and _is_off(module, default)
