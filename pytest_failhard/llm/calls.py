"""The calls in `[tool.failhard.llm]`: which operations need the model, and where their result stands."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

SECTION = "pyproject.toml: [tool.failhard.llm] calls"
Form = Literal["callable", "command", "route"]
Place = Literal["body", "stdout", "return", "file"]
CANARIES = ("text", "number", "choice")
DEFAULT_PLACE: Mapping[Form, Place] = {"route": "body", "command": "stdout", "callable": "return"}
_PLACES: Mapping[Form, tuple[Place, ...]] = {
    "route": ("body", "file"),
    "command": ("stdout", "file"),
    "callable": ("return", "stdout", "file"),
}
_CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_RESULT = re.compile(
    r"(?:(?P<place>body|stdout|return|file:\S+)(?: (?=json:)|$))?(?:json:(?P<pointer>(?:/[^ ]*)?))?"
)
_COST = re.compile(r"json:(/[^ ]*)+")
Text = Annotated[str, Field(min_length=1)]
ErrorStatus = Annotated[int, Field(ge=400, le=599)]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Where a call's result stands. `pointer` is a JSON pointer into it, None for all of it as text."""

    place: Place
    path: str = ""
    """The file, relative to the root of the working copy; for the place `file` alone."""
    pointer: str | None = None


def result(text: str, form: Form) -> Result:
    """Return where a result is; raises ValueError for a text that says no place, or one the form lacks."""
    match = _RESULT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"result: {text!r} says no place; write body, stdout, return or file:PATH, "
            "and json:/POINTER for a value in it"
        )
    named = match["place"] or DEFAULT_PLACE[form]
    path = named.removeprefix("file:") if named.startswith("file:") else ""
    place = next((known for known in _PLACES[form] if known == named.partition(":")[0]), None)
    if place is None:
        raise ValueError(f"result: a {form} has no {named}; it has {', '.join(_PLACES[form])}")
    if path and (PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts):
        raise ValueError(f"result: {path!r} must be a path inside the project")
    return Result(place=place, path=path, pointer=match["pointer"])


@dataclass(frozen=True, kw_only=True)
class Table:
    """Refuses unknown keys and silent conversions."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True)
class Call(Table):
    """An operation that needs the model, in exactly one form.

    `route` is the id of a declared route, `command` an argv, `callable` a `package.module:function` with
    `input` as its keyword arguments. `error_status` are further statuses that count as a failure. `cost` is
    where the answer says what the call has cost in USD: `json:` and a JSON pointer.
    """

    id: Text
    route: Text | None = None
    command: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    callable: Text | None = None
    input: dict[str, object] = field(default_factory=dict)
    result: str = ""
    canary: Literal["text", "number", "choice"] = "text"
    answers: str = ""
    error_status: tuple[ErrorStatus, ...] = ()
    cost: str = ""

    def __post_init__(self) -> None:
        """Refuse what is contradictory, all of it at once."""
        found = list(self._problems())
        if found:
            raise ValueError("; ".join(found))

    @property
    def form(self) -> Form:
        """How the system is called."""
        if self.route is not None:
            return "route"
        return "command" if self.command is not None else "callable"

    @property
    def where(self) -> Result:
        """Where the result stands."""
        return result(self.result, self.form)

    def _problems(self) -> Iterator[str]:
        given = [name for name in ("route", "command", "callable") if getattr(self, name) is not None]
        if len(given) != 1:
            yield f"give exactly one of route, command, callable (given: {', '.join(given) or 'none'})"
            return
        if self.callable is not None and not _CALLABLE.fullmatch(self.callable):
            yield f"callable: must be package.module:function (it is {self.callable!r})"
        if self.input and self.callable is None:
            yield "input: only a callable takes it; a route's is its body, a command's its arguments"
        if self.cost and not _COST.fullmatch(self.cost):
            yield f"cost: must be json:/POINTER, a place in the answer (it is {self.cost!r})"
        try:
            _ = self.where
        except ValueError as error:
            yield str(error)


class CallsError(Exception):
    """The table cannot be used; the message holds all mistakes, one a line."""


@functools.cache
def _adapter() -> TypeAdapter[tuple[Call, ...]]:
    return TypeAdapter(tuple[Call, ...])


def calls(table: Mapping[str, object]) -> tuple[Call, ...]:
    """Return the declared calls of the table `[tool.failhard.llm]`. Raises CallsError."""
    try:
        return _adapter().validate_json(json.dumps(table.get("calls", [])))
    except ValidationError as error:
        # What reads YAML need not be loaded to say that nothing is wrong.
        from pytest_failhard.strict import mistakes

        raise CallsError("\n".join(mistakes(error, SECTION, {each.name for each in fields(Call)}))) from None
