"""Tests of the environment of the judged system: nothing of ours, no real secret."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import Dependency, Secret, Setting, System
from pytest_failhard.system.environment import Prepared, prepare


def prepared(tmp_path: Path, system: System, **keys: str) -> Prepared:
    return prepare(system, interpreter=Path("/venv/bin/python"), folder=tmp_path / "run", keys=keys)


def test_it_is_built_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a real one")
    made = prepared(tmp_path, System(kind="job"))
    assert made.variables == {
        "PATH": "/venv/bin:/usr/bin:/bin",
        "HOME": str(tmp_path / "run" / "home"),
        "TMPDIR": str(tmp_path / "run" / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in (made.home, made.temporary, made.data))


def test_secrets_are_random_values_of_their_shape(tmp_path: Path) -> None:
    secrets = (
        Secret(name="API_TOKEN"),
        Secret(name="OPENAI_API_KEY", shape="sk-*", provider=True),
        Secret(name="MY_MODEL_KEY", shape="key-*-end", provider=True),
        Secret(name="DB_PASSWORD", file=True),
    )
    made = prepared(tmp_path, System(kind="job", secrets=secrets), OPENAI_API_KEY="sk-proj-canary")
    assert re.fullmatch("[0-9a-f]{32}", made.secrets["API_TOKEN"])
    assert made.secrets["OPENAI_API_KEY"] == "sk-proj-canary"
    assert re.fullmatch("key-[A-Za-z0-9]{40}-end", made.secrets["MY_MODEL_KEY"])
    assert all(made.variables[name] == made.secrets[name] for name in ("API_TOKEN", "OPENAI_API_KEY"))
    assert set(made.keys) == {"OPENAI_API_KEY", "MY_MODEL_KEY"}
    file = Path(made.variables["DB_PASSWORD"])
    assert file.read_text() == made.secrets["DB_PASSWORD"]
    assert (
        prepared(tmp_path / "2", System(kind="job", secrets=secrets)).secrets.values()
        != made.secrets.values()
    )


def test_settings_have_the_values_that_are_declared_or_fit(tmp_path: Path) -> None:
    settings = (
        Setting(name="GIVEN", value="x"),
        Setting(name="OPTIONAL", type="int"),
        Setting(name="CHOSEN", required=True, choices=("a", "b")),
        Setting(name="LOWEST", type="int", required=True, minimum=3),
        Setting(name="NUMBER", type="float", required=True),
        Setting(name="SWITCH", type="bool", required=True),
        Setting(name="PLACE", type="path", required=True),
    )
    system = System(
        kind="http",
        host_env="HOST",
        environment_env="APP_ENV",
        production="production",
        settings=settings,
        dependencies=(Dependency(name="store.db", url_env="DATABASE_PATH", broken_by="path"),),
    )
    variables = prepared(tmp_path, system).variables
    assert {name: variables.get(name) for name in ("GIVEN", "OPTIONAL", "CHOSEN", "LOWEST")} == {
        "GIVEN": "x",
        "OPTIONAL": None,
        "CHOSEN": "a",
        "LOWEST": "3",
    }
    assert (variables["NUMBER"], variables["SWITCH"]) == ("1", "true")
    assert (variables["HOST"], variables["APP_ENV"]) == ("127.0.0.1", "production")
    for name in ("PLACE", "DATABASE_PATH"):
        path = Path(variables[name])
        assert path.parent.is_dir()
        assert not path.exists()


def test_a_dependency_is_where_it_was_provided(tmp_path: Path) -> None:
    system = System(kind="job", dependencies=(Dependency(name="db", url_env="DATABASE_URL"),))
    with pytest.raises(GateError, match="cannot-run: dependency db: nothing provides it"):
        prepared(tmp_path, system)
    made = prepare(
        system,
        interpreter=Path(sys.executable),
        folder=tmp_path / "2",
        keys={},
        provided={"DATABASE_URL": "tcp://x:1"},
    )
    assert made.variables["DATABASE_URL"] == "tcp://x:1"
