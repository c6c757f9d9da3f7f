"""Imports as they stand in files, and which modules of the project answer them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.imports import Import, read
from pytest_failhard.distributions.installed import Distribution, RecordedFile
from pytest_failhard.distributions.modules import Modules
from pytest_failhard.distributions.own_modules import BESIDE, CERTAIN, NO, OwnModules
from pytest_failhard.source.files import SourceFile, role
from tests.distributions.fake_site import MARKERS
from tests.support import write


def imports(tmp_path: Path, code: str) -> list[str]:
    """Return what a file imports, guarded ones with `?`, those for type checkers alone with `:`."""
    write(tmp_path, {"app.py": code})
    found = read(tmp_path, [SourceFile(path="app.py", role="product")], MARKERS)
    return sorted(f"{each.asked}{'?' * each.is_guarded}{':' * each.is_typing}" for each in found)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import a, b.c as d\n", ["a", "b.c"]),
        ("from a import b, c\nfrom d import *\nfrom . import e\nfrom .f import g\n", ["a.b", "a.c", "d"]),
        (
            "class A:\n    def f(self):\n        for x in y:\n            import a\n        else:\n            import b\n",
            ["a", "b"],
        ),
        ("match x:\n    case 1:\n        import a\n", ["a"]),
        ("with open(x):\n    import a\n", ["a"]),
        (
            "try:\n    import a\nexcept OSError:\n    import b\nelse:\n    import c\nfinally:\n    import d\n",
            ["a", "b", "c", "d"],
        ),
        ("try:\n    import a\nexcept* ImportError:\n    import b\n", ["a?", "b"]),
        (
            "import typing as t\nif not t.TYPE_CHECKING:\n    import a\nelse:\n    import b\n",
            ["a", "b:", "typing"],
        ),
        ("if TYPE_CHECKING():\n    import a\n", ["a"]),
        ("if not x:\n    import a\n", ["a"]),
        (
            "import sys\nif sys.platform == 'win32':\n    import a\nelif x:\n    import b\nelse:\n    import c\n",
            ["b", "c", "sys"],
        ),
        (
            "import importlib\nimportlib.import_module(name)\nimportlib.import_module('.a', 'b')\n",
            ["importlib"],
        ),
        ("NAME = 'a.b'\nasync def f(x=__import__(NAME)): ...\n", ["a.b"]),
        ("with suppress(KeyError):\n    import a\n", ["a"]),
        ("async def f():\n    async with suppress(ModuleNotFoundError):\n        import a\n", ["a?"]),
    ],
)
def test_what_a_file_imports(tmp_path: Path, code: str, found: list[str]) -> None:
    assert imports(tmp_path, code) == found


def test_a_handler_says_what_it_stands_in_for(tmp_path: Path) -> None:
    write(
        tmp_path, {"app.py": "try:\n    from a import b\n    import c\nexcept ImportError:\n    import d\n"}
    )
    found = read(tmp_path, [SourceFile(path="app.py", role="product")], MARKERS)
    assert found[-1] == Import(path="app.py", line=5, module="d", instead_of=("a.b", "c"))


FILES = (
    "backend/main.py",
    "backend/models/__init__.py",
    "backend/models/user.py",
    "backend/models/openai.py",
    "backend/parts/deep/leaf.py",
    "examples/trial.py",
    "scripts/tool.py",
    "tests/unit/helper.py",
)


@pytest.mark.parametrize(
    ("path", "module", "name", "answer"),
    [
        ("backend/main.py", "models.user", "", CERTAIN),
        ("backend/main.py", "models", "user", CERTAIN),
        ("backend/main.py", "backend.models", "user", CERTAIN),
        ("backend/main.py", "parts.deep", "leaf", CERTAIN),
        ("backend/main.py", "parts", "deep", BESIDE),
        ("backend/main.py", "parts", "Class", NO),
        ("backend/main.py", "parts", "", BESIDE),
        ("backend/main.py", "nowhere", "", NO),
        ("backend/models/user.py", "openai", "", BESIDE),
        ("backend/models/openai.py", "openai", "OpenAI", NO),
        ("backend/main.py", "helper", "", NO),
        ("tests/test_a.py", "helper", "", CERTAIN),
        ("tests/test_a.py", "main", "", CERTAIN),
    ],
)
def test_which_modules_are_the_projects(
    tmp_path: Path, path: str, module: str, name: str, answer: str
) -> None:
    write(tmp_path, dict.fromkeys(FILES, ""))
    files = [SourceFile(path=each, role=role(each)) for each in FILES]
    own = OwnModules(tmp_path, ("backend",), files, frozenset({"models", "backend"}))
    assert own.answers(SourceFile(path=path, role=role(path)), module, name) == answer


def test_a_module_that_lies_anywhere_is_a_last_resort(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(FILES, ""))
    own = OwnModules(
        tmp_path, ("backend",), [SourceFile(path=each, role=role(each)) for each in FILES], frozenset()
    )
    product = SourceFile(path="backend/main.py", role="product")
    assert own.has_anywhere(product, "tool")
    assert not own.has_anywhere(product, "trial")
    assert not own.has_anywhere(product, "main")
    assert own.has_anywhere(SourceFile(path="tests/test_a.py", role="test"), "trial")


def installed(folder: Path, name: str, *files: str, url: str = "") -> Distribution:
    """Return a distribution with files, or one that is worked on in a folder."""
    return Distribution(
        name=name,
        raw_name=name,
        version="1",
        folder=folder / f"{name}-1.dist-info",
        files=tuple(RecordedFile(path=each, sha256="") for each in files),
        direct_url={"url": url} if url else {},
        is_editable=bool(url),
    )


def test_a_distribution_without_recorded_modules_says_them_itself(tmp_path: Path) -> None:
    write(tmp_path, {"old-1.dist-info/top_level.txt": "older\n\n", "src/worked/__init__.py": ""})
    found = Modules(
        {
            "old": installed(tmp_path, "old", "../bin/x.py", "__editable___old_finder.py", "1st/x.py"),
            "bare": installed(tmp_path, "bare"),
            "worked": installed(tmp_path, "worked", url=(tmp_path / "src").as_uri()),
            "remote": installed(tmp_path, "remote", url="https://x.example"),
        },
        (tmp_path / "src",),
    )
    assert found.providers("older.deep") == {"old"}
    assert (found.of("old"), found.of("bare")) == (frozenset({"older"}), frozenset())
    assert found.stray("worked") == tmp_path / "src"
    assert found.stray("nowhere") is None
    assert found.editable(tmp_path / "src") == {"worked"}
