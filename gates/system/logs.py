"""R11: the log can be read by machines, tells requests apart, and does not speak of going on regardless."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from pytest_failhard.gates.system.outgoing import cleaned, random_parts
from pytest_failhard.gates.system.record import Asked, Watched
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.gates.system.watched import REQUEST_ID, watched
from pytest_failhard.model import Finding, Severity
from pytest_failhard.system import loglines
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.loglines import APPLICATION, NESTED_LOOP, NEVER_AWAITED, Line
from pytest_failhard.system.prometheus import PrometheusError, counted, observed

MAX_EXAMPLES = 20
OK = 200
VOLATILE = frozenset({"app_json_share", "log_lines", "non_json_lines"})
"""How often a system is asked whether it is ready depends on the clock, and each time may be a line."""


def check(stage: Stage) -> Seen:
    """Judge the logs of all starts, and the request ids and counters of one round over all routes."""
    seen = watched(stage) if stage.system.kind == "http" else None
    listed = [line for ended in stage.record.starts for line in loglines.lines(ended.log)]
    findings = [*_phrases(stage, listed), *_asyncio(listed)]
    if stage.runs("R11/all-lines"):
        findings += _plain(listed)
    unnamed = (
        list(dict.fromkeys(_request_ids(seen))) if seen is not None and stage.runs("R11/request-id") else None
    )
    findings += unnamed or ()
    if seen is not None and stage.runs("R11/metrics"):
        findings += _metrics(seen)
    _keep(stage, listed)
    return Seen(
        findings=tuple(findings),
        measures={
            "app_json_share": _share(listed),
            "log_lines": len(listed),
            "non_json_lines": sum(not line.is_json for line in listed),
        },
        volatile=VOLATILE,
        # How many lines there are, the polls of a run decide.
        examined=len(stage.record.starts),
        proved={"P2": bool(listed) and all(line.is_json for line in listed)}
        | ({} if unnamed is None else {"P3": not unnamed}),
    )


def _share(listed: Sequence[Line]) -> Fraction:
    """Return which part of the application's lines is JSON; of none it is the whole."""
    own = [line for line in listed if line.by == APPLICATION]
    return Fraction(sum(line.is_json for line in own), len(own)) if own else Fraction(1)


def _phrases(stage: Stage, listed: Sequence[Line]) -> Iterator[Finding]:
    failed = {
        said.request_id
        for said in stage.record.answers
        if said.request_id and said.answer.status is not None and not OK <= said.answer.status < OK + 100
    }
    house = _house(stage)
    found = {phrase for phrase, _ in loglines.telling(listed, (*loglines.PHRASES, *house), failed)}
    for phrase in sorted(found):
        shown = house.get(phrase) or loglines.SHOWN[phrase]
        yield finding(
            "R11-house-phrase" if phrase in house else "R11-fallback-phrase",
            f"the log speaks of going on regardless: {shown!r}",
            "let what fails fail; log it as an error, and tell the caller",
            basis=shown,
        )


def _house(stage: Stage) -> dict[str, str]:
    """Return the organisation's own phrases by their patterns."""
    if not stage.runs("R11/house-phrases"):
        return {}
    return {re.escape(phrase): phrase for phrase in stage.settings.house_phrases}


def _asyncio(listed: Sequence[Line]) -> Iterator[Finding]:
    rules = {NEVER_AWAITED: "R11-never-awaited", NESTED_LOOP: "R11-nested-event-loop"}
    for words, rule in rules.items():
        if any(words in line.text for line in listed):
            yield finding(
                rule,
                f"the log says {words!r}: work was started and its result thrown away",
                "await every coroutine, in the loop that runs",
            )


def _plain(listed: Sequence[Line]) -> Iterator[Finding]:
    for by in sorted({line.by for line in listed if not line.is_json}):
        yield finding(
            "R11-not-json",
            f"lines of {by} are no JSON",
            "give the logger a formatter that writes one JSON object a line, the server's own logger too",
            basis=by,
        )


def _request_ids(seen: Watched) -> Iterator[Finding]:
    written = [line.text for line in loglines.lines(seen.log)]
    for asked in seen.asked:
        if asked.request_id not in _header(asked.answer, REQUEST_ID):
            yield _unnamed(
                "R11-request-id-not-echoed", asked, f"answers without the {REQUEST_ID} it was asked with"
            )
        if not any(asked.request_id in line for line in written):
            yield _unnamed(
                "R11-request-id-not-logged", asked, f"leaves no line with the {REQUEST_ID} it was asked with"
            )


def _unnamed(rule: str, asked: Asked, text: str) -> Finding:
    fix = f"take {REQUEST_ID} from the request, or draw one; put it into the answer and into each line"
    return finding(rule, f"{asked.place} {text}", fix, basis=asked.route)


def _header(answer: Answer, wanted: str) -> str:
    return next((value for name, value in answer.headers if name.lower() == wanted.lower()), "")


def _metrics(seen: Watched) -> Iterator[Finding]:
    if any(answer.status != OK for answer in (*seen.before, *seen.after)):
        yield finding(
            "R11-no-metrics",
            "GET /metrics is not answered with 200",
            "serve the counters in Prometheus' text at /metrics",
        )
        return
    try:
        before, after = _sum(seen.before), _sum(seen.after)
    except PrometheusError as error:
        yield finding(
            "R11-metrics-unreadable",
            f"what /metrics answers is no text for Prometheus: {error}",
            "write one sample a line: name, labels in braces, value",
        )
        return
    if after <= before:
        yield finding(
            "R11-metrics-still",
            "the counters at /metrics do not move while requests are answered",
            "count every request; with several processes, in memory or files that they share "
            "(the client library's multi-process mode)",
        )
    timed = [
        [count for each in answers if (count := observed(_text(each))) is not None]
        for answers in (seen.before, seen.after)
    ]
    if timed[0] and sum(timed[1]) <= sum(timed[0]):
        # Reported only: it may time something that no request does.
        yield replace(
            finding(
                "R11-histograms-still",
                "no histogram at /metrics counts anything while requests are answered",
                "observe how long each request takes",
            ),
            severity=Severity.LOW,
        )


def _sum(answers: Iterable[Answer]) -> Fraction:
    return sum((counted(_text(answer)) for answer in answers), Fraction(0))


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def _keep(stage: Stage, listed: Sequence[Line]) -> None:
    """Keep examples of lines that are no JSON, without secrets; their times make them differ."""
    parts = random_parts(stage.system, stage.canaries)
    plain = [{"by": line.by, "line": cleaned(line.text, parts)} for line in listed if not line.is_json]
    record = {"lines": len(listed), "no_json": len(plain), "examples": plain[:MAX_EXAMPLES]}
    stage.run.keep("log_lines.json", json.dumps(record, indent=1).encode() + b"\n", volatile=True)
