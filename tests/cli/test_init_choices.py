"""`failhard init`: what a person gives or answers, what is replaced, and for which CI the files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_failhard import config
from pytest_failhard.cli.ci_files import GITLAB_JOB, HOOKS_FILE, SCRIPT, WORKFLOW
from tests.cli.test_init import PROJECT, loaded, root, run, tree

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
USES = f"acme/pytest-failhard/.github/workflows/failhard.yml@{COMMIT}"
GIVEN = ("--purpose", "Takes orders", "--load", "5/200", "--requirements", "README.md")
__all__ = ["root"]


def test_what_is_given_leaves_nothing_to_fill_in(root: Path) -> None:
    said = run(root, "--level", "2", *GIVEN)
    found = config.load(root)
    assert (found.level, found.purpose, found.requirements) == (2, "Takes orders", ("README.md",))
    assert found.expected_load == {"rps": 5, "daily_users": 200}
    assert "fill in" not in said
    assert "next        failhard check --level 2\n" in said


def test_a_gap_is_filled_later_and_is_told_until_then(root: Path) -> None:
    run(root)
    again = run(root)
    assert "next        fill in purpose, expected_load (every run is refused until then)" in again
    said = run(root, *GIVEN)
    assert "replaced    [tool.failhard]: purpose, expected_load\n" in said
    assert config.load(root).purpose == "Takes orders"


def test_what_is_there_gives_way_to_what_is_given_only_by_force(root: Path) -> None:
    run(root, "--level", "2", *GIVEN)
    before = tree(root)
    said = run(root, "--level", "3", "--purpose", "Sells shoes")
    assert tree(root) == before
    assert (
        "left alone  [tool.failhard] has level, purpose, requirements, expected_load, source, tests" in said
    )
    assert "replaced    [tool.failhard]: level, purpose\n" in run(
        root, "--level", "3", "--purpose", "Sells shoes", "--force"
    )
    assert (config.load(root).level, config.load(root).purpose) == (3, "Sells shoes")
    assert "failhard check --level 3" in (root / WORKFLOW).read_text()


def test_a_person_is_asked_for_the_gaps_until_the_answer_fits(root: Path) -> None:
    (root / "README.md").unlink()
    said = run(root, "--ask", answers=" Takes orders \ndocs/spec.md\nmany\n0/5\n5/200\n")
    assert "Error: 'many': give requests per second / users a day, such as 5/200\n" in said
    assert "Error: '0/5': give" in said
    found = config.load(root)
    assert (found.purpose, found.requirements) == ("Takes orders", ("docs/spec.md",))
    assert found.expected_load == {"rps": 5, "daily_users": 200}
    before = tree(root)
    assert "purpose (" not in run(root, "--ask", answers="")
    assert tree(root) == before


def test_an_empty_answer_leaves_the_gap(root: Path) -> None:
    said = run(root, "--ask", answers="\n\n")
    assert "fill in purpose, expected_load (every run is refused until then)" in said
    assert loaded(root)["tool"]["failhard"]["purpose"] == ""


@pytest.mark.parametrize("load", ["5", "0/1", "5/200/1", "a/b", "-1/2"])
def test_a_load_that_is_none_is_a_usage_error(root: Path, load: str) -> None:
    before = tree(root)
    assert "such as 5/200" in run(root, "--load", load, code=2)
    assert tree(root) == before


def test_each_system_has_its_files_and_its_next_step(root: Path) -> None:
    said = run(root, "--ci", "github", "--ci", "gitlab", "--ci", "shell", "--pre-commit", *GIVEN)
    names = [WORKFLOW, GITLAB_JOB, ".gitlab-ci.yml", SCRIPT, HOOKS_FILE]
    assert [name for name in names if f"added       {name}\n" not in said] == []
    steps = [line for line in said.splitlines() if line.startswith("next")]
    assert [
        word for word in ("required status", "must succeed", "sh ci/", "pre-commit install") if word in said
    ]
    assert len(steps) == 5
    before = tree(root)
    again = run(root, "--ci", "github", "--ci", "gitlab", "--ci", "shell", "--pre-commit", *GIVEN, "--force")
    assert (tree(root), "added" in again, "replaced" in again) == (before, False, False)


def test_the_files_of_others_are_not_replaced_even_by_force(root: Path) -> None:
    (root / ".gitlab-ci.yml").write_text("stages: [test]\n")
    (root / HOOKS_FILE).write_text("repos: []\n")
    said = run(root, "--pre-commit", "--force")
    assert (root / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert (root / HOOKS_FILE).read_text() == "repos: []\n"
    assert f"added       {GITLAB_JOB}\n" in said
    assert not (root / WORKFLOW).exists()
    assert f"to do       .gitlab-ci.yml: add `include: [{{local: {GITLAB_JOB}}}]`\n" in said
    assert f"to do       {HOOKS_FILE}: add the hooks `failhard-static` and `failhard`" in said


def test_a_reusable_workflow_is_called_at_a_commit_alone(root: Path) -> None:
    assert "40 hexadecimal digits" in run(root, "--uses", USES.replace(COMMIT, "v1"), code=2)
    said = run(root, "--uses", USES)
    assert f"    uses: {USES}\n" in (root / WORKFLOW).read_text()
    assert "make `failhard / verdict` a required status check" in said


@pytest.mark.parametrize(
    ("requires", "python"),
    [
        ('">=3.12"', "3.12"),
        ('">=3.9"', "3.11"),
        ('"three"', "3.11"),
        ('"<3"', "3.11"),
        ('">=3.13,<4"', "3.13"),
    ],
)
def test_the_lowest_python_of_the_project_judges(root: Path, requires: str, python: str) -> None:
    (root / "pyproject.toml").write_text(f"{PROJECT}requires-python = {requires}\n")
    run(root)
    assert f'python-version: "{python}"\n' in (root / WORKFLOW).read_text()


@pytest.mark.parametrize("line", ["dependencies = []", 'dynamic = ["dependencies"]', "", None])
def test_a_project_that_says_nowhere_what_it_needs_is_told(root: Path, line: str | None) -> None:
    if line is None:
        (root / "requirements.txt").write_text("")
    (root / "pyproject.toml").write_text(f"{PROJECT}{line or ''}\n")
    assert ("list what the product imports" in run(root)) == (line == "")


def test_a_product_that_calls_a_model_is_told_so(root: Path) -> None:
    (root / "shop" / "ask.py").write_text("import openai\n")
    said = run(root)
    assert "to do       [tool.failhard.llm]: the product imports openai (shop/ask.py:1)" in said
    with (root / "pyproject.toml").open("a") as file:
        file.write('\n[tool.failhard.llm]\nproviders = ["openai"]\n')
    assert "[tool.failhard.llm]" not in run(root)


def test_a_workflow_that_is_a_link_is_not_written_through(root: Path) -> None:
    (root / WORKFLOW).parent.mkdir(parents=True)
    (root / "elsewhere.yml").write_text("name: mine\n")
    (root / WORKFLOW).symlink_to(root / "elsewhere.yml")
    assert "symlink" in run(root, "--force", code=2)
    assert (root / "elsewhere.yml").read_text() == "name: mine\n"


def test_a_list_of_required_plugins_grows(root: Path) -> None:
    (root / "pyproject.toml").write_text('[tool.pytest]\nrequired_plugins = ["pytest-cov"]\n')
    run(root)
    assert loaded(root)["tool"]["pytest"]["required_plugins"] == ["pytest-cov", "pytest-failhard"]


def test_what_a_person_named_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.failhard]\nsource = ["later"]\ntests = ["later_tests"]\n')
    assert "nothing found" not in run(tmp_path)
