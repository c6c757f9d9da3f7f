"""What the catalogue may say: its words, and what in it is well formed and cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_failhard.strict import suggestion

if TYPE_CHECKING:
    from pytest_failhard.llm.catalogue import Fault, Form, Json

LEVELS = (1, 2, 3, 4)
NEEDS = frozenset({"json", "tools", "stream", "embeddings", "responses", "azure", "choices"})
CHARSETS = frozenset({"utf-8", "latin-1"})
CAUSES = frozenset({"status", "code", "type", "class", "word", "variable"})
HINTS = frozenset({"hint_ms", "hint_s", "hint_duration", "hint_text", "hint_time", "http_date"})
PLACEHOLDERS = HINTS | {
    *("model", "request_id", "key_masked", "poison"),
    *("canary", "canary_head", "canary_middle", "canary_tail"),
    *("content", "content_cut", "content_poisoned"),
}
ORACLES: Mapping[str, frozenset[str]] = {
    "permanent": frozenset({"fail"}),
    "permanent-retried": frozenset({"fail"}),
    "transient": frozenset({"recover", "fail"}),
    "silent": frozenset({"fail"}),
    "network": frozenset({"recover", "fail"}),
    "deadline": frozenset({"bounded"}),
    "benign": frozenset({"succeed"}),
    "report": frozenset({"report"}),
}
RECIPES: Mapping[str, frozenset[str]] = {
    "answer": frozenset(
        {
            *("fin_before", "rst_before", "rst_mid_body", "short_body", "bad_status_line", "bad_chunk"),
            *("bad_gzip", "read_timeout", "slow_drip", "slow_drip_endless", "slow_headers", "redirect_loop"),
        }
    ),
    "connection": frozenset(
        {
            *("refused", "dns_failure", "connect_timeout", "tls_untrusted", "tls_expired", "tls_hostname"),
            *("tls_plaintext", "tls_reset", "tls_hang"),
        }
    ),
    "environment": frozenset({"missing_key"}),
}
STREAMS = frozenset(
    {
        *("truncated", "empty", "fin", "rst", "error_object", "error_event", "bad_json", "bad_utf8"),
        *("not_object", "bad_chunk", "duplicate", "missing_index", "interleaved", "finish_length"),
        *("finish_filter", "tool_cut", "tool_garbage", "is_json", "is_html", "stall", "keepalive_forever"),
        *("keepalive", "no_done", "empty_choices", "crlf", "split", "last_unterminated", "done_first"),
        *("failed", "incomplete", "unknown_event", "cut_frame", "bad_crc", "error_array"),
        "no_message_start",
    }
)
VECTORS = frozenset({"short", "wrong_dim", "nan", "zero", "shuffled"})

_ID = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def unusable(faults: Collection[Fault], dialects: Collection[str], common: str) -> list[str]:
    """Return every mistake, each with its place, such as `rate_limit_rpm.openai: ...`.

    `dialects` are those that exist; under the name `common` stands a form for all of them.
    """
    ids = [fault.id for fault in faults]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    found = [f"{each}: stands twice; keep one" for each in twice]
    known = {common, *dialects}
    for fault in faults:
        found += [f"{fault.id}: {each}" for each in (*_of_fault(fault), *_of_links(fault, ids, known))]
        for dialect, form in fault.dialects.items():
            place = f"{fault.id}.{dialect}"
            found += [f"{place}: {each}" for each in _of_form(fault, form)]
            if dialect == common and form.edits:
                found.append(f"{place}: edits a healthy answer, which has another shape in each dialect")
    return found


def placeholders(value: Json) -> frozenset[str]:
    """Return the names of all placeholders in a JSON value."""
    if isinstance(value, str):
        return frozenset(_PLACEHOLDER.findall(value))
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return frozenset().union(*map(placeholders, items))


def _of_fault(fault: Fault) -> Iterator[str]:
    if not _ID.fullmatch(fault.id):
        yield "an id is lower-case words joined by _"
    if fault.level not in LEVELS:
        yield f"level: there is no level {fault.level}"
    if fault.oracle not in ORACLES[fault.kind]:
        yield f"oracle: {fault.oracle} does not go with the kind {fault.kind}"
    if fault.oracle in {"fail", "recover", "bounded"} and not fault.cause:
        yield "cause: missing: name what the error's text must say"
    for token in fault.cause:
        kind, _, text = token.partition(":")
        if kind not in CAUSES or not text:
            yield f"cause: {token!r} is none of {', '.join(sorted(CAUSES))}, a colon and a text"


def _of_links(fault: Fault, ids: Collection[str], dialects: Collection[str]) -> Iterator[str]:
    for name in sorted(set(fault.needs) - NEEDS):
        yield f"needs: unknown feature {name}{suggestion(name, NEEDS)}"
    for name in sorted(set(fault.dialects) - set(dialects)):
        yield f"dialects: unknown dialect {name}{suggestion(name, dialects)}"
    if not fault.dialects:
        yield "dialects: empty: give a wire form"
    if fault.replaced_by and fault.replaced_by not in ids:
        yield f"replaced_by: unknown fault {fault.replaced_by}{suggestion(fault.replaced_by, ids)}"


def _of_form(fault: Fault, form: Form) -> Iterator[str]:
    yield from _of_way(fault, form)
    yield from _of_placeholders(fault, form)
    yield from _of_head(form)
    for sdk, observed in form.observed.items():
        if bool(observed.exception) == bool(observed.result):
            yield f"observed.{sdk}: give the exception that was raised or the result, not both"
        if observed.exception and not _DOTTED.fullmatch(observed.exception):
            yield f"observed.{sdk}: {observed.exception!r} is no dotted name"
        if observed.attempts < 0:
            yield f"observed.{sdk}: attempts must not be negative"


def _of_way(fault: Fault, form: Form) -> Iterator[str]:
    edits = bool(form.patch or form.remove)
    body = form.text is not None or form.json is not None
    ways = [form.recipe, form.stream, form.vectors, edits, body and not form.stream]
    if sum(map(bool, ways)) > 1 or (form.text is not None and form.json is not None):
        yield "uses more than one of recipe, stream, vectors, text, json, patch; use one"
    if form.recipe and form.recipe not in RECIPES[fault.stage]:
        yield f"recipe: none of the stage {fault.stage}{suggestion(form.recipe, RECIPES[fault.stage])}"
    if fault.stage != "answer" and not form.recipe:
        yield f"recipe: missing; the stage {fault.stage} knows no other way"
    if form.stream and form.stream not in STREAMS:
        yield f"stream: unknown edit {form.stream}{suggestion(form.stream, STREAMS)}"
    if form.stream and "stream" not in fault.needs:
        yield "stream: the fault must need the feature stream"
    if form.vectors and form.vectors not in VECTORS:
        yield f"vectors: unknown edit {form.vectors}{suggestion(form.vectors, VECTORS)}"


def _of_placeholders(fault: Fault, form: Form) -> Iterator[str]:
    params = {*fault.params, *form.params}
    used = placeholders([form.text, form.json, *form.headers.values(), *form.patch.values()])
    for name in sorted(used - PLACEHOLDERS - params):
        yield f"unknown placeholder {{{{{name}}}}}{suggestion(name, PLACEHOLDERS | params)}"
    if used & HINTS and "hint_ms" not in params:
        yield "holds a hint without the parameter hint_ms"


def _of_head(form: Form) -> Iterator[str]:
    if not form.source:
        yield "source: missing: say where the form is from"
    if not 100 <= form.status <= 599:
        yield f"status: {form.status} is no HTTP status"
    if form.charset not in CHARSETS:
        yield f"charset: {form.charset} is not one of {', '.join(sorted(CHARSETS))}"
    for name in form.headers:
        if name != name.lower():
            yield f"headers.{name}: write it in lower case"
