"""The whole catalogue of one provider against its SDK: how long it takes with so many calls in flight."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import openai

from benchmarks.pairs import spread
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import load
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.server import Server, ServerError
from tests.llm.sdk.calls import perform, prepare
from tests.llm.sdk.laboratory import ENDLESS, Call, Meeting, job
from tests.llm.sdk.matrix import Case, cases

SDK, DIALECT = "openai-3", "openai"
WIDTHS = (8, 16, 64)
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Met:
    """What came of one case, and the seconds that its call took."""

    case: Case
    seconds: float
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass through all cases, in seconds of wall time and of CPU."""

    wall: float
    cpu: float
    met: tuple[Met, ...]


def chosen() -> tuple[list[Case], list[str]]:
    """Return the faults of answers, each met in the plain way, and the ids of those whose calls never end."""
    first: dict[str, Case] = {}
    for case in cases(load()):
        if case.sdk == SDK and case.dialect == DIALECT and case.fault.stage == "answer":
            first.setdefault(case.fault.id, case)
    endless = [name for name, case in first.items() if name in ENDLESS or Call.of(case).apart]
    return [case for name, case in first.items() if name not in endless], endless


def meet(server: Server, case: Case) -> Met:
    """Make the call of a case on a port and with a router of its own."""
    call = Call.of(case)
    canaries = Canaries.draw(case.id)
    router = Router(case.id, seed=0, rules=call.rules, canaries=canaries)
    began = time.perf_counter()
    with server.open(router) as listener:
        outcome = perform(job(call, canaries, listener.url))
        seconds = time.perf_counter() - began
    observed = Meeting(outcome=outcome, ledger=router.ledger, endless="").observed
    return Met(case=case, seconds=seconds, expected=observed == case.expected)


def through(listed: Sequence[Case], width: int) -> Pass:
    """Meet all cases, so many at once."""
    with Server() as server, ThreadPoolExecutor(width) as pool:
        began, used = time.perf_counter(), time.process_time()
        met = tuple(pool.map(lambda case: meet(server, case), listed))
        return Pass(wall=time.perf_counter() - began, cpu=time.process_time() - used, met=met)


def show(name: str, passed: Pass, serial: Pass) -> None:
    """Print a pass beside the serial one."""
    longest = max(passed.met, key=lambda met: met.seconds)
    sys.stdout.write(
        f"{name:12} {passed.wall:7.2f} s, x{passed.wall / serial.wall:.3f} of serial; "
        f"CPU {passed.cpu:.2f} s, x{passed.cpu / serial.cpu:.2f}; "
        f"longest {longest.case.fault.id} {longest.seconds:.2f} s\n"
    )
    odd = [met.case.fault.id for met in passed.met if not met.expected]
    if odd:
        shown = ", ".join(odd[:NAMED])
        sys.stdout.write(f"{'':12} {len(odd)} not as the catalogue says, such as {shown}\n")


def main() -> None:
    """Print wall time and CPU, one call after another and with several in flight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    widths = parser.parse_args().widths
    listed, endless = chosen()
    prepare(SDK)
    # The first call imports what an SDK leaves for later.
    with Server() as server:
        meet(server, listed[0])
    busy = os.getloadavg()[0]
    sys.stdout.write(
        f"{len(listed)} cases of openai {openai.__version__} with its own back-off, load {busy:.1f}; "
        f"left out, for their calls never end: {', '.join(endless)}\n"
    )
    serial = through(listed, 1)
    show("serial", serial, serial)
    sys.stdout.write(f"{'':12} a case: {spread([met.seconds for met in serial.met])} s\n")
    for width in widths:
        try:
            show(f"{width} in flight", through(listed, width), serial)
        except ServerError as error:
            # More threads than this machine can turn to: the server is none of the favoured ones.
            sys.stdout.write(f"{width} in flight: {error}\n")


if __name__ == "__main__":
    main()
