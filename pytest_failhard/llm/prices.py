"""What a model's tokens cost: list prices from a file, as exact decimals."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from pytest_failhard.llm.attempt import Attempt
from pytest_failhard.strict import StrictError, mistakes, read_day, read_yaml

FILE = "prices.yaml"
STALE_DAYS = 180

# Dialects that are other wires to the same price list.
_PROVIDERS: Mapping[str, str] = {"openai_responses": "openai", "openai_embeddings": "openai"}
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class PriceError(Exception):
    """A price list cannot be used, or a model has no price in it (`price-unknown`); says what to do."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """The prices of one model for as many tokens as the list says."""

    input: Decimal
    cached_input: Decimal
    output: Decimal


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A price list. `models` are by provider and glob; `sha256` is that of the file."""

    as_of: date
    currency: str
    per_tokens: int
    models: Mapping[str, Mapping[str, Price]]
    sha256: str

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Return the list in a file, the shipped one without. Raises PriceError with all mistakes."""
        if path is None:
            shipped = resources.files("pytest_failhard") / "policies" / FILE
            return _parsed(shipped.read_bytes(), FILE)
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PriceError(f"{path}: cannot be read: {reason}; name a price list that exists") from None
        return _parsed(data, str(path))

    def find(self, dialect: str, model: str) -> Price | None:
        """Return the price of a model, by the longest glob that matches; None where there is none."""
        globs = self.models.get(_PROVIDERS.get(dialect, dialect), {})
        matching = [glob for glob in globs if fnmatchcase(model, glob)]
        return globs[max(matching, key=lambda glob: (len(glob), glob))] if matching else None

    def cost(self, attempt: Attempt) -> Decimal:
        """Return what an attempt costs, in the list's currency, by the usage that its answer reported.

        Raises PriceError for a model without a price: that is never 0.
        """
        price = self.find(attempt.dialect, attempt.model)
        if price is None:
            raise PriceError(
                f"price-unknown: {attempt.dialect} model {attempt.model!r} has no price in the list of "
                f"{self.as_of}: add it to a price list of your own"
            )
        usage = attempt.usage
        fresh = (usage.input - usage.cached) * price.input
        return (fresh + usage.cached * price.cached_input + usage.output * price.output) / self.per_tokens

    def is_stale(self, today: date) -> bool:
        """Return whether the list is older than 180 days."""
        return (today - self.as_of).days > STALE_DAYS


def _day(value: object) -> date:
    day = read_day(value)
    if day is None:
        raise ValueError(f"must be a day that exists, as YYYY-MM-DD (it is {value!r})")
    return day


def _decimal(value: object) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError(f'must be a decimal in quotes, such as "0.15" (it is {_written(value)})')
    return Decimal(value)


def _written(value: object) -> str:
    return str(float(value)) if isinstance(value, Fraction) else repr(value)


Amount = Annotated[Decimal, PlainValidator(_decimal)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    input: Amount
    cached_input: Amount
    output: Amount


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)

    schema_: Literal["failhard-prices/1"] = Field(alias="schema")
    as_of: Annotated[date, PlainValidator(_day)]
    currency: Literal["USD"]
    per_tokens: Annotated[int, Field(gt=0)]
    models: dict[str, dict[str, _Entry]] = Field(min_length=1)


_KEYS = ("schema", *_Document.model_fields, *_Entry.model_fields)


def _parsed(data: bytes, where: str) -> Prices:
    try:
        document = _Document.model_validate(read_yaml(data, where))
    except StrictError as error:
        raise PriceError(str(error)) from None
    except ValidationError as error:
        raise PriceError("\n".join(mistakes(error, f"{where}: ", _KEYS))) from None
    return Prices(
        as_of=document.as_of,
        currency=document.currency,
        per_tokens=document.per_tokens,
        models={
            provider: {glob: _price(entry) for glob, entry in globs.items()}
            for provider, globs in document.models.items()
        },
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _price(entry: _Entry) -> Price:
    return Price(input=entry.input, cached_input=entry.cached_input, output=entry.output)
