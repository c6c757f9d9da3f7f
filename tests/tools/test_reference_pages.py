"""The reference page names all that there is: commands with their options, markers, fixtures, hook, names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

import pytest_failhard
from pytest_failhard import cli
from tests.support import WITHOUT_OTHERS
from tools import reference_pages


@pytest.fixture(scope="module")
def page() -> str:
    return reference_pages.page()


def test_every_command_and_name_is_there(page: str) -> None:
    assert [name for name in cli.COMMANDS if f"### `failhard {name}`\n" not in page] == []
    assert "### `failhard golden update`\n" in page
    assert [name for name in pytest_failhard.__all__ if f"| `{name}` | " not in page] == []
    assert "| ` |" not in page


def test_options_have_their_form_and_meaning(page: str) -> None:
    assert "| `--format text\\|agent\\|github` | What is printed. |\n" in page
    assert "| `--perf-prove` | Slow each benchmark down" in page
    assert "| `--failhard-level 1\\|2\\|3\\|4` | judge at this maturity level" in page
    assert "Arguments: `[PATH]`, `[-- PYTEST ARGS]`\n" in page


def test_every_fixture_that_pytest_offers_is_there(page: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "--fixtures", "-q", *WITHOUT_OTHERS]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    ours = (line for line in done.stdout.splitlines() if "pytest_failhard/" in line)
    offered = {line.partition(" ")[0] for line in ours}
    assert {"llm_faults", "llm_empty", "failhard_system", "failhard_benchmark"} <= offered
    assert [name for name in sorted(offered) if f"| `{name}` | " not in page] == []
    assert "| `llm_server` | session | The provider of this process" in page


def test_markers_and_hook_are_whole(page: str) -> None:
    assert "| `failhard_perf(max_regression=, budget_ms=, pin=, clock=)` | how much slower" in page
    assert "`pytest_failhard_gates(config: pytest.Config | None) -> Sequence[Gate]`\n" in page


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (click.Option(["--size"], type=int), "--size N"),
        (click.Option(["--to", "-t"], metavar="PLACE"), "--to, -t PLACE"),
        (click.Option(["--ask/--no-ask"]), "--ask, --no-ask"),
        (click.Option(["--kind"], type=click.Choice(["a", "b"])), "--kind a|b"),
    ],
)
def test_the_form_of_an_option(option: click.Option, shown: str) -> None:
    form = reference_pages._option(option)
    assert form == shown
