"""What a process opens: files that are compared by a later run, the machine's own, and the rest by name."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from pytest_failhard.opened import Watch
from tests.support import measuring, write

HOOKED = """
import sys
from pytest_failhard.opened import Watch
watch = Watch()
sys.addaudithook(watch)
open(sys.argv[1]).close()
watch.on = True
open(sys.argv[2]).close()
open(sys.argv[3], "w").close()
watch.on = False
print("\\n".join(watch.paths))
"""


def test_a_process_tells_what_it_opens_to_read_while_it_is_watched(tmp_path: Path) -> None:
    write(tmp_path, {"before": "", "read": ""})
    paths = [str(tmp_path / name) for name in ("before", "read", "written")]
    done = subprocess.run(
        [sys.executable, "-c", HOOKED, *paths],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **measuring()},
        timeout=60,
    )
    assert paths[1] in done.stdout.splitlines()
    assert not {paths[0], paths[2]} & set(done.stdout.splitlines())


def test_only_what_nobody_compares_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path / "shop", {"a.py": "", "out/b.bin": "", ".venv/lib/c.py": ""})
    write(tmp_path, {"site/d.py": "", "common/e.txt": "", "passing/f": ""})
    (tmp_path / "out.txt").symlink_to("shop/a.py")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "passing"))
    watch = Watch()
    watch.on = True
    opened = ["shop/a.py", "shop/out/b.bin", "shop/.venv/lib/c.py", "site/d.py", "common/e.txt", "passing/f"]
    standard = Path(sysconfig.get_path("stdlib")) / "os.py"
    for path in (
        *map(str, map(tmp_path.joinpath, opened)),
        str(standard),
        str(tmp_path / "out.txt"),
        "nowhere",
    ):
        watch("open", (path, "r", os.O_RDONLY))
    watch("open", (7, "r", os.O_RDONLY))
    watch("open", (str(tmp_path / "common" / "written"), "w", os.O_WRONLY | os.O_CREAT))
    watch("import", ("os", None, None, None, None))
    folders = [tmp_path / "site", root / ".venv"]
    assert watch.elsewhere(root, ["a.py"], folders) == (
        str(tmp_path / "common/e.txt"),
        str(root / "out/b.bin"),
    )
    watch.on = False
    watch("open", (str(tmp_path / "later"), "r", os.O_RDONLY))
    assert str(tmp_path / "later") not in watch.paths
