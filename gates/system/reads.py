"""Finds the variables that the product reads: in the environment, through its own readers, as settings."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_failhard.rules.data.environment import HINTS
from pytest_failhard.rules.environment import lookup
from pytest_failhard.source.module import FunctionNode, Module, argument, last_part
from pytest_failhard.system.derive.facts import Place, Read

Type = Literal["str", "int", "float", "bool"]
TYPES: Mapping[str, Type] = {"int": "int", "float": "float", "strtobool": "bool"}
"""What converts a text; `bool` only asks whether there is one."""
ANNOTATIONS: Mapping[str, Type] = {"int": "int", "float": "float", "bool": "bool"}
NESTED = re.compile(r"(Settings|Config|Configuration|Model)$")
"""A field of such a class has fields of its own; no variable is read for it."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHOUTED = re.compile(r"[A-Z][A-Z0-9_]*")
MAPPINGS = frozenset({"environ", "env", "environment", "_environ", "_env", "_environment"})
"""What code calls a copy of the environment that it was handed."""
DEMANDING = re.compile(r"(?i)require|must|need|mandatory")
SETTINGS_BASE = "BaseSettings"
ROUNDS = 4
"""Through so many functions a name is handed on to the one that reads."""


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A call that hands a text, or a parameter of the function around it, to a function of a name.

    `position` counts from 0, -1 for a keyword, whose name is `keyword`. `parameter` names that of `within`,
    the function around it, empty where `text` is certain.
    """

    function: str
    position: int
    keyword: str
    text: str
    within: str
    parameter: str
    place: Place
    type: Type


@dataclass(frozen=True, kw_only=True)
class FileReads:
    """What one file reads. `readers` are its functions that read what a parameter names, with it."""

    reads: tuple[Read, ...]
    readers: tuple[tuple[str, str], ...]
    handed: tuple[Handed, ...]
    parameters: Mapping[str, tuple[str, ...]]
    """Function -> its parameters without `self`."""
    settings: tuple[Settings, ...]
    texts: frozenset[str]
    """All texts of the file that could be the name of a variable."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A class with fields, its bases, and the variables of its fields if it is one of settings."""

    name: str
    bases: tuple[str, ...]
    reads: tuple[Read, ...]


def in_file(module: Module) -> FileReads:
    """Return what a file reads by itself, and what it hands on."""
    hinted = any(hint in module.lower for hint in HINTS)
    direct = list(_direct(module)) if hinted else []
    return FileReads(
        reads=tuple(read for read in map(_read_of, direct) if read is not None),
        readers=tuple(_reader for each in direct if (_reader := _reader_of(module, each)) is not None),
        handed=tuple(_handed(module)),
        parameters={
            name: _parameters(function) for name, same in module.functions.items() for function in same[:1]
        },
        settings=tuple(_settings(module)),
        texts=frozenset(_texts(module)),
    )


def reads(files: Iterable[FileReads]) -> tuple[Read, ...]:
    """Return each variable that the files read, once, where it is read first."""
    listed = tuple(files)
    found: dict[str, Read] = {}
    every = [read for each in listed for read in each.reads]
    for read in sorted(
        [*every, *_through(listed), *_fields(listed)], key=lambda read: (read.name, read.place)
    ):
        known = found.get(read.name, read)
        found[read.name] = Read(
            name=read.name,
            place=known.place,
            type=known.type if known.type != "str" else read.type,
            required=known.required or read.required,
        )
    return tuple(found[name] for name in sorted(found))


@dataclass(frozen=True, kw_only=True)
class _Direct:
    """An expression that reads. `key` is what names the variable."""

    node: ast.expr
    key: ast.expr
    text: str | None
    required: bool
    place: Place
    type: Type


def _direct(module: Module) -> Iterator[_Direct]:
    nodes: list[ast.Subscript | ast.Call] = [*module.nodes(ast.Subscript), *module.nodes(ast.Call)]
    for node in nodes:
        key = _key(node)
        if key is None:
            continue
        read = lookup(module, node)
        text = module.text(key)
        shouted = text is None or SHOUTED.fullmatch(text) is not None
        if read is None and not (shouted and _asks_mapping(node)):
            continue
        yield _Direct(
            node=node,
            key=key,
            text=text,
            required=isinstance(node, ast.Subscript),
            place=Place(path=module.path, line=node.lineno),
            type=_type(module, node),
        )


def _key(node: ast.Subscript | ast.Call) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return node.slice if isinstance(node.ctx, ast.Load) else None
    return argument(node, 0, "key", "name", "var")


def _asks_mapping(node: ast.Subscript | ast.Call) -> bool:
    """Tell whether a mapping that is called like the environment is asked, whoever handed it over."""
    if isinstance(node, ast.Subscript):
        return last_part(node.value) in MAPPINGS
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "get"
        and last_part(function.value) in MAPPINGS
    )


def _read_of(direct: _Direct) -> Read | None:
    if direct.text is None or not VARIABLE.fullmatch(direct.text):
        return None
    return Read(name=direct.text, place=direct.place, type=direct.type, required=direct.required)


def _reader_of(module: Module, direct: _Direct) -> tuple[str, str] | None:
    function = module.function(direct.node)
    if function is None or not isinstance(direct.key, ast.Name) or direct.key.id not in _parameters(function):
        return None
    return function.name, direct.key.id


def _parameters(function: FunctionNode) -> tuple[str, ...]:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return tuple(each.arg for each in given if each.arg not in {"self", "cls"})


def _handed(module: Module) -> Iterator[Handed]:
    for call in module.nodes(ast.Call):
        name = last_part(call)
        given = [(position, "", value) for position, value in enumerate(call.args)]
        given += [(-1, each.arg, each.value) for each in call.keywords if each.arg]
        for position, keyword, value in given:
            handed = _text_or_parameter(module, value)
            if name and handed is not None:
                yield Handed(
                    function=name,
                    position=position,
                    keyword=keyword,
                    text=handed[0],
                    within=handed[1],
                    parameter=handed[2],
                    place=Place(path=module.path, line=call.lineno),
                    type=_type(module, call),
                )


def _text_or_parameter(module: Module, value: ast.expr) -> tuple[str, str, str] | None:
    if isinstance(value, ast.Constant):
        shouted = isinstance(value.value, str) and SHOUTED.fullmatch(value.value)
        return (str(value.value), "", "") if shouted else None
    if not isinstance(value, ast.Name):
        return None
    function = module.function(value)
    if function is not None and value.id in _parameters(function):
        return "", function.name, value.id
    text = module.text(value)
    return (text, "", "") if text is not None and SHOUTED.fullmatch(text) else None


def _through(files: tuple[FileReads, ...]) -> Iterator[Read]:
    """Yield what is read by handing a name to a function that reads, or that hands it on to one."""
    parameters: dict[str, tuple[str, ...]] = {}
    for each in files:
        parameters |= each.parameters
    handed = defaultdict(list)
    for each in files:
        for one in each.handed:
            handed[one.function].append(one)
    readers = {reader for each in files for reader in each.readers}
    new = set(readers)
    for _ in range(ROUNDS):
        asked = [
            one
            for name, parameter in sorted(new)
            for one in handed[name]
            if _fits(one, parameter, parameters)
        ]
        yield from (
            Read(name=one.text, place=one.place, type=one.type, required=bool(DEMANDING.search(one.function)))
            for one in asked
            if one.text
        )
        new = {(one.within, one.parameter) for one in asked if one.within} - readers
        readers |= new


def _fits(handed: Handed, parameter: str, parameters: Mapping[str, tuple[str, ...]]) -> bool:
    if handed.position < 0:
        return handed.keyword == parameter
    names = parameters.get(handed.function, ())
    return names[handed.position : handed.position + 1] == (parameter,)


def _fields(files: tuple[FileReads, ...]) -> Iterator[Read]:
    """Yield the fields of the classes that descend from pydantic's base of settings."""
    classes = [each for file in files for each in file.settings]
    known = {SETTINGS_BASE}
    for _ in range(ROUNDS):
        known |= {each.name for each in classes if known.intersection(each.bases)}
    yield from (read for each in classes if known.intersection(each.bases) for read in each.reads)


def _settings(module: Module) -> Iterator[Settings]:
    for owner in module.nodes(ast.ClassDef):
        bases = tuple(last_part(base) for base in owner.bases)
        if bases and any(isinstance(statement, ast.AnnAssign) for statement in owner.body):
            prefix = _prefix(module, owner)
            yield Settings(name=owner.name, bases=bases, reads=tuple(_field_reads(module, owner, prefix)))


def _prefix(module: Module, owner: ast.ClassDef) -> str:
    """Return what stands before the names of the fields: `env_prefix` of the class's configuration."""
    for node in ast.walk(owner):
        if isinstance(node, ast.keyword) and node.arg == "env_prefix":
            return module.text(node.value) or ""
        if isinstance(node, ast.Assign) and last_part(node.targets[0]) == "env_prefix":
            return module.text(node.value) or ""
    return ""


def _field_reads(module: Module, owner: ast.ClassDef, prefix: str) -> Iterator[Read]:
    for statement in owner.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        name = statement.target.id
        if name.startswith("_") or name == "model_config" or _is_no_variable(statement.annotation):
            continue
        made = statement.value if isinstance(statement.value, ast.Call) else None
        yield Read(
            name=_alias(module, made) or f"{prefix}{name}".upper(),
            place=Place(path=module.path, line=statement.lineno),
            type=_annotated(statement.annotation),
            required=statement.value is None or (made is not None and _is_required(made)),
        )


def _is_no_variable(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Subscript):
        return last_part(annotation.value) == "ClassVar"
    return NESTED.search(last_part(annotation)) is not None


def _alias(module: Module, made: ast.Call | None) -> str:
    if made is None:
        return ""
    given = argument(made, None, "validation_alias", "alias", "env")
    if isinstance(given, ast.Call) and given.args:
        given = given.args[0]
    return module.text(given) or ""


def _is_required(made: ast.Call) -> bool:
    if argument(made, None, "default_factory") is not None or last_part(made) != "Field":
        return False
    default = argument(made, 0, "default")
    return default is None or (isinstance(default, ast.Constant) and default.value is ...)


def _annotated(annotation: ast.expr) -> Type:
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    # A list of numbers is written as text.
    if isinstance(annotation, ast.Subscript) and last_part(annotation.value) != "Optional":
        return "str"
    return next((kind for name, kind in ANNOTATIONS.items() if name in names), "str")


def _type(module: Module, node: ast.expr) -> Type:
    """Return how what is read is converted: by the call around it, or by a comparison with a truth."""
    above = module.parent(node)
    if isinstance(above, ast.BoolOp):
        above = module.parent(above)
    if isinstance(above, ast.Call) and last_part(above) in TYPES and node in ast.walk(above):
        return TYPES[last_part(above)]
    if isinstance(above, ast.Attribute) and above.attr in {"lower", "casefold", "strip"}:
        called = module.parent(above)
        above = module.parent(called) if called is not None else None
    if isinstance(above, ast.Compare):
        texts = [module.text(each) for side in above.comparators for each in getattr(side, "elts", [side])]
        return "bool" if any(text in {"1", "true", "yes", "on"} for text in texts) else "str"
    return TYPES.get(last_part(node), "str")


def _texts(module: Module) -> Iterator[str]:
    for node in module.nodes(ast.Constant):
        if isinstance(node.value, str) and SHOUTED.fullmatch(node.value):
            yield node.value
    # The fields of settings and the keywords of a configuration are names, too.
    for annotated in module.nodes(ast.AnnAssign):
        yield last_part(annotated.target).upper()
