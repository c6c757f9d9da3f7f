"""Times one import in a fresh process: `python import_time.py MODULE` prints a JSON object as its last line.

It stands alone and loads next to nothing before: what is loaded already costs an import nothing. The object
holds `wall`, `cpu`, `children`, `delay` and `adj` as a batch of the worker does, and `file`, where the module
came from; or `error` with `type`, `name`, `owner` and `message`, and the exit status is 1.
"""

from __future__ import annotations

import os
import sys
import time

TASKS = "/proc/self/task"
PROCESSOR = "FAILHARD_CPU"
LEAST_NS = 200_000
"""CPU that no thread accounts for and that is not yet suspicious."""


def accounts() -> dict[int, tuple[int, int]]:
    """Return on-CPU time and delay of each thread, nothing where the system does not tell."""
    # The call brings the scheduler's accounts up to date: without it they lag by up to a tick.
    time.process_time_ns()
    try:
        with os.scandir(TASKS) as tasks:
            return {int(task.name): _account(task.path) for task in tasks}
    except OSError:
        return {}  # no such accounts, or a thread ended meanwhile: then nothing can be told either


def _account(task: str) -> tuple[int, int]:
    descriptor = os.open(f"{task}/schedstat", os.O_RDONLY)
    try:
        ran, waited, _ = os.read(descriptor, 200).split()
    finally:
        os.close(descriptor)
    return int(ran), int(waited)


def timed(module: str) -> dict[str, int | None]:
    """Import a module and return what that took, in nanoseconds."""
    before = accounts()
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    __import__(module)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    after = accounts()
    # Loaded only now, for it may be a part of what is imported. This process had no children before.
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = round((usage.ru_utime + usage.ru_stime) * 1e6) * 1000
    delay, unknown = delayed(before, after, cpu)
    adj = None if unknown or children else max(cpu, wall - delay)
    return {"wall": wall, "cpu": cpu, "children": children, "delay": delay, "adj": adj}


def delayed(
    before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]], cpu: int
) -> tuple[int, bool]:
    """Return the time spent waiting for a processor, and whether it is not the whole truth."""
    ran = sum(after[thread][0] - before.get(thread, (0, 0))[0] for thread in after)
    waited = sum(after[thread][1] - before.get(thread, (0, 0))[1] for thread in after)
    gone = not after or not before.keys() <= after.keys()
    return waited, gone or cpu - ran > max(cpu // 50, LEAST_NS)


def described(error: BaseException) -> dict[str, str]:
    """Return the exception as the worker describes one."""
    name, owner = "", ""
    if isinstance(error, ImportError):
        name = error.name or ""
        owner = "" if isinstance(error, ModuleNotFoundError) else name
    elif isinstance(error, AttributeError):
        name, owner = error.name or "", _owner(error.obj)
    return {"type": type(error).__name__, "name": name, "owner": owner, "message": str(error)[:2000]}


def _owner(thing: object) -> str:
    if isinstance(thing, type(sys)):
        return thing.__name__
    return f"{thing.__module__}.{thing.__qualname__}" if isinstance(thing, type) else ""


def main(module: str) -> None:
    """Pin, import, print; what the import raises goes on."""
    processor = os.environ.get(PROCESSOR, "")
    if processor:
        os.sched_setaffinity(0, {int(processor)})
    try:
        result: dict[str, object] = dict(timed(module))
    except BaseException as error:
        _print({"error": described(error)})
        raise
    _print({**result, "file": getattr(sys.modules[module], "__file__", None) or ""})


def _print(result: dict[str, object]) -> None:
    import json

    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
    # Not by way of what the import left behind: threads, handlers, a loop.
    os._exit(0)
