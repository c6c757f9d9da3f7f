"""Two neighbours that want the processors and the memory: one all the time, one in bursts."""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

BLOCK, BUFFER = 1 << 20, 48 << 20
ON, OFF = (0.05, 0.5), (0.1, 0.9)
KINDS = ("steady", "bursts")
MODULE = "benchmarks.performance_gate.noise"
ROOT = Path(__file__).resolve().parent.parent.parent


def copy_blocks(buffer: bytearray, until: float) -> None:
    """Spin, and copy a block through the buffer each time round."""
    place = 0
    while time.monotonic() < until:
        following = (place + BLOCK) % BUFFER
        buffer[following : following + BLOCK] = buffer[place : place + BLOCK]
        place = following
        for number in range(2000):
            place ^= number & 0


def disturb(kind: str, seconds: float, seed: int) -> None:
    """Be a neighbour for so long."""
    buffer, until, drawn = bytearray(BUFFER), time.monotonic() + seconds, random.Random(seed)  # noqa: S311
    while time.monotonic() < until:
        if kind == "steady":
            copy_blocks(buffer, until)
        else:
            copy_blocks(buffer, min(until, time.monotonic() + drawn.uniform(*ON)))
            time.sleep(drawn.uniform(*OFF))


@contextlib.contextmanager
def neighbours(noisy: bool, *, seconds: float = 600, seed: int = 1) -> Iterator[None]:
    """Have both neighbours meanwhile, pinned nowhere; nobody where it is to be quiet."""
    argv = [sys.executable, "-m", MODULE, "--seconds", str(seconds), "--seed", str(seed)]
    started = [subprocess.Popen([*argv, kind], cwd=ROOT) for kind in (KINDS if noisy else ())]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def main() -> None:
    """Be one neighbour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    disturb(asked.kind, asked.seconds, asked.seed)


if __name__ == "__main__":
    main()
