"""The project's configuration: read strictly, every mistake at once, never looser than the policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_failhard.config import ConfigError, ProjectConfig, effective_level, load, merge_settings, parse
from pytest_failhard.model import Option, PolicyOption, Rule, Settings, Severity
from tests.support import GATES


def project(root: Path, text: str, **others: str) -> Path:
    (root / "pyproject.toml").write_text(text, "utf-8")
    for name, content in others.items():
        (root / name.replace("__", "-").replace("_txt", ".txt")).write_text(content, "utf-8")
    return root


def mistakes(root: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(project(root, text), GATES)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def test_without_a_file_nothing_is_configured(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    assert load(root) == ProjectConfig(name="shop")


def test_everything_is_read(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        """
        [project]
        name = "Shop_Service"
        version = "1.2"
        requires-python = ">=3.11,<4"
        dependencies = ["FastAPI>=0.1", "psycopg[binary] ; python_version > '3'"]
        [project.optional-dependencies]
        all = ["shop-service[llm]", "openai"]
        [dependency-groups]
        dev = ["pytest", {include-group = "Lint_Tools"}]
        lint-tools = ["ruff"]
        [tool.failhard]
        level = 3
        purpose = "sells things"
        requirements = "docs/requirements.md"
        expected_load = {rps = 20, daily_users = 5000}
        python = ".venv/bin/python"
        source = ["app"]
        tests = ["tests"]
        base = "origin/main"
        [tool.failhard.lint]
        select = ["D"]
        [tool.failhard.coverage]
        """,
        requirements_txt="# pinned\nPyYAML==6.0 \\\n    --hash=sha256:00\n-r more.txt\n-e .\nhttps://x/y.whl\n",
        more_txt="httpx ; python_version > '3'  # a client\n-r requirements.txt\n",
    )
    assert load(root, GATES) == ProjectConfig(
        level=3,
        purpose="sells things",
        requirements=("docs/requirements.md",),
        expected_load={"rps": 20, "daily_users": 5000},
        python=".venv/bin/python",
        source=("app",),
        tests=("tests",),
        base="origin/main",
        gates={"lint": {"select": ["D"]}, "coverage": {}},
        name="Shop_Service",
        version="1.2",
        requires_python=(3, 11),
        adopted=True,
        declared_distributions=frozenset(
            {"fastapi", "psycopg", "openai", "pytest", "ruff", "pyyaml", "httpx"}
        ),
    )


def test_poetry_tables_are_read(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        """
        [tool.poetry]
        name = "shop"
        version = "0.1"
        [tool.poetry.dependencies]
        python = "^3.12"
        Flask = "^3"
        [tool.poetry.group.dev.dependencies]
        pytest = "*"
        """,
    )
    assert load(root) == ProjectConfig(
        name="shop",
        version="0.1",
        requires_python=(3, 12),
        declared_distributions=frozenset({"flask", "pytest"}),
    )


def test_every_mistake_is_listed_at_once_fo_127(tmp_path: Path) -> None:
    text = """
    [project]
    name = 3
    requires-python = "new"
    dependencies = ["a b c"]
    [project.optional-dependencies]
    llm = "openai"
    [dependency-groups]
    dev = [{include-group = "gone"}]
    [tool.failhard]
    levle = 3
    level = "3"
    purpose = ""
    requirements = 4
    source = []
    tests = ["../elsewhere"]
    claims = ["iso"]
    expected_load = {rps = 0}
    lint = "strict"
    [tool.failhard.linter]
    x = 1
    [tool.failhard.coverage]
    floor = nan
    """
    section = "pyproject.toml: [tool.failhard"
    assert mistakes(tmp_path, text) == (
        f"{section}] lint: must be a table, the options of the gate lint",
        f"{section}.linter]: unknown gate; did you mean lint?",
        f"{section}.coverage] floor: a float is no option value; write it as text, in quotes",
        f"{section}] level: must be a whole number (it is '3')",
        f"{section}] purpose: must not be empty (it is '')",
        f"{section}] requirements: must be text or a list of text (it is 4)",
        f"{section}] expected_load.rps: must be above 0 (it is 0)",
        f"{section}] source: must not be empty (it is [])",
        f"{section}] tests[0]: must be a path inside the project (it is '../elsewhere')",
        f"{section}] claims[0]: must be one of 'gdpr' or 'production' (it is 'iso')",
        f"{section}] levle: unknown key; did you mean level?",
        "pyproject.toml: name: must be text; quote it",
        "pyproject.toml: project.dependencies[0]: 'a b c' is no requirement; write `name>=version`",
        "pyproject.toml: project.optional-dependencies.llm: must be a list",
        (
            "pyproject.toml: dependency-groups.dev: {'include-group': 'gone'} "
            "includes no group that exists; name one"
        ),
        "pyproject.toml: project.requires-python: 'new' is no specifier; write `>=3.11`",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[tool\n", "pyproject.toml: not valid TOML: "),
        (b"a = '\xff'\n", "pyproject.toml: not UTF-8 at byte 5; save it as UTF-8"),
        (b"tool = 3\n", "pyproject.toml: tool: must be a table\npyproject.toml: tool: must be a table"),
        (b"[tool]\nfailhard = 3\n", "pyproject.toml: [tool.failhard]: must be a table"),
        (b"a = " + b"[" * 5000, "pyproject.toml: nested too deeply; no such file is meant"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_mistake(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(data, tmp_path)
    assert str(caught.value).startswith(message)


def test_a_folder_in_the_place_of_the_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value) == "pyproject.toml: cannot be read: Is a directory; make it a readable file"


def test_an_empty_section_is_an_adoption(tmp_path: Path) -> None:
    assert parse(b"[tool.failhard]\n", tmp_path).adopted
    assert not parse(b"[tool.black]\n", tmp_path).adopted


@pytest.mark.parametrize(
    ("command_line", "file", "level"), [(None, 3, 3), (2, None, 2), (1, 3, 3), (4, 2, 4)]
)
def test_the_higher_level_holds(command_line: int | None, file: int | None, level: int) -> None:
    assert effective_level(command_line, ProjectConfig(name="shop", level=file)) == level


LEVELS = "levels: 1 PoC, 2 development, 3 pre-production, 4 production"


@pytest.mark.parametrize(
    ("command_line", "config", "message"),
    [
        (
            None,
            ProjectConfig(name="shop"),
            (
                "no level is given: run pytest --failhard-level=N or failhard check --level N, "
                f"or set level = N in pyproject.toml: [tool.failhard]; {LEVELS}"
            ),
        ),
        (5, ProjectConfig(name="shop"), f"level 5: no such level; {LEVELS}"),
        (0, ProjectConfig(name="shop", level=3), f"level 0: no such level; {LEVELS}"),
        (
            2,
            ProjectConfig(name="shop", claims=("gdpr",)),
            (
                "pyproject.toml: [tool.failhard] claims: gdpr demands level 4, the level is 2; "
                "either set level = 4 there, or remove the claim"
            ),
        ),
    ],
)
def test_no_level_is_ever_guessed(command_line: int | None, config: ProjectConfig, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        effective_level(command_line, config)
    assert str(caught.value) == message


@pytest.mark.parametrize("claim", ["gdpr", "production"])
def test_a_claim_contradicts_a_lower_level_in_the_file(claim: str, tmp_path: Path) -> None:
    assert mistakes(tmp_path, f"[tool.failhard]\nlevel = 3\nclaims = ['{claim}']\n") == (
        (
            f"pyproject.toml: [tool.failhard] claims: {claim} demands level 4, the level is 3; "
            "either set level = 4 there, or remove the claim"
        ),
    )
    config = load(project(tmp_path, f"[tool.failhard]\nclaims = ['{claim}']\n"))
    assert effective_level(4, config) == 4


def test_every_claim_that_the_level_does_not_bear_is_named() -> None:
    config = ProjectConfig(name="shop", claims=("gdpr", "production"))
    with pytest.raises(ConfigError) as caught:
        effective_level(3, config)
    assert [each.partition(": ")[2].split(" demands")[0] for each in caught.value.mistakes] == [
        "[tool.failhard] claims: gdpr",
        "[tool.failhard] claims: production",
    ]


@dataclass(frozen=True, kw_only=True)
class LintSettings(Settings):
    select: tuple[str, ...] = ()
    severity: dict[str, str] | None = None
    max_complexity: int | None = None
    line_length: int = 88
    layers: dict[str, list[str]] | None = None
    hidden: bool = False


RULE = Rule(
    gate="lint",
    fail_at=Severity.MEDIUM,
    timeout=60,
    options={
        "select": PolicyOption(value=["E", "F"], kind="tighten", stricter="superset"),
        "severity": PolicyOption(value={"T20": "medium"}, kind="tighten", stricter="severity"),
        "max_complexity": PolicyOption(value=7, kind="tighten", stricter="lower"),
        "line_length": PolicyOption(value=100, kind="fixed"),
        "layers": PolicyOption(value={}, kind="project"),
    },
)


def merged(**table: Option) -> LintSettings:
    return merge_settings("lint", LintSettings, RULE, table)


def test_the_policy_is_the_base_and_the_project_tightens() -> None:
    assert merged() == LintSettings(
        select=("E", "F"), severity={"T20": "medium"}, max_complexity=7, line_length=100, layers={}
    )
    table: dict[str, Option] = {
        "select": ["D", "E"],
        "severity": {"T20": "high", "E501": "high"},
        "max_complexity": 5,
        "line_length": 100,
        "layers": {"app.*": ["app.web"]},
    }
    assert merged(**table) == LintSettings(
        select=("E", "F", "D"),
        severity={"T20": "high", "E501": "high"},
        max_complexity=5,
        line_length=100,
        layers={"app.*": ["app.web"]},
    )


def test_no_project_loosens_and_all_mistakes_are_listed() -> None:
    with pytest.raises(ConfigError) as caught:
        merged(
            selct=["E"],
            hidden=True,
            select="E",
            severity={"T20": "low", "E501": "medium"},
            max_complexity=9,
            line_length=120,
            layers={"app": [3]},
        )
    where = "pyproject.toml: [tool.failhard.lint] "
    assert caught.value.mistakes == (
        f"{where}selct: unknown key; did you mean select?",
        f"{where}hidden: the policy of this level does not open it to projects; remove it",
        f"{where}select: must be a list of text",
        (
            f"{where}severity: may only be tightened: E501 is medium, not the gate's default; "
            "T20 is low, not medium; remove it or make it stricter"
        ),
        f"{where}max_complexity: may only be tightened: 9 is above 7; remove it or make it stricter",
        f"{where}line_length: belongs to the policy, which says 100; remove it",
        f"{where}layers.app[0]: must be text; quote it (it is 3)",
    )


def test_a_fixed_option_is_compared_with_its_type() -> None:
    rule = Rule(
        gate="lint", fail_at=None, timeout=1, options={"hidden": PolicyOption(value=True, kind="fixed")}
    )
    with pytest.raises(ConfigError) as caught:
        merge_settings("lint", LintSettings, rule, {"hidden": 1})
    assert caught.value.mistakes == (
        "pyproject.toml: [tool.failhard.lint] hidden: belongs to the policy, which says true; remove it",
    )


def test_a_policy_that_the_gate_does_not_understand_is_a_mistake_of_the_policy() -> None:
    options = {"colour": PolicyOption(value="red", kind="fixed")}
    rule = Rule(gate="lint", fail_at=None, timeout=1, options=options)
    with pytest.raises(ConfigError) as caught:
        merge_settings("lint", LintSettings, rule, {})
    assert caught.value.mistakes == (
        (
            "policy: gates.lint.options.colour: unknown key; "
            "known: hidden, layers, line_length, max_complexity, select, severity"
        ),
    )


def test_an_accepting_option_is_the_projects_own() -> None:
    option = PolicyOption(value=[], kind="accept", stricter="subset")
    rule = Rule(gate="lint", fail_at=None, timeout=1, options={"select": option})
    assert merge_settings("lint", LintSettings, rule, {"select": ["X"]}).select == ("X",)


def test_metadata_of_the_wrong_type_is_never_guessed(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xff")
    assert mistakes(tmp_path, "project = 1\n[tool]\npoetry = 2\n") == (
        "pyproject.toml: project: must be a table",
        "pyproject.toml: poetry: must be a table",
        "requirements.txt: cannot be read as UTF-8 (UnicodeDecodeError); mend or remove it",
    )


def test_the_test_roots_move_into_the_table_of_the_gate_where_there_is_one(tmp_path: Path) -> None:
    text = b"[tool.failhard.tests]\nroots = ['checks']\npass_env = ['TZ']\n"
    config = parse(text, tmp_path, GATES)
    assert (config.tests, config.gates) == (("checks",), {"tests": {"pass_env": ["TZ"]}})


def test_the_system_is_no_gate_s_table_and_may_hold_decimals(tmp_path: Path) -> None:
    root = project(
        tmp_path, '[tool.failhard]\n[tool.failhard.system]\nkind = "http"\nslo = { success_rate = 0.5 }\n'
    )
    config = load(root, GATES)
    assert (config.system, config.gates) == ({"kind": "http", "slo": {"success_rate": 0.5}}, {})
    assert mistakes(tmp_path, "[tool.failhard]\nsystem = 1\n") == (
        "pyproject.toml: [tool.failhard] system: must be a table",
    )
