"""Rules of the server's configuration: what it is asked to do, in the words of the server itself."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath

from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.judged import Judged, Tree
from pytest_failhard.model import GateError, Run
from pytest_failhard.source.files import parse
from pytest_failhard.system import servers, workcopy
from pytest_failhard.system.declaration import System
from pytest_failhard.system.dockerfile import substituted
from pytest_failhard.system.environment import SYSTEM_PATH, prepare
from pytest_failhard.system.servers import Command, Server

DEFAULT_FILE = "gunicorn.conf.py"
"""What gunicorn reads from the folder that it is started in, where nothing else is named."""
NOWHERE = "tcp://127.0.0.1:9"
"""What stands for the place of a dependency: nothing of the system runs, so nobody connects to it."""
ANYWHERE = str(IPv4Address(0))
PORT = "8000"
_LOOPBACK = ("127.", "localhost", "[::1]")
_LOGGING = ("after_request", "add_middleware", "middleware", "request_finished", "before_request")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    """A server with the place of its command, and the configuration file that it reads."""

    server: Server
    path: str
    line: int
    file: str
    judged: Judged | None


def served(run: Run, tree: Tree, images: tuple[Judged, ...]) -> Iterator[Served]:
    """Yield the servers that images and the declaration start; raises GateError where one cannot be asked."""
    commands: list[tuple[tuple[str, ...], Judged | None]] = [(each.started, each) for each in images]
    if not any(judged is not None and judged.main for _, judged in commands) and tree.system is not None:
        commands.append((tree.system.start, None))
    known = [
        (command, judged) for argv, judged in commands if (command := _command(argv, judged)) is not None
    ]
    if not known:
        return
    copy = workcopy.copy(run.root, run.scratch / "tree").folder
    for number, (command, judged) in enumerate(known):
        variables = _variables(run, tree.system, judged, run.scratch / f"server-{number}")
        folder = _folder(tree, judged)
        file = _file(tree, command, judged)
        asked = _placed(command, file, folder)
        line = _line(judged)
        yield Served(
            server=servers.read(run, asked, cwd=copy / folder, environment=variables),
            path=judged.file.path if judged is not None else "pyproject.toml",
            line=line,
            file=file,
            judged=judged,
        )


def _command(argv: tuple[str, ...], judged: Judged | None) -> Command | None:
    known = judged.environment if judged is not None else {}
    return servers.command_of([substituted(word, {"PORT": PORT, **known})[0] for word in argv])


def _line(judged: Judged | None) -> int:
    given = (judged.image.command or judged.image.entrypoint) if judged is not None else None
    return given.line if given is not None else 0


def _folder(tree: Tree, judged: Judged | None) -> str:
    """Return the folder of the context: the Dockerfile's where code lies there, else the root."""
    folder = judged.folder if judged is not None else ""
    has_code = any(path.startswith(f"{folder}/") and path.endswith(".py") for path in tree.files.names)
    return folder if folder and has_code else ""


def _file(tree: Tree, command: Command, judged: Judged | None) -> str:
    """Return the configuration file in the tree, empty where there is none."""
    name = servers.configuration_file(command)
    if command.kind != "gunicorn" or name.startswith("python:"):
        return ""
    folder = _folder(tree, judged)
    if name:
        return tree.named(name, folder)
    default = f"{folder}/{DEFAULT_FILE}" if folder else DEFAULT_FILE
    return default if default in tree.files.names else ""


def _placed(command: Command, file: str, folder: str) -> Command:
    """Return a command that names the file where it lies in the tree, not where it lies in the image."""
    name = servers.configuration_file(command)
    if not name or not file:
        return command
    place = PurePosixPath(*[".."] * len(PurePosixPath(folder).parts), file).as_posix()
    words = tuple(word.replace(name, place) if word.endswith(name) else word for word in command.arguments)
    return dataclasses.replace(command, arguments=words)


def _variables(run: Run, system: System | None, judged: Judged | None, folder: Path) -> Mapping[str, str]:
    """Return what the image sets, and what a deployment would."""
    given: dict[str, str] = {"PATH": f"{run.interpreter.parent}:{SYSTEM_PATH}", "LANG": "C.UTF-8"}
    if system is not None:
        # What it talks to has a place all the same: its configuration may read it.
        names = [each.url_env for each in system.dependencies or ()]
        alone = dataclasses.replace(system, dependencies=())
        given = dict(prepare(alone, interpreter=run.interpreter, folder=folder, keys={}).variables)
        given |= dict.fromkeys(names, NOWHERE)
        given |= {
            name: value for name, value in ((system.host_env, ANYWHERE), (system.port_env, PORT)) if name
        }
    else:
        folder.mkdir(parents=True)
        given["HOME"] = str(folder)
    image = judged.environment if judged is not None else {}
    return {**given, **{name: value for name, value in image.items() if name not in {"PATH", "HOME"}}}


def rules(run: Run, tree: Tree, each: Served) -> Iterator[Hit]:
    """Yield what is wrong with a server's configuration."""
    yield from _names(run, each)
    yield from _times(tree, each)
    yield from _work(tree, each)


def _hit(each: Served, rule: str, message: str, fix: str) -> Hit:
    path, line = (each.file, 0) if each.file else (each.path, each.line)
    return Hit(rule=rule, path=path, line=line, message=f"{each.server.kind}: {message}", fix=fix, basis=rule)


def _names(run: Run, each: Served) -> Iterator[Hit]:
    for name in each.server.unknown:
        message = f"{each.server.kind} has no option {name}: it does not start"
        yield Hit(rule="C-unknown-setting", path=each.path, line=each.line, message=message, fix="correct it")
    if not each.file:
        return
    for mistake in servers.mistakes(_parsed(run, each.file), each.server.known):
        rule = "C-duplicate-setting" if mistake.twice else "C-unknown-setting"
        message = (
            f"{mistake.name} is set twice: the last one counts, without a word"
            if mistake.twice
            else f"{each.server.kind} knows no setting {mistake.name}: it has no effect, without a word"
        )
        yield Hit(rule=rule, path=each.file, line=mistake.line, message=message, fix="remove it")


def _parsed(run: Run, path: str) -> ast.Module:
    return parse(run.root, path)


def _times(tree: Tree, each: Served) -> Iterator[Hit]:
    server, system = each.server, tree.system
    if server.kind == "gunicorn" and server.timeout == 0:
        message = "timeout is 0: a worker that hangs, hangs for good"
        yield _hit(each, "C-server-timeout", message, "set a timeout above the slowest request")
    grace = server.graceful_timeout
    slowest = max(
        (route.slow_s or 0 for route in (system.routes or () if system is not None else ())), default=0
    )
    if grace is not None and grace < slowest:
        message = f"ends after {grace} s what a declared route needs {slowest:g} s for"
        yield _hit(each, "C-server-grace", message, "set graceful_timeout above the slowest route")
    if grace is not None and system is not None and grace > system.grace_s:
        message = f"waits {grace} s for requests to end, and is killed after {system.grace_s} s (grace_s)"
        yield _hit(each, "C-server-grace", message, "set graceful_timeout below grace_s")
    if server.max_requests and not server.max_requests_jitter:
        message = "max_requests without jitter: all workers restart at the same time"
        yield _hit(each, "C-server-jitter", message, "set max_requests_jitter")


def _work(tree: Tree, each: Served) -> Iterator[Hit]:
    server = each.server
    if server.reload:
        yield _hit(each, "C-dev-server", "reloads its code", "switch reload off")
    if server.slots is not None and server.slots < 2:
        message = "one worker with one thread: a slow request blocks all others, health included"
        yield _hit(each, "C-server-one-at-a-time", message, "use workers or threads")
    if each.judged is not None and server.bind and all(bind.startswith(_LOOPBACK) for bind in server.bind):
        message = "listens inside the container alone"
        yield _hit(each, "C-server-loopback", message, "bind to 0.0.0.0")
    if not server.access_log and not _logs_requests(tree):
        message = "no access log, and no product file that hooks into requests to log them"
        yield _hit(each, "C-server-no-access-log", message, "log each request, in the application or here")
    if server.control_socket and each.judged is not None and _homeless(each.judged):
        message = "opens a control socket in a home that the user of the image does not have"
        yield _hit(each, "C-server-control-socket", message, "set control_socket_disable = True")


def _homeless(judged: Judged) -> bool:
    user = judged.image.user.text.partition(":")[0] if judged.image.user is not None else "root"
    return user not in {"root", "0"} and "HOME" not in judged.environment


def _logs_requests(tree: Tree) -> bool:
    """Tell whether a product file hooks into requests: what it does there, a run shows."""
    for path in tree.product:
        try:
            text = tree.read(path)
        except OSError as error:
            raise GateError(f"{path}: cannot be read: {error.strerror}") from None
        if any(word in text for word in _LOGGING):
            return True
    return False
