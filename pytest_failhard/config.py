"""Reads the project's side of the bargain, `pyproject.toml`, and lists every mistake at once."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)

from pytest_failhard.declared import DeclaredError, Metadata, metadata
from pytest_failhard.model import Option, PolicyOption, Rule, Settings
from pytest_failhard.strict import mistake, mistakes, suggestion
from pytest_failhard.strictness import SHAPES, fits, joined, weaker_value

if TYPE_CHECKING:
    from pathlib import Path

FILE = "pyproject.toml"
SECTION = f"{FILE}: [tool.failhard"
TESTS, ROOTS = "tests", "roots"
SYSTEM = "system"
LEVEL_NAMES = {1: "PoC", 2: "development", 3: "pre-production", 4: "production"}
CLAIM_LEVELS = {"gdpr": 4, "production": 4}
"""What a project may claim, and the level that the claim demands: `production` is where it is deployed."""

SettingsType = TypeVar("SettingsType", bound=Settings)
_ADAPTERS: dict[type[Settings], TypeAdapter[Settings]] = {}


class ConfigError(Exception):
    """The project's configuration cannot be used. `mistakes` holds all, each with place and remedy."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    """What the project says about itself: `[tool.failhard]`, and its name, version and dependencies."""

    level: int | None = None
    purpose: str | None = None
    requirements: tuple[str, ...] = ()
    """Paths or sentences."""
    expected_load: Mapping[str, int] = field(default_factory=dict)
    python: str | None = None
    source: tuple[str, ...] | None = None
    tests: tuple[str, ...] | None = None
    base: str | None = None
    claims: tuple[str, ...] = ()
    gates: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    """The tables of the gates as they stand, by gate id."""
    system: Mapping[str, object] | None = None
    """The table that declares the system, as it stands; several gates read it, none owns it."""
    name: str
    version: str = ""
    requires_python: tuple[int, int] | None = None
    """The lowest Python (major, minor) that the project supports."""
    adopted: bool = False
    """Whether there is a `[tool.failhard]` at all."""
    declared_distributions: frozenset[str] = frozenset()
    """Canonical names of all that is declared: dependencies, extras, groups, requirements files."""


def load(root: Path, gate_ids: Collection[str] | None = None) -> ProjectConfig:
    """Return the project's configuration; without a pyproject.toml an empty one.

    `gate_ids` are the gates that exist here: with them a table of an unknown gate is a mistake too.
    Raises ConfigError.
    """
    return parse(_bytes(root / FILE), root, gate_ids)


def parse(data: bytes, root: Path, gate_ids: Collection[str] | None = None) -> ProjectConfig:
    """Return the configuration in a version of the file, such as the merge base's."""
    document = _document(data)
    found: list[str] = []
    table = _section(document, found)
    system = _system(table, found)
    keys, gates = _parted(table, gate_ids, found)
    own = _own(keys, gate_ids or (), found)
    about = Metadata(name=root.resolve().name)
    try:
        about = metadata(root, document)
    except DeclaredError as error:
        found += error.mistakes
    if found or own is None:
        raise ConfigError(found)
    return ProjectConfig(
        level=own.level,
        purpose=own.purpose,
        requirements=own.requirements,
        expected_load=own.expected_load,
        python=own.python,
        source=None if own.source is None else tuple(own.source),
        tests=None if own.tests is None else tuple(own.tests),
        base=own.base,
        claims=tuple(own.claims),
        gates=gates,
        system=system,
        adopted=_adopted(document),
        name=about.name,
        version=about.version,
        requires_python=about.requires_python,
        declared_distributions=about.distributions,
    )


def effective_level(command_line: int | None, config: ProjectConfig) -> int:
    """Return the level to judge: the higher one of command line and project.

    Raises ConfigError where neither gives one, or a claim of the project demands more.
    """
    given = [level for level in (command_line, config.level) if level is not None]
    levels = ", ".join(f"{level} {name}" for level, name in LEVEL_NAMES.items())
    if not given:
        command = "run pytest --failhard-level=N or failhard check --level N"
        raise ConfigError([f"no level is given: {command}, or set level = N in {SECTION}]; levels: {levels}"])
    if command_line is not None and command_line not in LEVEL_NAMES:
        raise ConfigError([f"level {command_line}: no such level; levels: {levels}"])
    level = max(given)
    short = [_short(claim, level) for claim in config.claims if CLAIM_LEVELS[claim] > level]
    if short:
        raise ConfigError(short)
    return level


def merge_settings(
    gate_id: str, settings_type: type[SettingsType], rule: Rule, table: Mapping[str, Option]
) -> SettingsType:
    """Return a gate's settings: the policy's values, on top of them what it lets the project set.

    Raises ConfigError with all mistakes of this gate; a caller collects those of all gates.
    """
    where = f"{SECTION}.{gate_id}] "
    fields = [each.name for each in dataclasses.fields(settings_type)]
    known = {*rule.options, *fields}
    refused = {name: _refused(name, value, rule.options, known) for name, value in table.items()}
    found = [f"{where}{name}: {problem}" for name, problem in refused.items() if problem]
    taken = {name: table[name] for name, problem in refused.items() if not problem}
    values = {name: _value(option, taken.get(name, option.value)) for name, option in rule.options.items()}
    try:
        # JSON mode: strict about types, while a list may become a tuple or a set.
        settings = cast("SettingsType", _adapter(settings_type).validate_json(json.dumps(values)))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            # A mistake without a place contradicts itself, which the policy's values do not.
            own = not detail["loc"] or detail["loc"][0] in taken
            place = where if own else f"policy: gates.{gate_id}.options."
            found.append(mistake(detail, place, fields))
        raise ConfigError(found) from None
    if found:
        raise ConfigError(found)
    return settings


def _adapter(settings_type: type[Settings]) -> TypeAdapter[Settings]:
    """Return what reads settings: made once, because that takes many times as long as to read some."""
    if settings_type not in _ADAPTERS:
        _ADAPTERS[settings_type] = TypeAdapter(settings_type)
    return _ADAPTERS[settings_type]


def _path(value: str) -> str:
    path = PurePosixPath(value)
    if not value or path.is_absolute() or ".." in path.parts or "\\" in value:
        raise ValueError(f"must be a path inside the project (it is {value!r})")
    return value


def _texts(value: object) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else value
    if isinstance(entries, list) and all(isinstance(entry, str) and entry for entry in entries):
        return tuple(entries)
    raise ValueError(f"must be text or a list of text (it is {value!r})")


Text = Annotated[str, Field(min_length=1)]
InnerPath = Annotated[str, AfterValidator(_path)]


class _Own(BaseModel):
    """The keys of `[tool.failhard]` itself."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    level: Annotated[int, Field(ge=1, le=4)] | None = None
    purpose: Text | None = None
    requirements: Annotated[tuple[str, ...], PlainValidator(_texts)] = ()
    expected_load: dict[str, Annotated[int, Field(gt=0)]] = {}
    python: Text | None = None
    source: Annotated[list[InnerPath], Field(min_length=1)] | None = None
    tests: Annotated[list[InnerPath], Field(min_length=1)] | None = None
    base: Text | None = None
    claims: list[Literal["gdpr", "production"]] = []


def _bytes(path: Path) -> bytes:
    """Return the file, an empty document where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError([f"{FILE}: cannot be read: {reason}; make it a readable file"]) from None


def _document(data: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start}; save it as UTF-8"
    except ValueError as error:
        problem = f"not valid TOML: {error}; mend it"
    except RecursionError:
        problem = "nested too deeply; no such file is meant"
    raise ConfigError([f"{FILE}: {problem}"])


def _adopted(document: Mapping[str, object]) -> bool:
    tool = document.get("tool")
    return isinstance(tool, dict) and "failhard" in tool


def _section(document: Mapping[str, object], found: list[str]) -> dict[str, object]:
    tool = document.get("tool", {})
    if not isinstance(tool, dict):
        found.append(f"{FILE}: tool: must be a table")
        return {}
    table = tool.get("failhard", {})
    if not isinstance(table, dict):
        found.append(f"{SECTION}]: must be a table")
        return {}
    return table


def _system(table: dict[str, object], found: list[str]) -> Mapping[str, object] | None:
    """Take the declaration of the system out of the tables: it is no gate's, and may hold decimals."""
    value = table.pop(SYSTEM, None)
    if value is None or isinstance(value, dict):
        return value
    found.append(f"{SECTION}] {SYSTEM}: must be a table")
    return None


def _parted(
    table: Mapping[str, object], gate_ids: Collection[str] | None, found: list[str]
) -> tuple[dict[str, object], dict[str, dict[str, Option]]]:
    """Part the keys of our own from the tables of gates."""
    keys = {name: value for name, value in table.items() if not _is_gates(name, value, gate_ids)}
    gates: dict[str, dict[str, Option]] = {}
    for name, value in table.items():
        if name in keys:
            continue
        if not isinstance(value, dict):
            found.append(f"{SECTION}] {name}: must be a table, the options of the gate {name}")
        elif gate_ids is not None and name not in gate_ids:
            found.append(f"{SECTION}.{name}]: unknown gate{suggestion(name, gate_ids)}")
        else:
            place = f"{SECTION}.{name}]"
            gates[name] = {key: _option(entry, f"{place} {key}", found) for key, entry in value.items()}
    # TOML has no room for `tests = [...]` beside `[tool.failhard.tests]`: there the list is called `roots`.
    if ROOTS in gates.get(TESTS, {}):
        keys[TESTS] = gates[TESTS].pop(ROOTS)
    return keys, gates


def _is_gates(name: str, value: object, gate_ids: Collection[str] | None) -> bool:
    """Tell whether a key belongs to a gate: a table, or what should be one."""
    if name in _Own.model_fields:
        return name == TESTS and isinstance(value, dict)
    return isinstance(value, dict) or name in (gate_ids or ())


def _option(value: object, place: str, found: list[str]) -> Option:
    """Return a value as an option can hold it; what none can hold is a mistake."""
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return [_option(entry, f"{place}[{index}]", found) for index, entry in enumerate(value)]
    if isinstance(value, dict):
        return {key: _option(entry, f"{place}.{key}", found) for key, entry in value.items()}
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)  # decimals are exact as text, and nowhere else
    found.append(f"{place}: a {type(value).__name__} is no option value; write it as text, in quotes")
    return None


def _own(keys: Mapping[str, object], gate_ids: Collection[str], found: list[str]) -> _Own | None:
    try:
        own = _Own.model_validate(keys)
    except ValidationError as error:
        found += mistakes(error, f"{SECTION}] ", {*_Own.model_fields, *gate_ids})
        return None
    if own.level is not None:
        found += [_short(claim, own.level) for claim in own.claims if CLAIM_LEVELS[claim] > own.level]
    return own


def _short(claim: str, level: int) -> str:
    demanded = CLAIM_LEVELS[claim]
    remedy = f"either set level = {demanded} there, or remove the claim"
    return f"{SECTION}] claims: {claim} demands level {demanded}, the level is {level}; {remedy}"


def _refused(name: str, value: Option, options: Mapping[str, PolicyOption], known: Collection[str]) -> str:
    """Say why the project may not set the option to the value, or nothing."""
    option = options.get(name)
    if option is None:
        if name in known:
            return "the policy of this level does not open it to projects; remove it"
        return f"unknown key{suggestion(name, options)}"
    if option.kind == "fixed" and (value != option.value or type(value) is not type(option.value)):
        return f"belongs to the policy, which says {json.dumps(option.value)}; remove it"
    if option.kind != "tighten":
        return ""
    if not fits(value, option.stricter):
        return f"must be {SHAPES[option.stricter]}"
    weak = weaker_value(_value(option, value), option.value, option.stricter)
    return f"may only be tightened: {weak}; remove it or make it stricter" if weak else ""


def _value(option: PolicyOption, value: Option) -> Option:
    return joined(value, option.value, option.stricter) if option.kind == "tighten" else value
