"""The test child before it is known what to run: it loads pytest, then runs it as it is told."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import sys

LOADED = ("coverage", "pytest", "pytest_failhard.measurement", "pytest_failhard.recorder")
"""What every run of tests with us imports. Not what pytest itself would rewrite: plugins, and conftests."""
ALSO = (
    *("email.parser", "execnet", "pdb", "readline", "unittest", "xml.etree.ElementTree"),
    *("_pytest.faulthandler", "_pytest.helpconfig", "_pytest.junitxml", "_pytest.pastebin"),
    *("_pytest.setuponly", "_pytest.setupplan", "_pytest.skipping", "_pytest.threadexception"),
    *("_pytest.tracemalloc", "_pytest.unittest", "_pytest.unraisableexception", "_pytest.warnings"),
)
"""What pytest and xdist import once they are started.

It is loaded and never asked for anything: no harm is done where another version has no such module."""


def main() -> None:
    """Load pytest, wait for the order, and be `python -m pytest` in the project's folder from then on."""
    (orders,) = map(int, sys.argv[1:])
    # Where the tests would look for input, nothing but the plugin of ours ever finds some.
    os.dup2(orders, 0)
    os.close(orders)
    for name in LOADED:
        importlib.import_module(name)
    for name in ALSO:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    os.chdir(order["root"])
    sys.argv = ["pytest", *order["arguments"]]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)
