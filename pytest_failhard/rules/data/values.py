"""What counts as an exception of everything, as a way to fail, as a log call and as an empty value."""

from __future__ import annotations

import re

BROAD = frozenset({"Exception", "BaseException"})
ENUMERABLE = frozenset(
    {"ArithmeticError", "AssertionError", "AttributeError", "ConnectionError", "ImportError", "IndexError"}
    | {"KeyError", "LookupError", "OSError", "RuntimeError", "TimeoutError", "TypeError", "ValueError"}
)
ENUMERATED = 5
"""So many of them in one tuple are everything by enumeration."""
EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "abort", "flask.abort", "typer.Exit"})
FAILURES = frozenset({"pytest.fail", "_pytest.outcomes.fail", "self.fail"})
HANDING_ON = "set_exception"
"""The method of a future that hands an exception to whoever waits for it."""
LOG_CALLS = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log", "print", "secho", "echo"}
    | {"write", "print_exc", "log_error", "log_warning"}
)
EMPTY_CALLS = frozenset(
    {"dict", "list", "set", "tuple", "str", "frozenset", "OrderedDict", "defaultdict", "DataFrame"}
)
WRAPPERS = frozenset({"ok", "Ok", "success", "Success", "Some", "Just", "pure", "done"})
"""Last names of calls that wrap a good result."""
PASSING = {"asyncio.sleep": (1, "result")}
"""Calls that hand back one of their arguments: its position and its name."""
COPYING = frozenset({"copy.copy", "copy.deepcopy", "dict", "list", "tuple", "set", "frozenset"})
ERROR_TEXT = re.compile(r"(?i)\b(error|fail|exception|unhealthy|invalid|unavailable)")
