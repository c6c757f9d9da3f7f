"""Cases of the fail-open list that the source shows and no run: the gate `integrity`."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from pytest_failhard.baseline import Baseline, dump
from pytest_failhard.model import Frozen
from tests.acceptance.case import Case
from tests.acceptance.cases_terms import waiver
from tests.acceptance.harness import Ask, Expected, Outcome
from tests.acceptance.project import FIRST, VIOLATION, Files, configured

INTEGRITY = Ask(only="integrity")
STRICT = Ask(only="integrity", level=3)
UNUSED_IMPORT = "ce07c8a63f2057fd"
"""The fingerprint of what lint finds in VIOLATION."""
WEAKER = str(FIRST["tests/test_prices.py"]).replace(" == 238", "")
TIGHTER = configured('[tool.failhard.integrity.severity]\nweakened-test-suite = "high"\n', level=3)
SLACK = """\
{"schema": "failhard-baseline/1", "rules": {"blanket-suppression": {"0123456789abcdef":
 {"path": "shop/prices.py", "reason": "from the start", "owner": "Ada Lovelace"}}}}
"""
FROZEN = dump(
    Baseline(
        frozen=(
            Frozen(
                gate="lint",
                rule="F401",
                path="shop/dirty.py",
                fingerprint=UNUSED_IMPORT,
                reason="from the start",
                owner="Ada Lovelace",
                date=date(2026, 11, 1),
            ),
        )
    )
)
WORKFLOW = """\
on: push
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - run: pytest --failhard-level=1{}
"""


def _named(
    identity: str,
    files: Files,
    rule: str,
    phrase: str,
    *,
    name: str = "",
    ask: Ask = INTEGRITY,
    twin: Files | None = None,
) -> Case:
    return Case(
        id=identity,
        name=name,
        gate="integrity",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase=phrase,
        files=files,
        twin=twin,
        ask=ask,
        rule=rule,
    )


def _told(identity: str, name: str, files: Files, rule: str, ask: Ask) -> Case:
    """Return the case of what is reported and fails nothing."""

    def named(outcome: Outcome) -> None:
        rules = {finding["rule"] for finding in outcome.gate("integrity")["findings"]}
        assert rule in rules, f"{identity}: no finding {rule} in {rules}\n{outcome}"

    return Case(
        id=identity,
        name=name,
        gate="integrity",
        author=Expected.PASS,
        supervised=Expected.PASS,
        phrase="",
        files=files,
        ask=ask,
        also=named,
    )


def _shrinks(outcome: Outcome) -> None:
    assert "1 frozen finding of lint matched nothing: F401 shop/dirty.py" in outcome.output, str(outcome)
    assert "failhard baseline --update" in outcome.output, str(outcome)


def _without_history(root: Path) -> None:
    shutil.rmtree(root / ".git")


CASES = (
    _named(
        "FO-65",
        {"shop/equal.py": "class Price(int):\n    def __eq__(self, other):\n        return True\n"},
        "FH704",
        "__eq__",
        ask=STRICT,
    ),
    _named(
        "FO-69",
        {"tests/conftest.py": "import time\n\ntime.perf_counter = lambda: 0.0\n"},
        "FH709",
        "time.perf_counter",
    ),
    _named(
        "FO-69",
        {"tests/conftest.py": "import subprocess\n\nsetattr(subprocess, 'run', print)\n"},
        "FH709",
        "subprocess.run",
        name="setattr",
    ),
    _named(
        "FO-70",
        {"shop/mode.py": "import sys\n\nFAST = 'pytest' in sys.modules\n"},
        "FH706",
        "pytest",
        ask=STRICT,
    ),
    _named(
        "FO-70",
        {"shop/mode.py": "import os\n\nFAST = os.environ.get('PYTEST_CURRENT_TEST', '') != ''\n"},
        "FH706",
        "PYTEST_CURRENT_TEST",
        name="variable",
        ask=STRICT,
    ),
    _named(
        "FO-73",
        {"tests/test_prices.py": WEAKER, **TIGHTER},
        "FH711/fewer-assertions",
        "truth",
        ask=STRICT,
    ),
    _named(
        *("FO-73", {"tests/test_prices.py": None, **TIGHTER}, "FH711/removed-test", "test_net"),
        name="deleted",
        ask=STRICT,
    ),
    _told("FO-73", "as shipped", {"tests/test_prices.py": WEAKER}, "FH711/fewer-assertions", STRICT),
    Case(
        id="FO-73",
        name="no history",
        gate="integrity",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="suppressions_added",
        change=_without_history,
        ask=Ask(only="integrity", level=4),
    ),
    _named(
        "FO-74",
        {".github/workflows/ci.yml": WORKFLOW.format(" || true")},
        "FH708",
        "|| true",
        twin={".github/workflows/ci.yml": WORKFLOW.format("")},
    ),
    Case(
        id="FO-86",
        gate="integrity",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="is not the file that was installed",
        tool="bandit",
        fault={"kind": "modified"},
        ask=INTEGRITY,
        rule="modified-tool",
    ),
    Case(
        id="FO-132",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="os",
        files={**VIOLATION, **waiver(fingerprint=UNUSED_IMPORT)},
        ask=Ask(only="lint", level=3, base="main"),
        rule="F401",
    ),
    _told(
        "FO-132",
        "no base is named",
        {**VIOLATION, **waiver(fingerprint=UNUSED_IMPORT)},
        "added-waiver",
        STRICT,
    ),
    _told("FO-134", "", {"failhard-baseline.json": SLACK}, "ratchet-slack", INTEGRITY),
    _told(
        "FO-132",
        "frozen by the change",
        {**VIOLATION, "failhard-baseline.json": FROZEN},
        "grown-baseline",
        INTEGRITY,
    ),
    Case(
        id="FO-132",
        name="frozen, and a base is named",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="os",
        files={**VIOLATION, "failhard-baseline.json": FROZEN},
        ask=Ask(only="lint", base="main"),
        rule="F401",
    ),
    Case(
        id="FO-134",
        name="of what was frozen",
        gate="lint",
        author=Expected.PASS,
        supervised=Expected.PASS,
        phrase="",
        files={"failhard-baseline.json": FROZEN},
        ask=Ask(only="lint"),
        also=_shrinks,
    ),
)
