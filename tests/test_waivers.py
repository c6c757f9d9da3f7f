"""The waivers of a project: complete, bounded, one finding each, or refused as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from pytest_failhard.model import Clarification, Policy, Severity, Waiver, WaiverTerms
from pytest_failhard.waivers import WaiverError, clarifications, load

TODAY = date(2026, 11, 20)
TERMS = WaiverTerms(max_days=90, warn_days=14, required=frozenset(), stale=Severity.LOW, most=40)
POLICY = Policy(
    name="development",
    level=2,
    rules=(),
    waivers=TERMS,
    budget_seconds=600,
    tests_timeout=3600,
    plugins=(),
    sha256="0" * 64,
)
STRICT = replace(
    POLICY,
    level=3,
    waivers=replace(TERMS, max_days=30, required=frozenset({"ref", "approved_by"}), stale=Severity.HIGH),
)
ENTRY = {
    "gate": "lint",
    "rule": "E501",
    "path": "app/a.py",
    "fingerprint": '"0123456789abcdef"',
    "reason": "the vendor's table is that wide",
    "owner": "mia",
    "expires": "2026-12-01",
}
WHERE = "failhard-waivers.yaml: "


def document(*entries: dict[str, str | None], head: str = "schema: failhard-waivers/1\n") -> bytes:
    text = head + "waivers:\n"
    for entry in entries:
        lines = [f"{key}: {value}" for key, value in entry.items() if value is not None]
        text += "  - " + "\n    ".join(lines) + "\n"
    return text.encode()


def entry(**changes: str | None) -> dict[str, str | None]:
    return {**ENTRY, **changes}


def mistakes(data: bytes, policy: Policy = POLICY, today: date = TODAY) -> tuple[str, ...]:
    with pytest.raises(WaiverError) as caught:
        load(data, policy, today, gate_ids=("lint", "types"))
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def test_without_a_file_nothing_is_waived() -> None:
    assert load(None, POLICY, TODAY) == ()


def test_a_complete_waiver_is_read() -> None:
    full = entry(value="79.74", ref="SHOP-7", approved_by="ali", kind="false-positive")
    full |= {"reason": "not-applicable here", "qualname": "load"}
    assert load(document(full, head="schema: failhard-waivers/1\nclarifications: []\n"), STRICT, TODAY) == (
        Waiver(
            gate="lint",
            rule="E501",
            path="app/a.py",
            fingerprint="0123456789abcdef",
            reason="not-applicable here",
            owner="mia",
            expires=date(2026, 12, 1),
            kind="false-positive",
            ref="SHOP-7",
            approved_by="ali",
            value=Fraction(7974, 100),
        ),
    )


def test_a_waiver_until_a_fix_exists_is_one_of_a_vulnerability() -> None:
    [one] = load(document(entry(rule="known-vulnerability", until_fixed="true")), POLICY, TODAY)
    assert one.until_fixed
    [mistake] = mistakes(document(entry(until_fixed="true")))
    assert "waivers[0].until_fixed: waits for a fixed version of a package" in mistake


def test_an_expired_waiver_is_read_for_the_judge_to_find_fo_130() -> None:
    [one] = load(document(entry(expires="2020-01-01")), POLICY, TODAY)
    assert one.expires == date(2020, 1, 1)


def test_the_order_in_the_file_does_not_matter() -> None:
    first, second = entry(), entry(rule="F401")
    assert load(document(first, second), POLICY, TODAY) == load(document(second, first), POLICY, TODAY)


def test_every_mistake_is_listed_at_once_fo_128() -> None:
    bad = entry(
        gate='"*"',
        path="app/*.py",
        fingerprint="123",
        reason="because",
        owner='"-"',
        expires="2026-02-30",
        value='"79"',
        kind="forever",
        colour="red",
    )
    bare: dict[str, str | None] = {"rule": "error"}
    assert mistakes(document(bad, bare)) == (
        f"{WHERE}waivers[0].gate: '*' is not one finding; a waiver names exactly one, never an error",
        f"{WHERE}waivers[0].path: 'app/*.py' is not one finding; a waiver names exactly one, never an error",
        f"{WHERE}waivers[0].fingerprint: must be text; quote it (it is 123)",
        f"{WHERE}waivers[0].reason: must say why in at least 2 words and 10 characters",
        f"{WHERE}waivers[0].owner: must name somebody who answers for it (it is '-')",
        f"{WHERE}waivers[0].expires: must be a day that exists, as YYYY-MM-DD (it is '2026-02-30')",
        f"{WHERE}waivers[0].kind: must be one of 'accepted-risk' or 'false-positive' (it is 'forever')",
        f"{WHERE}waivers[0].value: must be the worst accepted measure, a number without quotes (it is '79')",
        (
            f"{WHERE}waivers[0].colour: unknown key; known: approved_by, clarifications, expires, expression, "
            "files, fingerprint, gate, kind, owner, package, path, qualname, reason, ref, rule, schema, sha256, "
            "until_fixed, value, version, waivers"
        ),
        f"{WHERE}waivers[1].gate: is missing: add it",
        f"{WHERE}waivers[1].rule: 'error' is not one finding; a waiver names exactly one, never an error",
        f"{WHERE}waivers[1].path: is missing: add it",
        f"{WHERE}waivers[1].fingerprint: is missing: add it",
        f"{WHERE}waivers[1].reason: is missing: add it",
        f"{WHERE}waivers[1].owner: is missing: add it",
        f"{WHERE}waivers[1].expires: is missing: add it",
    )


@pytest.mark.parametrize("key", ["reason", "owner", "expires", "fingerprint"])
def test_a_waiver_without_what_makes_it_one_is_refused(key: str) -> None:
    assert mistakes(document(entry(**{key: None}))) == (f"{WHERE}waivers[0].{key}: is missing: add it",)


def test_the_terms_of_the_level_hold() -> None:
    late = entry(expires="2026-12-21", gate="lnit", kind="false-positive")
    assert mistakes(document(late, entry(), entry()), STRICT) == (
        f"{WHERE}waivers[0].expires: 2026-12-21 is too late; level 3 admits 2026-12-20 at most",
        f"{WHERE}waivers[0].approved_by: is missing: add it, level 3 demands it",
        f"{WHERE}waivers[0].ref: is missing: add it, level 3 demands it",
        (
            f"{WHERE}waivers[0].reason: of a false-positive must start with one of not-applicable, "
            "not-detected, not-supported, remediated, test-data"
        ),
        f"{WHERE}waivers[0].gate: unknown gate lnit; did you mean lint?",
        f"{WHERE}waivers[1].approved_by: is missing: add it, level 3 demands it",
        f"{WHERE}waivers[1].ref: is missing: add it, level 3 demands it",
        f"{WHERE}waivers[2].approved_by: is missing: add it, level 3 demands it",
        f"{WHERE}waivers[2].ref: is missing: add it, level 3 demands it",
        f"{WHERE}waivers[2]: covers the same finding as waivers[1]; keep one",
    )


def test_the_last_day_that_the_terms_admit_is_admitted() -> None:
    assert load(document(entry(expires="2027-02-18")), POLICY, TODAY)
    assert mistakes(document(entry(expires="2027-02-19"))) == (
        f"{WHERE}waivers[0].expires: 2027-02-19 is too late; level 2 admits 2027-02-18 at most",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "failhard-waivers.yaml: must be a table (it is None)"),
        (b"[]", "failhard-waivers.yaml: must be a table (it is [])"),
        (b"schema: failhard-waivers/1\nwaivers:\n", f"{WHERE}waivers: must be a list (it is None)"),
        (b"waivers: []\n", f"{WHERE}schema: is missing: add it"),
        (
            b"schema: failhard-waivers/2\n",
            f"{WHERE}schema: must be one of 'failhard-waivers/1' (it is 'failhard-waivers/2')",
        ),
        (b"a: 1\na: 2\n", "failhard-waivers.yaml:2:1: the key a stands twice; keep one"),
        (b"a: &x 1\nb: *x\n", "failhard-waivers.yaml:2:4: an alias: write the value out"),
        (b"1: a\n", "failhard-waivers.yaml:1:1: the key 1 is no text; quote it"),
        (b"a: !!python/name:os.system\n", "failhard-waivers.yaml:1:4: could not determine a constructor"),
        (b"a: [\n", "failhard-waivers.yaml:2:1: expected the node content"),
        (b"a: 1\n---\nb: 2\n", "failhard-waivers.yaml:2:1: but found another document"),
        (b"a: \xff\n", "failhard-waivers.yaml: not UTF-8 at byte 3; save it as UTF-8"),
        (b"a: \x00\n", "failhard-waivers.yaml: not valid YAML: "),
        (b"[" * 20000, "failhard-waivers.yaml: nested too deeply; no such file is meant"),
        (b"#" * 1048577, "failhard-waivers.yaml: larger than 1048576 bytes; no such file is meant"),
        (
            b"schema: failhard-waivers/1\nclarifications: [x]\n",
            f"{WHERE}clarifications[0]: must be a table (it is 'x')",
        ),
    ],
)
def test_a_document_that_is_none_is_refused_with_its_place(data: bytes, message: str) -> None:
    [one] = mistakes(data)
    assert one.startswith(message)


READING = """\
  - package: Some_Lib
    version: "1.10"
    expression: mit or gpl-3.0
    reason: the author answered by mail
    owner: mia
    files:
      - {path: licenses/LICENSE, sha256: "%s"}
""" % ("ab" * 32)


def readings(*texts: str) -> bytes:
    return ("schema: failhard-waivers/1\nclarifications:\n" + "".join(texts)).encode()


def test_without_a_file_nothing_is_clarified() -> None:
    assert clarifications(None) == clarifications(document(entry())) == ()


def test_a_complete_clarification_is_read() -> None:
    assert clarifications(readings(READING)) == (
        Clarification(
            package="some-lib",
            version="1.10",
            expression="MIT OR GPL-3.0",
            files=(("licenses/LICENSE", "ab" * 32),),
            reason="the author answered by mail",
            owner="mia",
        ),
    )
    assert load(readings(READING), STRICT, TODAY) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    owner: mia\n", "", "[0].owner: is missing: add it"),
        ("owner: mia", "owner: '-'", "[0].owner: must name somebody who answers for it (it is '-')"),
        (
            "the author answered by mail",
            "ok",
            "[0].reason: must say why in at least 2 words and 10 characters",
        ),
        ('"1.10"', "1.10", "[0].version: must be text; quote it (it is Fraction(11, 10))"),
        ('"1.10"', '""', "[0].version: must not be empty (it is '')"),
        ("Some_Lib", '""', "[0].package: must not be empty (it is '')"),
        ("mit or gpl-3.0", "GPL", "[0].expression: must be an SPDX expression (Unknown license: 'gpl')"),
        ("licenses/LICENSE", "../x", "[0].files[0].path: must be a path below .dist-info (it is '../x')"),
        ("licenses/LICENSE", "/x", "[0].files[0].path: must be a path below .dist-info (it is '/x')"),
        ("licenses/LICENSE", "a/./x", "[0].files[0].path: must be a path below .dist-info (it is 'a/./x')"),
        (
            "ab" * 32,
            "ab",
            "[0].files[0].sha256: must be the SHA-256 of the file, 64 hex digits in quotes (it is 'ab')",
        ),
        ("    owner: mia\n", "    owner: mia\n    expires: never\n", "[0].expires: unknown key"),
        ("Some_Lib", "Some_Lib\n    colour: red", "[0].colour: unknown key"),
    ],
)
def test_a_clarification_that_is_none_is_refused(old: str, new: str, message: str) -> None:
    data = readings(READING.replace(old, new))
    [one] = mistakes(data)
    assert one.startswith(f"{WHERE}clarifications{message}")
    with pytest.raises(WaiverError) as caught:
        clarifications(data)
    assert caught.value.mistakes == (one,)


def test_a_clarification_names_the_files_that_were_read() -> None:
    without = READING[: READING.index("    files:")] + "    files: []\n"
    assert mistakes(readings(without)) == (f"{WHERE}clarifications[0].files: must not be empty (it is [])",)


def test_two_clarifications_of_one_package_are_refused() -> None:
    again = READING.replace("Some_Lib", "some.lib")
    assert mistakes(readings(READING, again)) == (
        f"{WHERE}clarifications[1]: is of the same package as clarifications[0]; keep one",
    )
    assert len(clarifications(readings(READING, again.replace("1.10", "1.11")))) == 2
