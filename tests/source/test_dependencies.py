"""Which distributions a project says it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.source.dependencies import declared, normalized


def test_names_are_compared_as_indexes_do() -> None:
    assert normalized("Zope.Interface__x") == "zope-interface-x"


REQUIREMENTS = """
# comment
-r base.txt
--hash=sha256:00
requests
Flask_Login==0.6 \\
    --hash=sha256:00
uvicorn[standard]>=0.20  # with a comment
direct @ https://example.org/direct.whl
tomli; python_version < "3.11"
colorama>=0.4 ; sys_platform == "win32"
"""


def test_requirements_without_a_marker(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    assert declared(tmp_path) == {"requests", "flask-login", "uvicorn", "direct"}


@pytest.mark.parametrize(
    "name", ["requirements-dev.txt", "requirements_test.txt", "requirements/docs.txt", "requirements-ci.txt"]
)
def test_requirements_for_development_are_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / name).write_text("requests\n")
    assert declared(tmp_path) == frozenset()


def test_a_program_may_lie_a_folder_down(tmp_path: Path) -> None:
    for folder, text in {"backend": "fastapi\n", "tests": "responses\n", ".venv": "pip\n"}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "requirements.txt").write_text(text)
    assert declared(tmp_path) == {"fastapi"}


PYPROJECT = """
[project]
dependencies = ["openai >= 1", "tomli; python_version < '3.11'", 3]
[project.optional-dependencies]
web = ["flask"]
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^0.27"
rich = {version = "*"}
torch = {version = "*", optional = true}
pywin32 = {version = "*", markers = "sys_platform == 'win32'"}
numpy = [{version = "1", python = "<3.12"}, {version = "2"}]
"""


def test_pyproject_without_extras_and_conditions(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    assert declared(tmp_path) == {"openai", "httpx", "rich"}


@pytest.mark.parametrize(
    "text", ["[project", "project = 1\ntool = 2\n", "[tool]\npoetry = 1\n", "[project]\nname='x'\n"]
)
def test_what_cannot_be_used_declares_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe")
    assert declared(tmp_path) == frozenset()
