"""The waivers in force as evidence, without loss: `run/waivers.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pytest_failhard.model import GateError, Waiver
from pytest_failhard.report.observation import Exact, exact, number


class WaiversError(GateError):
    """Bytes that are no list of waivers."""


class _Waiver(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    gate: str
    rule: str
    path: str
    fingerprint: str
    reason: str
    owner: str
    expires: date
    kind: str
    ref: str
    approved_by: str
    value: Exact | None


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
        places = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise WaiversError(f"waivers-unreadable: {places}; run the check again") from None
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
