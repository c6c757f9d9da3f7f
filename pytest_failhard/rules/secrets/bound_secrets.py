"""Finds the places where a text is bound to the name of a secret, each with what kind of place it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.environment import key_text
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.source.module import Module, last_part

FIELD, ATTRIBUTE, ITEM, PARAMETER, VARIABLE = "field", "attribute", "item", "parameter", "variable"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A value bound to a secret's name.

    `place`: `field` of settings, `attribute` of another class, `item` of a configuration, `parameter`,
    or `variable`, which is all else.
    """

    node: ast.AST
    name: str
    value: ast.expr
    place: str


def bound(module: Module) -> Iterator[Bound]:
    """Yield all bindings of secrets' names in a file."""
    yield from _statements(module)
    for display in module.nodes(ast.Dict):
        yield from _items(module, display)
    for call in module.calls.where(_takes):
        yield from _called(module, call)
    for arguments in module.nodes(ast.arguments):
        yield from _parameters(arguments)


def _statements(module: Module) -> Iterator[Bound]:
    for assign in module.nodes(ast.Assign):
        for target in assign.targets:
            yield from _assigned(module, assign, target, assign.value)
    for annotated in module.nodes(ast.AnnAssign):
        if annotated.value is not None:
            yield from _assigned(module, annotated, annotated.target, annotated.value)


def _assigned(module: Module, node: ast.stmt, target: ast.expr, value: ast.expr) -> Iterator[Bound]:
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for each, its in zip(target.elts, value.elts, strict=False):
            yield from _assigned(module, node, each, its)
        return
    name = _name(module, target)
    place = _place(module, node, target) if is_secret_name(name) else ""
    if place:
        yield Bound(node=node, name=name, value=value, place=place)


def _name(module: Module, target: ast.expr) -> str:
    if not isinstance(target, ast.Subscript):
        return last_part(target)
    named = isinstance(target.slice, ast.Constant | ast.Name | ast.JoinedStr)
    return key_text(module, target.slice) if named else ""


def _place(module: Module, node: ast.stmt, target: ast.expr) -> str:
    """Return the kind of place of a name or attribute; empty for the member of an enumeration."""
    if isinstance(target, ast.Attribute | ast.Subscript):
        return ITEM if _is_configuration(module, target.value) else VARIABLE
    owner = module.class_of(node)
    if owner is None:
        return VARIABLE
    bases = [last_part(base) for base in owner.bases]
    if any(data.ENUMERATIONS.search(base) for base in bases):
        return ""
    return FIELD if is_settings(owner) else ATTRIBUTE


def is_settings(owner: ast.ClassDef) -> bool:
    """Tell whether a class holds settings or data: by its name, its bases or its decorator."""
    names = [owner.name, *(last_part(base) for base in owner.bases)]
    return any(data.SETTINGS_CLASS.search(name) for name in names) or any(
        last_part(decorator) in data.DATA_DECORATORS for decorator in owner.decorator_list
    )


def _is_configuration(module: Module, node: ast.expr) -> bool:
    """Tell whether what holds an item is a configuration, by its own name or as the environment."""
    if isinstance(node, ast.Subscript):
        return _is_configuration(module, node.value) or bool(
            data.CONFIGURATION.search(key_text(module, node.slice))
        )
    return data.CONFIGURATION.search(last_part(node)) is not None


def _items(module: Module, display: ast.Dict) -> Iterator[Bound]:
    place = ""
    for key, value in zip(display.keys, display.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and is_secret_name(key.value):
            place = place or (ITEM if _holds_configuration(module, display) else VARIABLE)
            yield Bound(node=key, name=key.value, value=value, place=place)


def _holds_configuration(module: Module, node: ast.AST) -> bool:
    """Tell whether a mapping is bound to, or lies within, what is called a configuration."""
    above = next(
        each for each in module.ancestors(node) if isinstance(each, ast.stmt | ast.Lambda | ast.Call)
    )
    if isinstance(above, ast.Call):
        return _configures(above)
    targets = above.targets if isinstance(above, ast.Assign) else [getattr(above, "target", None)]
    return any(data.CONFIGURATION.search(last_part(each)) for each in targets if each is not None)


def _configures(call: ast.Call) -> bool:
    """Tell whether a call makes or fills a configuration: `Settings(...)`, `app.config.update(...)`."""
    if data.SETTINGS_CLASS.search(last_part(call)):
        return True
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner is not None and data.CONFIGURATION.search(last_part(owner)) is not None


def _takes(name: str) -> bool:
    """Tell whether a function of that name is handed values with their names."""
    return name == "setattr" or name in data.MAPPING_CALLS or data.SETTINGS_CLASS.search(name) is not None


def _called(module: Module, call: ast.Call) -> Iterator[Bound]:
    name = last_part(call)
    if name == "setattr":
        key = key_text(module, call.args[1]) if len(call.args) == data.SETATTR_ARGUMENTS else ""
        if is_secret_name(key):
            yield Bound(node=call, name=key, value=call.args[2], place=ITEM)
        return
    for keyword in call.keywords:
        if keyword.arg is not None and is_secret_name(keyword.arg):
            configures = _configures(call) or _holds_configuration(module, call)
            yield Bound(
                node=keyword, name=keyword.arg, value=keyword.value, place=ITEM if configures else VARIABLE
            )


def _parameters(arguments: ast.arguments) -> Iterator[Bound]:
    positional = [*arguments.posonlyargs, *arguments.args]
    given = zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    for parameter, default in (*given, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        if default is not None and is_secret_name(parameter.arg):
            yield Bound(node=parameter, name=parameter.arg, value=default, place=PARAMETER)
