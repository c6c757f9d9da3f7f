"""R8 of a job: a bad run ends with an error, and says what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.system import bad_input, bad_runs
from tests.gates.system.served import stage

JOB = {"kind": "job", "start": ["true"], "secrets": [{"name": "API_TOKEN"}], "outputs": ["out"]}


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("import sys; sys.exit('input.csv: line 3: no number')", []),
        ("import sys; sys.exit(1)", ["R8-bad-run-silent"]),
        ("print('done')", ["R8-bad-run-accepted"]),
        ("import threading; threading.Event().wait(600)", ["R8-bad-run-hangs"]),
    ],
    ids=["refuses", "silent", "accepts", "hangs"],
)
def test_each_bad_run_is_judged(code: str, rules: list[str], tmp_path: Path) -> None:
    declared = {**JOB, "bad_runs": [[sys.executable, "-I", "-S", "-c", code]]}
    with stage(tmp_path, "R8", declared=declared) as made:
        seen = bad_runs.check(made, within=0.5)

    assert [found.rule for found in seen.findings] == rules
    assert (seen.measures, seen.examined) == ({"bad_runs": 1}, 1)
    assert [ended.purpose for ended in made.record.starts] == ["bad run"]


def test_a_job_is_judged_by_its_bad_runs(tmp_path: Path) -> None:
    with stage(tmp_path, "R8", declared=JOB) as made:
        assert bad_input.check(made).measures == {"bad_runs": 0}
