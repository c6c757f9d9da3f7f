"""Reads evidence for drawing: what has another form is named and not drawn, whatever it is."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

MAX_PLACES = 3


class UnreadableError(Exception):
    """Evidence of another form than is drawn here: which part, and why."""


class Loose(BaseModel):
    """Checks what is drawn and lets the rest be: evidence holds more than a page shows."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Drawn = TypeVar("Drawn", bound=Loose)


def _checked(value: str) -> str:
    if not -1e300 < float(value) < 1e300:
        raise ValueError("is no finite number")
    return value


Figure = Annotated[str, AfterValidator(_checked)]
"""A number as text: shown as it stands, and drawn as a float."""


def whole(kind: type[Drawn], data: bytes) -> Drawn:
    """Read a JSON document; raises UnreadableError."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise UnreadableError(_said(error)) from None


def lines(kind: type[Drawn], data: bytes, having: bytes = b"") -> tuple[Drawn, ...]:
    """Read the JSON lines in which `having` stands; raises UnreadableError."""
    try:
        return tuple(
            kind.model_validate_json(line) for line in data.splitlines() if line.strip() and having in line
        )
    except ValidationError as error:
        raise UnreadableError(_said(error)) from None


def _said(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    named = [f"{'.'.join(map(str, each['loc'])) or 'document'}: {each['msg']}" for each in found[:MAX_PLACES]]
    return "; ".join([*named, *(["..."] if len(found) > MAX_PLACES else [])])
