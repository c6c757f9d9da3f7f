"""The waivers in force as evidence, without loss: `run/waivers.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import JsonValue, TypeAdapter, ValidationError

from pytest_failhard.model import GateError, Waiver
from pytest_failhard.report.parts import WaiverPart, exact, number, places


class WaiversError(GateError):
    """Bytes that are no list of waivers."""


class Stored(WaiverPart):
    """A waiver as it stands in a file of evidence."""

    gate: str


_LIST = TypeAdapter(tuple[Stored, ...])


def dump(waivers: Iterable[Waiver]) -> bytes:
    """Return the waivers as canonical JSON, in their order."""
    listed = [values(waiver) for waiver in waivers]
    return (json.dumps(listed, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def values(waiver: Waiver) -> dict[str, JsonValue]:
    """Return a waiver as plain values, without loss."""
    return {
        **vars(waiver),
        "expires": waiver.expires.isoformat(),
        "value": None if waiver.value is None else exact(waiver.value),
    }


def restored(stored: Stored) -> Waiver:
    """Return the waiver that was stored."""
    return Waiver(
        gate=stored.gate,
        rule=stored.rule,
        path=stored.path,
        fingerprint=stored.fingerprint,
        reason=stored.reason,
        owner=stored.owner,
        expires=stored.expires,
        kind=stored.kind,
        ref=stored.ref,
        approved_by=stored.approved_by,
        value=None if stored.value is None else number(stored.value),
        until_fixed=stored.until_fixed,
    )


def load(data: bytes) -> tuple[Waiver, ...]:
    """Read what `dump` wrote; raises WaiversError."""
    try:
        stored = _LIST.validate_json(data)
    except ValidationError as error:
        raise WaiversError(f"waivers-unreadable: {places(error)}; run the check again") from None
    return tuple(map(restored, stored))
