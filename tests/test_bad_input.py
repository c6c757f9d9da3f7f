"""What nobody should write, and everybody does: a clear answer, the right exit status, nothing half-done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.harness import EXIT, UNMEASURED, Ask, Expected, Mode, Outcome, run
from tests.acceptance.project import PYPROJECT, Files, commit, configured, copy, git, green, write
from tests.size import FULL, modes, without

LINT = Ask(only="lint")
POLICY = Ask(only="lint", policy="policy.yaml")
LATIN = "# -*- coding: latin-1 -*-\nNAME = 'é'\n".encode("latin-1")


def _dangling(root: Path) -> None:
    (root / "shop" / "x.py").symlink_to("nowhere")


def _folder(root: Path) -> None:
    (root / "shop" / "x.py").mkdir()


def _loop(root: Path) -> None:
    (root / "shop" / "again").symlink_to(root, target_is_directory=True)


def _unchanged(root: Path) -> None:
    del root


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Something that is wrong, and all that has to be said about it."""

    name: str
    expected: Expected
    words: tuple[str, ...] = ()
    files: Files = field(default_factory=dict)
    change: Callable[[Path], None] = _unchanged
    ask: Ask = LINT


BAD = (
    Bad(
        name="level that does not exist",
        expected=Expected.REFUSE,
        words=("9", "level"),
        ask=Ask(level=9, only="lint"),
    ),
    Bad(
        name="level that is no number",
        expected=Expected.REFUSE,
        words=("level", "whole number"),
        files={"pyproject.toml": PYPROJECT.replace("level = 1", 'level = "one"')},
    ),
    Bad(
        name="claim above the level",
        expected=Expected.REFUSE,
        words=("gdpr", "level 4", "remove the claim"),
        files=configured("", failhard='claims = ["gdpr"]\n'),
    ),
    Bad(
        name="policy with an unknown key",
        expected=Expected.REFUSE,
        words=("policy.yaml", "gates.lint.fail_on", "unknown"),
        files={"policy.yaml": SHIPPED.replace("\n  lint:\n", "\n  lint:\n    fail_on: 3\n")},
        ask=POLICY,
    ),
    Bad(
        name="policy that is no YAML",
        expected=Expected.REFUSE,
        words=("policy.yaml:2:8",),
        files={"policy.yaml": "gates: [lint\n  tests: }\n"},
        ask=POLICY,
    ),
    Bad(
        name="policy that is empty",
        expected=Expected.REFUSE,
        words=("policy.yaml",),
        files={"policy.yaml": ""},
        ask=POLICY,
    ),
    Bad(
        name="policy that is no UTF-8",
        expected=Expected.REFUSE,
        words=("policy.yaml",),
        files={"policy.yaml": b"\xff\xfe\x00"},
        ask=POLICY,
    ),
    Bad(
        name="policy that is not there",
        expected=Expected.REFUSE,
        words=("policy.yaml",),
        ask=POLICY,
    ),
    Bad(
        name="project file that is no TOML",
        expected=Expected.REFUSE,
        words=("pyproject.toml", "line 2"),
        files={"pyproject.toml": "[project]\nname = shop\n"},
    ),
    Bad(
        name="several mistakes at once",
        expected=Expected.REFUSE,
        words=("levle", "roots", "[tool.failhard] claims", "[tool.failhard] base"),
        files=configured("", failhard='levle = 2\nroots = ["shop"]\nclaims = ["iso"]\nbase = 7\n'),
    ),
    Bad(
        name="waivers that are no YAML",
        expected=Expected.REFUSE,
        words=("failhard-waivers.yaml:2:1",),
        files={"failhard-waivers.yaml": "waivers: [\n"},
    ),
    Bad(
        name="several mistakes in the waivers",
        expected=Expected.REFUSE,
        words=("failhard-waivers.yaml", "waivers[0]", "owner", "reason", "expires", "fingerprint"),
        files={
            "failhard-waivers.yaml": "schema: failhard-waivers/1\nwaivers:\n"
            "  - {gate: lint, rule: F401, path: shop/a.py, fingerprint: '12', expires: never}\n"
        },
    ),
    Bad(
        name="file that cannot be read",
        expected=Expected.ERROR,
        words=("shop/x.py: cannot be read",),
        change=_dangling,
    ),
    Bad(name="folder with the name of a module", expected=Expected.PASS, change=_folder),
    Bad(name="link that leads back", expected=Expected.PASS, change=_loop),
    Bad(
        name="source that is no UTF-8",
        expected=Expected.ERROR,
        words=("shop/latin.py",),
        files={"shop/latin.py": LATIN.partition(b"\n")[2]},
    ),
    Bad(
        name="NUL in a source",
        expected=Expected.ERROR,
        words=("shop/nul.py",),
        files={"shop/nul.py": b"X = 1\0\n"},
    ),
    Bad(
        name="line of a megabyte",
        expected=Expected.PASS,
        files={"shop/long.py": f'LONG = "{"a" * 1_000_000}"\n'},
    ),
    Bad(
        name="nesting without end",
        expected=Expected.ERROR,
        words=("shop/deep.py",),
        files={"shop/deep.py": "X = " + "(" * 5000 + ")" * 5000 + "\n"},
    ),
)


NAMES = (
    "it's my 2nd {shop}; $HOME & 100% größe-店-🛒",
    "my shop the 2nd",
    "größe-店-🛒",
    "it's a {shop}; $HOME & 100%",
)
"""The first has all that the others have one by one."""
T = TypeVar("T")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The green project, never run."""
    return green(tmp_path_factory.mktemp("template") / "shop")


def _own_temporary(ask: Ask, folder: Path) -> Ask:
    folder.mkdir()
    return replace(ask, environment={**UNMEASURED, **ask.environment, "TMPDIR": str(folder)})


def _check_clean(outcome: Outcome, temporary: Path) -> None:
    """Nothing is left but the report, whole or not at all, and no traceback is shown."""
    assert "Traceback" not in outcome.output, str(outcome)
    assert "INTERNALERROR" not in outcome.output, str(outcome)
    left = [path.name for path in temporary.iterdir() if "failhard" in path.name]
    assert left == [], f"left in the temporary folder: {left}"
    if outcome.folder.is_dir():
        names = {path.name for path in outcome.folder.iterdir()} - {".gitignore"}
        assert not names or "report.json" in names, f"half-written: {names}"


def _in_modes(things: Sequence[T]) -> list[tuple[T, Mode]]:
    """Return each with the modes in which it is met: in CI in one, and each second one in the other."""
    modes = tuple(Mode)
    return [
        (thing, mode)
        for number, thing in enumerate(things)
        for mode in (modes if FULL else (modes[number % len(modes)],))
    ]


def _named(value: object) -> str:
    return value.name if isinstance(value, Bad) else str(value)


READ_ALONE = (
    *("level that is no number", "policy that is no YAML", "policy that is empty", "policy that is no UTF-8"),
    *("policy that is not there", "project file that is no TOML", "several mistakes in the waivers"),
)
"""What tests of the readers meet in this process."""
TOLD = [bad for bad in BAD if FULL or bad.name not in READ_ALONE]


@pytest.mark.parametrize(("bad", "mode"), _in_modes(TOLD), ids=_named)
def test_bad_input_gets_a_clear_answer(bad: Bad, mode: Mode, template: Path, tmp_path: Path) -> None:
    project = copy(template, tmp_path / "shop")
    write(project, bad.files)
    bad.change(project)
    outcome = run(mode, project, _own_temporary(bad.ask, tmp_path / "temporary"))
    assert outcome.code == EXIT[mode][bad.expected], str(outcome)
    for words in bad.words:
        assert words in outcome.output, f"{words!r} is not said:\n{outcome}"
    _check_clean(outcome, tmp_path / "temporary")


@pytest.mark.parametrize("mode", modes(Mode.AUTHOR))
def test_a_folder_without_python_is_an_error(mode: Mode, tmp_path: Path) -> None:
    project = tmp_path / "empty"
    project.mkdir()
    outcome = run(mode, project, _own_temporary(Ask(), tmp_path / "temporary"))
    assert outcome.code == EXIT[mode][Expected.ERROR], str(outcome)
    assert outcome.report is not None
    assert {gate["verdict"] for gate in outcome.report["gates"]} == {"error"}, str(outcome)
    _check_clean(outcome, tmp_path / "temporary")


@pytest.mark.parametrize("mode", Mode)
def test_no_level_is_no_run(mode: Mode, tmp_path: Path) -> None:
    project = tmp_path / "empty"
    project.mkdir()
    outcome = run(mode, project, Ask(level=None))
    expected = EXIT[mode][Expected.REFUSE] if mode is Mode.SUPERVISED else 5
    assert outcome.code == expected, str(outcome)
    assert outcome.report is None


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(tmp_path / "nowhere"), "--level", "1"]
    completed = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert completed.returncode == EXIT[Mode.SUPERVISED][Expected.REFUSE]
    assert "nowhere" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize("name", without(NAMES, *NAMES[1:]))
@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_every_name_of_a_folder_will_do(mode: Mode, name: str, template: Path, tmp_path: Path) -> None:
    project = copy(template, tmp_path / name / "shop")
    write(
        project,
        {"shop/größe.py": "SIZE = 1\n", "tests/test_größe.py": "from shop.größe import SIZE\n" + TEST},
    )
    commit(project)
    assert git(project, "status", "--porcelain") == ""
    outcome = run(mode, project, _own_temporary(Ask(level=2), tmp_path / "temporary"))
    assert outcome.code == 0, str(outcome)
    _check_clean(outcome, tmp_path / "temporary")


@pytest.mark.parametrize("mode", Mode)
def test_a_folder_that_pytest_cannot_name(mode: Mode, template: Path, tmp_path: Path) -> None:
    """pytest takes a bracket in a path for the parameters of a test, and refuses to run."""
    project = copy(template, tmp_path / "a [draft]" / "shop")
    outcome = run(mode, project, _own_temporary(Ask(only="tests"), tmp_path / "temporary"))
    if mode is Mode.AUTHOR:
        assert outcome.code == EXIT[mode][Expected.REFUSE], str(outcome)
        assert "path cannot contain []" in outcome.output
    else:
        # The supervisor names the tests from within the folder.
        assert outcome.code == 0, str(outcome)
    _check_clean(outcome, tmp_path / "temporary")


@pytest.mark.parametrize("mode", Mode)
def test_a_comma_in_the_path_is_said(mode: Mode, template: Path, tmp_path: Path) -> None:
    project = copy(template, tmp_path / "shop, the 2nd" / "shop")
    outcome = run(mode, project, _own_temporary(Ask(only="coverage"), tmp_path / "temporary"))
    expected = Expected.REFUSE if mode is Mode.AUTHOR else Expected.ERROR
    assert outcome.code == EXIT[mode][expected], str(outcome)
    assert "rename the folder" in outcome.output
    _check_clean(outcome, tmp_path / "temporary")


TEST = "\n\ndef test_size() -> None:\n    assert SIZE == 1\n"
