"""Attempts, outcomes and expectations by hand, each right until a test changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Fault, Form, Json, Kind, Oracle, Stage
from pytest_failhard.llm.ledger import Attempt, Call, Times, Usage
from pytest_failhard.llm.verdicts import Expectation, Link, Outcome
from pytest_failhard.model import Finding


def canaries(label: str, number: int, *words: str) -> Canaries:
    """Return canaries with these words: they stand in the ids of tests, which must not differ by run."""
    head, middle, tail, poison = words
    drawn = Canaries.draw(label)
    return replace(drawn, head=head, middle=middle, tail=tail, poison=poison, number=number)


MINE = canaries("case", 4821735, "bakilomuda", "feritozupo", "gavusenibo", "zipodarule")
FIRST = canaries("A", 7150462, "disokuvema", "nalifobetu", "pezaguromi", "vutikapoda")
SECOND = canaries("B", 2938641, "kobitaresu", "lemupizafo", "rodavinuge", "tuzebolaki")
OPENAI = "OpenAI/Python 3.51.0"
ORACLES: Mapping[Kind, Oracle] = {"benign": "succeed", "deadline": "bounded", "report": "report"}


def rules(findings: Iterable[Finding]) -> list[str]:
    """Return the rules of findings, sorted."""
    return sorted(finding.rule for finding in findings)


def form(status: int = 200, *, stream: str = "", recipe: str = "", json: Json = None) -> Form:
    return Form(verified="d", status=status, stream=stream, recipe=recipe, json=json)


def fault(
    identifier: str = "body_html",
    kind: Kind = "silent",
    *,
    oracle: Oracle | None = None,
    stage: Stage = "answer",
    cause: Sequence[str] = (),
) -> Fault:
    return Fault(
        id=identifier,
        kind=kind,
        level=1,
        oracle=oracle or ORACLES.get(kind, "fail"),
        summary="",
        stage=stage,
        cause=tuple(cause),
        dialects={},
    )


SILENT = Expectation(
    case="openai-body_html@summarise",
    canaries=MINE,
    fault=fault(),
    form=form(),
    earlier=(FIRST, SECOND),
)
REFUSED = replace(
    SILENT, case="openai-invalid_key@summarise", fault=fault("invalid_key", "permanent"), form=form(401)
)
LIMITED = replace(
    SILENT,
    case="openai-rate_limit_rpm@summarise",
    fault=fault("rate_limit_rpm", "transient", oracle="recover"),
    form=form(429),
    single=True,
)
DEADLINE = replace(
    SILENT,
    case="openai-read_timeout@summarise",
    fault=fault("read_timeout", "deadline"),
    form=form(recipe="read_timeout"),
)
BENIGN = replace(SILENT, case="openai-stream_no_done@summarise", fault=fault("stream_no_done", "benign"))


def attempt(
    number: int = 1,
    start: float | None = None,
    *,
    end: float | None = None,
    failed: str = "body_html",
    model: str = "gpt-4o",
    dialect: str = "openai",
    route: str = "/chat/completions",
    kind: str = "call",
    key: str = "key[OPENAI_API_KEY]",
    status: int = 200,
    body: str = "one",
    stream: bool = False,
    hint: float | None = None,
    retry: int | None = None,
    read_timeout: str | None = "30",
    agent: str = OPENAI,
    usage: Usage | None = None,
) -> Attempt:
    begun = float(number) if start is None else start
    ended = begun + 0.1 if end is None else end
    return Attempt(
        case="case",
        number=number,
        layer="base_url",
        dialect=dialect,
        route=route,
        kind=kind,
        method="POST",
        origin="",
        model=model,
        stream=stream,
        body_sha256=f"{body}+{model}",
        body_without_model_sha256=body,
        occurrence=number,
        key=key,
        foreign_key_sha256="",
        user_agent=agent,
        retry_count=number - 1 if retry is None else retry,
        read_timeout=read_timeout,
        sdk_attempt=None,
        invocation=None,
        rule="r1" if failed else "",
        fault=failed,
        status=status,
        hint_seconds=hint,
        request_id=f"req_{number}",
        bytes_sent=10,
        close="keep-alive",
        usage=usage or Usage(),
        connection=1,
        times=Times(
            accepted=begun, headers=begun, body=begun, first_byte=ended, ended=ended, peer_closed=None
        ),
    )


def call(*gaps: float, failed: str = "rate_limit_no_header", hint: float | None = None) -> Call:
    """Return a logical call whose attempts have these gaps; all but the last one failed."""
    made = []
    moment = 0.0
    for number in range(len(gaps) + 1):
        last = number == len(gaps)
        made.append(
            attempt(
                number + 1, moment, end=moment, failed="" if last else failed, hint=None if last else hint
            )
        )
        moment += 0.0 if last else gaps[number]
    return Call(attempts=tuple(made), groups=(tuple(made),), gaps=gaps)


def returned(result: str = "", **streams: str) -> Outcome:
    """Return a callable that returned."""
    return Outcome(form="callable", ended=True, produced=True, result=result, streams=streams)


def raised(text: str = "schema validation failed", kind: str = "app.AnswerError", **streams: str) -> Outcome:
    """Return a callable that raised."""
    chain = (Link(type=kind, text=text),)
    return Outcome(form="callable", ended=True, produced=False, chain=chain, streams=streams)


def exited(code: int, **streams: str) -> Outcome:
    """Return a command that ended; its result is its stdout."""
    result = streams.get("stdout", "")
    return Outcome(form="command", ended=True, produced=code == 0, code=code, result=result, streams=streams)


def answered(code: int | None, body: str = "", **streams: str) -> Outcome:
    """Return a service's answer; its result is the body."""
    return Outcome(
        form="route",
        ended=True,
        produced=code is not None and code < 400,
        code=code,
        result=body,
        streams={"body": body, **streams},
    )
