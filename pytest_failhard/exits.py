"""Names the exit statuses of the `failhard` command."""

from __future__ import annotations

from pytest_failhard.model import Verdict

USAGE = 2
"""What was asked for cannot be done, or a policy is invalid: nothing was judged."""
UNPROVEN = 3
TAMPERED = 4
"""The record of the tests, or a report, does not hold."""
WATCHDOG = 124
"""The tests were ended when their time was up."""
INTERRUPTED = 128
"""Added to the number of the signal."""
CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.ERROR: UNPROVEN}
