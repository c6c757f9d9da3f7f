"""Tests of the rules of a server's configuration, with real gunicorn where it is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.container import ContainerGate
from pytest_failhard.gates.container.files import find
from pytest_failhard.gates.container.judged import Tree, images
from pytest_failhard.gates.container.serving import Served, rules, served
from pytest_failhard.gates.container.settings import ContainerSettings
from pytest_failhard.model import GateError, Severity
from pytest_failhard.system.declared import read
from pytest_failhard.system.servers import Server
from tests.gates.container import support
from tests.gates.container.support import BUILD, RUN, SYSTEM, Files, found, project, see
from tests.support import Kept, gate_run

START = '["gunicorn", "--config", "gunicorn.conf.py", "app.server:app"]'
GUNICORN = {
    "Dockerfile": BUILD
    + RUN.replace('["python", "-m", "app.server"]', START).replace(
        "COPY app", "COPY gunicorn.conf.py ./\nCOPY app"
    ),
    "pyproject.toml": SYSTEM.replace('["python", "-m", "app.server"]', START),
    "app/server.py": '"""Serves."""\n\napp = None\n\n\n@app.after_request\ndef log(answer):\n    return answer\n',
    "gunicorn.conf.py": (
        "import os\n\nbind = f\"{os.environ.get('HOST', '0.0.0.0')}:{os.environ['PORT']}\"\nthreads = 4\n"
        "graceful_timeout = 20\ncontrol_socket_disable = True\n"
    ),
}
SLOW = '[[tool.failhard.system.routes]]\nid = "slow"\npath = "/slow"\nslow_s = 22.5\n'
GREEN = Server(
    kind="gunicorn",
    workers=2,
    threads=1,
    worker_class="sync",
    timeout=30,
    graceful_timeout=24,
    max_requests=0,
    max_requests_jitter=0,
    reload=False,
    bind=("0.0.0.0:8080",),
    access_log=False,
    control_socket=False,
)


def judged(tmp_path: Path, server: Server, files: Files | None = None, *, bare: bool = False) -> list[str]:
    """Return the rules that speak of a server in the green project; `bare` is one of no image."""
    root = project(tmp_path, {**GUNICORN, "gunicorn.conf.py": "workers = 2\n", **(files or {})})
    known = find(root, {}, 10**6)
    tree = Tree(
        root=root, files=known, settings=ContainerSettings(), system=read(root), product=("app/server.py",)
    )
    [image] = images(tree)
    place = Served(server=server, path="Dockerfile", line=9, file="", judged=None if bare else image)
    return [hit.rule for hit in rules(gate_run(root, ContainerGate()), tree, place)]


@pytest.mark.parametrize(
    ("server", "found_rules"),
    [
        (GREEN, []),
        (replace(GREEN, timeout=0), ["C-server-timeout"]),
        (replace(GREEN, kind="uvicorn", timeout=0, graceful_timeout=None, worker_class="uvicorn"), []),
        (replace(GREEN, graceful_timeout=30), ["C-server-grace"]),
        (replace(GREEN, max_requests=5), ["C-server-jitter"]),
        (replace(GREEN, max_requests=5, max_requests_jitter=2), []),
        (replace(GREEN, reload=True), ["C-dev-server"]),
        (replace(GREEN, workers=1), ["C-server-one-at-a-time"]),
        (replace(GREEN, workers=1, worker_class="gevent"), []),
        (replace(GREEN, bind=("127.0.0.1:80",)), ["C-server-loopback"]),
        (replace(GREEN, bind=("127.0.0.1:80", "0.0.0.0:81")), []),
        (replace(GREEN, control_socket=True), ["C-server-control-socket"]),
        (replace(GREEN, unknown=("--nope",)), ["C-unknown-setting"]),
    ],
)
def test_what_a_configuration_may_say(server: Server, found_rules: list[str], tmp_path: Path) -> None:
    assert judged(tmp_path, server) == found_rules


def test_what_depends_on_the_rest_of_the_project(tmp_path: Path) -> None:
    slow = {"pyproject.toml": f"{GUNICORN['pyproject.toml']}{SLOW}"}
    assert judged(tmp_path / "a", replace(GREEN, graceful_timeout=22), slow) == ["C-server-grace"]
    silent = {"app/server.py": '"""Logs nothing."""\n'}
    assert judged(tmp_path / "b", GREEN, silent) == ["C-server-no-access-log"]
    assert judged(tmp_path / "c", replace(GREEN, access_log=True), silent) == []
    home = {"Dockerfile": BUILD + RUN.replace("ENV PATH", "ENV HOME=/srv PATH")}
    assert judged(tmp_path / "d", replace(GREEN, control_socket=True), home) == []
    root = {"Dockerfile": BUILD + RUN.replace("USER 10001:10001\n", "")}
    assert judged(tmp_path / "e", replace(GREEN, control_socket=True), root) == []
    assert judged(tmp_path / "f", replace(GREEN, bind=("127.0.0.1:1",), control_socket=True), bare=True) == []
    with pytest.raises(GateError, match=r"app/server\.py: cannot be read: No such file or directory"):
        judged(tmp_path / "g", GREEN, {"app/server.py": None})


def test_a_server_that_is_configured_well(tmp_path: Path) -> None:
    kept = Kept()
    observation = see(tmp_path, GUNICORN, keep=kept)
    assert observation.findings == ()
    said = kept.files["container.json"].decode()
    assert '"worker_class": "gthread"' in said
    assert '"threads": 4' in said


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            # What nobody declares is as it is where nothing is set.
            {
                "gunicorn.conf.py": "workers = 2\ngraceful_timeout = 9\ncontrol_socket_disable = True\nbind = '127.0.0.1:1'\n"
            },
            [("C-server-loopback", "gunicorn.conf.py", 0)],
        ),
        (
            {"gunicorn.conf.py": f"{GUNICORN['gunicorn.conf.py']}max_worker_age = 5\nthreads = 8\n"},
            [("C-duplicate-setting", "gunicorn.conf.py", 8), ("C-unknown-setting", "gunicorn.conf.py", 7)],
        ),
    ],
)
def test_a_server_that_is_not(files: Files, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    findings = found(tmp_path, {**GUNICORN, **files})
    assert [(each.rule, each.path, each.line) for each in findings] == expected
    assert {each.severity for each in findings} == {Severity.MEDIUM}


def test_the_file_lies_elsewhere_in_the_tree(tmp_path: Path) -> None:
    """The image has it in its working folder; a folder with code below the root is a context of its own."""
    start = '["gunicorn", "-c", "/srv/gunicorn.conf.py", "shop.server:app"]'
    text = GUNICORN["Dockerfile"].replace(START, start).replace("COPY app ./app", "COPY shop ./shop")
    files: Files = {
        "Dockerfile": None,
        "backend/Dockerfile": text,
        "backend/shop/server.py": "app = None\n",
        "backend/deploy/gunicorn.conf.py": GUNICORN["gunicorn.conf.py"].replace("threads = 4", "threads = 1"),
        "pyproject.toml": SYSTEM.replace('["python", "-m", "app.server"]', start),
    }
    findings = found(tmp_path, files, 3)
    assert [(each.rule, each.path) for each in findings if each.severity > Severity.LOW] == [
        ("C-server-one-at-a-time", "backend/deploy/gunicorn.conf.py")
    ]


def test_what_is_declared_is_asked_where_there_is_no_image(tmp_path: Path) -> None:
    """Secrets, settings and places of dependencies are there when the configuration reads them."""
    needs = (
        'secrets = [{ name = "API_KEY" }]\nsettings = [{ name = "MODE", required = true }]\n'
        'dependencies = [{ name = "db", url_env = "DATABASE_URL" }]\nhost_env = "HOST"\n'
    )
    reads = (
        "import os\nfor name in ('API_KEY', 'MODE', 'DATABASE_URL', 'HOST', 'PORT'):\n    os.environ[name]\n"
    )
    files: Files = {
        **GUNICORN,
        "Dockerfile": None,
        "pyproject.toml": SYSTEM.replace(
            '["python", "-m", "app.server"]', '["gunicorn", "app.server:app"]'
        ).replace("secrets = []\n", needs),
        "gunicorn.conf.py": f"{reads}timeout = 0\ngraceful_timeout = 9\nthreads = 2\n",
    }
    assert [(each.rule, each.path) for each in found(tmp_path, files)] == [
        ("C-no-dockerfile", ""),
        ("C-server-timeout", "gunicorn.conf.py"),
    ]


def test_an_image_of_an_undeclared_system(tmp_path: Path) -> None:
    """No file is read that the command does not name, and a shell's variables are those of the image."""
    command = "CMD exec gunicorn --bind :${PORT:-1} --graceful-timeout $PORT --threads 2 -c python:app.conf app.server:app"
    files: Files = {
        **GUNICORN,
        "pyproject.toml": "",
        "Dockerfile": GUNICORN["Dockerfile"].replace(f"CMD {START}", command),
        "app/conf.py": "control_socket_disable = True\nunknown_here = 1\n",
    }
    assert found(tmp_path, files) == ()


def test_a_server_that_is_not_installed_is_an_error_where_it_is_started(tmp_path: Path) -> None:
    text = RUN.replace('["python", "-m", "app.server"]', '["uvicorn", "app.server:app"]')
    with pytest.raises(GateError, match="uvicorn: the system is started with it, and python"):
        see(tmp_path / "a", {"Dockerfile": BUILD + text})
    # One for development is not deployed, so nobody asks.
    assert (
        found(tmp_path / "b", {"Dockerfile.dev": text.replace("COPY --from=build /opt/venv /opt/venv\n", "")})
        == ()
    )


def test_nothing_is_copied_where_no_server_is_known(tmp_path: Path) -> None:
    root = project(tmp_path, {})
    tree = Tree(root=root, files=find(root, {}, 10**6), settings=support.settings(4), system=read(root))
    run = gate_run(root, ContainerGate())
    assert tuple(served(run, tree, images(tree))) == ()
    assert list(run.scratch.iterdir()) == []
