"""Builds the environment of the judged system from nothing: no variable of ours, no real secret."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import NO_VARIABLES, GateError
from pytest_failhard.system.declaration import Dependency, Secret, Setting, System

HOST = "127.0.0.1"
SYSTEM_PATH = "/usr/bin:/bin"
RANDOM_CHARACTERS = 40
_BASE62 = string.ascii_letters + string.digits
_VALUES = {"str": "value", "int": "1", "float": "1", "bool": "true", "url": f"http://{HOST}:9/"}
"""What a required setting gets that says neither value nor choices nor minimum."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The variables of a run, complete but for its port, and the secrets among them by name.

    `keys` are those of the secrets that are a provider's, whatever the project calls them. `home`,
    `temporary` and `data` are folders of this run alone.
    """

    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    keys: Mapping[str, str]
    home: Path
    temporary: Path
    data: Path


def prepare(
    system: System,
    *,
    interpreter: Path,
    folder: Path,
    keys: Mapping[str, str],
    provided: Mapping[str, str] = NO_VARIABLES,
) -> Prepared:
    """Return the environment for a run in a fresh folder.

    Each declared secret gets a random value of its shape; one of a provider whose variable is in `keys`
    gets the value there. `provided` says by variable where the dependencies are that are no paths; raises
    GateError for one that is not in it.
    """
    home, temporary, data = (folder / name for name in ("home", "tmp", "data"))
    for each in (home, temporary, data):
        each.mkdir(parents=True, mode=0o700)
    drawn = {secret.name: _drawn(secret, keys) for secret in system.secrets or ()}
    variables = {
        "PATH": f"{interpreter.parent}:{SYSTEM_PATH}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **_environment(system),
        **{each.name: value for each in system.settings or () if (value := _setting(each, data)) is not None},
        **{each.url_env: _dependency(each, data, provided) for each in system.dependencies or ()},
        **{secret.name: _held(secret, drawn[secret.name], data) for secret in system.secrets or ()},
    }
    provided = {secret.name: drawn[secret.name] for secret in system.secrets or () if secret.provider}
    return Prepared(
        variables=variables, secrets=drawn, keys=provided, home=home, temporary=temporary, data=data
    )


def _environment(system: System) -> dict[str, str]:
    named = {system.environment_env: system.production, system.host_env: HOST}
    return {name: value for name, value in named.items() if name is not None and value is not None}


def _drawn(secret: Secret, keys: Mapping[str, str]) -> str:
    if secret.provider and secret.name in keys:
        return keys[secret.name]
    if not secret.shape:
        return secrets.token_hex(16)
    drawn = "".join(secrets.choice(_BASE62) for _ in range(RANDOM_CHARACTERS))
    return secret.shape.replace("*", drawn, 1)


def _held(secret: Secret, value: str, data: Path) -> str:
    if not secret.file:
        return value
    path = data / f"{secret.name}.secret"
    path.write_text(value, "utf-8")
    path.chmod(0o600)
    return str(path)


def _setting(setting: Setting, data: Path) -> str | None:
    """Return the value that a setting runs with, None where it is left to its default."""
    if setting.value is not None or not setting.required:
        return setting.value
    if setting.type == "path":
        return str(data / setting.name.lower())
    if setting.choices:
        return setting.choices[0]
    return _VALUES[setting.type] if setting.minimum is None else str(setting.minimum)


def _dependency(dependency: Dependency, data: Path, provided: Mapping[str, str]) -> str:
    if dependency.broken_by == "path":
        return str(data / dependency.name)
    if dependency.url_env not in provided:
        raise GateError(f"cannot-run: dependency {dependency.name}: nothing provides it")
    return provided[dependency.url_env]
