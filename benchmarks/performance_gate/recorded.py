"""What one pair of processes gave: calls by side and level, as lines of JSON and back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAME, AGAIN, REFERENCE = "0", "0b", "reference"
"""Two series of calls without a slowdown, and some work that is always the same."""
LEVELS = (AGAIN, "5", "10", "15", "20", "30")
"""What is compared with `SAME`: a false alarm, and slowdowns in percent."""
QUIET, NOISY = "quiet", "noisy"
NOISES = (QUIET, NOISY)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls of one side at one level, each timed by itself, in microseconds.

    `adjusted` is what was on the processor or genuinely blocked, empty where it was not to be had.
    """

    cpu: tuple[int, ...]
    wall: tuple[int, ...]
    adjusted: tuple[int, ...] = ()

    def packed(self) -> list[list[int]]:
        """Return it for JSON: what repeats the CPU time as a difference, which is mostly small."""
        others = (self.wall, self.adjusted)
        return [
            list(self.cpu),
            *([a - b for a, b in zip(other, self.cpu, strict=True)] for other in others if other),
        ]

    @classmethod
    def unpacked(cls, lists: Sequence[Sequence[int]]) -> Calls:
        """Return what `packed` made."""
        cpu, *others = lists
        wall, *adjusted = [tuple(a + b for a, b in zip(other, cpu, strict=True)) for other in others]
        return cls(cpu=tuple(cpu), wall=wall, adjusted=adjusted[0] if adjusted else ())


Side = Mapping[str, Calls]


@dataclass(frozen=True, kw_only=True)
class RawPair:
    """A fresh pair of processes. `together` are calls that both sides made at the same time."""

    workload: str
    noise: str
    block: int
    number: int
    load: float
    sides: tuple[Side, Side]
    together: tuple[Side, Side]

    def line(self) -> str:
        """Return it as a line of JSON."""
        document = {
            "workload": self.workload,
            "noise": self.noise,
            "block": self.block,
            "pair": self.number,
            "load": self.load,
            "sides": [_packed(side) for side in self.sides],
            "together": [_packed(side) for side in self.together],
        }
        return json.dumps(document, separators=(",", ":")) + "\n"


def _packed(side: Side) -> dict[str, list[list[int]]]:
    return {level: calls.packed() for level, calls in side.items()}


def _unpacked(side: Mapping[str, Sequence[Sequence[int]]]) -> Side:
    return {level: Calls.unpacked(lists) for level, lists in side.items()}


def lines(path: Path) -> Iterator[str]:
    """Yield the whole lines of a file, packed or not; a last one that was cut short is none."""
    if not path.exists():
        return
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    yield from text.splitlines()[: text.count("\n")]


def read(path: Path) -> tuple[dict[str, str], list[RawPair]]:
    """Return the machine and the pairs; of several runs into one file the machine of the first."""
    machine: dict[str, str] = {}
    pairs = []
    for line in lines(path):
        document = json.loads(line)
        if "machine" in document:
            machine = machine or document["machine"]
            continue
        first, second = (_unpacked(side) for side in document["sides"])
        one, other = (_unpacked(side) for side in document["together"])
        pairs.append(
            RawPair(
                workload=document["workload"],
                noise=document["noise"],
                block=document["block"],
                number=document["pair"],
                load=document["load"],
                sides=(first, second),
                together=(one, other),
            )
        )
    return machine, pairs


def keep(source: Path, target: Path) -> int:
    """Pack a file, always into the same bytes, and return how many they are."""
    whole = "".join(f"{line}\n" for line in lines(source))
    packed = gzip.compress(whole.encode(), 9, mtime=0)
    target.write_bytes(packed)
    return len(packed)


def mend(path: Path) -> None:
    """Cut off a last line that was not written to its end, so that more can be appended."""
    if path.exists():
        path.write_text("".join(f"{line}\n" for line in lines(path)), "utf-8")
