"""Which files are product: by path, by what product code imports, and behind links."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.source import default_source, default_tests, files, read
from pytest_failhard.source.comments import comments
from pytest_failhard.source.promotion import promoted
from tests.support import write

APP = {"app/__init__.py": "", "app/core.py": "VALUE = 1\n", "tests/test_core.py": "from app import core\n"}


def product(root: Path, *source: str) -> list[str]:
    return [file.path for file in read(root, source or ("app",), ("tests",)).product]


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("app/core.py", "product"),
        ("app/tests/helper.py", "test"),
        ("app/test_core.py", "test"),
        ("app/core_test.py", "test"),
        ("conftest.py", "test"),
        ("my_tests/helper.py", "test"),
        ("Examples/run.py", "example"),
        ("demo_server.py", "example"),
        ("scripts/load.py", "script"),
        ("setup.py", "script"),
        ("app/contest.py", "product"),
        ("app/latest/core.py", "product"),
    ],
)
def test_the_path_alone_decides_the_role(path: str, role: str) -> None:
    assert files.role(path) == role


@pytest.mark.parametrize(
    "text",
    [
        "from app.tests import helper\n",
        "import app.tests.helper\n",
        "from .tests.helper import VALUE\n",
        "from .tests import (\n    helper,\n)\n",
        # Another letter for the same name, as Python reads it.
        "from app.\uff54ests import helper\n",
        "from app.tests import \uff48elper\n",
        "def late():\n    from app.tests.helper import VALUE\n    return VALUE\n",
    ],
)
def test_a_test_file_that_product_code_imports_is_product(tmp_path: Path, text: str) -> None:
    root = write(
        tmp_path, {**APP, "app/core.py": text, "app/tests/__init__.py": "", "app/tests/helper.py": ""}
    )
    assert "app/tests/helper.py" in product(root)


def test_promotion_follows_what_promoted_files_import(tmp_path: Path) -> None:
    examples = {
        "examples/__init__.py": "",
        "examples/one.py": "from examples import two\n",
        "examples/two.py": "",
    }
    root = write(tmp_path, {**APP, **examples, "app/core.py": "import examples.one\n"})
    assert product(root) == [
        "app/__init__.py",
        "app/core.py",
        "examples/__init__.py",
        "examples/one.py",
        "examples/two.py",
    ]


def test_a_name_in_a_comment_promotes_nothing(tmp_path: Path) -> None:
    root = write(tmp_path, {**APP, "app/core.py": "# see examples.one\n", "examples/one.py": ""})
    assert product(root) == ["app/__init__.py", "app/core.py"]


def test_what_no_import_can_mean_is_not_parsed(tmp_path: Path) -> None:
    mirrored = {"tests/core/__init__.py": "", "tests/core/test_value.py": "from app import core\n"}
    root = write(tmp_path, {**APP, **mirrored, "app/again.py": "from app import core\n"})
    asked: list[str] = []
    paths = ["app/__init__.py", "app/core.py", "app/again.py"]
    assert not promoted(root, ["app"], paths, mirrored, asked.append)
    assert asked == []


@pytest.mark.parametrize(
    ("link", "target", "text"),
    [
        ("lib", "tests", "import lib.core_data\n"),
        ("lib", ".", "from lib.tests import core_data\n"),
        ("lib/core_data.py", "../tests/core_data.py", "from lib import core_data\n"),
        ("lib", ".hidden", "import lib.deep.core_data\n"),
    ],
)
def test_what_is_imported_through_a_link_is_product(
    tmp_path: Path, link: str, target: str, text: str
) -> None:
    root = write(tmp_path, {**APP, "app/core.py": text, "tests/core_data.py": ""})
    (root / ".hidden").mkdir()
    (root / ".hidden" / "deep").symlink_to("../tests")
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(target)
    found = promoted(root, ["app"], ["app/core.py"], ["tests/core_data.py"], partial(files.tree, root))
    assert found == {"tests/core_data.py"}


def test_what_is_imported_through_another_place_is_product(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"empty.txt": ""})
    root = write(
        tmp_path / "project", {**APP, "tests/core_data.py": "", "app/core.py": "import lib.deep.core_data\n"}
    )
    (tmp_path / "elsewhere" / "deep").symlink_to(root / "tests")
    (root / "lib").symlink_to(tmp_path / "elsewhere")
    for source in ("app", "lib/../app"):
        found = promoted(root, [source], ["app/core.py"], ["tests/core_data.py"], partial(files.tree, root))
        assert found == {"tests/core_data.py"}


def test_a_linked_folder_is_read_under_its_real_path_and_once(tmp_path: Path) -> None:
    root = write(tmp_path, {**APP, "parts/hidden.py": ""})
    (root / "app" / "parts").symlink_to("../parts")
    assert product(root) == ["app/__init__.py", "app/core.py", "parts/hidden.py"]
    assert product(root, "app", "parts") == ["app/__init__.py", "app/core.py", "parts/hidden.py"]


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    root = write(tmp_path, APP)
    (root / "app" / "again").symlink_to("../app")
    assert product(root) == ["app/__init__.py", "app/core.py"]


def test_a_link_to_code_outside_the_project_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"hidden.py": ""})
    root = write(tmp_path / "project", APP)
    (root / "app" / "vendor").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GateError, match=r"app/vendor: a link to Python files outside the project"):
        product(root)


def test_a_named_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path, APP)
    with pytest.raises(GateError, match=r"^nope: no such file or folder in .*; correct `source` and `tests`"):
        product(root, "app", "nope")


@pytest.mark.parametrize(
    ("tree", "pyproject", "source"),
    [
        ({"app/a.py": "", "tests/test_a.py": "", "run.py": "", "docs/conf.py": ""}, {}, ("app", "run.py")),
        ({"src/app/a.py": "", "tools/x.py": ""}, {}, ("src/app",)),
        (
            {"lib/app/a.py": "", "other/b.py": ""},
            {"tool": {"hatch": {"build": {"targets": {"wheel": {"packages": ["lib/app"]}}}}}},
            ("lib/app",),
        ),
        ({"one.py": "", "two.py": ""}, {"tool": {"setuptools": {"py-modules": ["two"]}}}, ("two.py",)),
        (
            {"src/app/a.py": ""},
            {"tool": {"setuptools": {"packages": {"find": {"where": ["src"]}}}}},
            ("src",),
        ),
        ({"build/lib/a.py": "", "app/a.py": ""}, {}, ("app",)),
    ],
)
def test_product_roots_come_from_the_build_or_the_tree(
    tmp_path: Path, tree: Mapping[str, str], pyproject: Mapping[str, object], source: tuple[str, ...]
) -> None:
    assert default_source(write(tmp_path, tree), pyproject) == source


def test_test_roots_are_the_test_folders_and_files_at_the_top(tmp_path: Path) -> None:
    tree = {
        "tests/test_a.py": "",
        "e2e/test_b.py": "",
        "test_c.py": "",
        "app/tests/test_d.py": "",
        "test_empty/x": "",
    }
    assert default_tests(write(tmp_path, tree)) == ("e2e", "tests", "test_c.py")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"def f(:\n", "app/core.py:1: does not parse: "),
        (b"\xff\xfe\x00", "app/core.py"),
        (b"# -*- coding: nonsense -*-\n", "app/core.py:0: does not parse: unknown encoding: nonsense"),
        (b"x = '" + b"a" * (2 * 1024 * 1024) + b"'\n", "app/core.py: 2097159 bytes, more than the 2097152"),
        (b"x = " + b"(" * 500 + b")" * 500, "app/core.py"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    root = write(tmp_path, {**APP, "app/core.py": content})
    with pytest.raises(GateError) as caught:
        read(root, ("app",), ("tests",)).require_readable()
    assert str(caught.value).startswith(f"unreadable-source: {message}")


def test_all_unreadable_files_are_listed_together(tmp_path: Path) -> None:
    root = write(tmp_path, {**APP, "app/one.py": "(", "app/two.py": ")"})
    (root / "app" / "three.py").symlink_to("nowhere.py")
    with pytest.raises(GateError) as caught:
        read(root, ("app",), ("tests",)).require_readable()
    assert [name for name in ("one", "two", "three") if f"app/{name}.py" in str(caught.value)] == [
        "one",
        "two",
        "three",
    ]


def test_a_line_of_a_megabyte_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, {**APP, "app/core.py": "x = '" + "a" * 1024 * 1024 + "'\n"})
    read(root, ("app",), ("tests",)).require_readable()


def test_a_product_file_that_does_not_parse_promotes_nothing_and_is_named(tmp_path: Path) -> None:
    broken = "from app.tests import helper\n(\n"
    root = write(tmp_path, {**APP, "app/core.py": broken, "app/tests/helper.py": ""})
    project = read(root, ("app",), ("tests",))
    assert [file.path for file in project.product] == ["app/__init__.py", "app/core.py"]
    with pytest.raises(GateError, match=r"unreadable-source: app/core\.py:2: does not parse: "):
        project.require_readable()


@pytest.mark.parametrize("text", ["x = 1\0\n", "-" * 100_000 + "1\n"], ids=["a null byte", "without end"])
def test_text_that_no_parser_takes_is_an_error(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"app.py": text})
    with pytest.raises(GateError, match=r"app\.py.*: does not parse: "):
        files.parse(tmp_path, "app.py")


def test_a_malformed_pyproject_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"pyproject\.toml: "):
        files.pyproject(write(tmp_path, {"pyproject.toml": "[a\n"}))


@pytest.mark.parametrize("name", ["broken.py", "absent.py"])
def test_comments_that_cannot_be_read_are_an_error(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"broken.py": "x = (  # begun\n"})
    with pytest.raises(GateError, match=rf"{name}: its comments cannot be read: "):
        comments(tmp_path, name)
