"""Tests of how servers are asked: real gunicorn, and scripted ones where the answer is at stake."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.container import ContainerGate
from pytest_failhard.model import GateError
from pytest_failhard.system.servers import (
    Command,
    Mistake,
    Server,
    command_of,
    configuration_file,
    mistakes,
    read,
)
from tests.support import gate_run, write

VARIABLES = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
NOISY = 'print("hello")\nprint({"workers": 9})\n'


def ask(tmp_path: Path, *argv: str, files: dict[str, str] | None = None, seconds: float = 30) -> Server:
    """Ask the server of a command in a folder with these files, on the interpreter of the tests."""
    root = write(tmp_path / "tree", {"x.py": "", **(files or {})})
    command = command_of(argv)
    assert command is not None
    run = gate_run(root, ContainerGate())
    return read(run, command, cwd=root, environment={**VARIABLES, "HOME": str(tmp_path)}, seconds=seconds)


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["gunicorn", "a:b"], Command(kind="gunicorn", arguments=("a:b",))),
        (
            ["sh", "-c", "exec python3 -m gunicorn -b :80 a:b"],
            Command(kind="gunicorn", arguments=("-b", ":80", "a:b")),
        ),
        (["/v/bin/uvicorn", "a:b", "--port=1"], Command(kind="uvicorn", arguments=("a:b", "--port=1"))),
        (["python", "-m", "app"], None),
        ([], None),
    ],
)
def test_which_commands_start_a_known_server(argv: list[str], command: Command | None) -> None:
    assert command_of(argv) == command


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("-c", "a.py", "x:y"), "a.py"),
        (("--config=file:conf/a.py",), "conf/a.py"),
        (("--config", "python:app.conf"), "python:app.conf"),
        (("x:y", "-c"), ""),
        (("x:y",), ""),
    ],
)
def test_the_configuration_file(arguments: tuple[str, ...], file: str) -> None:
    assert configuration_file(Command(kind="gunicorn", arguments=arguments)) == file
    assert configuration_file(Command(kind="uvicorn", arguments=arguments)) == ""


def test_gunicorn_says_what_it_does(tmp_path: Path) -> None:
    """The configuration is evaluated, what it prints is ignored, and the application is not there at all."""
    configuration = (
        f"{NOISY}import os\nthreads = 4\nworkers = int('2')\ntimeout = 7\ngraceful_timeout = 6\n"
        "max_requests = 100\nmax_requests_jitter = 10\naccesslog = '-'\nbind = ['0.0.0.0:' + os.environ['HOME'][:0] + '1']\n"
    )
    server = ask(
        tmp_path, "gunicorn", "--config", "c.py", "-w", "3", "none:app", files={"c.py": configuration}
    )
    assert (server.workers, server.threads, server.timeout, server.graceful_timeout) == (3, 4, 7, 6)
    assert (server.max_requests, server.max_requests_jitter) == (100, 10)
    # More than one thread makes it another class than the one that is written there.
    assert (server.worker_class, server.slots, server.in_flight) == ("gthread", 12, 8)
    assert (server.bind, server.access_log, server.reload) == (("0.0.0.0:1",), True, False)
    assert {"workers", "bind", "on_exit"} < server.known


@pytest.mark.parametrize(
    ("workers", "worker_class", "slots", "in_flight"),
    [(2, "sync", 2, 2), (9, "SyncWorker", 9, 8), (1, "gevent", None, 8)],
)
def test_how_many_requests_at_a_time(
    workers: int, worker_class: str, slots: int | None, in_flight: int
) -> None:
    server = Server(
        kind="gunicorn",
        workers=workers,
        threads=1,
        worker_class=worker_class,
        timeout=30,
        graceful_timeout=30,
        max_requests=0,
        max_requests_jitter=0,
        reload=False,
        bind=(),
        access_log=False,
        control_socket=False,
    )
    assert (server.slots, server.in_flight) == (slots, in_flight)


@pytest.mark.parametrize(
    ("argv", "text", "said"),
    [
        (
            ["-c", "c.py", "a:b"],
            "import nothing_of_this_name\n",
            "gunicorn: refuses its configuration (exit code 3): ",
        ),
        (["-c", "c.py", "a:b"], "raise SystemExit(0)\n", "gunicorn: gave no configuration ("),
        (
            ["-c", "c.py", "a:b"],
            'import os\nprint(\'{"graceful_timeout": 1, "workers": "x"}\', flush=True)\nos._exit(0)\n',
            "gunicorn: gave no configuration (TypeError(\"'x' is no number\"))",
        ),
        (["-c", "c.py", "a:b"], "import os; os._exit(0)\n", "gunicorn: gave no configuration ("),
        (
            ["-c", "c.py", "a:b"],
            "import os; os._exit(9)\n",
            "gunicorn: refuses its configuration (exit code 9): it wrote",
        ),
        (["-c", "c.py", "a:b"], "timeout = 'x'\n", "gunicorn: refuses its configuration (exit code "),
        (
            ["-c", "d.py", "a:b"],
            "",
            "gunicorn: refuses its configuration (exit code 3): Error: 'd.py' doesn't exist",
        ),
        (["--no-such-option"], "", "gunicorn: refuses its configuration (exit code 3): "),
    ],
)
def test_a_configuration_that_cannot_be_used(argv: list[str], text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        ask(tmp_path, "gunicorn", *argv, files={"c.py": text})
    assert str(caught.value).startswith(said)
    assert str(tmp_path) not in str(caught.value)


def test_a_configuration_that_never_ends(tmp_path: Path) -> None:
    """What it started is ended with it."""
    with pytest.raises(GateError, match=r"gunicorn: its configuration is not read after 0\.5 seconds"):
        ask(tmp_path, "gunicorn", "-c", "c.py", "a:b", files={"c.py": "while True: pass\n"}, seconds=0.5)


def test_a_server_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        ask(tmp_path, "uvicorn", "a:b")
    assert "cannot import it (No module named 'uvicorn')" in str(caught.value)
    assert str(caught.value).endswith("or name another interpreter as `python` in [tool.failhard]")


FAKE = '''
"""Stands for uvicorn: a command of click with the options that are read."""
import click


@click.command(context_settings={"auto_envvar_prefix": "UVICORN"})
@click.argument("app")
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, default=8000)
@click.option("--uds")
@click.option("--fd", type=int)
@click.option("--workers", type=int)
@click.option("--reload", is_flag=True)
@click.option("--timeout-graceful-shutdown", type=int)
@click.option("--limit-max-requests", type=int)
@click.option("--access-log/--no-access-log", default=True)
def main(**given):
    raise AssertionError("nobody runs it")
'''


@pytest.fixture
def uvicorn(tmp_path: Path) -> Path:
    """An interpreter for which a stand-in of uvicorn is installed beside what the tests have."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix, 'bin')}\n")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = tmp_path / "venv" / "lib" / version / "site-packages"
    write(site, {"uvicorn/__init__.py": "from uvicorn.main import main\n", "uvicorn/main.py": FAKE})
    installed = next(path for path in sys.path if Path(path, "click").is_dir())
    (site / "tests.pth").write_text(f"{installed}\n")
    return python


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a:b"], {"bind": ("127.0.0.1:8000",), "workers": 2, "graceful_timeout": None, "unknown": ()}),
        (
            ["a:b", "--workers=3", "--reload", "--no-access-log", "--timeout-graceful-shutdown", "5"],
            {
                "workers": 3,
                "reload": True,
                "access_log": False,
                "graceful_timeout": 5,
                "slots": None,
                "in_flight": 8,
            },
        ),
        (["a:b", "--uds", "/x", "--nope", "--never=1"], {"bind": ("/x",), "unknown": ("--nope", "--never")}),
        (["a:b", "--fd", "3", "--limit-max-requests", "9"], {"bind": ("fd://3",), "max_requests": 9}),
        (["a:b", "--host=0.0.0.0", "--port", "80"], {"bind": ("0.0.0.0:80",)}),
    ],
)
def test_uvicorn_says_what_it_does(
    arguments: list[str], expected: dict[str, object], uvicorn: Path, tmp_path: Path
) -> None:
    run = gate_run(write(tmp_path / "tree", {"x": ""}), ContainerGate(), interpreter=uvicorn)
    command = Command(kind="uvicorn", arguments=tuple(arguments))
    server = read(run, command, cwd=run.root, environment={**VARIABLES, "WEB_CONCURRENCY": "2"})
    assert {name: getattr(server, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'APP'"),
        (["a:b", "--port=x"], "'x' is not a valid integer"),
        (["a:b", "-xy"], "No such option"),
    ],
)
def test_a_command_that_uvicorn_refuses(
    arguments: list[str], said: str, uvicorn: Path, tmp_path: Path
) -> None:
    run = gate_run(write(tmp_path / "tree", {"x": ""}), ContainerGate(), interpreter=uvicorn)
    with pytest.raises(GateError, match=said):
        read(run, Command(kind="uvicorn", arguments=tuple(arguments)), cwd=run.root, environment=VARIABLES)


def test_mistakes_of_a_configuration_file() -> None:
    text = """\
from multiprocessing import cpu_count
cores = cpu_count()
workers = cores
_private = 1
max_worker_age = 5
if cores > 1:
    workers = 2
bind, timeout = "x", 3
timeout: int = 4
wsgi_module = "x"
wsgi_module = "y"
def when_ready(server): pass
def when_ready(server): pass
def helper(): pass
threads: int
"""
    known = {"workers", "bind", "timeout", "when_ready", "threads"}
    assert mistakes(ast.parse(text), known) == (
        Mistake(line=5, name="max_worker_age", twice=False),
        Mistake(line=9, name="timeout", twice=True),
        Mistake(line=10, name="wsgi_module", twice=False),
        Mistake(line=13, name="when_ready", twice=True),
        Mistake(line=14, name="helper", twice=False),
    )
