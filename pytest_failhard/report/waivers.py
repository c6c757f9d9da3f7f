"""The waivers in force as evidence, without loss: `run/waivers.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from pytest_failhard.model import GateError, Waiver
from pytest_failhard.report.parts import WaiverPart, exact, number, places


class WaiversError(GateError):
    """Bytes that are no list of waivers."""


class _Waiver(WaiverPart):
    gate: str


_LIST = TypeAdapter(tuple[_Waiver, ...])


def dump(waivers: Iterable[Waiver]) -> bytes:
    """Return the waivers as canonical JSON, in their order."""
    listed = [
        {
            **vars(waiver),
            "expires": waiver.expires.isoformat(),
            "value": None if waiver.value is None else exact(waiver.value),
        }
        for waiver in waivers
    ]
    return (json.dumps(listed, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def load(data: bytes) -> tuple[Waiver, ...]:
    """Read what `dump` wrote; raises WaiversError."""
    try:
        stored = _LIST.validate_json(data)
    except ValidationError as error:
        raise WaiversError(f"waivers-unreadable: {places(error)}; run the check again") from None
    return tuple(
        Waiver(
            gate=each.gate,
            rule=each.rule,
            path=each.path,
            fingerprint=each.fingerprint,
            reason=each.reason,
            owner=each.owner,
            expires=each.expires,
            kind=each.kind,
            ref=each.ref,
            approved_by=each.approved_by,
            value=None if each.value is None else number(each.value),
        )
        for each in stored
    )
