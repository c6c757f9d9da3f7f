"""Times one import in a fresh process: `python import_time.py MODULE` prints a JSON object as its last line.

It stands alone and loads next to nothing before: what is loaded already costs the import nothing.
The object holds `wall`, `cpu`, `children`, `delay`, `adj` as a batch of the worker does, and `file`, where the
module came from; or `error`, with `type`, `name`, `owner`, `message`.
"""

import os
import sys
import time

TASKS = "/proc/self/task"
PROCESSOR = "FAILHARD_CPU"
LEAST_NS = 200_000


def accounts() -> "dict[str, tuple[int, int]]":
    """Return on-CPU time and delay of each thread, nothing where the system does not tell."""
    found = {}
    try:
        names = [task.name for task in os.scandir(TASKS)]
    except FileNotFoundError:
        return found
    for name in names:
        try:
            with open(f"{TASKS}/{name}/schedstat", encoding="ascii") as stream:
                ran, waited, _ = stream.read().split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended meanwhile, or the kernel keeps no accounts
        found[name] = (int(ran), int(waited))
    return found
