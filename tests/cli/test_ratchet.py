"""`failhard ratchet update` takes out what is gone, and adds only where somebody answers for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.baseline import FILE
from pytest_failhard.cli import ratchet
from tests.support import write

CONFIG = '[project]\nname = "shop"\nversion = "1"\n\n[tool.failhard]\nlevel = 1\nsource = ["app"]\n'
LOWER = ("--lower", "--reason", "from the start", "--owner", "ana")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(
        tmp_path / "shop",
        {
            "pyproject.toml": CONFIG,
            "app/a.py": "x = 1  # noqa: E501\ny = 2  # noqa\n",
            "app/b.pyi": "z: int  # type: ignore\n",
        },
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        ratchet.command.main(["update", *map(str, arguments)])
    out, err = capsys.readouterr()
    return ended.value.code, out + err


def noted(root: Path) -> dict[str, int]:
    rules = json.loads((root / FILE).read_bytes())["rules"]
    return {name: len(entries) for name, entries in rules.items()}


def test_what_a_configuration_leaves_out_is_noted_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(shop, {".coveragerc": "[report]\nexclude_also =\n    if debug:\n"})
    assert run(capsys, shop, *LOWER)[0] == 0
    assert noted(shop) == {"blanket-suppression": 2, "unreasoned-suppression": 2}


def test_it_adds_only_with_owner_and_reason_and_takes_out_what_is_gone(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, shop, *LOWER) == (0, f"failhard: {FILE}: 0 removed, 3 added, 0 kept\n")
    assert noted(shop) == {"blanket-suppression": 2, "unreasoned-suppression": 1}
    write(shop, {"app/a.py": "y = 2  # noqa\nz = 3  # nosec\n"})
    assert run(capsys, shop) == (0, f"failhard: {FILE}: 1 removed, 0 added, 2 kept\n")
    assert noted(shop) == {"blanket-suppression": 2}
    before = (shop / FILE).read_bytes()
    assert run(capsys, shop) == (0, f"failhard: {FILE}: 0 removed, 0 added, 2 kept\n")
    assert (shop / FILE).read_bytes() == before
    assert run(capsys, shop, *LOWER) == (0, f"failhard: {FILE}: 0 removed, 1 added, 2 kept\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no failhard-baseline.json"),
        (("--lower",), "--lower: add --reason"),
        (("--lower", "--reason", "because", "--owner", "ana"), "--lower: add --reason"),
        (("--lower", "--reason", "from the start"), "--lower: add --reason"),
        (("--reason", "from the start"), "they belong to --lower"),
        (("--owner", "ana"), "they belong to --lower"),
    ],
    ids=range(6),
)
def test_nothing_is_noted_without_somebody_who_answers(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, text = run(capsys, shop, *arguments)
    assert (code, said in text) == (2, True)
    assert not (shop / FILE).exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({FILE: "{}"}, "schema: is missing"),
        ({"app/c.py": "def f(:\n"}, "unreadable-source: app/c.py: syntax-error"),
        ({"pyproject.toml": CONFIG + "sauce = 1\n"}, "sauce"),
    ],
    ids=["baseline", "source", "configuration"],
)
def test_what_cannot_be_read_changes_nothing(
    shop: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    write(shop, files)
    code, text = run(capsys, shop, *LOWER)
    assert (code, said in text) == (2, True)
    assert not (shop / FILE).exists() or (shop / FILE).read_text() == "{}"


def test_the_layout_of_a_project_without_configuration_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "p", {"app/__init__.py": "x = 1  # noqa\n", "tests/test_a.py": "y = 1  # noqa\n"})
    assert run(capsys, root, *LOWER) == (0, f"failhard: {FILE}: 0 removed, 2 added, 0 kept\n")
