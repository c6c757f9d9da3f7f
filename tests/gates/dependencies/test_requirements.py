"""Declarations: met, rightly named, needed in production, fetched from one place."""

from __future__ import annotations

import pytest

from tests.gates.dependencies.support import Place

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_each_problem_of_the_closure_is_a_finding(project: Place) -> None:
    project.declares(
        "gone>=1", "old>=2", "picky", "plain[nope]", "here", "from-git @ git+https://x.example/r@main"
    )
    for name, version in (("old", "1.0"), ("plain", "1.0")):
        project.has(name, version)
    project.has("picky", requires=("also-gone", "not a requirement"))
    project.has("here", "1.0")
    project.has("here", "2.0")
    project.has("from-git")
    assert [(rule, severity) for rule, severity, _ in project.found()] == [
        ("direct-mismatch", "high"),
        ("direct-reference", "medium"),
        ("duplicate-distribution", "medium"),
        ("invalid-requirement", "high"),
        ("missing-distribution", "high"),
        ("missing-distribution", "high"),
        ("unknown-extra", "medium"),
        ("unsatisfied-requirement", "high"),
        *[("unused-dependency", "low")] * 5,
    ]


def test_the_messages_name_version_chain_and_line(project: Place) -> None:
    project.declares("web", "old>=2")
    project.has("web", requires=("gone>=3",))
    project.has("old", "1.5")
    said = {each.rule: (each.message, each.line) for each in project.seen().findings}
    assert said["missing-distribution"] == ("`gone>=3` is required and not installed: required by web", 5)
    assert said["unsatisfied-requirement"] == ("`old>=2` is installed in another version: 1.5 is there", 6)


def test_a_python_that_the_project_does_not_support(project: Place) -> None:
    project.writes(
        {"pyproject.toml": '[project]\nname = "app"\nrequires-python = ">=3.13"\ndependencies = []\n'}
    )
    (finding,) = project.seen().findings
    assert finding.message.startswith("`app: Requires-Python: >=3.13, and this is 3.12.4`")


def test_a_requirement_of_another_platform_is_not_missing(project: Place) -> None:
    project.writes(
        {
            "requirements.txt": 'pywinpty>=2; sys_platform == "win32"\nhere\n',
            "pyproject.toml": "",
            "app/a.py": "import here\n",
        }
    )
    project.has("here")
    assert project.found() == []


@pytest.mark.parametrize("python", ["", ">=3.11", ">=3.9", "oops"])
@pytest.mark.parametrize(
    "name", ["argparse", "pathlib2", "enum34", "asynctest", "Backports.Zoneinfo", "uuid"]
)
def test_a_backport_where_python_has_it_itself(project: Place, name: str, python: str) -> None:
    line = f'requires-python = "{python}"\n' if python else ""
    project.writes({"pyproject.toml": f'[project]\nname = "app"\n{line}dependencies = ["{name}"]\n'})
    wrong = [each for each in project.found() if each[0] == "wrong-name"]
    assert [severity for _, severity, _ in wrong] == ["medium"]


def test_a_backport_that_an_older_python_needs(project: Place) -> None:
    text = '[project]\nname = "app"\nrequires-python = ">=3.7"\ndependencies = ["asynctest", "backports.zoneinfo"]\n'
    project.has("asynctest")
    project.writes({"pyproject.toml": text})
    assert [each for each in project.found() if each[0] == "wrong-name"] == []


def test_a_backport_under_a_marker_is_meant(project: Place) -> None:
    project.declares("enum34; python_version < '3.4'")
    assert project.found() == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("OpenSSL", "pyopenssl"),
        ("yaml", "pyyaml"),
        ("sklearn", "scikit-learn"),
        ("rest-framework", "djangorestframework"),
    ],
)
def test_the_name_of_a_module_as_that_of_a_distribution(project: Place, name: str, right: str) -> None:
    project.declares(more=f'[dependency-groups]\ndev = ["{name}"]\n')
    (finding,) = project.seen().findings
    assert (finding.rule, finding.severity.name, finding.fix) == ("wrong-name", "MEDIUM", f"require {right}")


@pytest.mark.parametrize("name", ["attrs", "psycopg2", "grpc", "kafka", "pyyaml", "pillow"])
def test_right_names_are_left_alone(project: Place, name: str) -> None:
    project.declares(more=f'[dependency-groups]\ndev = ["{name}"]\n')
    assert project.found() == []


def test_tools_in_production(project: Place) -> None:
    project.declares("pytest", "mypy", "ruff", more='[dependency-groups]\ndev = ["black"]\n')
    for name in ("pytest", "mypy", "ruff"):
        project.has(name)
    assert [each for each in project.found() if each[0] == "tool-in-runtime"] == [
        ("tool-in-runtime", "medium", "runtime mypy"),
        ("tool-in-runtime", "medium", "runtime pytest"),
        ("tool-in-runtime", "medium", "runtime ruff"),
    ]


def test_a_tool_that_the_product_itself_runs_is_part_of_it(project: Place) -> None:
    project.declares("pytest", "mypy", "pre-commit")
    for name in ("pytest", "mypy", "pre-commit"):
        project.has(name)
    project.writes(
        {"app/a.py": 'import pytest\nCOMMANDS = ("mypy", "pre_commit run", " ")\n', "app/b.py": "X = 1\n"}
    )
    assert project.found() == []


@pytest.mark.parametrize(
    ("line", "anchor"),
    [
        (
            "--extra-index-url https://user:secret@packages.example/simple",
            "--extra-index-url packages.example",
        ),
        ("--extra-index-url=https://packages.example", "--extra-index-url packages.example"),
        ("--trusted-host packages.example", "--trusted-host packages.example"),
        ("--index-url http://packages.example/simple", "--index-url packages.example"),
        ("-i http://packages.example/simple", "-i packages.example"),
        ("--find-links http://packages.example/wheels", "--find-links packages.example"),
    ],
)
def test_a_second_or_plain_index(project: Place, line: str, anchor: str) -> None:
    project.writes({"requirements.txt": f"# first\n{line}\nhere\n"})
    project.writes({"pyproject.toml": "", "app/a.py": "import here\n"})
    project.has("here")
    (finding,) = project.seen().findings
    assert (finding.rule, finding.severity.name) == ("index-override", "HIGH")
    assert (finding.path, finding.line, finding.anchor) == ("requirements.txt", 2, anchor)
    assert "secret" not in finding.message


@pytest.mark.parametrize(
    "line", ["--index-url https://packages.example/simple", "--find-links ./wheels", "--pre"]
)
def test_one_index_over_https_is_fine(project: Place, line: str) -> None:
    project.writes({"requirements.txt": f"{line}\nhere\n", "pyproject.toml": "", "app/a.py": "import here\n"})
    project.has("here")
    assert project.found() == []


@pytest.mark.parametrize(
    ("url", "is_certain"),
    [
        (f"git+https://x.example/r.git@{COMMIT}", True),
        (f"git+https://x.example/r.git@{COMMIT}#egg=r", True),
        ("git+https://x.example/r.git@v1.2", False),
        (f"git+https://x.example/r.git@{COMMIT[:12]}", False),
        ("git+https://x.example/r.git", False),
        (f"https://x.example/r-1.zip#sha256={COMMIT}{COMMIT[:24]}", True),
        ("https://x.example/r-1.zip", False),
        ("file:///srv/r-1.zip", False),
    ],
)
def test_an_address_that_may_hold_something_else_tomorrow(
    project: Place, url: str, *, is_certain: bool
) -> None:
    project.declares(more=f'[dependency-groups]\ndev = ["r @ {url}"]\n')
    wanted = [] if is_certain else [("direct-reference", "medium", "group:dev r")]
    assert project.found() == wanted


def test_two_declarations_that_disagree(project: Place) -> None:
    project.declares("one", "two")
    project.writes({"requirements.txt": "one>=1\nthree\n", "app/a.py": "import one, two\n"})
    for name in ("one", "two"):
        project.has(name)
    assert project.found() == [
        ("declarations-disagree", "medium", "three"),
        ("declarations-disagree", "medium", "two"),
    ]


def test_a_requirement_that_is_none(project: Place) -> None:
    project.declares("one", "not a requirement !")
    project.has("one")
    project.writes({"app/a.py": "import one\n"})
    (finding,) = project.seen().findings
    assert (finding.rule, finding.severity.name, finding.line) == ("invalid-requirement", "HIGH", 6)
