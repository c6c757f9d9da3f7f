"""`failhard init`: sets a project up, and replaces nothing of what is there unless told to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from pytest_failhard.cli import ci_files, pyproject
from pytest_failhard.cli.options import FOLDER, LEVEL
from pytest_failhard.cli.setting_up import Given, Notes, PyprojectError
from pytest_failhard.cli.settings_table import COMMENTS
from pytest_failhard.store import StoreError, write_atomically

LOAD_FORM = "requests per second / users a day, such as 5/200"


class InitError(click.ClickException):
    """Nothing more was written; the message says what to mend."""

    exit_code = 2


def _load(text: str) -> tuple[int, int] | None:
    """Return a load, requests per second and users a day; None for nothing."""
    if not text:
        return None
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r}: give {LOAD_FORM}")
    return int(parts[0]), int(parts[1])


def _given_load(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int] | None:
    del ctx, param
    return _load(value)


def _reusable(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and not ci_files.REUSABLE.fullmatch(value):
        form = "OWNER/REPOSITORY/.github/workflows/NAME.yml@COMMIT"
        raise click.BadParameter(
            f"{value!r}: give {form}, the commit in full (40 hexadecimal digits)", ctx, param
        )
    return value


@click.command("init")
@click.argument("path", type=FOLDER, default=".")
@click.option("--level", type=LEVEL, help="Maturity level (default: 1).")
@click.option("--purpose", default="", help="One sentence: what the system does, and for whom.")
@click.option("--requirements", default="", metavar="FILE", help="The file that lists what it must do.")
@click.option("--load", default="", callback=_given_load, metavar="RPS/USERS", help=f"Expected: {LOAD_FORM}.")
@click.option(
    "--ci", "systems", type=click.Choice(ci_files.SYSTEMS), multiple=True, help="Repeat for several."
)
@click.option("--uses", default="", callback=_reusable, help="GitHub: call this reusable workflow.")
@click.option("--pre-commit", "hooks", is_flag=True, help="Write the hooks for pre-commit, too.")
@click.option("--force", is_flag=True, help="Replace our files, and settings by those that are given.")
@click.option("--ask/--no-ask", default=None, help="Ask for what is missing (default: on a terminal).")
def command(
    path: Path,
    level: int | None,
    purpose: str,
    requirements: str,
    load: tuple[int, int] | None,
    systems: tuple[str, ...],
    uses: str,
    hooks: bool,
    force: bool,
    ask: bool | None,
) -> None:
    """Set up the project in PATH: dependency, settings, required plugin, files for CI.

    What is already there stays as it is and is named. A second run changes nothing. Without --ci the files
    are for GitLab where the project has a `.gitlab-ci.yml`, else for GitHub.
    """
    root = path.resolve()
    given = Given(level=level, purpose=purpose, requirements=requirements, load=load, force=force)
    extended, notes = _settings(root, given, ask=sys.stdin.isatty() if ask is None else ask)
    for system in (*(systems or _usual(root)), *([ci_files.HOOKS] if hooks else [])):
        _write_files(root, system, _facts(root, extended, uses), notes, force=force)
    _say(notes, extended.level)


def _usual(root: Path) -> tuple[str, ...]:
    return (ci_files.GITLAB,) if (root / ci_files.GITLAB_FILE).exists() else (ci_files.GITHUB,)


def _settings(root: Path, given: Given, *, ask: bool) -> tuple[pyproject.Extended, Notes]:
    """Write pyproject.toml; what only a person knows is asked for first, where there is somebody to ask."""
    target = root / "pyproject.toml"
    before = _text(target)
    try:
        if ask:
            draft = Notes()
            pyproject.extend(before or "", root, given, draft)
            given = _asked(given, draft.unfilled)
        notes = Notes()
        extended = pyproject.extend(before or "", root, given, notes)
        if extended.text != before:
            write_atomically(target, extended.text.encode())
    except (PyprojectError, StoreError) as error:
        raise InitError(str(error)) from None
    return extended, notes


def _asked(given: Given, unfilled: Sequence[str]) -> Given:
    """Ask for each gap; an empty answer leaves it, to be filled in later."""
    answers = {key: _answer(key) for key in unfilled}
    return replace(
        given,
        purpose=answers.get("purpose", given.purpose),
        requirements=answers.get("requirements", given.requirements),
        load=_load(answers.get("expected_load", "")) or given.load,
    )


def _answer(key: str) -> str:
    form = ", as RPS/USERS" if key == "expected_load" else ""
    question = f"{key} ({COMMENTS[key].removeprefix('fill in: ')}{form})"
    return str(click.prompt(question, default="", show_default=False, value_proc=_checked(key))).strip()


def _checked(key: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if key == "expected_load":
            _load(text)
        return text

    return check


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


def _facts(root: Path, extended: pyproject.Extended, uses: str) -> ci_files.Facts:
    return ci_files.Facts(
        level=extended.level,
        python=extended.python,
        branch=ci_files.main_branch(root),
        install=_install(root, extended),
        prefix="poetry run " if extended.place.kind == "poetry" else "",
        uses=uses,
    )


def _write_files(root: Path, system: str, facts: ci_files.Facts, notes: Notes, *, force: bool) -> None:
    """Write the files of one system; what others wrote stays, with what is to be added there."""
    above = _repository_above(root)
    if above is not None and system in ci_files.AT_THE_TOP:
        below = root.relative_to(above).as_posix()
        notes.to_do.append(
            f"{system}: not written, because {ci_files.AT_THE_TOP[system]} only at the root of the repository"
            f"; add there what runs `failhard check {below}`"
        )
        return
    for name, text in ci_files.made(system, facts).items():
        _write(root, name, text, notes, force=force)
    notes.next.append(ci_files.NEXT[system].format(check=ci_files.check_name(facts)))


def _repository_above(root: Path) -> Path | None:
    if (root / ".git").exists():
        return None
    return next((folder for folder in root.parents if (folder / ".git").exists()), None)


def _write(root: Path, name: str, text: str, notes: Notes, *, force: bool) -> None:
    there = _text(root / name)
    if there == text:
        notes.kept.append(f"{name} is up to date")
    elif there is not None and name in ci_files.SHARED and ci_files.MARK not in there:
        notes.kept.append(f"{name} holds more than ours")
        notes.to_do.append(f"{name}: {ci_files.SHARED[name]}")
    elif there is not None and not force:
        notes.kept.append(f"{name} exists already; --force replaces it")
    else:
        _store(root / name, name, text)
        (notes.added if there is None else notes.replaced).append(name)


def _store(path: Path, name: str, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except StoreError as error:
        raise InitError(str(error)) from None
    except OSError as error:
        raise InitError(f"{name}: cannot be written: {error.strerror}; mend it and run again") from None


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


def _say(notes: Notes, level: int) -> None:
    done = (("added", notes.added), ("replaced", notes.replaced), ("left alone", notes.kept))
    for heading, lines in (*done, ("to do", notes.to_do)):
        for line in lines:
            click.echo(f"{heading:<11} {line}")
    keys = ", ".join(notes.unfilled)
    first = f"fill in {keys} (every run is refused until then), and run " if keys else ""
    for line in (f"{first}failhard check --level {level}", *notes.next):
        click.echo(f"{'next':<11} {line}")
