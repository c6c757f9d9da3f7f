"""Data of the rules about tests that wait or try again, and about where imports come from."""

from __future__ import annotations

SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "trio.sleep", "anyio.sleep", "gevent.sleep"})
SLEEP_BYTES = b"sleep"

RERUN_BYTES = (b"flaky", b"reruns", b"pytest_retry")
RERUN_MARKS = frozenset({"pytest.mark.flaky", "flaky.flaky"})
"""Marks of pytest-rerunfailures, pytest-retry and flaky: each turns a red test green by running it again."""
RERUN_NONE = {"reruns": 0, "retries": 0, "max_runs": 1, None: 0}
"""What allows no second run, as these plugins call it; None for the first position."""

PATH_BYTES = (b"sys", b"addsitedir")
PATH_CALLS = {"insert": 1, "append": 0}
"""Method of sys.path -> the position of the path."""
SAME_PLACE = frozenset({"abspath", "realpath", "normpath", "fspath", "str", "Path", "PurePath", "PosixPath"})
"""Calls whose value names the place that their argument names."""
RESOLVING = frozenset({"resolve", "absolute", "as_posix"})
"""Methods of a path that name the same place."""
HOMES = frozenset({"expanduser", "home"})
