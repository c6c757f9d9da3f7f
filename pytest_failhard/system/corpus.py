"""Makes bad input from a declared route: what callers, scanners and broken clients really send."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from pytest_failhard.system.ask import Request
from pytest_failhard.system.declaration import SUBSTITUTION, Route

LONG_CHARACTERS = 1_000_000
HUGE_BYTES = 10 * 1024 * 1024
DEPTH = 100_000
PARAMETERS = 1_000
"""So many query parameters; with their names they stay below the shortest limit on request lines (4094)."""
LONG_PATH = 2_000

MALFORMED = frozenset({400, 422})
MISTYPED = frozenset({400, 415, 422})
TOO_LARGE = frozenset({400, 413, 422})
NO_SUCH = frozenset({400, 404, 422})
UNKNOWN_PATH = frozenset({404})
WRONG_METHOD = frozenset({405})
ACCEPTED = frozenset(range(200, 300))
REFUSED = frozenset(range(400, 500))
EITHER = ACCEPTED | REFUSED
TOO_LARGE_BODY = frozenset({413})

METHODS = ("PATCH", "DELETE", "PUT", "POST", "GET")
PARAMETER_VALUES = ("0", "-1", "99999999999999999999", "abc", "%2e%2e%2f", "%00")
UNKNOWN = "no-such-thing-q7"
_PARAMETER = re.compile(r"\d+|[0-9a-f]{24,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A part of a declared path that can only be the value of a parameter: a number, a digest, a UUID."""
_JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """A bad request. `case` is its number in the corpus, `what` says what is bad about it.

    `right` are the statuses with which a system tells the caller what is wrong.
    """

    case: str
    what: str
    request: Request
    right: frozenset[int]


def inputs(route: Route, request: Request) -> tuple[BadInput, ...]:
    """Return the bad forms of a route's request, which is a good one with everything filled in."""
    body = _object(route, request)
    made = [*_parameters(route, request), *_query(request)]
    if body is not None:
        made += [*_documents(request, body), *_fields(request, body)]
    elif request.body is None:
        made.append(_with(request, "B1", "a body that is no JSON, where none belongs", b"{bad", EITHER))
    else:
        made.append(_as_it_is(request, "B5", f"{LONG_CHARACTERS:,} characters", b"x" * LONG_CHARACTERS))
        made.append(_as_it_is(request, "B10", "0xFF bytes", b"\xff" * 8))
    # What is wrong is told after what is missing: an item in the path may be the one that is not there.
    missing = frozenset({404}) if SUBSTITUTION.search(route.path) else frozenset()
    return tuple(replace(each, right=each.right | missing) for each in made)


def unknown_paths(path: str) -> tuple[BadInput, ...]:
    """Return requests for what is not there; `path` is one that is."""
    places = {
        "at the root": f"/{UNKNOWN}",
        "below a known path": f"{path.partition('?')[0].rstrip('/')}/{UNKNOWN}/x",
        "with a NUL": f"/{UNKNOWN}%00",
        "with bytes that are no UTF-8": f"/{UNKNOWN}%ff%fe",
        "that leads upwards": f"/{UNKNOWN}/%2e%2e/%2e%2e/etc/passwd",
        f"of {LONG_PATH:,} characters": f"/{UNKNOWN}/{'x' * LONG_PATH}",
    }
    odd = UNKNOWN_PATH | {400, 414}
    return tuple(
        BadInput(
            case="B12",
            what=f"an unknown path {what}",
            request=Request(method="GET", path=place),
            right=UNKNOWN_PATH if what == "at the root" else odd,
        )
        for what, place in places.items()
    )


def wrong_method(path: str, known: Collection[str]) -> BadInput | None:
    """Return a request with a method that a path does not have, None where it has them all."""
    method = next((each for each in METHODS if each not in known), None)
    if method is None:
        return None
    return BadInput(
        case="B13",
        what=f"the method {method}, which is not declared",
        request=Request(method=method, path=path),
        right=WRONG_METHOD,
    )


def huge(request: Request, route: Route) -> BadInput | None:
    """Return the route's request with a body of ten megabytes, None where it takes no body."""
    if request.body is None:
        return None
    body = _object(route, request)
    text = "x" * HUGE_BYTES
    field = None if body is None else _first_text(body)
    content = text.encode() if body is None else _dump(text if field is None else {**body, field: text})
    return BadInput(
        case="B5/10 MB",
        what="a body of 10 MB",
        request=replace(request, body=content),
        right=TOO_LARGE_BODY,
    )


def _object(route: Route, request: Request) -> dict[str, object] | None:
    if not isinstance(route.body, dict) or request.body is None:
        return None
    document: dict[str, object] = json.loads(request.body)
    return document


def _dump(document: object) -> bytes:
    return json.dumps(document).encode()


def _with(request: Request, case: str, what: str, body: bytes, right: frozenset[int]) -> BadInput:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
    changed = replace(request, body=body, headers={**headers, "Content-Type": _JSON})
    return BadInput(case=case, what=what, request=changed, right=right)


def _as_it_is(request: Request, case: str, what: str, body: bytes) -> BadInput:
    """Return bad text for a route that takes text: only the system knows what it makes of it."""
    return BadInput(case=case, what=what, request=replace(request, body=body), right=EITHER)


def _documents(request: Request, body: Mapping[str, object]) -> Iterator[BadInput]:
    """Yield bodies that are bad as a whole."""
    yield _with(request, "B1", "a body that is no JSON", b"{bad", MALFORMED)
    for kind in ("text/plain", None):
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
        given = headers if kind is None else {**headers, "Content-Type": kind}
        what = f"a valid body of content type {kind or 'none'}"
        changed = replace(request, headers=given)
        yield BadInput(case="B2", what=what, request=changed, right=MISTYPED)
    yield _with(request, "B3", "an array", b"[1]", MALFORMED)
    for scalar in (b"1", b"null", b'"x"'):
        yield _with(request, "B4", f"the scalar {scalar.decode()}", scalar, MALFORMED)
    yield _with(request, "B7", f"{DEPTH:,} brackets", b"[" * DEPTH, TOO_LARGE)
    yield _with(request, "B9", "an empty object", b"{}", MALFORMED)
    unknown = {**body, UNKNOWN: "x"}
    yield _with(request, "B14", "a field that is unknown", _dump(unknown), EITHER)
    # Written by hand: no dict holds a name twice.
    twice = b", ".join([_dump(body)[1:-1]] * 2)
    yield _with(request, "B14", "every field twice", b"{" + twice + b"}", EITHER)


def _fields(request: Request, body: Mapping[str, object]) -> Iterator[BadInput]:
    """Yield bodies in which one field is bad."""
    for name, value in body.items():
        wrong = _dump({**body, name: _mistyped(value)})
        yield _with(request, "B8", f"{name} of a wrong type", wrong, MALFORMED)
        rest = {other: kept for other, kept in body.items() if other != name}
        # One of several fields may be optional; that all are is shown by the empty object.
        right = MALFORMED | ACCEPTED if rest else MALFORMED
        yield _with(request, "B9", f"{name} missing", _dump(rest), right)
    text_field = _first_text(body)
    if text_field is None:
        return
    yield _with(
        request,
        "B5",
        f"{text_field} of {LONG_CHARACTERS:,} characters",
        _dump({**body, text_field: "x" * LONG_CHARACTERS}),
        TOO_LARGE,
    )
    yield _with(request, "B6", f"a NUL in {text_field}", _dump({**body, text_field: "a\0b"}), EITHER)
    texts = {"a lone surrogate": "a\ud800b", "right-to-left and astral characters": "\u200f\U0001f4a9\u202e"}
    for what, text in texts.items():
        yield _with(request, "B10", f"{what} in {text_field}", _dump({**body, text_field: text}), EITHER)
    marked = _dump({**body, text_field: UNKNOWN}).replace(UNKNOWN.encode(), b"\xff\xfe")
    yield _with(request, "B10", f"0xFF bytes in {text_field}", marked, EITHER)


def _first_text(body: Mapping[str, object]) -> str | None:
    return next((name for name, value in body.items() if isinstance(value, str)), None)


def _mistyped(value: object) -> object:
    """Return a value of a type that nobody takes for the right one."""
    if isinstance(value, (list, dict)):
        return 1
    return [{}] if isinstance(value, str) or value is None else "x"


def _parameters(route: Route, request: Request) -> Iterator[BadInput]:
    """Yield paths with a bad value in the place of each parameter."""
    declared, sent = route.path.partition("?")[0].split("/"), request.path.partition("?")[0].split("/")
    for place, part in enumerate(declared):
        if len(declared) != len(sent) or not (SUBSTITUTION.search(part) or _PARAMETER.fullmatch(part)):
            continue
        for value in PARAMETER_VALUES:
            path = "/".join((*sent[:place], value, *sent[place + 1 :]))
            changed = replace(request, path=path)
            yield BadInput(case="B11", what=f"{value} in the path", request=changed, right=NO_SUCH)


def _query(request: Request) -> Iterator[BadInput]:
    path = request.path.partition("?")[0]
    queries = {
        f"{PARAMETERS:,} query parameters": "&".join(["x="] * PARAMETERS),
        "a NUL and 0xFF bytes in the query": "x=%00%ff%fe",
    }
    for what, query in queries.items():
        changed = replace(request, path=f"{path}?{query}")
        yield BadInput(case="B14", what=what, request=changed, right=EITHER)
