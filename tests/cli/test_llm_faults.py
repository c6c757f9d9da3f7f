"""The faults as a table, one by one with their bytes, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest

from pytest_failhard.cli import llm_faults, main
from pytest_failhard.llm import catalogue

Ran = Callable[..., tuple[object, str, str]]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(*arguments: str, program: click.Command = llm_faults.command) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            program.main(arguments)
        return (ended.value.code, *capsys.readouterr())

    return run


def ids(table: str) -> list[str]:
    """Return the first column, without the heading and the lines below the table."""
    return [line.split()[0] for line in table.partition("\n\n")[0].splitlines()[1:]]


def test_the_command_is_found_under_its_name_with_a_dash(ran: Ran) -> None:
    code, text, errors = ran("llm-faults", "refused", program=main)
    assert (code, errors) == (0, "")
    assert text.startswith("refused\n  Nobody listens at the provider's port.\n")


def test_without_argument_all_faults_stand_in_a_table(ran: Ran) -> None:
    code, text, _ = ran()
    known = catalogue.load()
    assert code == 0
    assert ids(text) == list(known.faults)
    assert text.splitlines()[0].split() == ["id", "class", "level", "oracle", "verified", "dialects"]
    assert f"{len(known.faults)} faults, catalogue {known.sha256[:12]}; m measured with the SDK; " in text


def test_a_level_a_group_and_a_dialect_narrow_the_table(ran: Ran) -> None:
    assert ids(ran("--level", "1")[1]) == [
        *("invalid_key", "missing_key", "rate_limit_rpm", "refused", "rst_before", "server_error")
    ]
    assert ids(ran("transient", "--dialect", "ollama", "--level", "1")[1]) == [
        "rate_limit_rpm",
        "server_error",
    ]
    assert set(ids(ran("permanent", "--level", "2")[1])) >= {"invalid_key", "insufficient_quota"}


def test_a_fault_shows_what_is_right_and_its_bytes(ran: Ran) -> None:
    _, text, _ = ran("rate_limit_rpm", "--dialect", "openai")
    assert "class     transient\nlevel     1\noracle    recover\nparams    hint_ms=5\n" in text
    assert (
        "A correct system\n  Asks again, a bounded number of times, no sooner than the answer asks for."
        in text
    )
    assert "status:429" in text
    assert "--- openai: not verified (OpenAI rate limits guide)\nHTTP/1.1 429 Too Many Requests\n" in text
    assert "\nretry-after-ms: 5\n" in text
    assert "Please try again in 5ms." in text
    assert "anthropic" not in text.partition("A correct system")[2].partition("---")[2]
    assert "\nopenai-3: openai.RateLimitError, 3 requests\n" in text


def test_every_form_of_a_fault_is_shown_that_for_any_dialect_in_one(ran: Ran) -> None:
    _, text, _ = ran("body_html")
    assert [line.partition(":")[0] for line in text.splitlines() if line.startswith("---")] == [
        "--- any (here openai)",
        "--- openai_responses",
        "--- openai_embeddings",
    ]
    assert text.count("Ray ID: poisonword") == 3


@pytest.mark.parametrize(
    ("name", "dialect", "shown"),
    [
        ("dns_failure", "openai", "The host name ends in .invalid, which no resolver knows."),
        ("missing_key", "gemini", "nothing is sent.\nopenai-3: openai.OpenAIError, 0 requests"),
        ("body_latin1", "openai", r"headofword \xff\xfe poisonword"),
        ("read_timeout", "cohere", "[nothing, until the client goes away]"),
        ("fin_before", "azure", "[close the connection]"),
        ("rst_mid_body", "openai", "[wait 0.05 s]\n[reset the connection]"),
        ("slow_headers", "openai", "[1 at a time, every 0.3 s]\nHTTP/1.1 200 OK"),
        ("stream_keepalive", "anthropic", "params: count=4, every=0.5\nHTTP/1.1 200 OK"),
        ("stream_keepalive_forever", "openrouter", "s, until the client goes away]\n"),
        ("stream_bad_crc", "bedrock", "\nx-amzn-requestid: req_"),
        ("embeddings_null", "openai_embeddings", '"embedding":null'),
        ("stream_interleaved", "openai", "needs     stream, choices"),
        ("json_fenced", "groq", "```json"),
    ],
)
def test_each_way_to_fail_is_put_in_words_or_bytes(ran: Ran, name: str, dialect: str, shown: str) -> None:
    code, text, errors = ran(name, "--dialect", dialect)
    assert (code, errors) == (0, "")
    assert shown in text


def test_a_binary_stream_has_a_head_to_read_and_a_body_in_hexadecimal(ran: Ran) -> None:
    _, text, _ = ran("stream_truncated", "--dialect", "bedrock")
    head, _, body = text.partition("transfer-encoding: chunked\n")
    assert "HTTP/1.1 200 OK\n" in head
    assert set(body.partition("\n\n")[2].split("\n")[0]) <= set("0123456789abcdef ")


def test_a_replaced_fault_names_its_successor() -> None:
    known = catalogue.parse(
        b"""\
schema: failhard-faults/1
version: 1
faults:
- {id: old, kind: network, level: 1, oracle: recover, summary: Old., stage: connection, replaced_by: new,
   cause: [word:x], dialects: {any: {verified: u, source: memory, recipe: refused}}}
- {id: new, kind: network, level: 1, oracle: recover, summary: New., stage: connection,
   cause: [word:x], dialects: {any: {verified: u, source: memory, recipe: refused}}}
""",
        "ours.yaml",
    )
    assert "\nreplaced  by new\n" in llm_faults.render(known, "old", None, None, as_json=False)


def test_json_holds_the_same(ran: Ran) -> None:
    rows = json.loads(ran("--format", "json", "--level", "2", "--dialect", "azure")[1])
    assert {row["level"] for row in rows} == {1, 2}
    assert all("azure" in row["dialects"] for row in rows)
    entry = json.loads(ran("server_error", "--format", "json")[1])
    assert entry["class"] == "transient"
    assert entry["forms"]["openai"]["wire"].startswith("HTTP/1.1 500 ")
    assert entry["forms"]["openai"]["observed"]["openai-3"] == {
        "attempts": 3,
        "exception": "openai.InternalServerError",
        "result": "",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["rate_limt"],
            "unknown LLM fault 'rate_limt': did you mean 'rate_limit_rpm'? failhard llm-faults lists all",
        ),
        (
            ["guardrail", "--dialect", "openai"],
            "guardrail has no form in the dialect openai; it has one in bedrock",
        ),
    ],
)
def test_what_is_not_there_is_a_usage_error(ran: Ran, arguments: list[str], message: str) -> None:
    assert ran(*arguments) == (2, "", f"failhard: {message}\n")
