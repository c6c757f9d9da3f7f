"""Tests of which variables the product is seen to read."""

from __future__ import annotations

import pytest

from pytest_failhard.gates.system import reads
from tests.system.derive.modules import module


def found(*texts: str) -> dict[str, tuple[str, bool]]:
    files = [reads.in_file(module(text, f"app/m{number}.py")) for number, text in enumerate(texts)]
    return {read.name: (read.type, read.required) for read in reads.reads(files)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nA = os.getenv('A_B')", {"A_B": ("str", False)}),
        ("import os\nA = os.environ['A_B']", {"A_B": ("str", True)}),
        ("import os\nos.environ['A_B'] = '1'", {}),
        ("import os\nA = int(os.environ.get('A_B', '1'))", {"A_B": ("int", False)}),
        ("import os\nA = float(os.getenv('A_B') or 1)", {"A_B": ("float", False)}),
        ("import os\nA = os.getenv('A_B', '').lower() in ('1', 'true')", {"A_B": ("bool", False)}),
        ("import os\nA = os.getenv('A_B') == 'production'", {"A_B": ("str", False)}),
        ("import os\nA = bool(os.getenv('A_B'))", {"A_B": ("str", False)}),
        ("import os\nA = os.getenv(f'{x}_B')", {}),
        ("def load(environ):\n    return environ['A_B']", {"A_B": ("str", True)}),
        ("def load(environ):\n    return environ['lower'], environ.get('A_B')", {"A_B": ("str", False)}),
    ],
)
def test_a_variable_is_read_in_one_place(text: str, expected: dict[str, tuple[str, bool]]) -> None:
    assert found(text) == expected


READER = """
import os
class Reader:
    def __init__(self, environ):
        self._environ = environ
    def text(self, name, usual=""):
        return self._environ.get(name, usual)
    def require_number(self, name, lowest):
        return int(self.text(name))
"""
SETTINGS = """
KEY = "A_KEY"
def load(reader):
    reader.text("A_TEXT")
    reader.text(usual="NO_NAME", name=KEY)
    reader.require_number("A_NUMBER", 1)
    reader.other("NOT_READ")
    reader.text("lower")
"""


def test_a_name_is_followed_to_the_function_that_reads() -> None:
    assert found(READER, SETTINGS) == {
        "A_TEXT": ("str", False),
        "A_KEY": ("str", False),
        "A_NUMBER": ("str", True),
    }


FIELDS = """
from typing import ClassVar
from pydantic import Field, AliasChoices
from pydantic_settings import BaseSettings, SettingsConfigDict

class Database(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DB_")
    url: str
    pool: int = 5

class Base(BaseSettings):
    class Config:
        env_prefix = "APP_"
    debug: bool | None = None

class App(Base):
    kinds: ClassVar[int] = 1
    database: DatabaseConfig = None
    names: list[int] = []
    key: str = Field(..., alias="THE_KEY")
    other: str = Field("", validation_alias=AliasChoices("OTHER", "second"))
    made: str = Field(default_factory=str)
    _hidden: str = ""

class Plain(Model):
    nothing: str
"""


def test_fields_of_settings_are_variables() -> None:
    assert found(FIELDS) == {
        "DB_URL": ("str", True),
        "DB_POOL": ("int", False),
        "APP_DEBUG": ("bool", False),
        "NAMES": ("str", False),
        "THE_KEY": ("str", True),
        "OTHER": ("str", False),
        "MADE": ("str", False),
    }


def test_a_variable_that_is_read_twice_is_one() -> None:
    text = "import os\nA = os.getenv('A_B')\nB = int(os.environ['A_B'])"
    assert found(text) == {"A_B": ("int", True)}


def test_texts_that_could_name_a_variable_are_known() -> None:
    file = reads.in_file(module("NAMES = ('A_B', 'lower')\nclass C:\n    debug: bool"))
    assert file.texts == {"A_B", "DEBUG"}
