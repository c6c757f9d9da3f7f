"""What a system must refuse to run with: a valid production configuration with one thing wrong in it."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.gates.system.stage import Changes, Stage
from pytest_failhard.system.declaration import Dependency, Secret, Setting
from pytest_failhard.system.derive.derived import declared_names
from pytest_failhard.system.environment import Prepared

SETTINGS, MALFORMED, DEPENDENCIES = "R3/settings", "R3/malformed", "R3/dependencies"
WITHOUT = "R3-starts-without-secret"
SECRET_UNNAMED = "R3-secret-not-named"  # noqa: S105 - the name of a rule
UNKNOWN_ENVIRONMENTS = ("prod", "PRODUCTION ", "staging", "x")
"""Names that a person might give to production, and one that nobody does."""
LONG_BYTES = 10_000
SHOWN = 30
"""So many characters of a known value are shown."""
NO_URL = "no url"
NO_CHOICE = "no-such-choice"
NO_NUMBER = "no number"
NO_BOOL = "perhaps"
Weak = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One wrong thing. `id` names it in evidence; `what` says it in a message.

    `starts` is the rule for a system that runs all the same, `unnamed` the one for a refusal that names none
    of `names`. `change` gives the variables on top of a valid environment.
    """

    id: str
    what: str
    names: tuple[str, ...]
    starts: str
    unnamed: str
    change: Callable[[Prepared], Changes]
    high: bool = True
    repeats: bool = False
    """Whether the wrong value is made of the secret itself, so that the output must not hold it either."""

    group: str = ""
    """Of a group the first one that is not refused tells enough; empty for a case by itself."""

    @property
    def secret(self) -> str:
        """The variable that it is about."""
        return self.names[0]


@functools.cache
def weak() -> Weak:
    """Return the known weak values, each with whether it is a placeholder."""
    text = (
        importlib.resources.files("pytest_failhard.system").joinpath("weak_secrets.toml").read_text("utf-8")
    )
    return tuple(
        (str(each["value"]), bool(each.get("placeholder", False))) for each in tomllib.loads(text)["weak"]
    )


def cases(stage: Stage, known: Weak) -> Iterator[Case]:
    """Give all that the level asks for, but for dependencies."""
    for secret in _secrets(stage):
        yield from _of_secret(secret, known)
    if stage.runs(MALFORMED):
        for secret in stage.system.secrets or ():
            yield from _malformed(secret)
    yield from _of_environment(stage)
    if stage.runs(SETTINGS):
        for setting in stage.system.settings or ():
            yield from _of_setting(setting)


def _secrets(stage: Stage) -> tuple[Secret, ...]:
    """Return the declared secrets, and those that the code reads and nobody declared."""
    given = stage.system.secrets or ()
    found = {read.name for read in stage.derived.secrets} - declared_names(stage.system)
    return (*given, *(Secret(name=name) for name in sorted(found)))


def _of_secret(secret: Secret, known: Weak) -> Iterator[Case]:
    name = secret.name
    yield _secret(f"absent {name}", f"without {name}", name, WITHOUT, lambda _: {name: None})
    yield _secret(
        f"empty {name}", f"with an empty {name}", name, "R3-starts-with-empty-secret", _put(secret, "")
    )
    for value, placeholder in known:
        if placeholder or not secret.provider:
            yield _secret(
                f"weak {name}: {value[:SHOWN]}",
                f"with {value[:SHOWN]!r} as {name}, which everybody knows",
                name,
                "R3-starts-with-weak-secret",
                _put(secret, value),
                group=f"weak {name}",
            )


def _malformed(secret: Secret) -> Iterator[Case]:
    def spoilt(spoil: Callable[[str], str]) -> Callable[[Prepared], Changes]:
        return lambda prepared: _put(secret, spoil(prepared.secrets[secret.name]))(prepared)

    shapes = {
        "blank": ("a blank", lambda _: "   "),
        "broken": ("a line break within", lambda value: f"{value[:8]}\n{value[8:]}"),
        "short": ("one character as", lambda value: value[:1]),
        "long": ("10 kB as", lambda value: (value * LONG_BYTES)[:LONG_BYTES]),
    }
    for shape, (what, spoil) in shapes.items():
        yield Case(
            id=f"{shape} {secret.name}",
            what=f"with {what} {secret.name}",
            names=(secret.name,),
            starts="R3-starts-with-malformed-secret",
            unnamed=SECRET_UNNAMED,
            change=spoilt(spoil),
            high=False,
            repeats=shape in {"broken", "long"},
        )


def _secret(
    identity: str,
    what: str,
    name: str,
    starts: str,
    change: Callable[[Prepared], Changes],
    group: str = "",
) -> Case:
    return Case(
        id=identity,
        what=what,
        names=(name,),
        starts=starts,
        unnamed=SECRET_UNNAMED,
        change=change,
        group=group,
    )


def _put(secret: Secret, value: str) -> Callable[[Prepared], Changes]:
    """Return what gives a secret a value, in the file where it is declared to stand in one."""

    def change(prepared: Prepared) -> Changes:
        if not secret.file:
            return {secret.name: value}
        Path(prepared.variables[secret.name]).write_text(value, "utf-8")
        return {}

    return change


def _of_environment(stage: Stage) -> Iterator[Case]:
    system = stage.system
    name = system.environment_env
    if name is None:
        return
    values: list[str | None] = [None]
    values += [each for each in UNKNOWN_ENVIRONMENTS if each not in {system.production, system.development}]
    for value in values:
        what = f"without {name}" if value is None else f"with {name} = {value!r}"
        yield Case(
            id=f"environment {'unset' if value is None else value}",
            what=what,
            names=(name,),
            starts="R3-starts-in-unknown-environment",
            unnamed="R3-environment-not-named",
            change=_fixed({name: value}),
        )


def _fixed(changes: Mapping[str, str | None]) -> Callable[[Prepared], Changes]:
    return lambda _: changes


def _of_setting(setting: Setting) -> Iterator[Case]:
    for kind, value in _wrong(setting):
        yield Case(
            id=f"{kind} {setting.name}",
            what=f"with {setting.name} = {value!r}",
            names=(setting.name,),
            starts="R3-starts-with-malformed-setting",
            unnamed="R3-setting-not-named",
            change=_fixed({setting.name: value}),
            high=False,
        )


def _wrong(setting: Setting) -> Iterator[tuple[str, str]]:
    """Give what a setting must not be, by its type, its bounds and its choices."""
    no_type = {"int": NO_NUMBER, "float": NO_NUMBER, "bool": NO_BOOL, "url": NO_URL}
    if setting.type in no_type:
        yield "type", no_type[setting.type]
    if setting.minimum is not None:
        yield "minimum", str(setting.minimum - 1)
    if setting.maximum is not None:
        yield "maximum", str(setting.maximum + 1)
    if setting.choices:
        yield "choices", NO_CHOICE


def of_dependency(dependency: Dependency, prepared: Prepared) -> Changes:
    """Return what leads to nothing where a dependency should be; for one over TCP, its link is broken."""
    if dependency.broken_by != "path":
        return {}
    # Below a file nothing can be made, by whomever.
    blocked = prepared.data / "blocked"
    blocked.write_bytes(b"")
    return {dependency.url_env: str(blocked / dependency.name)}
