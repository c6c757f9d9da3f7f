"""Runs a command on a terminal, and says what a person sees there in the end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from pathlib import Path

from tests.support import measuring

SECONDS = 120
LINE = r"failhard \d+ %: \d of 2 gates, \d to go, \d+ s[^\r\n]*"
"""The live line of a run with two gates."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(argv: list[str], root: Path) -> tuple[int, str]:
    """Run a command whose output is a terminal; return its exit status and all that it wrote."""
    ours, theirs = pty.openpty()
    home = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        argv,
        cwd=root,
        env={**home, **measuring(), "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while select.select([terminal], [], [], SECONDS)[0]:
            try:
                written += terminal.read(65536)
            except OSError:  # the other end is closed
                break
    return process.wait(SECONDS), written.decode().replace("\r\n", "\n")


def left_over(written: str) -> str:
    """Return what a terminal shows after all was written: of each line what was drawn last, without colours."""
    lines = COLOUR.sub("", written).split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines)
