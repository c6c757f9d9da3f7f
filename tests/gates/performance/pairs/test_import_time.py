"""The time of one import, told by a script that stands alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.pairs import import_time
from tests.support import measuring, write

BURN = "import time\nend = time.process_time_ns() + 2_000_000\nwhile time.process_time_ns() < end: pass\n"


def timed(folder: Path, module: str, **environment: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-P", "-s", import_time.__file__, module],
        env={"PYTHONPATH": str(folder), **measuring(), **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, result


def test_an_import_is_timed(tmp_path: Path) -> None:
    write(tmp_path, {"shop/__init__.py": "print('loading')\n" + BURN})
    cpu = str(max(os.sched_getaffinity(0)))
    code, result = timed(tmp_path, "shop", FAILHARD_CPU=cpu)
    assert code == 0
    assert list(result) == ["wall", "cpu", "children", "delay", "adj", "file"]
    assert result["file"] == str(tmp_path / "shop" / "__init__.py")
    assert isinstance(result["cpu"], int)
    assert result["cpu"] >= 2_000_000


def test_an_import_that_leaves_a_thread_behind_ends_all_the_same(tmp_path: Path) -> None:
    waiting = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    write(tmp_path, {"shop.py": waiting})
    code, result = timed(tmp_path, "shop")
    assert (code, result["children"]) == (0, 0)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import shop.later", ("ModuleNotFoundError", "shop.later", "")),
        ("from shop import later", ("ImportError", "shop", "shop")),
        ("import shop\nshop.later", ("AttributeError", "later", "shop")),
        ("raise SystemExit(3)", ("SystemExit", "", "")),
    ],
    ids=["module", "name", "attribute", "exit"],
)
def test_an_import_that_fails_tells_why(
    tmp_path: Path,
    source: str,
    error: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, {"shop/__init__.py": "", "starting.py": source})
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("shop", "starting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises((ImportError, AttributeError, SystemExit)):
        import_time.main("starting")
    told = json.loads(capsys.readouterr().out)["error"]
    assert (told["type"], told["name"], told["owner"]) == error


def test_delays_are_told_by_thread() -> None:
    before, after = {1: (10, 5)}, {1: (60, 25), 2: (40, 7)}
    assert import_time.delayed(before, after, 90) == (27, False)
    assert import_time.delayed(before, after, 300_091) == (27, True)
    assert import_time.delayed(before, {2: (40, 7)}, 40) == (7, True)
    assert import_time.delayed({}, {}, 40) == (0, True)


def test_a_system_without_accounts_tells_no_delay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_time, "TASKS", str(tmp_path / "none"))
    assert import_time.accounts() == {}
    assert import_time.timed("json")["adj"] is None


def test_a_class_is_named_with_its_module() -> None:
    missing = AttributeError("no", name="later", obj=import_time)
    assert import_time.described(missing)["owner"] == import_time.__name__
    error = AttributeError("no", name="later", obj=Path)
    assert import_time.described(error)["owner"] == f"{Path.__module__}.Path"
    assert import_time.described(AttributeError("no", name="later", obj=1))["owner"] == ""
