"""What the servers gunicorn and uvicorn are configured to do, as they say themselves in a child process."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError, Run
from pytest_failhard.system.commands import comparable

SECONDS = 30.0
"""What a server may take to read its configuration; it needs less than one."""
MOST_IN_FLIGHT = 8
"""So many requests are held in flight at most, however many a server takes."""
BLOCKING = frozenset({"sync", "gthread", "SyncWorker", "ThreadWorker"})
"""Gunicorn's workers that serve one request a thread; the others wait for many at a time."""
ABSENT = 4
"""The exit code by which the child says that the server is not installed."""
HOOKS = frozenset({"paste_global_conf"})
"""Names that a configuration file of gunicorn may have, and that KNOWN_SETTINGS may lack."""

# It runs in the judged environment, in the project's copy, and imports what the configuration imports; the
# application itself is not loaded, so nothing has to be there that it needs.
GUNICORN = """
import json, sys
try:
    from gunicorn.app.wsgiapp import WSGIApplication
    from gunicorn.config import KNOWN_SETTINGS
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(4)
sys.argv = ["gunicorn", *json.loads(sys.argv[1])]
try:
    application = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn")
except SystemExit as error:
    sys.exit(3 if error.code else 0)
cfg = application.cfg
def get(name, default):
    return getattr(cfg, name) if name in cfg.settings else default
print("\\n" + json.dumps({
    "workers": cfg.workers, "threads": cfg.threads, "worker_class": cfg.worker_class_str,
    "timeout": cfg.timeout, "graceful_timeout": cfg.graceful_timeout, "max_requests": cfg.max_requests,
    "max_requests_jitter": cfg.max_requests_jitter, "reload": bool(cfg.reload),
    "bind": list(cfg.settings["bind"].get()), "access_log": bool(cfg.accesslog),
    "control_socket": "control_socket" in cfg.settings and not get("control_socket_disable", True),
    "known": sorted(setting.name for setting in KNOWN_SETTINGS), "unknown": [],
}))
"""
UVICORN = """
import importlib, json, os, sys
try:
    import click
    importlib.import_module("uvicorn.main")
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(4)
arguments, unknown = json.loads(sys.argv[1]), []
command = sys.modules["uvicorn.main"].main
while True:
    try:
        # A context takes the words out of the list that it is given.
        found = command.make_context("uvicorn", list(arguments)).params
        break
    except click.NoSuchOption as error:
        left = [word for word in arguments if word.partition("=")[0] != error.option_name]
        unknown.append(error.option_name)
        if left == arguments:
            print(error, file=sys.stderr)
            sys.exit(3)
        arguments = left
    except click.ClickException as error:
        print(error.format_message(), file=sys.stderr)
        sys.exit(3)
address = found["uds"] or "%s:%s" % (found["host"], found["port"])
if found["fd"] is not None:
    address = "fd://%s" % found["fd"]
print("\\n" + json.dumps({
    "workers": found["workers"] or int(os.environ.get("WEB_CONCURRENCY", "1")), "threads": 1,
    "worker_class": "uvicorn", "timeout": 0, "graceful_timeout": found["timeout_graceful_shutdown"],
    "max_requests": found["limit_max_requests"] or 0,
    "max_requests_jitter": found.get("limit_max_requests_jitter") or 0, "reload": bool(found["reload"]),
    "bind": [address], "access_log": bool(found["access_log"]), "control_socket": False, "known": [],
    "unknown": unknown,
}))
"""
_CHILDREN = {"gunicorn": GUNICORN, "uvicorn": UVICORN}


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that starts a known server: its kind, and the arguments behind the server's name."""

    kind: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Server:
    """How a server is configured. Times are in seconds; `timeout` 0 means none.

    `graceful_timeout` None means that it waits for requests without end. `unknown` are options that the
    server does not know. `control_socket` tells that it opens one in the user's home.
    """

    kind: str
    workers: int
    threads: int
    worker_class: str
    timeout: int
    graceful_timeout: int | None
    max_requests: int
    max_requests_jitter: int
    reload: bool
    bind: tuple[str, ...]
    access_log: bool
    control_socket: bool
    unknown: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()

    @property
    def slots(self) -> int | None:
        """How many requests are served at a time; None where an event loop takes as many as there come."""
        return self.workers * self.threads if self.worker_class in BLOCKING else None

    @property
    def in_flight(self) -> int:
        """How many requests can be held in flight to see whether a shutdown loses one."""
        return MOST_IN_FLIGHT if self.slots is None else min(MOST_IN_FLIGHT, self.slots)


@dataclass(frozen=True, kw_only=True, order=True)
class Mistake:
    """A name in a configuration file: set twice, or to no effect because the server knows none such."""

    line: int
    name: str
    twice: bool


def command_of(argv: Sequence[str]) -> Command | None:
    """Return what a command starts, None where it is neither gunicorn nor uvicorn."""
    words = comparable(argv, bound=True)
    return Command(kind=words[0], arguments=words[1:]) if words and words[0] in _CHILDREN else None


def configuration_file(command: Command) -> str:
    """Return the file that a command of gunicorn reads, as it is written there; empty where none is named."""
    for index, word in enumerate(command.arguments):
        if command.kind == "gunicorn" and word in {"-c", "--config"}:
            return "".join(command.arguments[index + 1 : index + 2]).removeprefix("file:")
        if command.kind == "gunicorn" and word.startswith("--config="):
            return word.partition("=")[2].removeprefix("file:")
    return ""


def read(
    run: Run,
    command: Command,
    *,
    cwd: Path,
    environment: Mapping[str, str],
    interpreter: Path | None = None,
    seconds: float = SECONDS,
) -> Server:
    """Let the server say how it is configured, in an interpreter's environment, the run's unless given.

    `cwd` is a copy of the project, `environment` complete. Raises GateError where the server is not
    installed there, refuses its configuration, or does not answer in `seconds`.
    """
    python = run.interpreter if interpreter is None else interpreter
    process = run.start(
        # Isolated: what the folder of the run holds shadows no module of the server's.
        [
            *(str(python), "-I", "-B", "-X", "utf8", "-c"),
            *(_CHILDREN[command.kind], json.dumps(command.arguments)),
        ],
        environment=environment,
        cwd=cwd,
    )
    code = process.wait(seconds)
    process.kill()
    words = " / ".join(process.stderr.strip().replace(str(cwd), ".").splitlines()[-3:])[-300:]
    if code is None:
        raise GateError(f"{command.kind}: its configuration is not read after {seconds:g} seconds")
    if code == ABSENT:
        raise GateError(
            f"{command.kind}: the system is started with it, and {python.name} cannot import it "
            f"({words}): install the project's requirements there, or name another interpreter as `python` "
            "in [tool.failhard]"
        )
    if code != 0:
        raise GateError(
            f"{command.kind}: refuses its configuration (exit code {code}): {words or 'it wrote nothing'}"
        )
    return _server(command.kind, process.stdout)


def mistakes(tree: ast.Module, known: Iterable[str]) -> tuple[Mistake, ...]:
    """Return what a configuration file sets twice or to no effect.

    A name that the file uses itself, or that begins with an underscore, is a variable of its own.
    """
    settings = {*known, *HOOKS}
    used = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    bound = list(_bound(tree.body))
    times = Counter(name for name, _ in bound)
    seen: Counter[str] = Counter()
    found = []
    for name, line in bound:
        seen[name] += 1
        if name in settings and times[name] > 1 and seen[name] == times[name]:
            found.append(Mistake(line=line, name=name, twice=True))
        elif name not in settings and name not in used and not name.startswith("_") and seen[name] == 1:
            found.append(Mistake(line=line, name=name, twice=False))
    return tuple(sorted(found))


def _bound(body: Sequence[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield what a module sets outright: what stands under a condition is one of several."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.Assign(targets=targets):
                names = (each for target in targets for each in ast.walk(target))
                yield from ((each.id, node.lineno) for each in names if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name, node.lineno


def _server(kind: str, output: str) -> Server:
    # What the configuration itself prints stands before it.
    try:
        said = json.loads(output.strip().rpartition("\n")[2])
        grace = said["graceful_timeout"]
        return Server(
            kind=kind,
            workers=_number(said["workers"]),
            threads=_number(said["threads"]),
            worker_class=str(said["worker_class"]).rpartition(".")[2],
            timeout=_number(said["timeout"]),
            graceful_timeout=None if grace is None else _number(grace),
            max_requests=_number(said["max_requests"]),
            max_requests_jitter=_number(said["max_requests_jitter"]),
            reload=bool(said["reload"]),
            bind=tuple(map(str, said["bind"])),
            access_log=bool(said["access_log"]),
            control_socket=bool(said["control_socket"]),
            unknown=tuple(map(str, said["unknown"])),
            known=frozenset(map(str, said["known"])),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"{kind}: gave no configuration ({error!r}): {output[-200:]!r}") from None


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no number")
    return value
