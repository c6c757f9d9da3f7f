"""What counts as new: by the baseline, by the merge base, and where neither can tell."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pytest_failhard.baseline import FILE, Baseline, Entry, dump, parse
from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import GateError, Observation, Severity
from tests.gates.test_integrity import FixedBase
from tests.support import gate_run, observe, write

SETTINGS = IntegritySettings(
    severity={"unreasoned-suppression": "medium"}, new_severity={"unreasoned-suppression": "high"}
)
ONE = b"x = 1  # noqa: E501\n"
TWO = ONE + b"y = 1  # noqa: F401\n"


def look(
    tmp_path: Path,
    files: dict[str, bytes],
    base: FixedBase | None = None,
    settings: IntegritySettings = SETTINGS,
) -> Observation:
    root = write(tmp_path / "p", {"app/a.py": TWO, **files})
    gate = IntegrityGate()
    return observe(gate_run(root, gate, settings=settings, base=base), gate)


def ranks(observation: Observation) -> list[tuple[str, int, Severity]]:
    return [(each.path, each.line, each.severity) for each in observation.findings]


def noted(observation: Observation, *lines: int) -> bytes:
    entries = {
        each.fingerprint: Entry(path=each.path, reason="from the start", owner="ana")
        for each in observation.findings
        if each.line in lines
    }
    return dump(Baseline(rules={"unreasoned-suppression": entries}))


NEW, OLD = Severity.HIGH, Severity.MEDIUM


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, [NEW, NEW]),
        (b"", [NEW, NEW]),
        (b"def f(:\n", [NEW, NEW]),
        (ONE, [OLD, NEW]),
        (TWO, [OLD, OLD]),
        (b"\n\n" + TWO, [OLD, OLD]),
        (b"# The address cannot be split in two.\n" + TWO, [NEW, OLD]),
    ],
    ids=["new file", "empty", "no Python", "one", "the same", "moved", "its reason removed"],
)
def test_new_is_what_the_base_does_not_have(
    tmp_path: Path, before: bytes | None, expected: list[Severity]
) -> None:
    base = FixedBase(files={} if before is None else {"app/a.py": before})
    observation = look(tmp_path, {}, base)
    assert ranks(observation) == [("app/a.py", 1, expected[0]), ("app/a.py", 2, expected[1])]
    assert [each.message.endswith("(new)") for each in observation.findings] == [
        rank is NEW for rank in expected
    ]


@pytest.mark.parametrize(
    ("before", "expected"),
    [(None, NEW), (b"x = 1  # noqa: E501\n", OLD), (b"# noqa \xff\n", NEW), (b"z: int\n", NEW)],
)
def test_stubs_have_a_base_too(tmp_path: Path, before: bytes | None, expected: Severity) -> None:
    stub = b"x = 1  # noqa: E501\ny: int\n"
    base = FixedBase(files={"app/a.py": TWO} | ({} if before is None else {"app/b.pyi": before}))
    assert ranks(look(tmp_path, {"app/b.pyi": stub}, base))[2:] == [("app/b.pyi", 1, expected)]


def test_where_nobody_can_tell_all_is_new(tmp_path: Path) -> None:
    assert {each.severity for each in look(tmp_path, {}).findings} == {NEW}


def test_nothing_is_asked_where_new_is_no_worse(tmp_path: Path) -> None:
    class Silent(FixedBase):
        def read(self, path: str) -> bytes | None:
            assert path == FILE, path
            return None

    settings = IntegritySettings(
        severity={"unreasoned-suppression": "medium"}, new_severity={"unreasoned-suppression": "low"}
    )
    assert {each.severity for each in look(tmp_path, {}, Silent(), settings).findings} == {OLD}


def test_the_baseline_is_read_from_the_merge_base(tmp_path: Path) -> None:
    everything = look(tmp_path / "1", {})
    whole, first = noted(everything, 1, 2), noted(everything, 1)
    base = FixedBase(files={FILE: first, "app/a.py": TWO})
    # What the change itself notes counts for nothing.
    observation = look(tmp_path / "2", {FILE: whole}, base)
    assert ranks(observation) == [("app/a.py", 1, OLD), ("app/a.py", 2, NEW)]
    without = look(tmp_path / "3", {FILE: first})
    assert ranks(without) == [("app/a.py", 1, OLD), ("app/a.py", 2, NEW)]


def test_what_is_gone_and_still_noted_is_slack(tmp_path: Path) -> None:
    whole = noted(look(tmp_path / "1", {}), 1, 2)
    observation = look(tmp_path / "2", {FILE: whole, "app/a.py": ONE})
    slack = observation.findings[-1]
    assert (slack.rule, slack.path, slack.severity) == ("ratchet-slack", FILE, Severity.LOW)
    assert slack.message.startswith("unreasoned-suppression: 1 of the noted places")


def test_the_digest_of_the_baseline_can_be_pinned(tmp_path: Path) -> None:
    data = dump(Baseline())

    def pinned(digest: str) -> IntegritySettings:
        return IntegritySettings(baseline_sha256=digest)

    right = hashlib.sha256(data).hexdigest()
    assert look(tmp_path / "1", {FILE: data}, settings=pinned(right)).findings == ()
    with pytest.raises(GateError, match="its digest is not the one"):
        look(tmp_path / "2", {FILE: data}, settings=pinned("0" * 64))
    with pytest.raises(GateError, match="is absent, and the policy names its digest"):
        look(tmp_path / "3", {}, settings=pinned(right))


def test_the_gate_of_the_product_has_the_same_ratchet(tmp_path: Path) -> None:
    code = "from contextlib import suppress\n\nwith suppress(Exception):\n    run()\n"
    root = write(tmp_path / "p", {"app/a.py": code})
    gate = FallbacksGate()
    settings = FallbacksSettings(severity={"FH104": "medium"}, new_severity={"broad-suppress": "high"})
    for before, severity in ((b"", NEW), (code.encode(), OLD)):
        base = FixedBase(files={"app/a.py": before})
        found = observe(gate_run(root, gate, settings=settings, base=base), gate).findings
        assert [each.severity for each in found] == [severity]


def test_a_baseline_is_read_as_it_was_written() -> None:
    entry = Entry(path="app/ä.py", reason="from the start", owner="ana")
    baseline = Baseline(rules={"log-only-except": {"0123456789abcdef": entry}})
    assert parse(dump(baseline)) == baseline
    assert dump(Baseline(rules={"log-only-except": {}})) == dump(Baseline())
    assert baseline.holds("log-only-except", "0123456789abcdef")
    assert not baseline.holds("silent-except", "0123456789abcdef")


GOOD = {"path": "a.py", "reason": "from the start", "owner": "ana"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("[", "is no JSON"),
        ("[]", "must be a table"),
        ({"schema": "failhard-baseline/2", "rules": {}}, "schema: must be one of 'failhard-baseline/1'"),
        ({"schema": "failhard-baseline/1", "rules": {}, "more": 1}, "more: unknown key"),
        ({"schema": "failhard-baseline/1", "rules": {"x": []}}, "rules.x: must be a table"),
        (
            {"schema": "failhard-baseline/1", "rules": {"x": {"1": GOOD}}},
            "rules.x.1.*: must be the 16 hex digits",
        ),
        ({"schema": "failhard-baseline/1", "rules": {"x": {"0" * 16: {**GOOD, "x": 1}}}}, "0.x: unknown key"),
        (
            {"schema": "failhard-baseline/1", "rules": {"x": {"0" * 16: {**GOOD, "owner": " "}}}},
            "owner: must not be empty",
        ),
        (
            {"schema": "failhard-baseline/1", "rules": {"x": {"0" * 16: []}}},
            "x.0000000000000000: must be a table",
        ),
    ],
    ids=range(9),
)
def test_anything_else_is_refused(document: object, said: str) -> None:
    data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    with pytest.raises(GateError, match=said):
        parse(data)
