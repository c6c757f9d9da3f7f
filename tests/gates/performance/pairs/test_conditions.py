"""Tests of what is read of the machine, from files as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.performance.pairs import conditions
from pytest_failhard.gates.performance.pairs.conditions import Reading
from pytest_failhard.gates.performance.samples import Batch
from tests.support import write

PRESSURE = "some avg10=12.50 avg60=1.00 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
THROTTLED = "usage_usec 1\nnr_periods {}\nnr_throttled {}\nthrottled_usec 5\n"
BATCH = Batch(wall=100, cpu=50, children=0, delay=25, adj=75)


def machine(root: Path, *, steal: int = 0, idle: int = 90, periods: int = 0, throttled: int = 0) -> Path:
    """Return a file system with the counters of a machine."""
    files: dict[str, str | bytes] = {
        "proc/stat": f"cpu  5 0 5 {idle} 0 0 0 {steal} 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
        "proc/pressure/cpu": PRESSURE,
        "proc/self/cgroup": "0::/user.slice/job\n",
        "sys/fs/cgroup/user.slice/cpu.stat": THROTTLED.format(periods, throttled),
    }
    return write(root, files)


def test_counters_count_from_the_first_reading_on(tmp_path: Path) -> None:
    before = conditions.read(machine(tmp_path, periods=100, throttled=10))
    machine(tmp_path, steal=20, idle=170, periods=110, throttled=14)

    found = conditions.since(before, [BATCH, BATCH], tmp_path)

    assert (found.pressure, found.steal, found.delay) == (12.5, 0.2, 0.25)
    assert (found.throttled, found.periods) == (4, 10)
    assert found.load is not None


def test_what_cannot_be_had_is_none(tmp_path: Path) -> None:
    before = conditions.read(tmp_path)

    found = conditions.since(before, [], tmp_path)

    assert before == Reading()
    assert (found.pressure, found.steal, found.delay, found.throttled, found.periods) == (None,) * 5


@pytest.mark.parametrize(
    ("groups", "stat", "periods"),
    [
        ("1:cpu:/job\n0::/\n", "sys/fs/cgroup/cpu/job/cpu.stat", (3, 30)),
        ("1:cpu,cpuacct:/host/job\n", "sys/fs/cgroup/cpu,cpuacct/cpu.stat", (3, 30)),
        ("2:cpuacct:/job\n1:memory:/job\n", "sys/fs/cgroup/memory/job/cpu.stat", None),
        ("0::/\n", "sys/fs/cgroup/cpu.stat", (3, 30)),
        ("1:cpu:/job\n0::/\n", "sys/fs/cgroup/cpu.stat", (3, 30)),
    ],
)
def test_both_versions_of_control_groups(
    tmp_path: Path, groups: str, stat: str, periods: tuple[int, int] | None
) -> None:
    write(tmp_path, {"proc/self/cgroup": groups, stat: THROTTLED.format(30, 3)})

    assert conditions.read(tmp_path).periods == periods


def test_a_clock_of_the_kernel_that_did_not_tick_gives_no_share(tmp_path: Path) -> None:
    before = conditions.read(machine(tmp_path))

    assert conditions.since(before, [], tmp_path).steal is None
