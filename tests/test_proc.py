"""Tests of starting, ending and sweeping processes."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pytest_failhard import gitless, proc, sweep
from pytest_failhard.sweep import TAG

GRANDCHILD = """
import subprocess, sys, time
code = "import os, time; {leave}; print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], env={environment}, start_new_session={session})
open({pidfile!r}, "w").write(str(child.pid))
{then}
"""


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    return proc.environment(home, tmp_path)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_any_exit_code_and_raw_output_come_back(tmp_path: Path, clean: dict[str, str]) -> None:
    code = "import sys; sys.stdout.buffer.write(b'a\\0\\xff'); sys.stderr.write('e'); sys.exit(101)"
    completed = proc.run(python(code), cwd=tmp_path, timeout=30, environment=clean)
    assert (completed.returncode, completed.stdout, completed.stderr) == (101, b"a\0\xff", b"e")
    assert completed.seconds > 0


@pytest.mark.parametrize("kept", [False, True])
def test_a_process_is_waited_for_also_where_the_system_does_not_tell_its_end(
    tmp_path: Path, clean: dict[str, str], monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    def refused(pid: int) -> int:
        raise OSError(errno.ENOSYS, str(pid))

    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    with (tmp_path / "out").open("wb") as out:
        child = proc.Child(
            python("raise SystemExit(7)"),
            cwd=tmp_path,
            environment=clean,
            stdout=out,
            stderr=out,
            kept=kept,
        )
        assert child.wait(30) == 7
        child.kill_tree()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which descriptors are open")
def test_who_waits_gives_back_what_it_waits_with(tmp_path: Path, clean: dict[str, str]) -> None:
    asked: list[set[str]] = []

    def opened() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    def ended() -> bool:
        asked.append(opened())
        return len(asked) > 2

    with (tmp_path / "out").open("wb") as out:
        child = proc.Child(
            python("input()"), cwd=tmp_path, environment=clean, stdout=out, stderr=out, stdin=None
        )
        before = opened()
        child.wait(30, until=ended)
        assert opened() == before
        child.kill_tree()


def test_a_signal_is_a_negative_exit_code(tmp_path: Path, clean: dict[str, str]) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert proc.run(python(code), cwd=tmp_path, timeout=30, environment=clean).returncode == -9


def test_stdin_is_closed(tmp_path: Path, clean: dict[str, str]) -> None:
    completed = proc.run(
        python("import sys; print(repr(sys.stdin.read()))"), cwd=tmp_path, timeout=30, environment=clean
    )
    assert completed.stdout == b"''\n"


def test_what_cannot_start_is_an_error_that_names_it(tmp_path: Path, clean: dict[str, str]) -> None:
    with pytest.raises(proc.ProcError, match="absent cannot be started"):
        proc.run([str(tmp_path / "absent")], cwd=tmp_path, timeout=30, environment=clean)


def test_output_over_the_cap_is_an_error_fo_104(tmp_path: Path, clean: dict[str, str]) -> None:
    code = "import sys, time; sys.stdout.write('x' * 5000); sys.stdout.flush(); time.sleep(600)"
    with pytest.raises(proc.ProcError, match="more than 4096 bytes of output"):
        proc.run(python(code), cwd=tmp_path, timeout=60, environment=clean, output_cap=4096)


@pytest.mark.parametrize(
    ("environment", "session"),
    [("None", True), ("{}", False), ("{}", True)],
    ids=["left the session, carries the tag", "dropped the tag, in the session", "only a descendant"],
)
def test_a_hang_ends_with_its_grandchild_that_holds_stdout_fo_90(
    tmp_path: Path, clean: dict[str, str], environment: str, session: bool
) -> None:
    pidfile = tmp_path / "pid"
    code = GRANDCHILD.format(
        leave="pass",
        environment=environment,
        session=session,
        pidfile=str(pidfile),
        then="time.sleep(600)",
    )
    began = time.monotonic()
    with pytest.raises(proc.ProcError, match=r"not finished after 1\.5 seconds and killed"):
        proc.run(python(code), cwd=tmp_path, timeout=1.5, environment=clean)
    assert time.monotonic() - began < 1.5 + 5
    assert gone(int(pidfile.read_text()))


def test_what_a_tool_leaves_behind_after_a_normal_end_is_killed(
    tmp_path: Path, clean: dict[str, str]
) -> None:
    pidfile = tmp_path / "pid"
    code = GRANDCHILD.format(
        leave="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        environment="None",
        session=True,
        pidfile=str(pidfile),
        then="sys.exit(3)",
    )
    assert proc.run(python(code), cwd=tmp_path, timeout=30, environment=clean).returncode == 3
    assert gone(int(pidfile.read_text()))


def test_the_environment_is_an_allow_list(
    tmp_path: Path, clean: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUFF_OUTPUT_FILE", "x")
    monkeypatch.setenv("PYTHONPATH", "x")
    completed = proc.run(
        python("import os; print(sorted(os.environ))"), cwd=tmp_path, timeout=30, environment=clean
    )
    allowed = {*clean, TAG, "LC_CTYPE"}
    assert set(ast.literal_eval(completed.stdout.decode())) <= allowed


def test_a_child_reads_its_input_once_and_reports_its_end(tmp_path: Path, clean: dict[str, str]) -> None:
    read, write = os.pipe()
    child = proc.Child(
        python(f"import os, sys; os.write({write}, sys.stdin.buffer.read()); sys.exit(7)"),
        cwd=tmp_path,
        environment=clean,
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        stdin=b"nonce",
        pass_fds=(write,),
    )
    os.close(write)
    assert child.wait(30) == 7
    assert os.read(read, 100) == b"nonce"
    os.close(read)
    assert child.kill_tree() == ()


def test_stopping_ends_every_living_child(tmp_path: Path, clean: dict[str, str]) -> None:
    children = [
        proc.Child(
            python("import time; time.sleep(600)"),
            cwd=tmp_path,
            environment=clean,
            stdout=tmp_path / f"out{number}",
            stderr=tmp_path / f"err{number}",
        )
        for number in range(2)
    ]
    assert children[0].poll() is None
    assert proc.stop_all() == ()
    assert [child.poll() for child in children] == [-15, -15]
    assert proc.kill_tree([children[0].pid]) == ()


def test_a_process_that_may_not_be_looked_at_counts_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    # Takes the look away: whoever runs the tests as root may look at every process.
    monkeypatch.setattr(psutil.Process, "status", refused)
    assert sweep._is_alive(psutil.Process())


def test_what_is_gone_has_no_tags_and_no_session() -> None:
    with subprocess.Popen(python("pass")) as ended:
        ended.wait()
    assert proc.kill_tree([ended.pid]) == ()
    assert not sweep._belongs(ended.pid, "mark", leader=1)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    assert proc.git(root, "init", "-q").returncode == 0
    (root / "a.py").write_text("x = 1\n")
    (root / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    assert proc.git(root, "add", ".").returncode == 0
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    assert os.spawnvp(os.P_WAIT, "git", ["git", "-C", str(root), *identity, "commit", "-qm", "1"]) == 0
    return root


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--porcelain"),
        ("diff", "HEAD"),
        ("show", "HEAD"),
        ("ls-files", "-m"),
        ("rev-parse", "HEAD"),
        ("merge-base", "HEAD", "HEAD"),
        ("cat-file", "-p", "HEAD:a.py"),
    ],
    ids=lambda command: command[0],
)
def test_git_executes_nothing_that_a_repository_configures(
    repository: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    witness = tmp_path / "witness"
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch '{witness}'\ncat\n")
    program.chmod(0o755)
    for key in ("clean", "smudge", "process"):
        proc.git(repository, "config", f"filter.evil.{key}", str(program))
    proc.git(repository, "config", "filter.evil.required", "true")
    for key in ("diff.evil.command", "diff.evil.textconv", "diff.external", "core.fsmonitor", "core.pager"):
        proc.git(repository, "config", key, str(program))
    for name in ("post-index-change", "post-checkout"):
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(program.read_bytes())
        hook.chmod(0o755)
    (repository / "a.py").write_text("x = 2\n")
    completed = proc.git(repository, *command)
    assert completed.returncode == 0, completed.stderr
    assert not witness.exists()


def test_git_reports_its_own_failure(tmp_path: Path) -> None:
    assert proc.git(tmp_path, "rev-parse", "HEAD").returncode == 128


def test_git_that_is_missing_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(proc.ProcError, match="git is not installed or not on PATH; install it"):
        proc.git(tmp_path, "status")


def test_an_owner_that_nobody_declared_safe_is_gits_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The variable is git's own way to play another owner; it takes the place of `chown`.
    monkeypatch.setitem(gitless.ENVIRONMENT, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    proc.git(repository, "config", "safe.directory", "*")
    refused = proc.git(repository, "rev-parse", "HEAD")
    assert refused.returncode == 128
    assert b"dubious ownership" in refused.stderr
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {repository}\n")
    assert proc.git(repository, "rev-parse", "HEAD").returncode == 0


STOPPED = """
import os, signal, sys, threading
from pathlib import Path
from pytest_failhard import proc
here = Path(sys.argv[1])
def stop(number, frame):
    survivors = proc.stop_all(refuse_more=True)
    try:
        proc.git(here, "version")
    except proc.ProcError as error:
        print(error, flush=True)
    os._exit(143 if not survivors else 1)
signal.signal(signal.SIGTERM, stop)
def hang():
    code = "import os, time; open('up', 'w').write(str(os.getpid())); time.sleep(600)"
    proc.run([sys.executable, "-c", code], cwd=here, timeout=600, environment={})
threading.Thread(target=hang).start()
while not (here / "up").exists() or not (here / "up").read_text():
    pass
os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait(60)
"""


def test_a_signal_handler_ends_what_other_threads_started_fo_117(
    tmp_path: Path, clean: dict[str, str]
) -> None:
    argv = [sys.executable, "-c", STOPPED, str(tmp_path)]
    completed = proc.run(argv, cwd=tmp_path, timeout=60, environment=clean)
    assert completed.returncode == 143, completed.stderr
    assert completed.stdout.endswith(b"not started, because the run is being stopped\n")
    assert gone(int((tmp_path / "up").read_text()))
