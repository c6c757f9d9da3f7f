"""What runs leave for later ones: lines that are added and never rewritten, and read whatever stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard import history, memory, policy, quarantine
from pytest_failhard.history import DecisionLine, History, RunLine
from pytest_failhard.judge.failing import failing
from pytest_failhard.memory import Facts, Recalled
from pytest_failhard.model import Finding, Policy, Report, Result, Severity, Verdict
from pytest_failhard.store.folder import Folder
from pytest_failhard.store.journal import MAX_READ_BYTES, Journal, JournalError, opened
from tests.report.samples import BROKEN, DAY, FAILED, PASSED, REPORT
from tests.support import GATES

EACH_LEVEL = {level: policy.load(level, GATES, today=DAY) for level in (1, 2, 3, 4)}
HISTORY, QUARANTINE = "history.jsonl", "quarantine.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with closing(Folder.open(tmp_path)) as made:
        yield made


def facts(tree: str = "a", level: int = 3, *, undisturbed: bool = True) -> Facts:
    return Facts(
        rules=EACH_LEVEL[level].rules,
        max_days=30,
        tree=tree * 64,
        packages="b" * 64,
        report="c" * 64,
        undisturbed=undisturbed,
    )


def report(*results: Result, level: int = 3, **changed: object) -> Report:
    terms: Policy = EACH_LEVEL[level]
    made = replace(
        REPORT, level=level, policy_name=terms.name, policy_sha256=terms.sha256, results=results, notes=()
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def nobody(path: str) -> str:
    return f"owner of {path}"


def run(folder: Folder, made: Report, told: Facts) -> Report:
    """Recall and record, as a run does at its end."""
    recalled = memory.recall(folder, made, told, nobody)
    assert memory.record(folder, recalled) == ""
    return recalled.report


def lines(folder: Folder, file: str = HISTORY) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder.path / file).read_bytes().splitlines()]


def violation(name: str, path: str = "app/main.py", severity: Severity = Severity.HIGH) -> Finding:
    return Finding(
        rule=name, name=name, path=path, line=3, severity=severity, message=f"{name}!", fix="mend it"
    )


def lint(*findings: Finding, verdict: Verdict = Verdict.FAIL) -> Result:
    return Result(gate="lint", verdict=verdict, because=("found",), findings=findings, fixable="code")


def of_tests(*failed: str, flaky: tuple[str, ...] = ()) -> Result:
    """Return what the gate `tests` says of these tests, with the measures that count them."""
    found = [
        Finding(
            rule=name,
            name=name,
            path=node.partition("::")[0],
            line=0,
            severity=Severity.HIGH,
            message=f"{node} failed",
            fix="mend it",
            anchor=node,
        )
        for name, nodes in (("test-failed", failed), ("flaky-test", flaky))
        for node in nodes
    ]
    if not found:
        return Result(gate="tests", verdict=Verdict.PASS, because=())
    counted = Finding(
        rule="failed",
        name="failed",
        path="",
        line=0,
        severity=Severity.HIGH,
        message="failed 1 > 0",
        fix="x",
        anchor="failed",
    )
    return Result(
        gate="tests",
        verdict=Verdict.FAIL,
        because=("tests failed",),
        findings=(counted, *found),
        fixable="code",
    )


def test_a_finished_run_is_one_line_and_earlier_lines_stay(folder: Folder) -> None:
    run(folder, report(FAILED, PASSED, BROKEN), facts())
    first = (folder.path / HISTORY).read_bytes()
    run(folder, report(FAILED, PASSED, BROKEN), facts("d"))
    assert (folder.path / HISTORY).read_bytes().startswith(first)
    one, two = lines(folder)
    assert (one["schema"], one["kind"], one["level"], one["verdict"]) == (history.SCHEMA, "run", 3, "error")
    assert (one["commit"], one["tree"], one["report"]) == (REPORT.project.commit, "a" * 64, "c" * 64)
    assert one["policy"] == EACH_LEVEL[3].sha256
    assert {name: part["verdict"] for name, part in one["gates"].items()} == {  # type: ignore[attr-defined]
        "coverage": "fail",
        "lint": "pass",
        "types": "error",
    }
    assert two["gates"] == one["gates"]


def test_attempts_stand_in_the_report_until_a_person_is_asked(folder: Folder) -> None:
    told = [run(folder, report(FAILED, PASSED, BROKEN), facts(tree)) for tree in "01123"]
    assert [each.attempts["coverage"] for each in told] == [0, 1, 1, 2, 3]
    assert [each.attempts_left["types"] for each in told] == [3, 2, 2, 1, 0]
    assert [each.attempts["run"] for each in told] == [0, 1, 1, 2, 3]
    assert not any(each.stuck for each in told[:-1])
    assert [each.gate for each in told[-1].stuck] == ["coverage", "types"]
    assert [each.verdict for each in told] == [Verdict.ERROR] * 5
    assert "lint" not in told[-1].attempts
    # A pass has nothing to say, and the next failure begins at nothing.
    assert run(folder, report(PASSED), facts("4")).attempts == {}
    green = replace(FAILED, verdict=Verdict.PASS)
    assert run(folder, report(green), facts("5")).stuck == ()
    assert run(folder, report(FAILED), facts("6")).attempts == {"coverage": 0, "run": 0}


def test_what_failed_from_outside_or_in_a_disturbed_run_is_no_attempt(folder: Folder) -> None:
    outside = replace(BROKEN, fixable="outside")
    told = [run(folder, report(outside), facts(tree)) for tree in "0123456"]
    told += [run(folder, report(BROKEN), facts(tree, undisturbed=False)) for tree in "0123456"]
    assert {bool(each.attempts or each.stuck) for each in told} == {False}


def test_the_same_failure_has_the_same_fingerprint_wherever_it_stands(folder: Folder) -> None:
    def fingerprint(result: Result) -> object:
        run(folder, report(result), facts())
        return lines(folder)[-1]["gates"][result.gate]["fingerprint"]  # type: ignore[index]

    moved = replace(violation("F401"), line=99)
    assert fingerprint(lint(violation("F401"))) == fingerprint(lint(moved))
    assert fingerprint(lint(violation("F401"))) != fingerprint(lint(violation("F811")))
    # What is only reported decides nothing.
    noted = violation("X1", severity=Severity.LOW)
    assert fingerprint(lint(violation("F401"), noted)) == fingerprint(lint(violation("F401")))
    # An error is its id; where it has none, its words without figures.
    timed = [replace(BROKEN, because=(f"timeout: no answer within {number} seconds",)) for number in (5, 7)]
    assert len({fingerprint(each) for each in timed}) == 1
    plain = [replace(BROKEN, because=(f"{number} files of another kind",)) for number in (5, 7)]
    assert len({fingerprint(each) for each in plain}) == 1
    assert fingerprint(timed[0]) != fingerprint(plain[0])


def test_two_tries_are_enough_for_form_and_for_written_files(folder: Folder) -> None:
    run(folder, report(lint(violation("unformatted")), replace(FAILED, gate="sbom")), facts())
    run(folder, report(lint(violation("unformatted"), violation("F401"))), facts())
    assert [{name: part["most"] for name, part in line["gates"].items()} for line in lines(folder)] == [  # type: ignore[attr-defined]
        {"lint": 2, "sbom": 2},
        {"lint": 3},
    ]


def test_what_makes_a_gate_fail_is_told_from_what_is_reported() -> None:
    rules = {rule.gate: rule for rule in EACH_LEVEL[3].rules}
    low = violation("X1", severity=Severity.LOW)
    assert failing(rules["lint"], lint(low, violation("F401"))) == (violation("F401"),)
    short = Finding(
        rule="line_percent",
        name="line_percent",
        path="",
        line=0,
        severity=Severity.HIGH,
        message="line_percent 1 < 80",
        fix="x",
        anchor="line_percent",
    )
    assert failing(rules["coverage"], replace(FAILED, findings=(short, violation("uncovered")))) == (short,)


def test_a_line_that_was_cut_off_is_said_aloud_and_keeps_to_itself(folder: Folder) -> None:
    run(folder, report(FAILED), facts("0"))
    with (folder.path / HISTORY).open("ab") as file:
        file.write(b'{"schema": "failhard-his')
    told = run(folder, report(FAILED), facts("1"))
    assert told.notes == (f"{HISTORY}: its last line was cut off while it was written; it does not count",)
    assert told.attempts["coverage"] == 1
    told = run(folder, report(FAILED), facts("2"))
    assert told.attempts["coverage"] == 2
    (note,) = told.notes
    assert note.startswith(f"{HISTORY}: line 2 is malformed (")
    assert note.endswith("stays as it is")
    assert b'\n{"schema": "failhard-his\n' in (folder.path / HISTORY).read_bytes()


def test_malformed_lines_are_named_and_the_file_is_left_as_it_is(folder: Folder) -> None:
    run(folder, report(FAILED), facts("0"))
    good = (folder.path / HISTORY).read_bytes()
    wrong = [
        b"null",
        b'{"kind": "run"}',
        b"\xff\xfe",
        good.replace(b'"level":3', b'"level":"3"').strip(),
        b"[" * 9000,
    ]
    before = b"\n".join(wrong) + b"\n\n" + good
    (folder.path / HISTORY).write_bytes(before)
    told = run(folder, report(FAILED), facts("1"))
    assert [note.partition(" (")[0] for note in told.notes] == [
        *(f"{HISTORY}: line {number} is malformed" for number in (1, 2, 3)),
        "and 2 more such lines",
    ]
    assert told.attempts == {"coverage": 1, "run": 1}
    assert (folder.path / HISTORY).read_bytes().startswith(before)


@pytest.mark.parametrize("made", ["link", "folder", "huge"])
def test_what_is_no_history_is_a_note_and_no_verdict(folder: Folder, tmp_path: Path, made: str) -> None:
    place = folder.path / HISTORY
    if made == "link":
        (tmp_path / "elsewhere").write_bytes(b"")
        place.symlink_to(tmp_path / "elsewhere")
    elif made == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"\n" * (MAX_READ_BYTES + 1))
    told = run(folder, report(FAILED, PASSED), facts())
    (note,) = told.notes
    assert note.startswith(f"attempts are not counted: {HISTORY}: ")
    assert note.endswith("make it an ordinary file that you may write, or remove it")
    assert (told.verdict, told.attempts) == (Verdict.FAIL, {})
    # What was recalled before it was put there cannot be kept either.
    recalled = memory.recall(folder, report(FAILED), facts(), nobody)
    line = DecisionLine(at="now", gate="lint", choice="continue", reason="a reason", owner="ana")
    with pytest.raises(JournalError, match="ordinary file"):
        Journal(folder=folder, name=history.NAME).append([history.dumped(line)])
    assert recalled.run is None


def test_what_cannot_be_kept_is_said(folder: Folder) -> None:
    recalled = memory.recall(folder, report(FAILED), facts(), nobody)
    (folder.path / HISTORY).mkdir()
    assert memory.record(folder, recalled).startswith(f"this run is not in the history: {HISTORY}: ")
    assert memory.record(folder, Recalled(report=REPORT)) == ""


def test_the_file_is_put_aside_before_it_grows_too_large_and_one_is_kept(folder: Folder) -> None:
    journal = Journal(folder=folder, name="history", max_bytes=100)
    for number in range(12):
        journal.append([b'{"number": %d, "more": "xxxxx"}' % number])
    numbers = [json.loads(line)["number"] for _, _, line in journal.read()]
    assert numbers == list(range(12 - len(numbers), 12))
    assert 4 <= len(numbers) <= 6
    assert sorted(folder.names()) == ["history.1.jsonl", "history.jsonl"]
    assert all(len((folder.path / name).read_bytes()) <= 100 for name in folder.names())
    journal.append([])
    assert len(journal.read()) == len(numbers)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="run `failhard check` first"), opened(tmp_path / "no", "history"):
        raise AssertionError("it was opened")


def test_another_level_and_another_policy_are_flagged_with_the_gates_that_they_touch(folder: Folder) -> None:
    run(folder, report(PASSED, level=1), facts(level=1))
    (note,) = run(folder, report(PASSED, level=3), facts(level=3)).notes
    assert note.startswith("the level changed from 1 to 3 since the run of 2026-11-20T11:00:00+00:00 (new: ")
    named = dict(part.split(": ") for part in note[note.index("(") + 1 : -1].split("; "))
    assert {"licences", "sbom"} <= {*named["new"].split(", ")}
    assert "coverage" in named["other terms"].split(", ")
    assert run(folder, report(PASSED, level=3), facts(level=3)).notes == ()
    (note,) = run(folder, report(PASSED, policy_sha256="d" * 64), facts()).notes
    assert note.startswith("the policy changed at the same level since")
    assert note.endswith("no gate has other terms)")
    fewer = replace(facts(), rules=EACH_LEVEL[3].rules[1:])
    (note,) = run(folder, report(PASSED), fewer).notes
    assert note.endswith("(no longer demanded: tests)")


def test_a_rule_has_a_digest_that_all_it_demands_is_part_of() -> None:
    (rule,) = (rule for rule in EACH_LEVEL[4].rules if rule.gate == "lint")
    assert history.rule_digest(rule) == history.rule_digest(replace(rule))
    assert history.rule_digest(rule) != history.rule_digest(replace(rule, timeout=rule.timeout + 1))
    assert len({history.rule_digest(each) for each in EACH_LEVEL[4].rules}) == len(EACH_LEVEL[4].rules)
    assert history.rule_digest(replace(rule, starts=DAY)) != history.rule_digest(rule)


def test_decisions_stand_in_reports_until_everything_passes(folder: Folder) -> None:
    made = DecisionLine(at="then", gate="coverage", choice="continue", reason="we know why", owner="ana")
    lapsed = made.model_copy(update={"expires": DAY - timedelta(days=1), "owner": "bea"})
    foreign = made.model_copy(update={"gate": "no-such-gate"})
    journal = Journal(folder=folder, name=history.NAME)
    journal.append([history.dumped(each) for each in (made, lapsed, foreign)])
    told = run(folder, report(FAILED), facts())
    assert [(each.gate, each.owner) for each in told.decisions] == [("coverage", "ana")]
    assert told.notes == (
        f"the decision of bea on coverage (continue) expired on {lapsed.expires}: decide again",
    )
    # The run in which it all passes still names what was decided; the next one does not.
    assert run(folder, report(PASSED), facts("1")).decisions == told.decisions
    assert run(folder, report(PASSED), facts("2")).decisions == ()


class TestQuarantine:
    NODE = "tests/test_a.py::test_one"

    def test_a_test_that_differs_within_a_run_goes_there_and_stays_failed(self, folder: Folder) -> None:
        told = run(folder, report(of_tests(flaky=(self.NODE,))), facts())
        (entry,) = told.quarantined
        assert (entry.kind, entry.gate, entry.subject) == ("flaky_test", "tests", self.NODE)
        assert (entry.owner, entry.since, entry.expires) == (
            "owner of tests/test_a.py",
            DAY,
            DAY + timedelta(days=30),
        )
        assert told.verdict is Verdict.FAIL
        (line,) = lines(folder, QUARANTINE)
        assert (line["schema"], line["report"]) == (quarantine.SCHEMA, "c" * 64)
        assert line["excerpt"] == f"{self.NODE} failed"
        # It is not entered twice, and what only it makes fail is no attempt.
        told = run(folder, report(of_tests(self.NODE)), facts("1"))
        assert (told.quarantined, told.attempts, told.stuck) == ((entry,), {}, ())
        assert len(lines(folder, QUARANTINE)) == 1
        told = run(folder, report(of_tests(self.NODE, "tests/test_b.py::test_two")), facts("2"))
        assert told.attempts == {"tests": 0, "run": 0}

    def test_once_it_has_expired_somebody_is_asked_and_it_counts(self, folder: Folder) -> None:
        run(folder, report(of_tests(flaky=(self.NODE,))), facts())
        late = DAY + timedelta(days=31)
        told = run(folder, report(of_tests(self.NODE), judged_on=late), facts("1"))
        (entry,) = told.quarantined
        assert told.notes == (
            (
                f"the quarantine of {self.NODE} expired on {entry.expires} (owner {entry.owner}): mend it, then "
                f"`failhard quarantine rm {entry.id}`"
            ),
        )
        assert told.attempts == {"tests": 0, "run": 0}

    @pytest.mark.parametrize("fails_first", [True, False])
    def test_a_test_that_differs_between_runs_over_the_same_tree_goes_there(
        self, folder: Folder, fails_first: bool
    ) -> None:
        first, second = (
            (of_tests(self.NODE), of_tests()) if fails_first else (of_tests(), of_tests(self.NODE))
        )
        assert run(folder, report(first), facts("1")).quarantined == ()
        told = run(folder, report(second), facts("1"))
        (entry,) = told.quarantined
        did = "did not fail" if fails_first else "failed"
        assert entry.reason == (
            f"over the same files and packages it {did} now, and otherwise in the run of {REPORT.started_at}"
        )
        assert told.verdict is (Verdict.PASS if fails_first else Verdict.FAIL)

    def test_other_files_other_packages_and_a_run_that_proves_nothing_tell_nothing(
        self, folder: Folder
    ) -> None:
        run(folder, report(of_tests(self.NODE)), facts("1"))
        assert run(folder, report(of_tests()), facts("2")).quarantined == ()
        assert run(folder, report(of_tests()), replace(facts("1"), packages="d" * 64)).quarantined == ()
        broken = replace(of_tests(self.NODE), verdict=Verdict.ERROR)
        assert run(folder, report(broken), facts("2")).quarantined == ()
        assert run(folder, report(PASSED), facts("1")).quarantined == ()
        many = of_tests(*(f"tests/test_a.py::test_{number}" for number in range(quarantine.MOST_TESTS + 1)))
        assert run(folder, report(many), facts("2")).quarantined == ()
        assert lines(folder)[-1]["failed"] is None

    def test_a_phase_is_no_part_of_a_test(self) -> None:
        assert (
            quarantine.nodeid(replace(violation("test-error"), anchor="t.py::test_a[x y] setup"))
            == "t.py::test_a[x y]"
        )

    def test_cases_of_the_model_that_nobody_could_judge_go_there_by_kind(self, folder: Folder) -> None:
        because = (
            "cannot-run: sum: child.py: unreadable answer b'hello'\n"
            "cannot-run: ask: the system is not ready after 1 seconds\n"
            "cannot-run: told: no answer fits the JSON Schema of the request: $.x: no value; script the answer\n"
            "cannot-run: JSON Schema: child.py cannot be started\n"
            "unknown-route: openai-cut@ask: /v9/chat\n"
            "injection-not-exercised: openai-server_error@ask: no request arrived\n"
            "no-call-declared: paste this\n"
            "worker-lost\n"
            "also found: silent-fallback: x"
        )
        llm = Result(gate="llm", verdict=Verdict.ERROR, because=(because,), fixable="code")
        told = run(folder, report(llm), facts())
        assert {each.subject: each.kind for each in told.quarantined} == {
            "sum": "json_parse_error",
            "ask": "timeout",
            "told": "schema_mismatch",
            "JSON Schema": "validation",
            "openai-cut@ask": "unknown_ids",
            "openai-server_error@ask": "validation",
        }
        assert told.verdict is Verdict.ERROR
        timed = replace(llm, because=("timeout: no answer within 60 seconds; the gate was given up",))
        assert run(folder, report(timed), facts()).quarantined[-1].subject == "all cases"
        outside = replace(llm, because=("cannot-run: far: no answer",), fixable="outside")
        assert "far" not in {each.subject for each in run(folder, report(outside), facts()).quarantined}

    def test_what_tells_the_kinds_apart_is_what_is_said_where_it_happens(self) -> None:
        package = Path(quarantine.__file__).parent
        said = {
            "unreadable answer": "gates/llm/drivers/function.py",
            "JSON Schema": "llm/answers.py",
            "is not ready after": "system/launch.py",
            "not finished after": "proc.py",
            "still running when": "processes.py",
        }
        assert {*said} == {*quarantine.TOLD}
        for words, place in said.items():
            assert re.search(rf'f".*{words}', (package / place).read_text("utf-8")), words

    def test_no_more_than_a_few_are_entered_at_once_and_nobody_is_named_for_nothing(
        self, folder: Folder
    ) -> None:
        nodes = tuple(f"tests/test_a.py::test_{number}" for number in range(30))
        recalled = memory.recall(folder, report(of_tests(flaky=nodes)), facts(), lambda path: path[:0])
        assert len(recalled.new) == quarantine.MOST_NEW
        assert {entry.owner for entry in recalled.new} == {memory.UNASSIGNED}

    def test_a_malformed_entry_is_named(self, folder: Folder) -> None:
        (folder.path / QUARANTINE).write_bytes(b"{}\n")
        (note,) = run(folder, report(PASSED), facts()).notes
        assert note.startswith(f"{QUARANTINE}: line 1 is malformed (id: Field required)")


def test_an_empty_history_has_nothing_to_tell() -> None:
    assert History() == History(lines=(), notes=())
    assert (History().runs, History().entries, History().recent) == ((), (), ())


def test_a_line_is_read_as_it_was_written() -> None:
    made = DecisionLine(
        at="now", gate="lint", choice="stop", reason="no way", owner="ana", expires=date(2027, 1, 1)
    )
    assert DecisionLine.model_validate_json(history.dumped(made)) == made
    assert b'"schema":"failhard-history/1"' in history.dumped(made)
    assert set(RunLine.model_fields) >= {"at", "commit", "tree", "level", "policy", "gates"}


GOOD = {"kind": "decision", "at": "now", "gate": "coverage", "choice": "stop", "reason": "x", "owner": "y"}
ODD = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda name, value: json.dumps({**GOOD, name: value}).encode(),
        st.sampled_from(["at", "gate", "choice", "expires", "kind", "attempts", "schema", "more"]),
        st.one_of(st.text(max_size=5), st.integers(), st.none(), st.just("9999-12-31"), st.just("\ud800")),
    ),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD, max_size=4), st.lists(ODD, max_size=2))
def test_whatever_stands_in_the_files_the_verdict_is_the_same_and_they_only_grow(
    folder: Folder, past: list[bytes], held: list[bytes]
) -> None:
    before = {HISTORY: b"\n".join(past), QUARANTINE: b"\n".join(held)}
    for name, data in before.items():
        (folder.path / name).write_bytes(data)
    told = run(folder, report(FAILED, PASSED), facts())
    assert told.results == report(FAILED, PASSED).results
    assert told.attempts == {"coverage": 0, "run": 0}
    for name, data in before.items():
        assert (folder.path / name).read_bytes().startswith(data)
