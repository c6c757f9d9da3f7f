"""FH503: a server that answers scripts of every origin."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.environment import lookup
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import HOPS, Module, argument, last_part

Found = tuple[ast.AST, str]


class OpenCors(StaticRule):
    """A server answers scripts of every origin.

    Finds:
        `allow_origins` with `*`; `CORS(app)` without origins or resources.
    Why:
        Any page that a user visits can call the interface, with credentials even in the user's name.
    Subs:
        `credentials`: cookies and logins are allowed as well, or `CORS(app)` has no limit at all. `star`:
        every origin without them.
    Bad:
        from fastapi.middleware.cors import CORSMiddleware

        def open_up(app):
            app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
    Good:
        from fastapi.middleware.cors import CORSMiddleware

        def open_up(app):
            app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
    Exempt:
        Nothing: a public interface is waived.
    Evasions:
        `allow_origin_regex=".*"`; origins from the environment with `*` by default; a setting of that name
        with `*`; a header `Access-Control-Allow-Origin: *` written by hand.
    Measured:
        In sample, on projects that it was tuned on: of 17 judged findings 17 break the policy, 11
        of them do harm.
    """

    code = "FH503"
    name = "open-cors"
    gate = "fallbacks"
    family = "exposure"
    subs = ("credentials", "star")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each place that lets every origin in."""
        for node, sub in (*_calls(module), *_headers(module), *_settings(module)):
            where = module.qualname(node) or "the module"
            with_what = " with credentials" if sub == "credentials" else ""
            yield self.hit(
                module,
                node,
                f"{where} lets scripts of every origin in{with_what}",
                "name the origins",
                sub=sub,
            )


def _calls(module: Module) -> Iterator[Found]:
    named = map(module.parent, module.keywords.of((data.ORIGIN_REGEX, *data.ORIGINS, "resources")))
    for call in dict.fromkeys((*named, *module.calls.of(("CORS",)))):
        if not isinstance(call, ast.Call):
            continue
        if _is_open(module, call):
            yield call, "credentials" if _has_credentials(module, call) else "star"
        elif (
            last_part(call) == "CORS"
            and module.resolve(call.func) == data.FLASK_CORS
            and not _is_limited(call)
        ):
            yield call, "credentials"


def _is_limited(call: ast.Call) -> bool:
    return any(each.arg is None or each.arg in data.FLASK_LIMITS for each in call.keywords)


def _has_credentials(module: Module, call: ast.Call) -> bool:
    return any(
        each.arg in data.CREDENTIALS and literal(module, each.value) == "true" for each in call.keywords
    )


def _is_open(module: Module, call: ast.Call) -> bool:
    for keyword in call.keywords:
        if keyword.arg == data.ORIGIN_REGEX and module.text(keyword.value) in data.EVERY_ORIGIN:
            return True
        if keyword.arg in data.ORIGINS and _is_cors(call, keyword.arg) and _holds_star(module, keyword.value):
            return True
        if (
            keyword.arg == "resources"
            and last_part(call) == "CORS"
            and _has_open_resource(module, keyword.value)
        ):
            return True
    return False


def _is_cors(call: ast.Call, name: str) -> bool:
    return name == data.CORS_CALLS_ANYWHERE or last_part(call) in data.CORS_CALLS


def _has_open_resource(module: Module, resources: ast.expr) -> bool:
    return any(
        isinstance(key, ast.Constant) and key.value == "origins" and _holds_star(module, value)
        for display in ast.walk(module.value(resources))
        if isinstance(display, ast.Dict)
        for key, value in zip(display.keys, display.values, strict=True)
    )


def _holds_star(module: Module, value: ast.expr, hops: int = HOPS) -> bool:
    """Tell whether origins hold `*`, also where the environment does not say which."""
    value = module.value(value)
    parts = _parts(module, value) if hops else []
    return any(_holds_star(module, each, hops - 1) for each in parts) or (
        not parts and module.text(value) == "*"
    )


def _parts(module: Module, value: ast.expr) -> list[ast.expr]:
    """Return the values that origins are made of, or one of which they are."""
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return value.elts
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    if isinstance(value, ast.BoolOp):
        return value.values[-1:]
    return _made(module, value) if isinstance(value, ast.Call) else []


def _made(module: Module, call: ast.Call) -> list[ast.expr]:
    read = lookup(module, call)
    if read is not None:
        return [] if read.default is None else [read.default]
    if isinstance(call.func, ast.Attribute) and call.func.attr in data.TEXT_METHODS:
        return [call.func.value]
    default = argument(call, None, *data.DEFAULTS)
    if default is None:
        return []
    return [default.body if isinstance(default, ast.Lambda) else default]


def _headers(module: Module) -> Iterator[Found]:
    if data.ORIGIN_HEADER.encode() not in module.data.lower():
        return
    found: list[tuple[ast.AST, ast.expr, ast.expr]] = [
        (assign, target.slice, assign.value)
        for assign in module.nodes(ast.Assign)
        for target in assign.targets
        if isinstance(target, ast.Subscript)
    ]
    found += [
        (key, key, value)
        for display in module.nodes(ast.Dict)
        for key, value in zip(display.keys, display.values, strict=True)
        if key is not None
    ]
    found += [
        (call, call.args[0], call.args[1])
        for call in module.calls.of(data.HEADER_METHODS)
        if len(call.args) > 1
    ]
    for node, name, value in found:
        if _is_header(module, name, value):
            yield node, "star"


def _is_header(module: Module, name: ast.expr, value: ast.expr) -> bool:
    text = module.text(name)
    return text is not None and text.lower() == data.ORIGIN_HEADER and module.text(value) == "*"


def _settings(module: Module) -> Iterator[Found]:
    """Yield the fields and constants of settings that let every origin in by default."""
    for annotated in module.annotated.where(data.ORIGIN_SETTING.search):
        if annotated.value is not None and _holds_star(module, annotated.value):
            yield annotated, "star"
    for assign in module.assigned.where(data.ORIGIN_SETTING.search):
        if _holds_star(module, assign.value) and not module.function(assign):
            yield assign, "star"
