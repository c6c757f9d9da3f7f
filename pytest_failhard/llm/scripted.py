"""Answers that a project writes itself, for systems that need real content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from pytest_failhard.llm.asked import prompt
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import Content, ToolCall, leaves
from pytest_failhard.llm.placeholders import Values, fill, fill_json, names
from pytest_failhard.llm.request import Request, Route
from pytest_failhard.strict import StrictError, mistakes, read_yaml, suggestion

SCHEMA = "failhard-llm-answers/1"
PLACEHOLDERS = frozenset({"canary", "canary_head", "canary_tail", "canary_number"})


class AnswersError(Exception):
    """A script of answers is malformed (one line a mistake), or a schema has no instance."""


@dataclass(frozen=True, kw_only=True)
class When:
    """Which requests an answer is for: all that is given must hold; `contains` looks in the prompt."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    route: str = ""
    model: str = ""
    contains: str = ""

    def holds(self, request: Request, route: Route) -> bool:
        """Whether a request is one of them."""
        return (
            self.route in ("", route.name)
            and self.model in ("", route.model)
            and any(self.contains in text for text in prompt(request))
        )


@dataclass(frozen=True, kw_only=True)
class Call:
    """A function to call, with arguments as a mapping."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    name: str
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An answer and what it is for: `match` is a part of the prompt, or says more; none matches all."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    match: str | When = ""
    text: str | None = None
    json: Json = None
    tool_calls: tuple[Call, ...] = ()

    @property
    def when(self) -> When:
        """Which requests it is for."""
        return When(contains=self.match) if isinstance(self.match, str) else self.match

    def mistakes(self) -> list[str]:
        """Return what is wrong with it beyond its types."""
        given = [self.text is not None, self.json is not None, bool(self.tool_calls)]
        found = [] if sum(given) == 1 else ["must have one of text, json, tool_calls"]
        used = {name for text in self._texts() for name in names(text)}
        unknown = sorted(used - PLACEHOLDERS)
        found += [f"no placeholder {{{{{name}}}}}{suggestion(name, PLACEHOLDERS)}" for name in unknown]
        if sum(given) and not used & PLACEHOLDERS:
            found.append("holds no canary: put {{canary}} where the content matters, or nothing is proven")
        return found

    def _texts(self) -> tuple[str, ...]:
        arguments = [call.arguments for call in self.tool_calls]
        return (self.text or "", *leaves(self.json), *(text for each in arguments for text in leaves(each)))

    def content(self, canaries: Canaries) -> Content:
        """Return what it answers."""
        values: Values = {
            "canary": canaries.text,
            "canary_head": canaries.head,
            "canary_tail": canaries.tail,
            "canary_number": canaries.number,
        }
        if self.tool_calls:
            calls = [
                ToolCall(
                    id=f"call_{canaries.middle}{number}",
                    name=call.name,
                    arguments=_dumped(fill_json(call.arguments, values)),
                )
                for number, call in enumerate(self.tool_calls)
            ]
            return Content(tool_calls=tuple(calls), finish="tool_calls")
        if self.text is not None:
            return Content(text=fill(self.text, values))
        return Content(text=_dumped(fill_json(self.json, values)))


def _dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class _Document:
    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    schema: Literal["failhard-llm-answers/1"]
    answers: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A script: the first rule that matches answers."""

    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Read a script; its schema is `failhard-llm-answers/1`.

        Raises AnswersError with all mistakes at once.
        """
        try:
            read = read_yaml(path.read_bytes(), path.name)
        except (OSError, StrictError) as error:
            raise AnswersError(str(error)) from error
        rules = _parsed(read, path.name).answers
        wrong = [
            f"{path.name}: answers[{number}]: {mistake}"
            for number, rule in enumerate(rules)
            for mistake in rule.mistakes()
        ]
        if wrong:
            raise AnswersError("\n".join(wrong))
        return cls(rules=rules)

    def content(self, request: Request, route: Route, canaries: Canaries) -> Content | None:
        """Return the answer of the first rule that matches, None where none does."""
        found = next((rule for rule in self.rules if rule.when.holds(request, route)), None)
        return None if found is None else found.content(canaries)


def _parsed(read: object, where: str) -> _Document:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(_Document).validate_json(_as_json(read))
    except ValidationError as error:
        known = ("schema", "answers", "match", "text", "json", "tool_calls", "name", "arguments")
        raise AnswersError("\n".join(mistakes(error, f"{where}: ", known))) from error


def _as_json(read: object) -> str:
    """Return a document as JSON, whose strict reading takes a list for a tuple; fractions become floats."""
    return json.dumps(read, default=float)
