"""`failhard init` on real files: complete, repeatable, and never over what is there."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from pytest_failhard import config
from pytest_failhard.cli.ci_files import WORKFLOW
from pytest_failhard.cli.init import command

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENT = f"pytest-failhard>={version('pytest-failhard')}"
PROJECT = """\
# the shop's own file
[project]
name = "shop"  # the name
version = "1"
description = "Takes orders"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A git repository with a product, a test and a README."""
    for folder in (".git", "shop", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "tests" / "test_shop.py").write_text("")
    (tmp_path / "README.md").write_text("# Shop\n")
    return tmp_path


def run(root: Path, *arguments: str, code: int = 0, answers: str | None = None) -> str:
    """Run the command and return what it said."""
    result = CliRunner().invoke(command, [str(root), *arguments], input=answers)
    assert result.exit_code == code, result.output
    return result.output


def loaded(root: Path) -> dict[str, Any]:
    """Return pyproject.toml as Python's own parser reads it."""
    return tomllib.loads((root / "pyproject.toml").read_text())


def tree(root: Path) -> dict[str, bytes]:
    """Return every file's bytes by path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_project_without_pyproject_gets_one(root: Path) -> None:
    said = run(root, "--level", "3")
    assert loaded(root) == {
        "dependency-groups": {"dev": [REQUIREMENT]},
        "tool": {
            "failhard": {
                "level": 3,
                "purpose": "",
                "requirements": "README.md",
                "expected_load": {"rps": 0, "daily_users": 0},
                "source": ["shop"],
                "tests": ["tests"],
                "system": {"kind": "library", "secrets": [], "settings": []},
            },
            "pytest": {"required_plugins": ["pytest-failhard"]},
        },
    }
    assert said == (
        f'added       [dependency-groups] dev: "{REQUIREMENT}"\n'
        "added       [tool.failhard]: level, purpose, requirements, expected_load, source, tests\n"
        "added       [tool.failhard.system]: kind = library\n"
        "added       [tool.pytest]: required_plugins\n"
        "added       .github/workflows/failhard.yml\n"
        "to do       [project] dependencies: list what the product imports; `[]` says that it is nothing\n"
        "to do       [tool.failhard] purpose: fill in: one sentence, what the system does and for whom\n"
        "to do       [tool.failhard] expected_load: fill in: peak requests per second and users a day\n"
        "next        fill in purpose, expected_load (every run is refused until then), "
        "and run failhard check --level 3\n"
        "next        commit and push, then make `failhard` a required status check of the branch: "
        "only then it blocks\n"
    )


def test_what_is_there_stays_byte_for_byte_and_comes_first(root: Path) -> None:
    (root / "pyproject.toml").write_text(PROJECT)
    run(root)
    assert (root / "pyproject.toml").read_text().startswith(PROJECT)
    assert loaded(root)["tool"]["failhard"]["purpose"] == "Takes orders"


def test_comments_order_and_layout_are_kept_where_tables_are_extended(root: Path) -> None:
    before = PROJECT + (
        "\n[dependency-groups]\ndev = [\n    'ruff',  # rules\n    # the last\n]\n"
        "\n[tool.pytest.ini_options]  # ours\naddopts = '-q'  # quiet\n"
        "\n[tool.failhard]\n# agreed with the team\nlevel = 2\n"
        "\n[tool.other]\nkey = 1\n"
    )
    (root / "pyproject.toml").write_text(before)
    said = run(root, "--level", "4")
    after = (root / "pyproject.toml").read_text()
    kept = [line.rstrip(",") for line in before.splitlines()]
    remaining = iter(line.rstrip(",") for line in after.splitlines())
    assert [line for line in kept if line not in remaining] == []
    assert loaded(root)["tool"]["failhard"]["level"] == 2
    assert loaded(root)["tool"]["pytest"] == {
        "ini_options": {"addopts": "-q", "required_plugins": ["pytest-failhard"]}
    }
    assert loaded(root)["dependency-groups"] == {"dev": ["ruff", REQUIREMENT]}
    assert "left alone  [tool.failhard] has level already\n" in said
    assert "failhard check --level 2" in (root / WORKFLOW).read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROJECT,
        PROJECT.replace("\n", "\r\n"),
        PROJECT + "[dependency-groups]\ntest = ['ruff'] # one\n",
        PROJECT + "[project.optional-dependencies]\ndev = ['ruff']\n",
        PROJECT + "[tool.pytest]\nstrict = true\n",
        PROJECT + "[tool.pytest.ini_options]\nrequired_plugins = 'pytest-cov>=5'\n",
        PROJECT
        + "[tool.a]\nx = 1\n[build-system]\nrequires = []\n[tool.failhard]\nlevel = 3\n[tool.b]\ny = 1\n",
        "tool.poetry.name = 'shop'\n[tool.poetry.group.dev.dependencies]\nruff = '*'\n",
        "[tool.failhard]",
        "[tool.failhard.lint]\nselect = ['E']\n",
        "[tool]\nfailhard = {level = 3}\n",
        "[dependency-groups]\ndev = [\n  'a',\n  'b'  # the last, without a comma\n]\n",
        "[dependency-groups]\nlint = ['a']\ndev = [{include-group = 'lint'}]\n",
        "[[tool.uv.index]]\nname = 'x'\n[tool.failhard]\n# empty\n[[tool.mypy.overrides]]\nmodule = 'a'\n",
    ],
)
def test_a_second_run_changes_nothing(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_bytes(text.encode())
    run(root)
    first = tree(root)
    before, after = tomllib.loads(text), loaded(root)
    said = run(root)
    assert tree(root) == first
    assert "added" not in said
    assert set(before) <= set(after)
    assert ("\r\n" in text) == (b"\r\n" in first["pyproject.toml"])


@pytest.mark.parametrize(
    ("text", "expected", "install"),
    [
        (
            "[project]\nname = 'shop'\n[dependency-groups]\ndocs = ['mkdocs']\ntest = ['ruff']\n",
            {"dependency-groups": {"docs": ["mkdocs"], "test": ["ruff", REQUIREMENT]}},
            'python -m pip install -e "." --group test',
        ),
        (
            "[project.optional-dependencies]\ndev = ['ruff']\n",
            {"project": {"optional-dependencies": {"dev": ["ruff", REQUIREMENT]}}},
            'python -m pip install -e ".[dev]"',
        ),
        (
            "[tool.poetry.group.dev.dependencies]\nruff = '*'\n",
            {
                "tool": {
                    "poetry": {
                        "group": {
                            "dev": {
                                "dependencies": {
                                    "ruff": "*",
                                    "pytest-failhard": f">={version('pytest-failhard')}",
                                }
                            }
                        }
                    }
                }
            },
            "poetry install --with dev",
        ),
        (
            "[project]\ndependencies = ['Pytest_Failhard']\n",
            {"project": {"dependencies": ["Pytest_Failhard"]}},
            'python -m pip install -e "."',
        ),
    ],
)
def test_the_dependency_goes_where_the_project_keeps_its_own(
    root: Path, text: str, expected: dict[str, object], install: str
) -> None:
    (root / "pyproject.toml").write_text(text)
    run(root)
    assert contains(loaded(root), expected)
    steps = yaml.safe_load((root / WORKFLOW).read_text())["jobs"]["failhard"]["steps"]
    assert install in [step.get("run") for step in steps]


def contains(whole: object, part: object) -> bool:
    """Tell whether every key of the part has the part's value in the whole."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    return whole == part


def test_a_required_plugin_joins_those_that_are_there(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\nrequired_plugins = 'pytest-cov>=5'\n")
    run(root)
    assert loaded(root)["tool"]["pytest"] == {
        "ini_options": {"required_plugins": "pytest-cov>=5 pytest-failhard"}
    }


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("pytest.ini", "[pytest]\n", "required_plugins = pytest-failhard"),
        ("pytest.toml", "[pytest]\n", 'required_plugins = ["pytest-failhard"]'),
        ("tox.ini", "[pytest]\n", "required_plugins = pytest-failhard"),
        ("setup.cfg", "[tool:pytest]\n", "required_plugins = pytest-failhard"),
    ],
)
def test_another_pytest_configuration_is_left_alone_with_the_line_to_add(
    root: Path, name: str, content: str, line: str
) -> None:
    (root / name).write_text(content)
    said = run(root)
    assert (root / name).read_text() == content
    assert "pytest" not in loaded(root)["tool"]
    assert f"to do       {name}: add `{line}`, so that pytest refuses to run without it\n" in said


@pytest.mark.parametrize(
    "text",
    [
        "[project\n",
        "tool = {failhard = {level = 3}}\n",
        "[tool]\nfailhard = 3\n",
        "[dependency-groups]\ndev = 'ruff'\n",
        "project = 1\n",
        "tool = 1\n",
        "[tool.poetry]\nname = 'shop'\n[tool.poetry.group.dev]\noptional = true\n",
        "\ufeff[a]\n",
    ],
)
def test_a_malformed_pyproject_is_refused_and_nothing_is_written(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(text)
    before = tree(root)
    said = run(root, code=2)
    assert said.startswith("Error: pyproject.toml: ")
    assert tree(root) == before


def test_bytes_that_are_no_text_are_refused(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"a = '\xff'\n")
    assert run(root, code=2) == "Error: pyproject.toml: byte 5 is not UTF-8; correct it and run again\n"
    assert not (root / WORKFLOW).exists()


def test_a_folder_in_the_place_of_pyproject_is_refused(root: Path) -> None:
    (root / "pyproject.toml").mkdir()
    assert run(root, code=2) == "Error: pyproject.toml: cannot be read: Is a directory\n"


def test_a_file_where_the_workflow_needs_a_folder_is_refused(root: Path) -> None:
    (root / ".github").write_text("a file\n")
    assert (
        run(root, code=2) == f"Error: {WORKFLOW}: cannot be written: Not a directory; mend it and run again\n"
    )
    (root / ".github").unlink()
    assert f"added       {WORKFLOW}\n" in run(root)


def test_the_workflow_installs_what_a_requirements_file_lists(root: Path) -> None:
    (root / "requirements.txt").write_text("flask\n")
    run(root)
    assert "-r requirements.txt" in (root / WORKFLOW).read_text()


def test_a_second_required_plugin_joins_the_first_in_a_text(root: Path) -> None:
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\nrequired_plugins = "pytest-cov"\n')
    run(root)
    assert loaded(root)["tool"]["pytest"]["ini_options"]["required_plugins"] == "pytest-cov pytest-failhard"


def test_the_group_is_added_beside_other_groups(root: Path) -> None:
    (root / "pyproject.toml").write_text('[dependency-groups]\nprose = ["vale"]\n')
    run(root)
    assert loaded(root)["dependency-groups"] == {"prose": ["vale"], "dev": [REQUIREMENT]}


def test_an_existing_workflow_is_left_alone(root: Path) -> None:
    (root / WORKFLOW).parent.mkdir(parents=True)
    (root / WORKFLOW).write_text("name: mine\n")
    assert f"left alone  {WORKFLOW} exists already; --force replaces it\n" in run(root)
    assert (root / WORKFLOW).read_text() == "name: mine\n"
    assert f"replaced    {WORKFLOW}\n" in run(root, "--force")
    assert f"left alone  {WORKFLOW} is up to date\n" in run(root, "--force")


def test_below_the_root_of_a_repository_no_workflow_is_written(root: Path) -> None:
    below = root / "services" / "shop"
    below.mkdir(parents=True)
    said = run(below)
    assert "GitHub reads workflows only at the root" in said
    assert "failhard check services/shop" in said
    assert not (below / WORKFLOW).exists()


def test_roots_that_cannot_be_derived_are_named_and_not_invented(tmp_path: Path) -> None:
    said = run(tmp_path)
    assert "source" not in loaded(tmp_path)["tool"]["failhard"]
    assert "to do       [tool.failhard] source: nothing found; what is judged" in said


def test_a_folder_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    assert "does not exist" in run(tmp_path / "absent", code=2)


def test_a_pyproject_that_is_a_link_is_refused(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "pyproject.toml"
    elsewhere.write_text(PROJECT)
    (root / "pyproject.toml").symlink_to(elsewhere)
    assert "symlink" in run(root, code=2)
    assert elsewhere.read_text() == PROJECT


def test_what_is_left_to_fill_in_is_refused_and_what_is_filled_in_is_accepted(root: Path) -> None:
    run(root)
    with pytest.raises(config.ConfigError) as refused:
        config.load(root)
    unfilled = ("purpose", "expected_load.rps", "expected_load.daily_users")
    assert [key for key in unfilled if key not in str(refused.value)] == []
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text().replace('purpose = ""', 'purpose = "Takes orders"')
    pyproject.write_text(text.replace("{rps = 0, daily_users = 0}", "{rps = 5, daily_users = 200}"))
    loaded_config = config.load(root)
    assert (loaded_config.level, loaded_config.source, loaded_config.tests) == (1, ("shop",), ("tests",))


SERVICE = "import os\nfrom flask import Flask\napp = Flask(__name__)\nKEY = os.environ['API_KEY']\n"


def test_a_service_is_declared_with_what_its_files_say(root: Path) -> None:
    (root / "shop" / "__init__.py").write_text(SERVICE)
    (root / "shop" / "broken.py").write_text("def\n")
    (root / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["gunicorn", "-b", ":80", "shop:app"]\n')
    said = run(root)
    system = loaded(root)["tool"]["failhard"]["system"]
    assert (system["kind"], system["start"], system["port_env"]) == ("http", ["gunicorn", "shop:app"], "PORT")
    assert system["secrets"] == [{"name": "API_KEY"}]
    assert "added       [tool.failhard.system]: kind = http\n" in said
    assert "to do       [tool.failhard.system]: 2 places to look at, `# check` and `# fill in`\n" in said
    assert "to do       [tool.failhard.system]: not derived from shop/broken.py:1: does not parse" in said


def test_a_declaration_that_is_there_is_left_alone(root: Path) -> None:
    before = '[tool.failhard.system]\nkind = "job" # ours\n'
    (root / "pyproject.toml").write_text(before)
    assert "left alone  [tool.failhard.system] is there already\n" in run(root)
    assert loaded(root)["tool"]["failhard"]["system"] == {"kind": "job"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool]\nfailhard = {level = 3}\n", "write `failhard = {...}` as a [table], and run again"),
        ("[tool.failhard]\nsource = ['absent']\n", "correct `source` and `tests` first, and run again"),
    ],
)
def test_where_no_declaration_can_be_written_it_is_said_why(root: Path, text: str, said: str) -> None:
    (root / "pyproject.toml").write_text(text)
    assert f"to do       [tool.failhard.system]: {said}\n" in run(root)
    assert "system" not in loaded(root)["tool"]["failhard"]
