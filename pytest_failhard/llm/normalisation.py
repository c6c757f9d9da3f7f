"""What two requests have in common that ask for the same: a body without what changes from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.labels import Labels

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

DROPPED = frozenset({
    "idempotency_key",
    "metadata",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "user",
})  # fmt: skip
"""Members of a request that name the caller or the exchange, not what is asked for."""

# What each pattern cannot do without comes first: a text can be an image of megabytes. No replacement holds
# what a pattern looks for, and no pattern runs over `<` or `>`: replacing ends.
_CHANGING = (
    ("/", r"(?:/private)?/(?:tmp|var/tmp|var/folders)/[^\s\"'<>|,;:()\[\]{}]+", "<path>"),
    (":\\", r"(?i)\b[a-z]:\\(?:[^\s\"'<>|\\]+\\)*(?:temp|tmp)\\[^\s\"'<>|,;]+", "<path>"),
    ("-", r"(?i)(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])", "<uuid>"),
    (
        ":",
        r"(?<!\d)\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?(?!\d)",
        "<time>",
    ),
    ("_", r"(?<![0-9A-Za-z])(?:call|toolu|msg|resp)_[0-9A-Za-z_-]+", "<id>"),
    ("", r"(?i)(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])", "<hex>"),
    ("", r"(?<![0-9.])\d{10,13}(?:\.\d+)?(?![0-9.])", "<epoch>"),
)
_PATTERNS = tuple((needed, re.compile(regex), replacement) for needed, regex, replacement in _CHANGING)
_BOUNDARY = re.compile(rb"--([^\r\n]{1,70})\r?\n")


def normalise(body: bytes, canaries: Sequence[Canaries]) -> bytes:
    """Return the body as the schedule and the record see it; the same for a repeated request.

    A JSON body loses the members of `DROPPED` at its top, and its strings lose UUIDs, ISO times, epochs of
    10 to 13 digits, hexadecimals of 16 or more, ids of calls, messages and responses, temporary paths, and
    canaries, which become their labels; it is written with sorted keys and no spaces. In any other body
    only canaries and the boundary of a multipart form are replaced. What is normal already stays.
    """
    return normalised(body, Labels(canaries))


def normalised(body: bytes, labels: Labels) -> bytes:
    """Return what `normalise` does, with the labels at hand."""
    try:
        document = cast("Json", json.loads(body))
        if isinstance(document, dict):
            document = {name: value for name, value in document.items() if name not in DROPPED}
        return json.dumps(_cleaned(document, labels), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return _raw(body, labels)


def without_model(normal: bytes) -> bytes:
    """Return a normalised body without the model that it asks for: the same question to another model."""
    try:
        document = cast("Json", json.loads(normal))
    except (ValueError, RecursionError):
        return normal
    if not isinstance(document, dict):
        return normal
    rest = {name: value for name, value in document.items() if name != "model"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()


def _cleaned(value: Json, labels: Labels) -> Json:
    if isinstance(value, dict):
        return {name: _cleaned(item, labels) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, labels) for item in value]
    if isinstance(value, str):
        return _constant(value, labels)
    text = json.dumps(value)
    cleaned = labels.clean(text)
    # With a label in it a number is text, and so is what is left of it.
    return value if cleaned == text else _constant(cleaned, labels)


def _constant(text: str, labels: Labels) -> str:
    # What is replaced may uncover what stood beside it; every round leaves less, so this ends.
    while True:
        cleaned = labels.clean(text)
        for needed, pattern, replacement in _PATTERNS:
            if needed in cleaned:
                cleaned = pattern.sub(replacement, cleaned)
        if cleaned == text:
            return text
        text = cleaned


def _raw(body: bytes, labels: Labels) -> bytes:
    boundary = _BOUNDARY.match(body)
    if boundary is not None and b"--" + boundary[1] + b"--" in body:
        body = body.replace(b"--" + boundary[1], b"--<boundary>")
    # Latin-1 takes every byte and gives it back.
    return labels.clean(body.decode("latin-1")).encode("latin-1")
