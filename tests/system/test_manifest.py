"""Tests of the manifest: which file it is, what it asks for, and whether that is always the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system import manifest, requirement_lines
from pytest_failhard.system.manifest import Manifest
from tests.support import write

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n    "flask>=3",\n    "rich",\n]\n'
POETRY = '[build-system]\nrequires = ["poetry-core"]\n[tool.poetry]\nname = "shop"\n'
DYNAMIC = '[project]\nname = "shop"\ndynamic = ["dependencies", "version"]\n[build-system]\nrequires = []\n'
UV = 'version = 1\n[[package]]\nname = "shop"\nsource = { editable = "." }\n'
UV_REGISTRY = f'{UV}[[package]]\nname = "flask"\nsource = {{ registry = "https://index.example/simple" }}\n'
UV_GIT = f'{UV}[[package]]\nname = "flask"\nsource = {{ git = "https://git.example/flask" }}\n'
PYLOCK = 'lock-version = "1.0"\n[[packages]]\nname = "flask"\nversion = "3.1.3"\n'
PYLOCK_VCS = f'{PYLOCK}[[packages]]\nname = "odd"\nvcs = {{ type = "git" }}\n'


def found(root: Path, named: str | None = None) -> Manifest:
    result = manifest.find(root, named)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("files", "named", "kind", "path", "is_repeatable"),
    [
        (
            {"requirements.txt": "flask\n", "pyproject.toml": PROJECT},
            None,
            "requirements",
            "requirements.txt",
            True,
        ),
        (
            {"requirements.txt": "flask\n", "uv.lock": UV},
            "requirements.txt",
            "requirements",
            "requirements.txt",
            True,
        ),
        ({"deploy/prod.txt": "flask\n"}, "deploy/prod.txt", "requirements", "deploy/prod.txt", True),
        ({"pyproject.toml": PROJECT}, None, "project", "pyproject.toml", True),
        (
            {"requirements.txt": "", "pyproject.toml": PROJECT},
            "pyproject.toml",
            "project",
            "pyproject.toml",
            True,
        ),
        ({"pyproject.toml": DYNAMIC}, None, "build", "pyproject.toml", False),
        ({"pyproject.toml": POETRY}, None, "build", "pyproject.toml", False),
        ({"setup.py": "import setuptools\n"}, None, "build", "setup.py", False),
        ({"uv.lock": UV_REGISTRY, "pyproject.toml": PROJECT}, None, "uv", "uv.lock", True),
        ({"uv.lock": UV_GIT}, None, "uv", "uv.lock", False),
        ({"pylock.toml": PYLOCK}, None, "pylock", "pylock.toml", True),
        ({"pylock.prod.toml": PYLOCK_VCS}, "pylock.prod.toml", "pylock", "pylock.prod.toml", False),
    ],
)
def test_each_form_is_known(
    tmp_path: Path, files: dict[str, str], named: str | None, kind: str, path: str, is_repeatable: bool
) -> None:
    result = found(write(tmp_path, files), named)
    assert (result.kind, result.path, result.is_repeatable) == (kind, path, is_repeatable)


@pytest.mark.parametrize(
    ("files", "named", "said"),
    [
        (
            {"requirements.txt": "", "uv.lock": UV, "pylock.toml": ""},
            None,
            "uv.lock, pylock.toml, requirements.txt: wh",
        ),
        ({"requirements.txt": ""}, "prod.txt", "manifest = 'prod.txt': there is no such file"),
        ({"uv.lock": "version = "}, None, "uv.lock: cannot be read"),
        ({"pyproject.toml": "[tool.x]\n"}, "pyproject.toml", "it declares no dependencies"),
    ],
)
def test_what_cannot_be_chosen_is_an_error(
    tmp_path: Path, files: dict[str, str], named: str | None, said: str
) -> None:
    with pytest.raises(GateError, match=said):
        manifest.find(write(tmp_path, files), named)


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": '[project]\nname = "shop"\n'}])
def test_a_project_may_have_none(tmp_path: Path, files: dict[str, str]) -> None:
    assert manifest.find(write(tmp_path, files), None) is None


def test_the_lines_of_a_project_table_are_found(tmp_path: Path) -> None:
    listed = found(write(tmp_path, {"pyproject.toml": PROJECT})).requirements
    assert [(line.path, line.number, line.text) for line in listed] == [
        ("pyproject.toml", 5, "flask>=3"),
        ("pyproject.toml", 6, "rich"),
    ]


def test_what_is_included_is_part_of_it(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-r base.txt\n-c bounds.txt\n",
        "base.txt": "flask\n",
        "bounds.txt": "rich<14\n",
    }
    before = found(write(tmp_path, files))
    assert [line.text for line in before.requirements] == ["flask"]
    write(tmp_path, {"bounds.txt": "rich<15\n"})
    after = found(tmp_path)
    assert before.sha256 != after.sha256
    write(tmp_path, {"unrelated.txt": ""})
    assert found(tmp_path) == after


def test_what_the_project_says_of_itself(tmp_path: Path) -> None:
    text = '[project]\nname = "s"\nrequires-python = ">=3.11,<4"\ndynamic = ["version"]\n[build-system]\nrequires = ["hatchling"]\n'
    product = manifest.product(write(tmp_path, {"pyproject.toml": text}))
    assert (product.is_built, product.version_is_dynamic, str(product.python)) == (True, True, "<4,>=3.11")
    assert [(line.number, line.text) for line in product.requires] == [(6, "hatchling")]


def test_versions_of_python_that_nobody_can_read_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": '[project]\nname = "s"\nrequires-python = "three"\n'})
    with pytest.raises(GateError, match="'three' is no set of versions"):
        manifest.product(tmp_path)


LINES = """\
--index-url https://user:pw@index.example/simple
-i https://other.example/simple
--extra-index-url=https://more.example/simple
-f wheels
--no-index
# a comment
flask[async] >= 3 ; python_version > "3.8" \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
rich  # why
-r more/base.txt
-r requirements.txt
--constraint=bounds.txt
-r absent.txt
--require-hashes
./local --no-build-isolation
"""


def test_a_file_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    files = {"requirements.txt": LINES, "more/base.txt": "-r deep.txt\n", "more/deep.txt": "attrs\n"}
    write(tmp_path, {**files, "bounds.txt": "attrs<99\n", "wheels/x": ""})
    lines = requirement_lines.read(tmp_path, "requirements.txt")
    assert [
        (line.path, line.number, line.requirement and line.requirement.name) for line in lines.requirements
    ] == [
        ("requirements.txt", 7, "flask"),
        ("requirements.txt", 10, "rich"),
        ("more/deep.txt", 1, "attrs"),
        ("requirements.txt", 16, None),
    ]
    assert lines.options == [
        *(
            "--index-url",
            "https://user:pw@index.example/simple",
            "--index-url",
            "https://other.example/simple",
        ),
        *(
            "--extra-index-url",
            "https://more.example/simple",
            "--find-links",
            str(tmp_path / "wheels"),
            "--no-index",
        ),
    ]
    assert sorted(lines.files) == ["bounds.txt", "more/base.txt", "more/deep.txt", "requirements.txt"]
    assert not lines.is_repeatable


@pytest.mark.parametrize(
    ("text", "is_repeatable"),
    [
        ("flask==3.1.3", True),
        ("flask @ https://files.example/flask.whl", False),
        ("flask @ https://files.example/flask.whl#sha256=00ff", True),
        ("https://files.example/flask.whl --hash=sha256:00ff", True),
        ("git+https://git.example/flask.git", False),
        ("-e .", False),
        (".", False),
        (".[web]", False),
        ("./packages/one", False),
        ("/srv/packages/one", False),
        ("packages/one.tar.gz", False),
        ("zope.interface", True),
    ],
)
def test_an_address_or_a_path_is_the_same_again_only_with_a_hash(text: str, is_repeatable: bool) -> None:
    assert requirement_lines.is_repeatable(text) is is_repeatable
