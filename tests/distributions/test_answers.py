"""What a tool said of what is installed is put back only where it would say the same again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_failhard.distributions import answers
from pytest_failhard.distributions.pieces import Pieces
from pytest_failhard.distributions.target import Target
from pytest_failhard.gates.licences import LicencesGate
from pytest_failhard.model import Completed, Memory
from tests.distributions.fake_site import target
from tests.support import gate_run, write

SAID = Completed(argv=("x",), returncode=3, stdout=b"\xff\n", stderr=b"", seconds=1.5, is_plain=True)


def bound(root: Path, asked: Target, python: str = "/env/bin/python") -> str:
    run = gate_run(root, LicencesGate(), interpreter=Path(python), packages=(str(root / "src"),))
    return answers.bound(run, asked, "one", "two")


def test_an_answer_comes_back_as_it_was_and_none_that_could_not_be_left() -> None:
    text = answers.dump(SAID)
    assert text is not None
    assert answers.load(text) == dataclasses.replace(SAID, argv=(), seconds=0.0, is_plain=False)
    assert answers.dump(dataclasses.replace(SAID, is_plain=False)) is None


def test_it_rests_on_the_question_the_interpreter_and_what_that_says_of_itself(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/app.py": ""})
    asked = target(tmp_path / "site")
    run = gate_run(root, LicencesGate(), interpreter=Path("/env/bin/python"))
    others = [
        answers.bound(run, asked, "one two"),
        answers.bound(run, asked, "one", "two"),
        bound(root, asked, "/env/bin/python3"),
        bound(root, target(tmp_path / "other")),
        bound(root, target(tmp_path / "site", sys_platform="win32")),
        bound(root, dataclasses.replace(asked, abi="")),
        bound(root, dataclasses.replace(asked, standard=frozenset())),
    ]
    assert len(set(others)) == len(others)
    assert bound(root, asked) == others[1]


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("src/app.egg-info/PKG-INFO", True),
        ("src/other.egg-info", True),
        ("src/Other.DIST-INFO/inner/METADATA", True),
        ("src/hook.pth", True),
        ("src/sitecustomize.py", True),
        ("src/app.py", False),
        ("docs/app.egg-info/PKG-INFO", False),
        (".venv/site-packages/app-1.dist-info/METADATA", False),
    ],
)
def test_what_describes_a_distribution_in_the_project_counts(tmp_path: Path, path: str, counts: bool) -> None:
    root = write(tmp_path / "p", {"src/app.py": "", ".venv/site-packages/x.py": ""})
    asked = dataclasses.replace(
        target(root / ".venv/site-packages", root / "src", root / "gone"), prefix=root / ".venv"
    )
    before = bound(root, asked)
    write(root, {path: "Version: 1\n"})
    added = bound(root, asked)
    write(root, {path: "Version: 2\n"})
    assert len({before, added, bound(root, asked)}) == (3 if counts else 1)
    (root / path).unlink()
    assert bound(root, asked) == before


def test_a_piece_is_given_for_what_it_rests_on_and_others_stay(tmp_path: Path) -> None:
    memory = Memory()
    first = Pieces(gate_run(tmp_path / "p", LicencesGate(), memory=memory))
    assert first.get("a", "1") is None
    assert memory.left is None
    first.put("a", "1", "one")
    first.put("b", "1", "two")
    later = Pieces(gate_run(tmp_path / "p", LicencesGate(), memory=Memory(earlier=memory.left)))
    assert (later.get("a", "1"), later.get("b", "1"), later.get("a", "2"), later.get("c", "1")) == (
        "one",
        "two",
        None,
        None,
    )
