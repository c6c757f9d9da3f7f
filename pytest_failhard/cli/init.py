"""`failhard init`: sets a project up and touches nothing that is already there."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_failhard.cli import pyproject
from pytest_failhard.store import StoreError, write_atomically

WORKFLOW = ".github/workflows/failhard.yml"
TEMPLATE = """\
# Written by `failhard init`. Make its job a required status check: only then does it stop a merge.
name: failhard

on:
  push:
    branches: [main]
  pull_request:

permissions: {{}}

jobs:
  failhard:
    runs-on: ubuntu-latest
    timeout-minutes: 90
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          fetch-depth: 0 # the merge base is needed
          persist-credentials: false
      - uses: actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0
        with:
          python-version: "3.11"
{install}
      - run: {prefix}failhard check --level {level} ${{BASE:+--base "origin/$BASE"}}
        env:
          BASE: ${{{{ github.base_ref }}}} # empty on a push: then there is no merge to judge
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        if: always()
        with:
          name: failhard-report
          path: .failhard
          include-hidden-files: true
          if-no-files-found: error
"""


class InitError(click.ClickException):
    """Nothing was written; the message says what to mend."""

    exit_code = 2


@click.command("init")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--level", type=click.IntRange(1, 4), default=1, show_default=True, help="Maturity level.")
def command(path: Path, level: int) -> None:
    """Set up the project in PATH: dependency, settings, required plugin, workflow.

    What is already there stays as it is and is named. A second run changes nothing.
    """
    root = path.resolve()
    notes = pyproject.Notes()
    target = root / "pyproject.toml"
    before = _text(target)
    try:
        extended = pyproject.extend(before or "", root, level, notes)
    except pyproject.PyprojectError as error:
        raise InitError(str(error)) from None
    workflow = _workflow(root, extended, notes)
    try:
        if extended.text != before:
            write_atomically(target, extended.text.encode())
        if workflow:
            (root / WORKFLOW).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(root / WORKFLOW, workflow.encode())
    except StoreError as error:
        raise InitError(str(error)) from None
    except OSError as error:
        raise InitError(f"{WORKFLOW}: cannot be written: {error.strerror}; mend it and run again") from None
    _say(notes, extended.level)


def _text(path: Path) -> str | None:
    """Return the file's text, None where there is no file; bytes that are no text are refused."""
    if not path.exists():
        return None
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InitError(f"{path.name}: byte {error.start} is not UTF-8; correct it and run again") from None
    except OSError as error:
        raise InitError(f"{path.name}: cannot be read: {error.strerror}") from None


def _workflow(root: Path, extended: pyproject.Extended, notes: pyproject.Notes) -> str:
    """Return the workflow to write, empty where there is one or none can work."""
    if (root / WORKFLOW).exists():
        notes.kept.append(f"{WORKFLOW} exists already")
        return ""
    above = [folder for folder in root.parents if (folder / ".git").exists()]
    if above and not (root / ".git").exists():
        notes.to_do.append(
            f"{WORKFLOW}: not written, because GitHub reads workflows only at the root of the repository; "
            f"add a job there that runs `failhard check {root.relative_to(above[0]).as_posix()}`"
        )
        return ""
    notes.added.append(WORKFLOW)
    steps = "\n".join(f"      - run: {command}" for command in _install(root, extended))
    prefix = "poetry run " if extended.place.kind == "poetry" else ""
    return TEMPLATE.format(install=steps, prefix=prefix, level=extended.level)


def _install(root: Path, extended: pyproject.Extended) -> list[str]:
    """Return the commands that install the project with its dev dependencies."""
    place = extended.place
    if place.kind == "poetry":
        return ["python -m pip install poetry", f"poetry install --with {place.name}"]
    extra = f"[{place.name}]" if place.kind == "extra" else ""
    parts = [f'-e ".{extra}"'] if extended.installable else []
    if (root / "requirements.txt").is_file():
        parts.append("-r requirements.txt")
    if place.kind == "group":
        parts.append(f"--group {place.name}")
    upgrade = 'python -m pip install --upgrade "pip>=25.1" # the first with --group'
    return [upgrade, f"python -m pip install {' '.join(parts)}"]


def _say(notes: pyproject.Notes, level: int) -> None:
    for heading, lines in (("added", notes.added), ("left alone", notes.kept), ("to do", notes.to_do)):
        for line in lines:
            click.echo(f"{heading:<11} {line}")
    keys = ", ".join(notes.unfilled)
    first = f"fill in {keys} (every run is refused until then), and run " if keys else ""
    click.echo(f"{'next':<11} {first}pytest --failhard-level={level}")
