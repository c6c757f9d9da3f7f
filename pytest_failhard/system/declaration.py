"""The table `[tool.failhard.system]`: how the judged system is started, reached and configured."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from pytest_failhard.strict import mistakes

SECTION = "pyproject.toml: [tool.failhard.system] "
LLM = "llm"
"""The dependency that needs no entry: which call asks the model is declared in `[tool.failhard.llm]`."""
COUNTER = "n"
SECRET = "secret:"  # noqa: S105 - how a substitution begins, no secret
SUBSTITUTION = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REQUIRED = {
    "http": ("start", "port_env", "ready", "secrets"),
    "worker": ("start", "ready_log", "secrets"),
    "job": ("start", "secrets", "outputs"),
    "library": ("secrets",),
}
"""The keys without which a system of a kind cannot be started at any level."""


EVERY_KIND = "all"
"""Stands in a policy for systems of every kind."""
OWN_KEYS = ("purpose", "requirements", "expected_load")
"""Keys of `[tool.failhard]` that a level can demand as well."""
MEANINGS = {
    "purpose": 'one sentence, what the system does and for whom: purpose = "takes orders for the shop"',
    "requirements": 'the file that lists what the system must do: requirements = "docs/requirements.md"',
    "expected_load": "what it must carry at its peak: expected_load = { rps = 20, daily_users = 5000 }",
    "start": 'the command, as a list and never a shell string: start = ["gunicorn", "shop.wsgi:app"]',
    "port_env": 'the variable that the system takes its port from: port_env = "PORT"',
    "ready": 'the path that answers 200 once requests are served: ready = "/health"',
    "live": 'the path that answers 200 while the process can go on: live = "/livez"',
    "ready_log": 'what the log says when the worker takes work: ready_log = "worker ready"',
    "environment_env": 'the variable that says where the system runs: environment_env = "ENVIRONMENT"',
    "production": 'the value of environment_env in production: production = "production"',
    "development": 'the value of environment_env at a desk: development = "development"',
    "secrets": 'every variable that holds a secret, or none: secrets = [{ name = "API_KEY" }]',
    "settings": 'every other variable that is read, or none: settings = [{ name = "WORKERS", type = "int" }]',
    "routes": 'what must be answered: [[tool.failhard.system.routes]] id = "list", path = "/items"',
    "slo": "what the system promises: [tool.failhard.system.slo] p95_ms = 300, success_rate = 0.995",
    "dependencies": "what the system talks to, or none: dependencies = []",
    "outputs": 'the files that a run leaves: outputs = ["report.csv"]',
    "bad_runs": 'command lines that must fail: bad_runs = [["python", "-m", "app", "--no-such-option"]]',
}
"""What a key that is missing has to say, with an example."""


class DeclarationError(Exception):
    """The table cannot be used. `mistakes` holds all, each with place and remedy."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"must be the name of an environment variable (it is {value!r})")
    return value


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"must be a path that begins with / (it is {value!r})")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error} (it is {value!r})") from None
    return value


Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, AfterValidator(_variable)]
Served = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Status = Annotated[int, Field(ge=100, le=599)]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Refuses unknown keys and silent conversions."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True)
class Secret(_Table):
    """A variable that holds a secret.

    `shape` is the value with `*` for its random part; empty means 32 hexadecimal digits. `provider` marks
    the key of an LLM provider. With `file` the variable names a file that holds the secret.
    """

    name: Variable
    shape: str = ""
    provider: bool = False
    file: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting(_Table):
    """A variable that configures. `value` is what the judged system runs with, where it needs one.

    A required setting without `value` gets the first of `choices`, `minimum`, or a value of its type; a
    `path` is a fresh one in a folder of the run.
    """

    name: Variable
    type: Literal["str", "int", "float", "bool", "url", "path"] = "str"
    required: bool = False
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Route(_Table):
    """A request that the system must answer. A `body` table is sent as JSON, text as it is.

    `needs` are names of dependencies, or `llm`; `capture` names what later routes take from the JSON
    answer, by dotted path. `slow_s` is in seconds.
    """

    id: Text
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Served
    expect: Annotated[tuple[Status, ...], Field(min_length=1)] = (200,)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, object] | str | None = None
    needs: tuple[Text, ...] = ()
    capture: Mapping[str, str] = field(default_factory=dict)
    slow_s: Annotated[int | float, Field(gt=0)] | None = None
    negative: bool = False
    idempotency_header: str = ""


@dataclass(frozen=True, kw_only=True)
class Excluded(_Table):
    """An operation that is served and not declared, with the reason."""

    path: Served
    method: Text
    reason: Text


@dataclass(frozen=True, kw_only=True)
class Slo(_Table):
    """What the system promises: milliseconds at the 95th percentile, share of successful requests."""

    p95_ms: Annotated[int, Field(gt=0)] | None = None
    success_rate: Annotated[float, Field(gt=0, le=1)] | None = None


@dataclass(frozen=True, kw_only=True)
class Provide(_Table):
    """Where a dependency comes from: a variable of the run's own environment, or a process to start.

    The process learns its port from the variable `port_env`, or from `${port}` in its arguments; `url` is
    what the system is told, with `${host}` and `${port}` in it.
    """

    env: Variable | None = None
    start: tuple[Text, ...] = ()
    port_env: Variable | None = None
    ready: Literal["tcp"] = "tcp"
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Dependency(_Table):
    """What the system talks to, the variable that tells it where, and how it is broken.

    With `break = "path"` the dependency is a file: the variable gets a fresh path in a folder of the run.
    """

    name: Text
    url_env: Variable
    provide: Provide | None = None
    broken_by: Annotated[Literal["refuse", "reset", "hang", "path"], Field(alias="break")] = "refuse"


@dataclass(frozen=True, kw_only=True)
class System(_Table):
    """The declared system. `grace_s` is in seconds; None means that the key is not there."""

    kind: Literal["http", "worker", "job", "library"]
    start: tuple[Text, ...] = ()
    port_env: Variable | None = None
    host_env: Variable | None = None
    environment_env: Variable | None = None
    production: str | None = None
    development: str | None = None
    ready: Served | None = None
    live: Served | None = None
    ready_log: Pattern | None = None
    openapi: Text | None = None
    manifest: Text | None = None
    logs: Literal["stdout", "stderr", "both"] = "both"
    grace_s: Annotated[int, Field(gt=0)] = 30
    secrets: tuple[Secret, ...] | None = None
    settings: tuple[Setting, ...] | None = None
    routes: tuple[Route, ...] | None = None
    routes_excluded: tuple[Excluded, ...] = ()
    slo: Slo | None = None
    dependencies: tuple[Dependency, ...] | None = None
    outputs: tuple[Text, ...] | None = None
    bad_runs: tuple[tuple[Text, ...], ...] | None = None

    def route(self, identity: str) -> Route | None:
        """Return the route of an id, None where there is none."""
        return next((route for route in self.routes or () if route.id == identity), None)

    def missing_at(self, required: Collection[str]) -> tuple[str, ...]:
        """Return the keys that this kind of system lacks, of those that a level demands (`http.start`).

        `all` stands for every kind; the keys of `[tool.failhard]` itself are left out. An empty list or
        table says that there is none; an empty `start` says nothing.
        """
        named = [name.partition(".") for name in required]
        wanted = [key for kind, _, key in named if kind in {self.kind, EVERY_KIND} and key not in OWN_KEYS]
        given = {key: getattr(self, key) for key in wanted}
        return tuple(key for key, value in given.items() if value is None or (key == "start" and not value))

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys without which a system of this kind cannot be started; `start_it` needs them all."""
        given = {name: getattr(self, name) for name in _REQUIRED[self.kind]}
        # `secrets = []` says that there are none; no key says nothing.
        return tuple(
            name for name, value in given.items() if value is None or (name == "start" and not value)
        )


@functools.cache
def _adapter() -> TypeAdapter[System]:
    return TypeAdapter(System)


def parse(table: Mapping[str, object]) -> System:
    """Return the declaration in a table. Raises DeclarationError with all mistakes at once."""
    try:
        # JSON mode: strict about types, while a list may become a tuple.
        text = json.dumps(table, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DeclarationError([f"{SECTION}{error}; write dates and such as text, in quotes"]) from None
    try:
        system = _adapter().validate_json(text)
    except ValidationError as error:
        raise DeclarationError(mistakes(error, SECTION, _KEYS)) from None
    found = [f"{SECTION}{each}" for each in _contradictions(system)]
    if found:
        raise DeclarationError(found)
    return system


def problems(table: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return what is wrong with the table; nothing where there is none."""
    try:
        if table is not None:
            parse(table)
    except DeclarationError as error:
        return error.mistakes
    return ()


_TABLES = (Secret, Setting, Route, Excluded, Slo, Provide, System)
_KEYS = {each.name for table in _TABLES for each in fields(table)}
_KEYS |= {"name", "url_env", "provide", "break"}


def _contradictions(system: System) -> Iterator[str]:
    if system.kind == "library" and system.start:
        yield "start: a library starts nothing; remove it, or set the kind"
    if system.kind != "http":
        named = [name for name in ("port_env", "host_env", "live", "routes") if getattr(system, name)]
        yield from (f"{name}: only a system of kind http has it; remove it" for name in named)
    if system.live is not None and system.live == system.ready:
        yield "live: must differ from ready: a restart mends no dependency"
    if (system.environment_env is None) != (system.production is None):
        yield "environment_env, production: name the variable and its value in production, both or none"
    yield from _list_mistakes(system)
    yield from _route_mistakes(system)
    yield from _twofold(system)


def _list_mistakes(system: System) -> Iterator[str]:
    yield from _repeated("secrets", [secret.name for secret in system.secrets or ()])
    yield from _repeated("settings", [setting.name for setting in system.settings or ()])
    yield from _repeated("routes", [route.id for route in system.routes or ()])
    yield from _repeated("dependencies", [each.name for each in system.dependencies or ()])
    for index, setting in enumerate(system.settings or ()):
        if setting.minimum is not None and setting.maximum is not None and setting.minimum > setting.maximum:
            yield f"settings[{index}].minimum: is above maximum; no value satisfies both"
    for index, each in enumerate(system.dependencies or ()):
        yield from (f"dependencies[{index}].provide{mistake}" for mistake in _provide_mistakes(each.provide))


def _provide_mistakes(provide: Provide | None) -> Iterator[str]:
    if provide is None:
        return
    if (provide.env is None) == (not provide.start):
        yield ": give exactly one of env and start"
    if provide.start and provide.port_env is None and not any("${port}" in part for part in provide.start):
        yield ".start: it cannot know its port; name port_env, or write ${port} in an argument"
    for name in sorted(set(SUBSTITUTION.findall(provide.url)) - {"host", "port"}):
        yield f".url: ${{{name}}} stands for nothing; there are host, port"


def _twofold(system: System) -> Iterator[str]:
    """Yield the variables that are declared for two purposes, of which a run could serve only one."""
    purposes: dict[str, list[str | None]] = {
        "port_env": [system.port_env],
        "host_env": [system.host_env],
        "environment_env": [system.environment_env],
        "secrets": [secret.name for secret in system.secrets or ()],
        "settings": [setting.name for setting in system.settings or ()],
    }
    seen: dict[str, str] = {}
    for purpose, names in purposes.items():
        for name in names:
            if name is not None and seen.setdefault(name, purpose) != purpose:
                yield f"{purpose}: {name} is declared as {seen[name]} already; keep one"


def _repeated(key: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{key}: {name} stands twice; keep one"


def _route_mistakes(system: System) -> Iterator[str]:
    known = {LLM, *(each.name for each in system.dependencies or ())}
    usable = {COUNTER, *(f"{SECRET}{secret.name}" for secret in system.secrets or ())}
    for index, route in enumerate(system.routes or ()):
        place = f"routes[{index}]"
        for name in sorted(set(route.needs) - known):
            yield f"{place}.needs: {name} is no declared dependency; declare it in dependencies"
        failing = [status for status in route.expect if status >= 400]
        if failing and not route.negative:
            yield f"{place}.expect: {failing[0]} is an error; say negative = true where an error is right"
        written = (route.path, *route.headers.values(), json.dumps(route.body))
        for name in sorted({name for text in written for name in SUBSTITUTION.findall(text)} - usable):
            yield f"{place}: ${{{name}}} stands for nothing; there are {', '.join(sorted(usable))}"
        usable |= set(route.capture)
