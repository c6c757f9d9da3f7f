"""Tells whether the text of a failure names its cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from pytest_failhard.llm.catalogue import Fault, Form, Json
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome

Clarity = Literal["clear", "causeless", "vague", "mute"]

STATUS_CLASSES: Mapping[int, tuple[str, ...]] = {
    302: ("TooManyRedirects",),
    400: ("BadRequestError", "ValidationException"),
    401: ("AuthenticationError",),
    402: ("PaymentRequiredError",),
    403: ("PermissionDeniedError", "AccessDeniedException"),
    404: ("NotFoundError", "ResourceNotFoundException"),
    408: ("RequestTimeoutError", "ModelTimeoutException"),
    409: ("ConflictError",),
    413: ("ContentTooLargeError", "RequestTooLargeError"),
    422: ("UnprocessableEntityError",),
    424: ("ModelErrorException",),
    429: ("RateLimitError", "ThrottlingException"),
}
"""The SDKs' class names for a status, besides those that were observed."""
ANY_STATUS_CLASSES = ("APIStatusError", "ClientError")
SERVER_CLASSES = ("InternalServerError", "ServerError", "ServiceUnavailableError", "OverloadedError")
KEY_FAULTS = frozenset(("invalid_key", "revoked_key", "wrong_org", "no_permission", "gateway_unauthorised"))
KEY_TOKENS = (r"\b401\b", r"\b403\b", r"api[ _-]?key", "auth")
KEY_WORDS = (r"\bkeys?\b", "credential", "OpenAIError")
NETWORK_TOKENS = (
    r"errno\D{0,3}\d+",
    r"\bE(?:CONN\w+|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_\w+)\b",
    "refused",
    # What curl says of a refused connection.
    r"(?:could ?n.t|failed to) connect",
    "reset",
    "resolve",
    "getaddrinfo",
    "certificate",
    r"\bssl",
    "disconnected",
    "incomplete",
    r"\b(?:Connect|Read|Write|RemoteProtocol|LocalProtocol|Protocol|Decoding|Transport|gai|SSL)Error\b",
    r"\b(?:Connection(?:Refused|Reset|Closed)?|EndpointConnection|ServerDisconnected|ClientConnector\w*)Error\b",
    r"\b(?:ConnectTimeout|ReadTimeout|TooManyRedirects|IncompleteRead|BadStatusLine|ChecksumMismatch)\b",
)
DEADLINE_TOKENS = ("timeout", "timed out", "deadline")
CONTENT_TOKENS = (
    "empty",
    "choices",
    "content",
    "json",
    "decode",
    "parse",
    "schema",
    "validation",
    "truncated",
    "incomplete",
    "finish_reason",
    "length",
    "filter",
    "refus",
    "unexpected",
)
_GENERIC = re.compile(
    r"Connection error\.?|Request timed out(?: or interrupted)?\.?(?: This could be due to[^\n]*)?"
    r"|\b(?:\w+\.)*API(?:Connection|Timeout)Error\b",
    re.IGNORECASE,
)
_ANY_CLASS = frozenset(("Error", "Exception"))
_CODE_FIELDS = frozenset(("code", "type", "status", "reason"))
_ERROR_TYPE_HEADER = "x-amzn-errortype"


def failure_text(outcome: Outcome) -> str:
    """Return what the failure said: stderr, the answer's body, the log, the exceptions with their causes."""
    streams = (outcome.streams.get(name, "") for name in ("stderr", "body", "log"))
    chain = (f"{link.type}: {link.text}" for link in outcome.chain)
    return "\n".join(text for text in (*streams, *chain) if text.strip())


def clarity(outcome: Outcome, expectation: Expectation) -> Clarity:
    """Tell how well a failure names its cause.

    `causeless` is a text with nothing but the SDK's own "Connection error." or "Request timed out.", which
    hold of every cause and whose chain was dropped.
    """
    text = failure_text(outcome)
    if not text:
        return "mute"
    if expectation.fault is None:
        return "clear"
    told = _GENERIC.sub("", text)
    if any(re.search(token, told, re.IGNORECASE) for token in tokens(expectation.fault, expectation)):
        return "clear"
    return "vague" if told == text else "causeless"


def shows_fault(outcome: Outcome, expectation: Expectation) -> bool:
    """Tell whether a failure's text shows that it met this fault, be it in the SDK's general words.

    A missing key is shown by any word on keys; that its variable is named is demanded apart from that.
    """
    text = failure_text(outcome)
    if expectation.fault is not None and expectation.fault.id == "missing_key":
        words = (*KEY_TOKENS, *KEY_WORDS, *map(re.escape, expectation.removed_keys))
        return any(re.search(word, text, re.IGNORECASE) for word in words)
    return clarity(outcome, expectation) in {"clear", "causeless"}


def tokens(fault: Fault, expectation: Expectation) -> tuple[str, ...]:
    """Return the regular expressions of which one must match, without regard to case."""
    if fault.id == "missing_key":
        return tuple(map(re.escape, expectation.removed_keys))
    form = expectation.form
    found: list[str] = [_declared(token) for token in fault.cause]
    if form is not None:
        found += [*_status(form), *map(re.escape, _codes(form)), *map(re.escape, _classes(form))]
    if _about_keys(fault, form):
        found += [*KEY_TOKENS, *map(re.escape, expectation.removed_keys)]
    if fault.kind == "network":
        found += NETWORK_TOKENS
    # An oddity that is legal can only fail a call by lasting too long.
    if fault.kind in {"deadline", "benign"}:
        found += DEADLINE_TOKENS
    if fault.kind == "silent" or (form is not None and form.stream):
        found += CONTENT_TOKENS
    return tuple(found)


def _declared(token: str) -> str:
    """Return the catalogue's `status:401`, `code:invalid_api_key`, `class:Name`, `word:key` as a regex."""
    kind, colon, value = token.partition(":")
    if not colon:
        return re.escape(kind)
    return rf"\b{re.escape(value)}\b" if kind in {"status", "code", "type"} else re.escape(value)


def _about_keys(fault: Fault, form: Form | None) -> bool:
    return fault.id in KEY_FAULTS or (form is not None and form.status in {401, 403})


def _status(form: Form) -> Iterator[str]:
    if form.recipe or 200 <= form.status < 300:
        return
    yield rf"\b{form.status}\b"
    names = (*STATUS_CLASSES.get(form.status, ()), *ANY_STATUS_CLASSES)
    yield from (rf"\b{name}\b" for name in (*names, *(SERVER_CLASSES if form.status >= 500 else ())))


def _classes(form: Form) -> Iterator[str]:
    for observed in form.observed.values():
        name = observed.exception.rpartition(".")[2]
        if name and not _GENERIC.fullmatch(name):
            # `binascii.Error`: the last part alone stands in every traceback.
            yield observed.exception if name in _ANY_CLASS else name


def _codes(form: Form) -> Iterator[str]:
    yield from (value for name, value in form.headers.items() if name.lower() == _ERROR_TYPE_HEADER)
    yield from _coded(form.json)


def _coded(value: Json) -> Iterator[str]:
    """Yield what stands under `code`, `type`, `status` or `reason`, at any depth.

    A bare word such as `error` or `message` names no cause, and templates are filled in later.
    """
    if isinstance(value, list):
        yield from _within(value)
    if isinstance(value, dict):
        named = (item for name, item in value.items() if name in _CODE_FIELDS)
        yield from (item for item in named if isinstance(item, str) and _telling(item))
        yield from _within(value.values())


def _within(values: Iterable[Json]) -> Iterator[str]:
    for value in values:
        yield from _coded(value)


def _telling(code: str) -> bool:
    return len(code) > 2 and "{{" not in code and code not in {"error", "message", "text"}
