"""The wait that an answer asks for: how it is written in each place, and how it is read back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items
from pytest_failhard.llm.http1 import date
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.placeholders import Value

# Tier 1 of gpt-4o-mini as documented: the figures do not matter, their presence does.
REQUESTS_PER_MINUTE = 500
TOKENS_PER_MINUTE = 30000
_MINUTE = 60
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")


def values(milliseconds: Value, now: datetime) -> dict[str, Value]:
    """Return the placeholders that say a hint, all None where there is none.

    `hint_s` is in whole seconds, rounded up as `retry-after` demands; `hint_duration` is exact, as protobuf
    writes it (`0.005s`); times are rounded up, since one that has passed asks for no wait.
    """
    if not isinstance(milliseconds, (int, float)):
        return dict.fromkeys(("hint_ms", "hint_s", "hint_duration", "hint_text", "hint_time", "http_date"))
    seconds = math.ceil(milliseconds / 1000)
    then = now + timedelta(seconds=seconds)
    return {
        "hint_ms": milliseconds,
        "hint_s": seconds,
        "hint_duration": f"{milliseconds / 1000:g}s",
        "hint_text": text(milliseconds / 1000),
        "hint_time": f"{then:%Y-%m-%dT%H:%M:%SZ}",
        "http_date": date(then),
    }


def text(seconds: float) -> str:
    """Return a wait as OpenAI writes it: `20ms`, `1s`, `6m0s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, _MINUTE)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"


def asked(headers: Mapping[str, str], body: Json, now: datetime) -> float | None:
    """Return the wait that an answer asks for, in seconds, as the SDKs read it: None for none.

    In the order of openai and anthropic: `retry-after-ms`, `retry-after` as a number, then as a date; last
    Gemini's RetryInfo. A wait of 0 asks for none.
    """
    found = _milliseconds(headers), _seconds(headers, now), _retry_info(body)
    return next((each for each in found if each), None)


def _milliseconds(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after-ms")
    return None if value is None else float(value) / 1000


def _seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    value = headers.get("retry-after")
    if value is None:
        return None
    if "," in value:
        return (parsedate_to_datetime(value) - now).total_seconds()
    return float(value)


def _retry_info(body: Json) -> float | None:
    delays = (at(each, "retryDelay") for each in items(at(body, "error", "details")))
    matches = (_DURATION.fullmatch(each) for each in delays if isinstance(each, str))
    return next((float(match.group(1)) for match in matches if match), None)


def rate_limits(used: Usage) -> dict[str, str]:
    """Return OpenAI's `x-ratelimit-*` headers of a healthy answer that took these tokens."""
    limits = {"requests": REQUESTS_PER_MINUTE, "tokens": TOKENS_PER_MINUTE}
    spent = {"requests": 1, "tokens": used.input + used.output}
    left = {name: max(0, limits[name] - spent[name]) for name in limits}
    waits = {name: math.ceil(_MINUTE * 1000 * spent[name] / limits[name]) / 1000 for name in limits}
    return {
        **{f"x-ratelimit-limit-{name}": str(value) for name, value in limits.items()},
        **{f"x-ratelimit-remaining-{name}": str(value) for name, value in left.items()},
        **{f"x-ratelimit-reset-{name}": text(value) for name, value in waits.items()},
    }
