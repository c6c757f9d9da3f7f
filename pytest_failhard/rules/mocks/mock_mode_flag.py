"""FH203: a switch that makes the product answer from a double."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.kept import KEPT_NAMES
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FunctionNode, Module, argument, last_part


class MockModeFlag(StaticRule):
    """A switch makes the product answer from a double.

    Finds:
        A variable, attribute or parameter that is true or false and named like a mock mode (`use_mock`,
        `demo_mode`, `fallback_mode`, ...); a setting, environment key or feature flag so named; a mode that
        is compared with "mock" or "demo"; a command-line option `--mock`, `--demo` or `--offline`.
    Why:
        One wrong environment variable and production answers from samples, with status 200.
    Bad:
        import os

        USE_MOCK = os.getenv("USE_MOCK_LLM", "true") == "true"
    Good:
        import os

        MODEL = os.environ["LLM_MODEL"]
    Exempt:
        Texts, enum values and objects under such a name; `mock_responses`; `dry_run`; a flag that is
        only passed on to where it has the same name; `use_fallback = price is None`, a fact about one
        call.
    Evasions:
        `MODE = "mock"` compared later; `settings.env == "demo"`; an enum member `Mode.MOCK` that is
        compared or matched; options of the command line; `flags["use_mock"]`.
    Measured:
        Out of sample, as drawn: 4 of 9 break the policy, 1 does harm; 1 wrong one is exempt since.
    """

    code = "FH203"
    name = "mock-mode-flag"
    gate = "fallbacks"
    family = "mocks"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return one hit for each switch: for a statement, a parameter or a comparison."""
        lower = module.data.lower()
        if not any(word in lower for word in data.FLAG_WORDS):
            return
        seen: set[ast.AST] = set()
        for node, name in _switches(module):
            place = _statement(node, module)
            if place not in seen:
                seen.add(place)
                where = module.qualname(node)
                yield self.hit(
                    module,
                    place,
                    f"{where or module.name} can be switched to made-up answers by {name}",
                    "remove the switch: tests inject the double, the product has only the real thing",
                    line=getattr(node, "lineno", 0),
                )


def _switches(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the places where a mock mode is declared or asked for, with its name."""
    yield from _assigned(module)
    yield from _parameters(module.nodes(ast.FunctionDef))
    yield from _parameters(module.nodes(ast.AsyncFunctionDef))
    yield from _keys(module)
    yield from _compared(module)


def _assigned(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in module.nodes(ast.Assign):
        for target in node.targets:
            name = _name(target, module)
            if _is_worked_out(target, node, module):
                continue
            if (_is_flag(name) and _is_switch(node.value, module, name)) or _is_mode_set(name, node, module):
                yield node, name
    for noted in module.nodes(ast.AnnAssign):
        name = _name(noted.target, module)
        is_bool = last_part(noted.annotation) == "bool"
        if _is_flag(name) and (is_bool or (noted.value and _is_switch(noted.value, module, name))):
            yield noted, name


def _is_worked_out(target: ast.expr, node: ast.Assign, module: Module) -> bool:
    """Tell whether a variable of a function says of the data of one call that another way is needed."""
    if not isinstance(target, ast.Name) or module.function(node) is None:
        return False
    is_asked = any(isinstance(each, ast.Call | ast.Subscript) for each in ast.walk(node.value))
    is_compared = isinstance(node.value, ast.Compare | ast.BoolOp) and not is_asked
    return is_compared and data.LESSER_WAY in target.id.lower()


def _name(target: ast.expr, module: Module) -> str:
    if isinstance(target, ast.Subscript):
        return module.text(target.slice) or ""
    return last_part(target)


@functools.lru_cache(maxsize=KEPT_NAMES)
def _is_flag(name: str) -> bool:
    return data.MOCK_FLAG.match(name) is not None and name.lower() not in data.NO_FLAGS


def _is_decision(name: str) -> bool:
    """Tell whether a key decides by its name; `fallback_mode` in an answer only says who answered."""
    return _is_flag(name) and name.lower().startswith(data.SWITCH_PREFIXES)


def _is_mode_set(name: str, node: ast.Assign, module: Module) -> bool:
    is_true = isinstance(node.value, ast.Constant) and node.value.value is True
    return is_true and data.MODE_SET.match(name) is not None and module.function(node) is not None


def _is_switch(value: ast.expr, module: Module, name: str) -> bool:
    """Tell whether a value decides: true, false, a comparison, a look-up; not one that is passed on."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, bool) or str(value.value).lower() in data.TRUE_TEXTS
    if isinstance(value, ast.Name | ast.Attribute):
        return not _is_flag(last_part(value)) and name.lower().startswith(data.SWITCH_PREFIXES)
    if isinstance(value, ast.BoolOp):
        return any(_is_switch(each, module, name) for each in value.values)
    if isinstance(value, ast.IfExp):
        return _is_switch(value.body, module, name) or _is_switch(value.orelse, module, name)
    if isinstance(value, ast.Call):
        return last_part(value) in data.SWITCH_CALLS
    return isinstance(value, ast.Compare) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    )


def _parameters(functions: Iterable[FunctionNode]) -> Iterator[tuple[ast.AST, str]]:
    for function in functions:
        given = function.args
        plain = [*given.posonlyargs, *given.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = [
            *zip(reversed(plain), reversed(given.defaults), strict=False),
            *zip(given.kwonlyargs, given.kw_defaults, strict=True),
        ]
        defaults = {argument: default for argument, default in pairs if default is not None}
        for each in (*plain, *given.kwonlyargs):
            if _is_flag(each.arg) and (_is_bool(defaults.get(each)) or _is_bool_note(each.annotation)):
                yield each, each.arg


def _is_bool(default: ast.expr | None) -> bool:
    if isinstance(default, ast.Call):
        return any(_is_bool(each) for each in (*default.args, *(one.value for one in default.keywords)))
    return isinstance(default, ast.Constant) and isinstance(default.value, bool)


def _is_bool_note(annotation: ast.expr | None) -> bool:
    return annotation is not None and last_part(annotation) == "bool"


def _keys(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield look-ups of a setting or feature flag that is named like a mode, and options of commands."""
    for call in module.calls.of(data.OPTION_CALLS | data.SWITCH_CALLS):
        if call.args:
            yield from _asked(call, module)
    for item in module.nodes(ast.Subscript):
        key = item.slice.value if isinstance(item.slice, ast.Constant) else None
        if isinstance(item.ctx, ast.Load) and _is_flag(str(key)):
            yield item, str(key)
    for table in module.nodes(ast.Dict):
        pairs = zip(table.keys, table.values, strict=True)
        named = [at for at, value in pairs if isinstance(at, ast.Constant) and _is_bool(value)]
        yield from ((at, str(at.value)) for at in named if _is_decision(str(at.value)))


def _asked(call: ast.Call, module: Module) -> Iterator[tuple[ast.AST, str]]:
    name = last_part(call)
    if name in data.OPTION_CALLS:
        given = [each.value for each in call.args if isinstance(each, ast.Constant)]
        yield from ((call, each) for each in given if isinstance(each, str) and data.MODE_OPTIONS.match(each))
    else:
        key = module.text(argument(call, 0)) or ""
        if _is_flag(key):
            yield call, key


def _compared(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the comparisons of a mode, an environment or a provider with a double."""
    for node in module.nodes(ast.Compare):
        sides = [node.left, *node.comparators]
        for side in sides:
            others = [each for each in sides if each is not side]
            if _is_mode_value(side) and any(_is_subject(each, module) for each in others):
                yield node, _shown(side)
    for pattern in module.nodes(ast.MatchValue):
        matched = next((each for each in module.ancestors(pattern) if isinstance(each, ast.Match)), None)
        if matched and _is_mode_value(pattern.value) and _is_subject(matched.subject, module):
            yield pattern, _shown(pattern.value)


def _is_mode_value(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.lower() in data.MODE_TEXTS
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(_is_mode_value, node.elts))
    return isinstance(node, ast.Attribute) and node.attr.isupper() and node.attr.lower() in data.MODE_TEXTS


def _is_subject(node: ast.expr, module: Module) -> bool:
    """Tell whether an expression says in which mode the system runs, `.lower()` of it included."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not node.args:
            return _is_subject(node.func.value, module)
        keys = [module.text(each) or "" for each in node.args[:1]]
        return last_part(node) in data.SWITCH_CALLS and any(map(data.MODE_SUBJECT.search, keys))
    if isinstance(node, ast.Subscript):
        return data.MODE_SUBJECT.search(module.text(node.slice) or "") is not None
    return data.MODE_SUBJECT.search(last_part(node)) is not None


def _shown(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return repr(node.value)
    return last_part(node) or "its mode"


def _statement(node: ast.AST, module: Module) -> ast.AST:
    """Return what one hit stands for: the simple statement around a node, else the node."""
    around = next((each for each in (node, *module.ancestors(node)) if isinstance(each, ast.stmt)), node)
    return around if isinstance(around, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr) else node
