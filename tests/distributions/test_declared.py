"""Where declarations stand, which of them are roots, and on which line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pytest_failhard.distributions import installed
from pytest_failhard.distributions.declared import Declaration, Declared, read
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.model import GateError
from tests.distributions.fake_site import package, pyproject, target
from tests.support import write


def declared(root: Path, site: Path | None = None, **settings: tuple[str, ...]) -> Declared:
    present = installed.read(target(site)) if site is not None else {}
    return read(root, SupplySettings(**settings), present)


def shown(declarations: Iterable[Declaration]) -> list[tuple[str, str, int, str]]:
    return [(each.text, each.path, each.line, each.scope) for each in declarations]


def names(declarations: Iterable[Declaration]) -> list[str]:
    return [each.requirement.name if each.requirement else "" for each in declarations]


FULL = """\
[build-system]
requires = ["flask"]

[project]
name = "My.App"
version = "1.2"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE*"]
authors = [{ name = "Ann", email = "ann@example.org" }, { name = "Bob" }]
maintainers = [{ email = "team@example.org" }]
dependencies = [
    "flask>=3", # a comment
    'httpx[http2] ; python_version < "4"',
    "two words",
]

[project.urls]
Homepage = "https://example.org"

[project.optional-dependencies]
all = ["my-app[Web,db]"]
web = ["gunicorn>=23"]
db = ["psycopg", "my_app[all]"]
later = ["my-app[web] ; os_name == 'nt'", "my-app[nosuch]"]

[dependency-groups]
dev = ["pytest>=9", { include-group = "Lint_er" }]
lint-er = ["ruff"]
"""


def test_everything_of_a_project(tmp_path: Path) -> None:
    found = declared(write(tmp_path, {"pyproject.toml": FULL}))
    assert shown(found.roots) == [
        ("flask>=3", "pyproject.toml", 13, "runtime"),
        ('httpx[http2] ; python_version < "4"', "pyproject.toml", 14, "runtime"),
        ("two words", "pyproject.toml", 15, "runtime"),
    ]
    assert found.roots[2].requirement is None
    assert (found.source, found.is_explicit, found.disagreeing) == ("pyproject.toml", True, ())
    project = found.project
    assert (project.name, project.version, project.requires_python) == ("my-app", "1.2", ">=3.11")
    assert (project.licence, project.licence_files) == ("MIT", ("LICENSE*",))
    assert project.authors == (("Ann", "ann@example.org"), ("Bob", ""))
    assert project.maintainers == (("", "team@example.org"),)
    assert project.urls == {"Homepage": "https://example.org"}
    assert ("pytest>=9", "pyproject.toml", 28, "group:dev") in shown(found.others)
    assert ("ruff", "pyproject.toml", 29, "group:dev") in shown(found.others)
    assert ("gunicorn>=23", "pyproject.toml", 23, "extra:all") in shown(found.others)


def test_a_requirement_on_the_project_itself_is_expanded(tmp_path: Path) -> None:
    root = write(tmp_path, {"pyproject.toml": FULL})
    found = declared(root, extras=("all",), groups=("LINT.er",))
    assert shown(found.roots[3:]) == [
        ("psycopg", "pyproject.toml", 24, "extra:all"),
        ("gunicorn>=23", "pyproject.toml", 23, "extra:all"),
        ("ruff", "pyproject.toml", 29, "group:lint-er"),
    ]
    assert not [each for each in found.others if each.scope in {"extra:all", "group:lint-er"}]


def test_a_condition_of_the_expanded_holds_for_what_it_brings(tmp_path: Path) -> None:
    found = declared(write(tmp_path, {"pyproject.toml": FULL}), extras=("later",))
    gunicorn, unknown = found.roots[3:]
    assert str(gunicorn.requirement) == 'gunicorn>=23; os_name == "nt"'
    # There is no such extra: whoever walks from here names it.
    assert str(unknown.requirement) == "my-app[nosuch]"


def test_both_conditions_hold(tmp_path: Path) -> None:
    more = """[project.optional-dependencies]
a = ["app[b] ; os_name == 'nt' or os_name == 'os2'"]
b = ["flask[async]>=3 ; python_version < '4'", "x @ https://example.org/x;y.whl", "bad bad"]
"""
    found = declared(pyproject(tmp_path, [], more), extras=("a",))
    assert [each.requirement for each in found.roots] == [
        Requirement('flask[async]>=3; python_version < "4" and (os_name == "nt" or os_name == "os2")'),
        Requirement('x @ https://example.org/x;y.whl ; os_name == "nt" or os_name == "os2"'),
        None,
    ]


def test_an_empty_list_is_an_answer(tmp_path: Path) -> None:
    found = declared(pyproject(tmp_path))
    assert (found.roots, found.is_explicit) == ((), True)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'app'\n", "[tool.poetry]\nname = 'app'\n"])
def test_no_declaration_is_no_empty_list(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"pyproject.toml": text})
    with pytest.raises(GateError, match="no dependency declaration found: write `dependencies"):
        declared(tmp_path)


def test_without_any_file(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="no dependency declaration found"):
        declared(tmp_path)


MISTAKES = [
    ("[project]\ndependencies = 'flask'\n", "project.dependencies: must be a list of texts"),
    ("[project]\ndependencies = [1]\n", "project.dependencies: must be a list of texts"),
    ("project = 1\n", "project: must be a table"),
    ("[project]\nname = 1\ndependencies = []\n", "project.name: must be text"),
    ("[project]\ndynamic = ['dependencies']\ndependencies = []\n", "stated and dynamic; choose one"),
    ("[project]\ndependencies = []\n[dependency-groups]\na = 'x'\n", "dependency-groups.a: must be a list"),
    (
        "[project]\ndependencies = []\n[dependency-groups]\na = [{include-group = 'b'}]\n",
        "includes no group that exists",
    ),
    (
        "[project]\ndependencies = []\n[dependency-groups]\na = [1]\n",
        "dependency-groups.a: 1 is no requirement",
    ),
    (
        (
            "[project]\ndependencies = []\n[dependency-groups]\n"
            "a = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n"
        ),
        "dependency-groups.b: includes itself by way of a and b",
    ),
    ("[project\n", "pyproject.toml: "),
    (b"\xff", "pyproject.toml: 'utf-8'"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_in_pyproject(tmp_path: Path, text: str | bytes, said: str) -> None:
    write(tmp_path, {"pyproject.toml": text})
    with pytest.raises(GateError) as caught:
        declared(tmp_path)
    assert said in str(caught.value)


def test_a_pyproject_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(GateError, match=r"pyproject\.toml: Is a directory"):
        declared(tmp_path)


def test_what_the_settings_name_must_exist(tmp_path: Path) -> None:
    root = pyproject(tmp_path, [], "[project.optional-dependencies]\nweb = []\n")
    with pytest.raises(GateError) as caught:
        declared(root, extras=("webb",), groups=("prod",), files=("deploy.txt",))
    said = str(caught.value)
    assert "extras: no extra is called 'webb' (web)" in said
    assert "groups: no group is called 'prod' (there are none)" in said
    assert "deploy.txt: cannot be read: No such file" in said


DYNAMIC = """\
[project]
name = "app"
dynamic = ["version", "dependencies", "optional-dependencies"]
"""


def test_what_only_a_build_knows(tmp_path: Path) -> None:
    root, site = write(tmp_path / "app", {"pyproject.toml": DYNAMIC}), tmp_path / "site"
    package(
        site,
        "app",
        "3.1",
        requires=[
            "flask>=3",
            "gunicorn; extra == 'web'",
            "x; 'db' == extra",
            "app[web]; extra == 'all'",
            "a b",
        ],
        extras=["web", "db", "all", "none"],
        headers={
            "Requires-Python": ">=3.10",
            "License-Expression": "MIT",
            "License-File": "LICENSE",
            "Author": "Ann",
            "Author-email": "ann@example.org",
            "Maintainer-email": "Bob <bob@example.org>, team@example.org",
            "Project-URL": "Home page, https://example.org",
        },
    )
    found = declared(root, site, extras=("all",))
    assert shown(found.roots) == [
        ("flask>=3", "pyproject.toml", 3, "runtime"),
        ("a b", "pyproject.toml", 3, "runtime"),
        ("gunicorn; extra == 'web'", "pyproject.toml", 3, "extra:all"),
    ]
    assert not found.is_explicit
    project = found.project
    assert (project.version, project.requires_python, project.licence) == ("3.1", ">=3.10", "MIT")
    assert project.authors == (("Ann", "ann@example.org"),)
    assert project.maintainers == (("Bob", "bob@example.org"), ("", "team@example.org"))
    assert (project.licence_files, project.urls) == (("LICENSE",), {"Home page": "https://example.org"})
    assert names(found.others) == ["gunicorn", "x"]


def test_dynamic_extras_beside_stated_dependencies(tmp_path: Path) -> None:
    text = '[project]\nname = "app"\ndynamic = ["optional-dependencies"]\ndependencies = ["flask"]\n'
    root, site = write(tmp_path / "app", {"pyproject.toml": text}), tmp_path / "site"
    package(site, "app", requires=["flask", "gunicorn; extra == 'web'"], extras=["web"])
    assert names(declared(root, site, extras=("web",)).roots) == ["flask", "gunicorn"]


POETRY = """\
[tool.poetry]
name = "app"
version = "1.0"
license = "MIT"
authors = ["Ann <ann@example.org>"]
homepage = "https://example.org"

[tool.poetry.dependencies]
python = "^3.11"
Flask = "^3.0"
psycopg = { version = "^3", optional = true }

[tool.poetry.group.dev.dependencies]
pytest = "^9"

[tool.poetry.dev-dependencies]
ruff = "*"
"""


@pytest.mark.parametrize(
    "files", [{"pyproject.toml": DYNAMIC}, {"pyproject.toml": POETRY}, {"setup.py": ""}, {"setup.cfg": ""}]
)
def test_install_the_project_first(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    package(tmp_path / "site", "flask")
    with pytest.raises(GateError, match=r"the project is not installed: install the project first"):
        declared(write(tmp_path / "app", files), tmp_path / "site")


def test_a_poetry_project(tmp_path: Path) -> None:
    root, site = write(tmp_path / "app", {"pyproject.toml": POETRY}), tmp_path / "site"
    package(site, "app", requires=["flask>=3,<4", "psycopg>=3; extra == 'db'"], extras=["db"])
    found = declared(root, site)
    assert shown(found.roots) == [("flask>=3,<4", "pyproject.toml", 10, "runtime")]
    assert shown(found.others) == [
        ("psycopg>=3; extra == 'db'", "pyproject.toml", 0, "extra:db"),
        ("pytest", "pyproject.toml", 14, "group:dev"),
        ("ruff", "pyproject.toml", 17, "group:dev"),
    ]
    assert found.project.authors == (("Ann", "ann@example.org"),)
    assert (found.project.licence, found.project.urls) == ("MIT", {"Homepage": "https://example.org"})
    assert names(declared(root, site, groups=("dev",)).roots) == ["flask", "pytest", "ruff"]


def test_a_poetry_project_whose_metadata_are_stale(tmp_path: Path) -> None:
    root, site = write(tmp_path / "app", {"pyproject.toml": POETRY}), tmp_path / "site"
    package(site, "app", requires=["jinja2"])
    with pytest.raises(GateError, match=r"names flask, and the installed metadata of app does not: install"):
        declared(root, site)


@pytest.mark.parametrize("how", ["direct_url", "egg-info"])
def test_an_older_project_is_known_by_its_folder(tmp_path: Path, how: str) -> None:
    root, site = write(tmp_path / "app", {"setup.py": ""}), tmp_path / "site"
    package(site, "aaa", direct_url={"url": "file:///elsewhere"})
    if how == "direct_url":
        package(site, "old-app", requires=["six"], direct_url={"url": f"{root.as_uri()}/", "dir_info": {}})
    else:
        info = {"PKG-INFO": "Name: old-app\nVersion: 1\n", "requires.txt": "six\n", "SOURCES.txt": ""}
        site = write(root, {f"old_app.egg-info/{name}": text for name, text in info.items()})
    found = declared(root, site)
    assert shown(found.roots) == [("six", "setup.py", 0, "runtime")]
    assert found.project.name == "old-app"


def test_requirements_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "requirements.txt": "--extra-index-url https://example.org/simple\n-r requirements/base.txt\n"
            "-c limits.txt\nflask>=3 ; os_name == 'posix'  # why\ntwo words\n",
            "requirements/base.txt": "-r ../requirements.txt\nJinja2==3.1 \\\n    --hash=sha256:00\n",
            "requirements-dev.txt": "--trusted-host example.org\npytest\n",
            "limits.txt": "jinja2<4\n-r more-limits.txt\nnot a limit\n",
            "more-limits.txt": "six<2\n",
        },
    )
    found = declared(tmp_path)
    assert sorted(shown(found.roots)) == [
        ("Jinja2==3.1", "requirements/base.txt", 2, "runtime"),
        ("flask>=3 ; os_name == 'posix'", "requirements.txt", 4, "runtime"),
        ("two words", "requirements.txt", 5, "runtime"),
    ]
    assert [(each.text, each.path, each.line, each.scope) for each in found.constraints] == [
        ("jinja2<4", "limits.txt", 1, "constraint"),
        ("not a limit", "limits.txt", 3, "constraint"),
        ("six<2", "more-limits.txt", 1, "constraint"),
    ]
    assert [(each.text, each.path, each.line) for each in found.options] == [
        ("--trusted-host example.org", "requirements-dev.txt", 1),
        ("--extra-index-url https://example.org/simple", "requirements.txt", 1),
    ]
    assert [each.hashes for each in found.roots if each.text == "Jinja2==3.1"] == [("sha256:00",)]
    assert (found.source, found.is_explicit) == ("requirements.txt", False)
    assert found.files == ("limits.txt", "more-limits.txt", "requirements.txt", "requirements/base.txt")


def test_requirements_by_address(tmp_path: Path) -> None:
    lines = [
        "-e ./lib#egg=mylib",
        "./wheels/foo-1.0-py3-none-any.whl",
        "https://example.org/bar_x-1.0.tar.gz#sha256=ab",
        "baz @ https://example.org/baz.zip",
        "git+https://example.org/a/b.git@main#egg=b",
        "https://example.org/nameless.zip",
        "https://example.org/a-1-py3.whl",
        "plain ; os_name == 'nt'",
        "far @ https://example.org/far.zip ; os_name == 'nt'",
        "git+https://example.org/a/c.git#egg=c ; os_name == 'nt'",
    ]
    found = declared(write(tmp_path, {"requirements.txt": "\n".join(lines)}))
    assert {each.requirement for each in found.roots} == {
        Requirement("mylib"),
        Requirement("foo==1.0"),
        Requirement("bar-x @ https://example.org/bar_x-1.0.tar.gz#sha256=ab"),
        Requirement("baz @ https://example.org/baz.zip"),
        Requirement("b @ git+https://example.org/a/b.git@main#egg=b"),
        Requirement("plain ; os_name == 'nt'"),
        Requirement("far @ https://example.org/far.zip ; os_name == 'nt'"),
        Requirement("c @ git+https://example.org/a/c.git#egg=c ; os_name == 'nt'"),
        None,
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"requirements.txt": "-r https://example.org/more.txt\n"},
            "https://example.org/more.txt: is outside",
        ),
        ({"requirements.txt": "-r ../more.txt\n"}, "../more.txt: is outside the project"),
        ({"requirements.txt": "-r /etc/more.txt\n"}, "/etc/more.txt: is outside the project"),
        ({"requirements.txt": "-r more.txt\n"}, "more.txt: cannot be read: No such file"),
        ({"requirements.txt": b"\xff\xfe"}, "requirements.txt: cannot be read: 'utf-8'"),
    ],
)
def test_requirements_files_that_cannot_be_followed(
    tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    with pytest.raises(GateError) as caught:
        declared(write(tmp_path, files))
    assert said in str(caught.value)


def test_an_option_file_that_nobody_requires_may_be_unreadable(tmp_path: Path) -> None:
    root = write(pyproject(tmp_path), {"requirements-old.txt": b"\xff"})
    assert declared(root).options == ()


@pytest.mark.parametrize("line", ["-e .", ".", "-e .[web]", "-e ./"])
def test_a_requirements_file_that_asks_for_the_project_itself(tmp_path: Path, line: str) -> None:
    files: dict[str, str | bytes] = {"setup.py": "", "requirements.txt": f"{line}\nuvicorn\n"}
    root, site = write(tmp_path / "app", files), tmp_path / "site"
    url = {"url": root.as_uri(), "dir_info": {"editable": True}}
    package(site, "app", requires=["flask", "gunicorn; extra == 'web'"], extras=["web"], direct_url=url)
    expected = {"uvicorn", "flask", *(["gunicorn"] if "web" in line else [])}
    assert set(names(declared(root, site).roots)) == expected


DISAGREEMENTS = [
    (["flask"], "flask\n", ()),
    (["flask", "six"], "flask\n", ("six",)),
    (["flask"], "flask\nsix>=1\n", ("six",)),
    (["flask"], "flask==3\nsix==1\n", ("six",)),
    (["Flask_x"], "flask.X\n", ()),
    (["flask"], "-e .\n", ()),
    (["flask"], "-e .\nsix\n", ("six",)),
    (["flask"], "", ("flask",)),
]


@pytest.mark.parametrize(("listed", "text", "expected"), DISAGREEMENTS)
def test_two_declarations_of_the_same(
    tmp_path: Path, listed: list[str], text: str, expected: tuple[str, ...]
) -> None:
    root = write(pyproject(tmp_path, listed), {"requirements.txt": text})
    found = declared(root)
    assert names(found.roots) == listed
    assert found.disagreeing == expected
    assert found.compiled == ({"six"} if "six==1" in text else frozenset())


def test_a_lock_is_no_second_declaration(tmp_path: Path) -> None:
    text = f"--index-url http://example.org\nsix==1 --hash=sha256:{'0' * 64}\n"
    root = write(pyproject(tmp_path / "a", ["flask"]), {"requirements.txt": text})
    found = declared(root)
    assert (found.disagreeing, found.files) == ((), ())
    assert [each.line for each in found.options] == [1]
    # Where nothing else declares, it does.
    assert names(declared(write(tmp_path / "b", {"requirements.txt": text})).roots) == ["six"]


def test_lines_of_what_is_written_otherwise(tmp_path: Path) -> None:
    text = """\
project.name = "app"
project.dependencies = ["flask"]
project.optional-dependencies.web = [
    "gunicorn",
]
dependency-groups = { dev = ["pytest"] }
"""
    found = declared(write(tmp_path, {"pyproject.toml": text}))
    assert [(each.text, each.line) for each in (*found.roots, *found.others)] == [
        ("flask", 2),
        ("gunicorn", 4),
        ("pytest", 6),
    ]


def test_older_forms_of_a_licence(tmp_path: Path) -> None:
    more = '[project.license]\nfile = "COPYING"\n'
    assert declared(pyproject(tmp_path / "a", [], more)).project.licence_files == ("COPYING",)
    more = 'license = { text = "BSD" }\nlicense-files = { paths = ["x"] }\nauthors = 1\n'
    project = declared(pyproject(tmp_path / "b", [], more)).project
    assert (project.licence, project.licence_files, project.authors) == ("BSD", (), ())
