"""Secrets never survive, documents do."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.model import Evidence, Finding, Observation, Severity
from pytest_failhard.redact import MARKER, RedactError, Redactor, additional, printable, shipped

# Put together here, so that no scanner takes this file for a leak.
SK = "sk-" + "proj-" + "Ab3dEfGh1jKlMnOpQrSt"
AKIA = "AKIA" + "ABCDEFGHIJ234567"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
GOOGLE = "AIza" + "SyA-1234567890abcdefghijklmnopqrstu"
SLACK = "xoxb-" + "123456789012-abcdefABCDEF"
JWT = ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"))
SENDGRID = "SG." + "a1B2c3D4e5F6g7H8i9J0kL" + "." + "x" * 43
SLACK_HOOK = "https://hooks.slack" + ".com/services/T00000000/B00000000/" + "XyZ" * 8
BASIC = "Basic " + "c2hvcDpodW50ZXIyaHVudGVyMg=="
CARD = "4111 1111 " + "1111 1111"
AMEX = "3782-822463-" + "10005"
IBAN = "DE89 3704 0044 " + "0532 0130 00"
PHONE = "+49 151 " + "2345 6789"
KEY_BLOCK = "\n".join(
    ("-----BEGIN RSA PRIVATE" + " KEY-----", "MIIEpAIBAAKCAQEA" * 4, "-----END RSA PRIVATE" + " KEY-----")
)

REDACTOR = Redactor(shipped())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key={SK}", "key=[redacted:provider-key]"),
        (f"line\\n{SK}\\nline", "line\\n[redacted:provider-key]\\nline"),
        (f"'{AKIA}'", "'[redacted:provider-key]'"),
        (GITHUB, "[redacted:provider-key]"),
        (f"{GOOGLE}.", "[redacted:provider-key]."),
        (SLACK, "[redacted:provider-key]"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [redacted:bearer-token]"),
        (f"token {JWT}", "token [redacted:jwt]"),
        (f"a\n{KEY_BLOCK}\nb", "a\n[redacted:private-key]\nb"),
        (json.dumps(KEY_BLOCK), '"[redacted:private-key]"'),
        (KEY_BLOCK.rpartition("\n")[0] + "\nb", "[redacted:private-key]\nb"),
        ("postgres://shop:hunter2@db:5432/x", "postgres://shop:[redacted:url-password]@db:5432/x"),
        ("postgres://shop:p@ss@db/x", "postgres://shop:[redacted:url-password]@db/x"),
        ("by jane.doe+x@mail.example.org now", "by [redacted:email-address] now"),
        ('"\\njane@example.org"', '"\\n[redacted:email-address]"'),
        (f"mail with {SENDGRID}", "mail with [redacted:service-key]"),
        (SLACK_HOOK, f"{SLACK_HOOK[: -3 * 8]}[redacted:service-key]"),
        (
            "AWS_SECRET_ACCESS_KEY=" + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SECRET_ACCESS_KEY=[redacted:service-key]",
        ),
        (f"Authorization: {BASIC}", "Authorization: Basic [redacted:basic-credentials]"),
        ("GET /a?page=2&access_token=abcdef123456", "GET /a?page=2&access_token=[redacted:url-secret]"),
        (f"paid with {CARD}, thanks", "paid with [redacted:card-number], thanks"),
        (AMEX, "[redacted:card-number]"),
        (f"to {IBAN} EUR", "to [redacted:account-number] EUR"),
        (IBAN.replace(" ", "") + " EUR", "[redacted:account-number] EUR"),
        (f"call {PHONE}!", "call [redacted:telephone-number]!"),
        ("(+1) 555 0100 or +1 (555) 010-0199", "([redacted:telephone-number] or [redacted:telephone-number]"),
    ],
)
def test_each_kind_is_replaced_by_its_name(text: str, expected: str) -> None:
    assert REDACTOR.text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "risk-assessment, task-runner, desk-2026",
        "left-pad@1.2.3 and actions/checkout@v4",
        "@pytest.fixture",
        "http://localhost:8000/health",
        "Bearer authentication is required",
        "app/models.py:12 undefined-name `sk`",
        "0" * 64,
        "Basic responsibilities of a basic understanding",
        "4111111111111111/4503599627370496 and 4111 1111 1111 1112",
        "0.4111-1111-1111-1111",
        "DE88 3704 0044 0532 0130 00, XX89 3704 0044 0532 0130 00, DE89 3704",
        "DE89370400440532013000ABC",
        "2026-01-02T03:04:05+0000 torch-2.1+20240101 x = 1+12345678 1e+12345678",
        "search?token=short&page=12345678",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_values_of_secret_named_variables_go_in_every_spelling() -> None:
    value = 'pä"ss\\wörd\n1'
    redactor = Redactor.from_environment({"DB_PASSWORD": value, "PWD": "/home/somebody", "API_KEY": "short"})
    for spelled in (value, json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value)):
        assert redactor.text(spelled).strip("'\"") == "[redacted:secret-value]"
    assert redactor.text("/home/somebody short") == "/home/somebody short"


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "GH_TOKEN", "PGPASSWORD", "db_pwd", "SENTRY_DSN", "AWS_CREDENTIALS", "CLIENT_SECRET"],
)
def test_names_that_mean_a_secret(name: str) -> None:
    assert Redactor.from_environment({name: "plainvalue"}).text("plainvalue") == "[redacted:secret-value]"


@pytest.mark.parametrize(
    "name", ["HOME", "PWD", "OLDPWD", "KEYBOARD", "TOKENIZERS_PARALLELISM", "PASSENGERS"]
)
def test_names_that_mean_none(name: str) -> None:
    assert Redactor.from_environment({name: "plainvalue"}).text("plainvalue") == "plainvalue"


def test_a_number_that_equals_a_secret_leaves_json_behind() -> None:
    redactor = Redactor((), ["12345678"])
    assert json.loads(redactor.text('{"pin": 12345678, "n": 1}')) == {
        "pin": "[redacted:secret-value]",
        "n": 1,
    }


def test_a_bare_number_is_text() -> None:
    assert Redactor((), ["12345678"]).text("12345678") == "[redacted:secret-value]"


def test_json_lines_stay_json_lines() -> None:
    redactor = Redactor((), ["12345678"])
    assert redactor.text('{"pin": 12345678}\n{"n": 1}\n') == '{"pin": "[redacted:secret-value]"}\n{"n": 1}\n'


def test_extra_patterns_come_from_the_environment() -> None:
    redactor = Redactor.from_environment(
        {"FAILHARD_REDACTION_PATTERNS": "ticket-\\d+\n\ncustomer (?P<secret>\\d+)"}
    )
    assert redactor.text("ticket-17 of customer 99") == "[redacted:custom] of customer [redacted:custom]"


def test_malformed_patterns_are_all_named() -> None:
    with pytest.raises(RedactError) as caught:
        Redactor.from_environment({"FAILHARD_REDACTION_PATTERNS": "(\nfine\nx*"})
    assert str(caught.value) == (
        "FAILHARD_REDACTION_PATTERNS: line 1: missing ), unterminated subpattern at position 0; "
        "line 3: matches the empty text. Give one regular expression a line, or unset it."
    )


def test_a_message_is_redacted_where_the_user_s_patterns_are_wrong_too() -> None:
    for patterns in ("(", "ticket"):
        text = printable(f"{SK} ticket", {"FAILHARD_REDACTION_PATTERNS": patterns})
        assert text.startswith("[redacted:provider-key] ")


def test_words_of_our_markers_are_no_secrets() -> None:
    redactor = Redactor(shipped(), ["redacted", "provider-key"])
    assert redactor.text(f"redacted {SK}") == "redacted [redacted:provider-key]"


def test_scan_names_what_is_left_fo_115() -> None:
    redactor = Redactor(shipped(), ["hunter2hunter2"])
    assert redactor.scan(f"{SK} hunter2hunter2".encode()) == ("provider-key", "secret-value")
    assert redactor.scan(b"[redacted:provider-key] fine") == ()


def test_bytes_that_are_no_text_pass_through() -> None:
    assert REDACTOR.data(b"\xff\xfe" + SK.encode() + b"\x00") == b"\xff\xfe[redacted:provider-key]\x00"


def test_a_redactor_travels_as_text() -> None:
    redactor = Redactor.from_environment(
        {"MY_SECRET": "hunter2hunter2", "FAILHARD_REDACTION_PATTERNS": "x{3}"}
    )
    assert Redactor.restore(redactor.dump()).text(f"hunter2hunter2 xxx {SK}") == (
        "[redacted:secret-value] [redacted:custom] [redacted:provider-key]"
    )


def test_a_kind_can_be_let_through_and_no_value_with_it() -> None:
    redactor = Redactor(shipped(), ["s3cret-value"]).without("email-address")
    assert redactor.text("ada@example.com s3cret-value") == "ada@example.com [redacted:secret-value]"


def test_values_of_the_vocabulary_are_redacted_and_their_digests_are_not() -> None:
    digest = "0" * 24 + "12345678" * 5
    seen = Observation(
        tool="tool 1",
        examined=12345678,
        measures={"n": Fraction(1, 3)},
        findings=(
            Finding(
                rule="r",
                name="r",
                path="a.py",
                line=1,
                severity=Severity.LOW,
                message=f"has {SK}",
                fix="\udc80",
            ),
        ),
        evidence=(Evidence(name="a", sha256=digest, media_type="text/plain"),),
    )
    cleaned = Redactor(shipped(), ["12345678"]).value(seen)
    assert cleaned.findings[0].message == "has [redacted:provider-key]"
    assert cleaned.findings[0].fix == "\\udc80"
    assert cleaned.findings[0].severity is Severity.LOW
    assert cleaned.evidence == seen.evidence
    assert (cleaned.examined, cleaned.measures) == (seen.examined, seen.measures)


def test_a_value_without_secrets_is_itself_and_one_text_more_makes_another() -> None:
    evidence = (Evidence(name="a", sha256="0" * 64, media_type="text/plain"),)
    seen = Observation(tool="tool 1", examined=1, evidence=evidence, measures={"n": 1})
    redactor = Redactor(shipped())
    assert redactor.value(seen) is seen
    # The memory of what was clean is one redactor's: another one knows more secrets.
    assert Redactor(shipped(), ["tool 1 of ours", "tool 100"]).value(replace(seen, tool="tool 100")) == (
        replace(seen, tool="[redacted:secret-value]")
    )
    assert redactor.value(replace(seen, tool="tool 100")).tool == "tool 100"


def test_what_stands_before_and_after_a_marker_is_looked_at_again() -> None:
    redactor = Redactor((*shipped(), *additional("^kept\nout$")))
    for _ in range(2):
        assert redactor.text("[redacted:jwt]kept") == "[redacted:jwt][redacted:custom]"
        assert redactor.text("a kept b") == "a kept b"


SECRETS = st.sampled_from([SK, AKIA, GITHUB, GOOGLE, SLACK, JWT, KEY_BLOCK])
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=20).map(str.strip)
USABLE = VALUES.filter(lambda value: len(value) >= 8 and "[redacted:" not in value)
TEXTS = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | SECRETS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(TEXTS, SECRETS | TEXTS, TEXTS)
def test_redaction_is_idempotent(before: str, middle: str, after: str) -> None:
    once = REDACTOR.text(before + middle + after)
    assert REDACTOR.text(once) == once


@given(TEXTS, SECRETS, TEXTS)
def test_a_planted_key_never_survives(before: str, secret: str, after: str) -> None:
    assert secret not in REDACTOR.text(f"{before} {secret} {after}")


@given(TEXTS, USABLE, TEXTS)
def test_a_planted_value_never_survives_nor_its_length(before: str, secret: str, after: str) -> None:
    redactor = Redactor(shipped(), [secret])
    cleaned = redactor.text(before + secret + after)
    assert secret not in MARKER.sub("\0", cleaned)
    assert redactor.text(cleaned) == cleaned
    assert redactor.scan(cleaned.encode("utf-8", "surrogateescape")) == ()
    assert redactor.text(secret) == "[redacted:secret-value]"


@given(JSON, USABLE)
def test_json_stays_json(document: object, secret: str) -> None:
    redactor = Redactor(shipped(), [secret])
    for ascii_only in (True, False):
        text = redactor.text(json.dumps([document, secret], ensure_ascii=ascii_only))
        assert json.loads(text)[1] == "[redacted:secret-value]"


NEAR = st.lists(
    st.text("@.-%+_a1Z \\\n", max_size=9) | st.sampled_from(["ada@example.org", "\\u", CARD, IBAN]),
    max_size=6,
)


@given(NEAR)
def test_a_hint_hides_nothing(parts: list[str]) -> None:
    unhinted = Redactor([replace(pattern, hint=None) for pattern in shipped()])
    assert REDACTOR.text("".join(parts)) == unhinted.text("".join(parts))
