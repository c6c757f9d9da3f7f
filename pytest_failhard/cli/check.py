"""`failhard check`: the merge gate."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from pytest_failhard.cli import screen
from pytest_failhard.cli.options import FILE, FOLDER, LEVEL
from pytest_failhard.exits import INTERRUPTED, USAGE
from pytest_failhard.formats import FORMATS, TEXT
from pytest_failhard.hired import hire
from pytest_failhard.model import GateError, Mode
from pytest_failhard.progress import Progress, is_live
from pytest_failhard.redact import RedactError
from pytest_failhard.report import printed
from pytest_failhard.stopping import Interrupted
from pytest_failhard.store import DEFAULT_FOLDER, REPORT

if TYPE_CHECKING:
    from pytest_failhard.hired import Place
    from pytest_failhard.plan import Request
    from pytest_failhard.supervisor import Checked

REFUSED = (
    *("--collect-only", "--co", "--setup-only", "--setup-plan", "--fixtures", "--fixtures-per-test"),
    *("--funcargs", "--markers", "--cache-show", "--help", "-h", "--version", "-V", "-c", "--config-file"),
    *("--rootdir", "--confcutdir", "-p", "-o", "--override-ini", "--runxfail", "--noconftest"),
    *("--failhard", "--inject-failures", "--trace-config", "--debug", "--basetemp", "--import-mode"),
)
"""Options that would run no test, or take the configuration out of the supervisor's hands."""
TESTED = frozenset({"tests", "coverage"})
"""The gates that need the tests: what runs those is begun before the gates themselves are loaded."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def refused(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that are not passed on to pytest."""
    return [argument for argument in arguments if _is_refused(argument)]


def _is_refused(argument: str) -> bool:
    name = argument.partition("=")[0]
    if name.startswith("--failhard"):
        return True
    short = not name.startswith("--") and len(name) > 2 and name[:2] in {"-c", "-p", "-o"}
    return name in REFUSED or short


@click.command(name="check")
@click.argument("path", type=FOLDER, default=".")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST ARGS]")
@click.option("--level", type=LEVEL, help="1 PoC, 2 development, 3 pre-production, 4 production.")
@click.option("--policy", type=FILE, help="A policy that tightens.")
@click.option("--base", metavar="REF", help="Judge against this branch; policy and waivers come from there.")
@click.option("--only", metavar="GATE,...", help="These gates only; the report is incomplete.")
@click.option("--report-dir", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random.")
@click.option("--jobs", type=click.IntRange(min=1), help="Gates that run at once (default: the cores).")
@click.option("--resume", is_flag=True, help="Go on where a run was interrupted, if nothing has changed.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=TEXT, show_default=True, help="What is printed."
)
@click.option("--no-cache", is_flag=True, help="Reuse nothing of an earlier run, and keep nothing.")
@click.option("--perf-prove", is_flag=True, help="Slow each benchmark down and see that it is failed.")
def command(
    path: Path,
    arguments: tuple[str, ...],
    level: int | None,
    policy: Path | None,
    base: str | None,
    only: str | None,
    report_dir: Path,
    seed: int,
    jobs: int | None,
    resume: bool,
    form: str,
    no_cache: bool,
    perf_prove: bool,
) -> None:
    """Judge the project at PATH with its tests in a child process.

    Exit status: 0 pass, 1 fail, 2 usage or policy invalid, 3 error (could not judge), 4 verdict
    missing or forged, 124 tests over their time limit, 130 or 143 interrupted.
    """
    if wrong := refused(arguments):
        _stop([f"{argument}: not allowed after `--`; {_reason(argument)}" for argument in wrong])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        # First of all: it starts while we load what follows, and plan.
        with hire(tests=only is None or not TESTED.isdisjoint(_names(only))) as place:
            request = _request(path, level, policy, base, only, seed, jobs, perf_prove, no_cache)
            checked = _judged(request, report_dir, arguments, form, place, resume=resume)
    except Interrupted as interruption:
        told = f"failhard: interrupted by {interruption}; the partial report is in {path / report_dir}"
        again = f"\nfailhard: go on where it ended: {interruption.command}"
        click.echo(f"{told}{again if interruption.command else ''}", err=True)
        sys.exit(INTERRUPTED + interruption.number)
    colour = screen.colours(sys.stdout, os.environ)
    wide = screen.width(sys.stdout)
    text = printed(checked.report, form, colour=colour, folder=_written(path / report_dir), width=wide)
    # Otherwise click would take the colours out again where FORCE_COLOR asks for them.
    click.echo(text, color=colour)
    sys.exit(checked.code)


def _names(only: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in only.split(","))


def _request(
    path: Path,
    level: int | None,
    policy: Path | None,
    base: str | None,
    only: str | None,
    seed: int,
    jobs: int | None,
    perf_prove: bool,
    no_cache: bool,
) -> Request:
    from pytest_failhard import plan

    return plan.Request(
        root=path.resolve(),
        level=level,
        mode=Mode.SUPERVISED,
        policy=policy.resolve() if policy else None,
        base=base,
        only=_names(only) if only else (),
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        perf_prove=perf_prove,
        cache=not no_cache,
    )


def _judged(
    request: Request, report_dir: Path, arguments: Sequence[str], form: str, place: Place, *, resume: bool
) -> Checked:
    from pytest_failhard import plan, supervisor

    try:
        return supervisor.check(
            request,
            report_dir,
            arguments,
            progress=progress(form, (sys.stdout, sys.stderr)),
            resume=resume,
            command=_again(request, report_dir, arguments),
            place=place,
        )
    except plan.PlanError as error:
        _stop(error.mistakes)
    except (GateError, RedactError) as error:
        _stop([str(error)])


def _again(request: Request, report_dir: Path, arguments: Sequence[str]) -> str:
    """Return the line that goes on where this run may end."""
    given = {
        "level": str(request.level or ""),
        "policy": str(request.policy or ""),
        "base": request.base or "",
        "only": ",".join(request.only),
        "report-dir": "" if str(report_dir) == DEFAULT_FOLDER else str(report_dir),
        "seed": str(request.seed or ""),
    }
    options = [f"--{name}={value}" for name, value in given.items() if value]
    proof = ["--perf-prove"] if request.perf_prove else []
    rest = ["--", *arguments] if arguments else []
    return shlex.join(["failhard", "check", str(request.root), *options, *proof, "--resume", *rest])


def progress(form: str, streams: tuple[TextIO, TextIO]) -> Progress:
    """Return what shows the state on the second of the streams, standard output and error.

    The line is for a person at a terminal, warnings are for everybody.
    """
    return Progress(stream=streams[1], live=form == TEXT and is_live(streams))


def _reason(argument: str) -> str:
    if argument.startswith("--inject-failures"):
        return "the verdict is over the tests as they are: run `pytest --inject-failures ...` besides"
    return "no test would run, or not ours"


def _written(folder: Path) -> str:
    """Return a report folder as it is reached from here; nothing where no report could be written."""
    return str(folder) if (folder / REPORT).is_file() else ""


def _stop(mistakes: Sequence[str]) -> NoReturn:
    for mistake in mistakes:
        click.echo(f"failhard: {mistake}", err=True)
    sys.exit(USAGE)
