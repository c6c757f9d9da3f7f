"""`failhard llm-server`: the failing provider as a process, for other languages and for work by hand."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pytest_failhard.cli.options import FILE
from pytest_failhard.cli.signals import stopped_by_signals
from pytest_failhard.exits import USAGE

if TYPE_CHECKING:
    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.prices import Prices
    from pytest_failhard.llm.session import Injection, LlmSession, OpenCase
    from pytest_failhard.llm.traffic.environment import Environment

NO_REQUEST = 1
FAILED = 3
CASE = "llm-server"
LOOPBACK = "127.0.0.1"
GITHUB_FILE = "GITHUB_ENV"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    host: str
    port: int
    proxy: bool
    faults: tuple[str, ...]
    inject_failures: str
    seed: int
    answers: Path | None
    delay: float
    ledger: Path | None
    ca_out: Path | None
    env: str | None
    ready_file: Path | None
    seconds: float | None


class UsageError(Exception):
    """Options that do not go together, or name what is not there: one line a mistake."""


class StartError(Exception):
    """The server could not be started, or failed."""


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="llm-server")
@click.option("--host", default=LOOPBACK, show_default=True, help="An IPv4 address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: any free one).")
@click.option("--proxy", is_flag=True, help="Be an HTTPS proxy for provider hosts as well, on another port.")
@click.option(
    "--fault", "faults", multiple=True, metavar="ID(ARGS)", help="What every call meets; of several, by hash."
)
@click.option("--inject-failures", default="", metavar="SPEC", help="Rules, as for pytest.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is chosen.")
@click.option("--answers", type=FILE, help="What is said.")
@click.option(
    "--delay", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait before each answer."
)
@click.option("--ledger", type=_FILE, help="Write the record there, at the end of each case.")
@click.option("--ca-out", type=_FILE, help="Write the CA certificate there.")
@click.option(
    "--env",
    type=click.Choice(("sh", "json", "github")),
    help="Write the variables for clients: to the ready file, else to stdout; github: to $GITHUB_ENV.",
)
@click.option("--ready-file", type=_FILE, help="Written, whole, when the server answers.")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End after that time.",
)
def command(
    host: str,
    port: int,
    proxy: bool,
    faults: tuple[str, ...],
    inject_failures: str,
    seed: int,
    answers: Path | None,
    delay: float,
    ledger: Path | None,
    ca_out: Path | None,
    env: str | None,
    ready_file: Path | None,
    seconds: float | None,
) -> None:
    """Serve LLM providers' APIs on loopback, healthy or failing as they do, until SIGTERM or SIGINT.

    The first line on stdout is JSON: ready, port, proxy_port, control_port, control_token, env.

    Exit status: 0 stopped, 1 no request came within --for, 2 usage, 3 could not start or failed.
    """
    options = Options(
        host=host,
        port=port,
        proxy=proxy,
        faults=faults,
        inject_failures=inject_failures,
        seed=seed,
        answers=answers,
        delay=delay,
        ledger=ledger,
        ca_out=ca_out,
        env=env,
        ready_file=ready_file,
        seconds=seconds,
    )
    try:
        code = serve(options)
    except UsageError as error:
        _stop(error, USAGE)
    except StartError as error:
        _stop(error, FAILED)
    sys.exit(code)


def _stop(error: Exception, code: int) -> NoReturn:
    for line in str(error).splitlines():
        _warn(line)
    sys.exit(code)


def _warn(line: str) -> None:
    click.echo(f"failhard: {line}", err=True)


def serve(options: Options) -> int:
    """Serve until told to stop; return the exit status. Raises UsageError and StartError."""
    from pytest_failhard.llm.server import ServerError
    from pytest_failhard.llm.session import LlmSession

    _check(options)
    injection = injected(options)
    with tempfile.TemporaryDirectory(prefix="llm-server-") as folder:
        session = LlmSession(
            folder=Path(folder), seed=options.seed, answers=_answers(options.answers), host=options.host
        )
        try:
            with session:
                return _run(options, session, injection)
        except (ServerError, OSError) as error:
            raise StartError(str(error)) from error


def _check(options: Options) -> None:
    try:
        loopback = IPv4Address(options.host).is_loopback
    except AddressValueError as error:
        raise UsageError(f"--host {options.host}: not an IPv4 address; give one of this machine's") from error
    if options.faults and options.inject_failures:
        raise UsageError(
            "--fault and --inject-failures exclude each other: write --inject-failures kinds=..."
        )
    if options.env == "github" and GITHUB_FILE not in os.environ:
        raise UsageError(f"--env github: {GITHUB_FILE} is not set; this is no step of GitHub Actions")
    if not loopback:
        _warn(f"--host {options.host}: whoever reaches this address can use the server; loopback is safer")


def injected(options: Options) -> Injection:
    """Return how the faults are put in the way. Raises UsageError with all mistakes."""
    from pytest_failhard.llm import catalogue
    from pytest_failhard.llm.injection import parse
    from pytest_failhard.llm.schedule import Kind, ScheduleError
    from pytest_failhard.llm.session import Injection

    spec = f"kinds={'|'.join(options.faults)}" if options.faults else options.inject_failures
    if not spec:
        return Injection()
    known = catalogue.load()
    single = known.faults.get(options.faults[0]) if len(options.faults) == 1 else None
    try:
        if single is not None and single.stage != "answer":
            return Injection.of(Kind(fault=single.id), known)
        return Injection(rules=parse(spec, known))
    except ScheduleError as error:
        raise UsageError(str(error)) from error


def _answers(path: Path | None) -> Answers | None:
    from pytest_failhard.llm.answers import Answers, AnswersError

    try:
        return Answers.load(path) if path is not None else None
    except AnswersError as error:
        raise UsageError(str(error)) from error


def _run(options: Options, session: LlmSession, injection: Injection) -> int:
    from pytest_failhard.llm.control import Control

    if options.ledger is not None:
        options.ledger.write_bytes(b"")
    if options.ca_out is not None:
        shutil.copyfile(session.authority().ca_file, options.ca_out)
    stopping = threading.Event()
    case = session.open(CASE, injection, delay=options.delay, port=options.port, proxy=options.proxy)
    control = Control(
        router=case.router,
        stop=stopping.set,
        finished=lambda record: _keep(options.ledger, record),
        fault=injection.fault,
        prices=_prices,
    )
    steering = session.server.open(control, host=options.host)
    with stopped_by_signals(stopping):
        _announce(options, case, steering.port, control.token)
        stopped = stopping.wait(options.seconds)
    came = control.requests or (case.listener.connections if injection.trap else 0)
    case.close()
    if options.ledger is not None:
        _keep(options.ledger, control.record())
    came = came or control.requests
    if stopped or came:
        return 0
    _warn(f"no request came within {options.seconds:g} seconds: is the client led to this port?")
    return NO_REQUEST


@functools.cache
def _prices() -> Prices:
    from pytest_failhard.llm.prices import Prices

    return Prices.load()


def _keep(path: Path | None, record: bytes) -> None:
    if path is not None:
        with path.open("ab") as file:
            file.write(record)


def _announce(options: Options, case: OpenCase, control_port: int, token: str) -> None:
    environment = case.environment(case.layers)
    if case.proxy is not None and case.authority is None:
        _warn("--proxy: refuses every tunnel, for want of certificates: pip install 'pytest-failhard[tls]'")
    ready = json.dumps(
        {
            "ready": True,
            "port": case.listener.port,
            "proxy_port": case.proxy.port if case.proxy is not None else None,
            "control_port": control_port,
            "control_token": token,
            "env": dict(environment.set),
        },
        sort_keys=True,
    )
    click.echo(ready)
    text = written(environment, options.env) if options.env else f"{ready}\n"
    if options.env == "github":
        with Path(os.environ[GITHUB_FILE]).open("a", encoding="utf-8") as file:
            file.write(text)
    if options.ready_file is not None:
        _replace(options.ready_file, text)
    elif options.env in {"sh", "json"}:
        click.echo(text, nl=False)


def written(environment: Environment, form: str) -> str:
    """Return variables as shell commands, as JSON (null takes one away), or as lines for GitHub Actions."""
    if form == "json":
        return json.dumps({**dict.fromkeys(environment.unset), **environment.set}, sort_keys=True) + "\n"
    if form == "sh":
        given = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.set.items())]
        return "\n".join([*given, f"unset {' '.join(sorted(environment.unset))}", ""])
    # A later step cannot lose a variable, but it can see it empty.
    emptied = dict.fromkeys(sorted(environment.unset & set(os.environ)), "")
    return "".join(f"{name}={value}\n" for name, value in sorted({**emptied, **environment.set}.items()))


def _replace(path: Path, text: str) -> None:
    """Write a file that others wait for: it is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, "utf-8")
    part.replace(path)
