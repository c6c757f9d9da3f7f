"""Tests that nothing of a kept process survives, however it or we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_failhard import keeper, keeping, leftovers, proc, sweep
from pytest_failhard.model import GateError
from tests.size import FULL
from tests.support import measuring
from tests.trees import TREES, await_true, command, grown, is_alive, left

ENDINGS = {
    "SIGINT": signal.SIGINT,
    "SIGTERM": signal.SIGTERM,
    "SIGKILL": signal.SIGKILL,
}
STARTER = """
import os, signal, sys, threading
from pathlib import Path
from pytest_failhard import proc
here = Path(sys.argv[1])
def stop(*_):
    proc.stop_all(refuse_more=True)
    os._exit(1)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
def start():
    for number, folder in enumerate(sorted((here / "trees").iterdir())):
        argv = (folder / "command").read_text().split(chr(0))
        proc.Child(argv, cwd=here, environment={"PATH": "/usr/bin:/bin"}, stdout=here / f"out{number}", stderr=here / f"err{number}", kept=True)
# As gates do it: from a thread that ends before the systems do.
thread = threading.Thread(target=start)
thread.start()
thread.join()
(here / "ready").touch()
threading.Event().wait(600)
"""


@pytest.fixture(autouse=True)
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of this test alone."""
    place = tmp_path / "running"
    monkeypatch.setenv(leftovers.FOLDER, str(place))
    return place


@pytest.fixture
def children() -> Iterator[list[proc.Child]]:
    started: list[proc.Child] = []
    yield started
    for child in started:
        child.kill_tree()


def kept(tmp_path: Path, argv: list[str], **environment: str) -> proc.Child:
    return proc.Child(
        argv,
        cwd=tmp_path,
        environment={"PATH": "/usr/bin:/bin", **environment},
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        kept=True,
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def keeper_of(child: proc.Child) -> int:
    return child._process.pid


@pytest.mark.parametrize("name", TREES)
def test_nothing_of_a_tree_survives_its_end(tmp_path: Path, running: Path, name: str) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    child = kept(tmp_path, command(name, folder))
    processes = grown(folder)
    assert child.alive()[0] == child.pid
    assert {pid for pid, _ in processes} <= set(child.alive())
    assert child.kill_tree() == ()
    assert left(processes) == []
    assert (child.poll(), child.alive(), list(running.iterdir())) == (-9, (), [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_of_any_tree_survives_our_own_end(tmp_path: Path, ending: str) -> None:
    starter, processes = begun(tmp_path)
    with starter:
        starter.send_signal(ENDINGS[ending])
        starter.wait()
    await_true(lambda: left(processes) == [], "nothing is left")


def begun(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[tuple[int, int]]]:
    """Start what starts all trees, and wait until they stand."""
    for name in TREES:
        folder = tmp_path / "trees" / name
        folder.mkdir(parents=True)
        (folder / "command").write_text("\0".join(command(name, tmp_path / "said" / name)))
        (tmp_path / "said" / name).mkdir(parents=True)
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    processes = [each for name in TREES for each in grown(tmp_path / "said" / name)]
    await_true((tmp_path / "ready").exists, "all are started")
    return starter, processes


def test_the_next_start_ends_what_outlived_us_and_the_keepers(tmp_path: Path, running: Path) -> None:
    starter, processes = begun(tmp_path)
    assert leftovers.clean() == 0, "what has an owner is left alone"
    assert left(processes) == processes
    listed = {pid for pid, _ in processes}
    await_true(lambda: listed <= recorded(running), "all are written down")
    keepers = psutil.Process(starter.pid).children()
    assert len(keepers) == len(TREES)
    with starter:
        # Stopped first: none of them sees another one die.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (*(each.pid for each in keepers), starter.pid):
                os.kill(pid, number)
        starter.wait()
    await_true(lambda: not any(is_alive(each.pid) for each in keepers), "they are gone")
    assert {pid for pid, _ in left(processes)} >= {pid for pid, _ in processes}
    [note] = leftovers.notes()
    assert note.startswith("processes-left: ")
    assert leftovers.notes() == []
    assert left(processes) == []
    assert list(running.iterdir()) == []


def recorded(running: Path) -> set[int]:
    return {int(line.split()[0]) for path in running.iterdir() for line in path.read_text().splitlines()}


def test_nothing_survives_a_signal_while_systems_start(tmp_path: Path) -> None:
    for number in range(8):
        folder = tmp_path / "trees" / str(number)
        folder.mkdir(parents=True)
        (tmp_path / "said" / str(number)).mkdir(parents=True)
        argv = command("environment cleared", tmp_path / "said" / str(number))
        (folder / "command").write_text("\0".join(argv))
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    grown(tmp_path / "said" / "2")
    assert not (tmp_path / "ready").exists()
    starter.terminate()
    assert starter.wait() == 1
    here = str(tmp_path).encode()
    assert [pid for pid in psutil.pids() if pid != os.getpid() and here in arguments(pid)] == []


def arguments(pid: int) -> bytes:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_fork_of_ours_does_not_keep_them_alive(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    code = f"""
import os, sys, time
from pathlib import Path
from pytest_failhard import proc
here = Path(sys.argv[1])
proc.Child({command("own session", folder)!r}, cwd=here, environment={{}}, stdout=here / "out", stderr=here / "err", kept=True)
fork = os.fork()
if fork == 0:
    (here / "fork").write_text(str(os.getpid()))
    time.sleep(600)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as starter:
        processes = grown(folder)
        await_true(lambda: (tmp_path / "fork").exists() and (tmp_path / "fork").read_text() != "", "it forks")
        starter.kill()
    try:
        await_true(lambda: left(processes) == [], "nothing is left")
    finally:
        os.kill(int((tmp_path / "fork").read_text()), signal.SIGKILL)


def test_many_starts_leave_no_process_and_no_descriptor(tmp_path: Path, running: Path) -> None:
    def held() -> tuple[int, set[int]]:
        return len(os.listdir("/proc/self/fd")), set(keeper.below(os.getpid()))  # noqa: PTH208 - numbers of descriptors, not files

    before = held()
    for _ in range(50 if FULL else 10):
        assert kept(tmp_path, ["/bin/sleep", "600"]).kill_tree() == ()
    assert held() == before
    assert list(running.iterdir()) == []


@pytest.fixture(params=["alone", "measured"])
def variables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """As it is started, and so that what it runs is measured."""
    if request.param == "alone":
        return {}
    monkeypatch.setattr(keeping, "PROGRAM", (sys.executable, "-X", "utf8", keeper.__file__))
    return measuring()


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("import sys; sys.exit(101)", 101),
        ("import os; os.kill(os.getpid(), 9)", -9),
        # Its orphan ends with another code, before and after it.
        (
            "import os\nif os.fork() == 0:\n    if os.fork() == 0: os._exit(5)\n    os._exit(6)\nos.wait(); os._exit(7)",
            7,
        ),
    ],
)
def test_a_program_keeps_its_own_exit_code(
    tmp_path: Path, variables: dict[str, str], code: str, ended: int
) -> None:
    child = kept(tmp_path, python(code), **variables)
    assert child.wait(30) == ended
    child.send_signal(signal.SIGTERM)
    assert child.kill_tree() == ()
    child.send_signal(signal.SIGTERM)
    assert (child.poll(), child.kill_tree()) == (ended, ())


def test_a_signal_reaches_the_program_alone(
    tmp_path: Path, variables: dict[str, str], children: list[proc.Child]
) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    child = kept(tmp_path, command("double fork", folder), **variables)
    children.append(child)
    processes = grown(folder)
    [leaf] = {pid for pid, _ in processes} - {child.pid}
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == -signal.SIGTERM
    assert child.alive() == (leaf,)
    assert child.kill_tree() == ()
    assert (left(processes), child.poll()) == ([], -signal.SIGTERM)


def test_a_keeper_that_is_told_by_a_signal_ends_it_all(tmp_path: Path, variables: dict[str, str]) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    child = kept(tmp_path, command("deaf to TERM", folder), **variables)
    processes = grown(folder)
    os.kill(keeper_of(child), signal.SIGTERM)
    assert child.wait(30) == -signal.SIGKILL
    child.kill_tree()
    assert left(processes) == []


def test_what_cannot_be_started_is_said(tmp_path: Path, running: Path, variables: dict[str, str]) -> None:
    with pytest.raises(proc.ProcError, match=r"absent cannot be started in .*: \[Errno 2\] No such file"):
        kept(tmp_path, [str(tmp_path / "absent")], **variables)
    nowhere, output = tmp_path / "nowhere", tmp_path / "out"
    with pytest.raises(proc.ProcError, match="cannot be started in nowhere"):
        proc.Child(["/bin/true"], cwd=nowhere, environment={}, stdout=output, stderr=output, kept=True)
    assert (list(running.iterdir()), keeper.below(os.getpid())) == ([], {})


def test_a_program_gets_what_it_is_given_and_nothing_else(tmp_path: Path, children: list[proc.Child]) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").symlink_to("/bin/sh")
    read, write = os.pipe()
    script = f"env; cat; ls /proc/self/fd | tr '\\n' ' '; echo; grep -E 'Sig(Blk|Ign)' /proc/self/status; echo x > /proc/self/fd/{write}"
    child = proc.Child(
        ["tool", "-c", script],
        cwd=tmp_path,
        environment={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "WORD": "\udcff"},
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        stdin=b"fed\n",
        pass_fds=(write,),
        tag="MARK",
        kept=True,
    )
    children.append(child)
    os.close(write)
    assert child.wait(30) == 0
    with os.fdopen(read) as stream:
        assert stream.read() == "x\n"
    said = (tmp_path / "out").read_text(errors="surrogateescape").splitlines()
    assert sorted(line.partition("=")[0] for line in said if "=" in line) == ["MARK", "PATH", "PWD", "WORD"]
    assert "WORD=\udcff" in said
    assert "fed" in said
    # What `ls` opens itself is one more.
    assert set(said[-3].split()) == {"0", "1", "2", "3", str(write)}
    # Of signals that programs may use none is blocked or ignored; the C library has two of its own.
    assert [int(line.split()[1], 16) % 2**31 for line in said[-2:]] == [0, 0]
    assert (tmp_path / "err").read_text() == ""


def test_a_locale_that_is_given_stays(tmp_path: Path, children: list[proc.Child]) -> None:
    child = kept(tmp_path, ["/bin/sh", "-c", "env"], LC_CTYPE="C")
    children.append(child)
    child.wait(30)
    assert "LC_CTYPE=C\n" in (tmp_path / "out").read_text()


def test_who_kills_its_keeper_has_failed_and_is_ended(tmp_path: Path) -> None:
    code = "import os, time; os.kill(os.getppid(), 9); open('up', 'w').close(); time.sleep(600)"
    child = kept(tmp_path, python(code))
    await_true((tmp_path / "up").exists, "it lives on")
    assert child.wait(30) == -signal.SIGKILL
    child.send_signal(signal.SIGTERM)
    assert child.alive() == (child.pid,)
    assert child.kill_tree() == ()
    assert not is_alive(child.pid)


def test_a_keeper_that_does_not_obey_is_ended_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "END_SECONDS", 0.05)
    monkeypatch.setattr(sweep, "GRACE_SECONDS", 0.05)
    folder = tmp_path / "tree"
    folder.mkdir()
    child = kept(tmp_path, command("environment cleared", folder))
    processes = grown(folder)
    os.kill(keeper_of(child), signal.SIGSTOP)
    assert child.kill_tree() == ()
    assert left(processes) == []


@pytest.mark.parametrize("code", ["pass", "import time; time.sleep(600)"])
def test_a_keeper_that_says_nothing_is_no_start(
    tmp_path: Path, running: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(keeping, "PROGRAM", (*python(code), "x"))
    monkeypatch.setattr(keeping, "START_SECONDS", 30 if code == "pass" else 0.05)
    with pytest.raises(proc.ProcError, match="the process that was to watch over it"):
        kept(tmp_path, ["/bin/true"])
    assert (list(running.iterdir()), keeper.below(os.getpid())) == ([], {})


def test_what_a_keeper_could_not_end_is_ended_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import os, subprocess, sys
stray = subprocess.Popen(["/bin/sleep", "600"], env={}, start_new_session=True)
os.write(int(sys.argv[2]), f"started {stray.pid}\\nleft {stray.pid}\\n".encode())
os._exit(0)
"""
    monkeypatch.setattr(keeping, "PROGRAM", python(code))
    child = kept(tmp_path, ["/bin/true"])
    assert child.kill_tree() == ()
    assert not is_alive(child.pid)


def test_a_look_at_processes() -> None:
    with subprocess.Popen(["/bin/sleep", "600"]) as child:
        parent, start = keeper.look(child.pid) or (0, 0)
        assert parent == os.getpid()
        assert keeper.below(os.getpid())[child.pid] == start
        child.kill()
    assert keeper.look(child.pid) is None


def test_without_proc_nobody_is_below(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(keeper, "PROC", str(tmp_path / "absent"))
    assert keeper.below(os.getpid()) == {}


def test_records_are_for_us_alone(running: Path) -> None:
    running.mkdir(mode=0o700)
    running.chmod(0o777)
    with pytest.raises(GateError, match="is not a folder of ours alone; remove it, or set FAILHARD_RUNNING"):
        leftovers.clean()


def test_without_a_name_records_are_with_the_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert leftovers.place({}) == tmp_path / f"failhard-running-{os.getuid()}"


def test_only_what_we_wrote_counts_and_only_of_this_start_of_the_machine(running: Path) -> None:
    running.mkdir(mode=0o700)
    with subprocess.Popen(["/bin/sleep", "600"]) as bystander:
        _, start = keeper.look(bystander.pid) or (0, 0)
        other, old, wrong = running / "x", running / ("a" * 16), running / ("b" * 16)
        for path, text in ((other, start), (old, start), (wrong, start + 1)):
            path.write_text(f"{bystander.pid:>10} {text:>20}\n")
        os.utime(old, (0, 0))
        assert leftovers.clean() == 0
        assert [path.name for path in running.iterdir()] == ["x"]
        assert is_alive(bystander.pid)
        bystander.kill()


def test_what_cannot_be_ended_is_an_error(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running.mkdir(mode=0o700)
    (running / ("a" * 16)).touch()
    monkeypatch.setattr(sweep, "kill", lambda *_, **__: (7,))
    with pytest.raises(GateError, match=r"processes \(7,\) of a killed run could not be ended"):
        leftovers.clean()
    assert leftovers._clean(running / "absent") == 0
