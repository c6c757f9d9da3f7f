"""The comparison of what survives with what is explained: neither may have more than the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tools import mutation
from tools.mutation import Change

RESULTS = """\
    pytest_failhard.judge.x__fails__mutmut_1: killed
    pytest_failhard.judge.x__fails__mutmut_2: survived
    pytest_failhard.judge.matching.xǁJudgedǁwithin__mutmut_3: timeout
    pytest_failhard.waivers.x_load__mutmut_1: caught by type check
"""
SHOWN = """\
# pytest_failhard.judge.x__fails__mutmut_2: survived
--- pytest_failhard/judge/__init__.py
+++ pytest_failhard/judge/__init__.py
@@ -1,4 +1,4 @@
 def _fails(judged: Judged, rule: Rule) -> bool:
-    return measure < 3
+    return measure <= 3
"""
ONE = Change(function="judge._fails", was="return measure < 3", becomes="return measure <= 3")
OTHER = Change(function="judge._fails", was="return True", becomes="return False")


def test_a_mutant_is_known_by_what_it_changes() -> None:
    found = mutation.statuses(RESULTS)
    assert [*found.values()] == ["killed", "survived", "timeout", "caught by type check"]
    names = ["judge._fails", "judge._fails", "judge.matching.Judged.within", "waivers.load"]
    assert [mutation.function(name) for name in found] == names
    assert mutation.change([*found][1], SHOWN) == ONE
    assert mutation.counted(found) == {
        "judge": {"killed": 1, "survived": 1},
        "judge.matching": {"timeout": 1},
        "waivers": {"caught by type check": 1},
    }


def test_each_survivor_is_explained_once_and_nothing_else_is() -> None:
    assert mutation.mistakes([ONE, OTHER], Counter([OTHER, ONE])) == []
    assert mutation.mistakes([ONE, ONE], Counter([ONE])) == [f"survives, and nobody says why: {ONE}"]
    assert mutation.mistakes([ONE], Counter([ONE, OTHER])) == [
        "is explained and does not survive: judge._fails\n    - return True\n    + return False"
    ]


def test_an_explanation_says_something(tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text('[[survivor]]\nfunction = "f"\nwas = "a"\nbecomes = "b"\nwhy = " "\n')
    with pytest.raises(ValueError, match=r"survivors\.toml: f: say why it may survive"):
        mutation.explained(path)
    assert mutation.explained().total() >= 1


def test_the_counts_that_are_kept_are_a_table() -> None:
    results = {"tool": "mutmut 3", "modules": {"judge": {"killed": 7, "survived": 2, "timeout": 1}}}
    assert mutation.table(results).splitlines()[2:] == ["| `judge` | 10 | 7 | 1 | 2 |", "", "With mutmut 3."]
    kept = mutation.kept()["modules"]
    assert isinstance(kept, dict)
    assert {"judge", "judge.stale", "policy", "supervisor", "waivers"} <= {*kept}
    # Nobody knows of the others whether they would have been noticed.
    assert {status for counts in kept.values() for status in counts} <= {"killed", "survived", "timeout"}
