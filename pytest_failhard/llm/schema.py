"""Instances of JSON Schemas: the least that is valid, with canaries in its strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.content import items
from pytest_failhard.llm.patterns import PatternError, example

DEEPEST = 40
Schema = Mapping[str, object]


class SchemaError(ValueError):
    """No instance can be made; the message names the place in the schema."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where in the schema we are: `within` are the references that are being followed."""

    root: Schema
    canaries: Canaries
    path: str = "#"
    within: tuple[str, ...] = ()

    def inside(self, step: str, reference: str = "") -> _Place:
        within = (*self.within, reference) if reference else self.within
        return _Place(root=self.root, canaries=self.canaries, path=f"{self.path}/{step}", within=within)

    def wrong(self, what: str) -> SchemaError:
        return SchemaError(f"{self.path}: {what}; script the answer")


def instance(schema: Schema, canaries: Canaries) -> object:
    """Return a valid value. Objects have all their properties, lists as few items as they may, at least one.

    Raises SchemaError where there is no valid value, or none that we find.
    """
    return _value(schema, _Place(root=schema, canaries=canaries))


def _value(schema: object, place: _Place) -> object:
    if not isinstance(schema, dict):
        if schema is False:
            raise place.wrong("nothing is valid")
        return place.canaries.text
    if len(place.within) > DEEPEST:
        raise place.wrong("it refers to itself without end")
    found = next((make for keyword, make in _KEYWORDS if keyword in schema), _typed)
    return found(schema, place)


def _const(schema: Schema, _place: _Place) -> object:
    return schema["const"]


def _enum(schema: Schema, place: _Place) -> object:
    allowed = items(schema["enum"])
    if not allowed:
        raise place.wrong("an enum without values")
    return allowed[0]


def _reference(schema: Schema, place: _Place) -> object:
    name = str(schema["$ref"])
    target: object = place.root
    for step in name.removeprefix("#").strip("/").split("/"):
        plain = step.replace("~1", "/").replace("~0", "~")
        target = target.get(plain) if isinstance(target, dict) and plain else target
    if target is None:
        raise place.wrong(f"{name} does not exist")
    return _value(target, place.inside("$ref", name))


def _alternatives(schema: Schema, place: _Place) -> object:
    keyword = "anyOf" if "anyOf" in schema else "oneOf"
    mistakes: list[str] = []
    listed = items(schema[keyword])
    rest = {name: value for name, value in schema.items() if name != keyword}
    for number, each in sorted(enumerate(listed), key=lambda pair: _is_null(pair[1])):
        try:
            return _value(_merged(rest, each), place.inside(f"{keyword}/{number}"))
        except SchemaError as error:
            mistakes.append(str(error))
    raise place.wrong(f"no alternative fits: {'; '.join(mistakes)}")


def _is_null(schema: object) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("null", "NULL")


def _all_of(schema: Schema, place: _Place) -> object:
    merged: object = {name: value for name, value in schema.items() if name != "allOf"}
    for each in items(schema["allOf"]):
        merged = _merged(merged, _resolved(each, place))
    return _value(merged, place.inside("allOf"))


def _resolved(schema: object, place: _Place) -> object:
    if not isinstance(schema, dict) or "$ref" not in schema:
        return schema
    target: object = place.root
    for step in str(schema["$ref"]).removeprefix("#/").split("/"):
        target = target.get(step) if isinstance(target, dict) else None
    return target


def _merged(first: object, second: object) -> object:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    both = {**first, **second}
    properties = [each["properties"] for each in (first, second) if isinstance(each.get("properties"), dict)]
    if properties:
        both["properties"] = {name: value for each in properties for name, value in each.items()}
        both["required"] = [*items(first.get("required")), *items(second.get("required"))]
    return both


def _typed(schema: Schema, place: _Place) -> object:
    kind = _kind(schema)
    if kind not in _TYPES:
        raise place.wrong(f"no such type: {kind}")
    return _TYPES[kind](schema, place)


def _kind(schema: Schema) -> str:
    """Return the type in lower case, for Gemini writes it in capitals; told by other keywords if missing."""
    given = schema.get("type")
    if isinstance(given, list):
        given = next((each for each in given if each != "null"), "null")
    if isinstance(given, str):
        return given.lower()
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "object" if "properties" in schema else "string"


def _object(schema: Schema, place: _Place) -> object:
    properties = schema.get("properties")
    known: Schema = properties if isinstance(properties, dict) else {}
    required = [str(each) for each in items(schema.get("required"))]
    made: dict[str, object] = {}
    for name in [*known, *(each for each in required if each not in known)]:
        inner = known.get(name, {})
        if name in required or not _recurses(inner, place):
            made[name] = _value(inner, place.inside(f"properties/{name}"))
    if not known and not required and schema.get("additionalProperties") is not False:
        made["answer"] = _value(schema.get("additionalProperties", {}), place.inside("additionalProperties"))
    return made


def _recurses(schema: object, place: _Place) -> bool:
    """Whether a schema refers to one that is being followed: what may be left out then is."""
    if isinstance(schema, dict):
        return schema.get("$ref") in place.within or any(_recurses(each, place) for each in schema.values())
    return any(_recurses(each, place) for each in items(schema))


def _array(schema: Schema, place: _Place) -> object:
    first = items(schema.get("prefixItems"))
    least, most = _integer(schema, "minItems", 0), _integer(schema, "maxItems", None)
    inner = schema.get("items", {})
    wanted = max(least or 0, len(first), 0 if _recurses(inner, place) or inner is False else 1)
    wanted = wanted if most is None else min(wanted, most)
    if wanted < (least or 0):
        raise place.wrong("minItems is above maxItems")
    made = [_value(each, place.inside(f"prefixItems/{number}")) for number, each in enumerate(first[:wanted])]
    made += [_value(inner, place.inside("items")) for _ in range(wanted - len(made))]
    return made


def _integer(schema: Schema, name: str, default: int | None) -> int | None:
    """Return a count; Gemini writes counts as texts."""
    value = schema.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, (int, float)) else default


def _number(schema: Schema, place: _Place) -> object:
    whole = _kind(schema) == "integer"
    step = _limit(schema, "multipleOf") or (1 if whole else None)
    low, high = _limit(schema, "minimum"), _limit(schema, "maximum")
    above, below = _limit(schema, "exclusiveMinimum"), _limit(schema, "exclusiveMaximum")
    candidates = [
        place.canaries.number,
        *(each for each in (low, high, 0, 1) if each is not None),
        *_beside(above, below, step),
    ]
    stepped = [_stepped(each, step, up) for each in candidates for up in (True, False)]
    for each in stepped:
        fits = (low is None or each >= low) and (high is None or each <= high)
        if fits and (above is None or each > above) and (below is None or each < below):
            return int(each) if whole or each == int(each) else each
    raise place.wrong("no number is within its bounds")


def _beside(above: float | None, below: float | None, step: float | None) -> list[float]:
    if above is not None and below is not None:
        return [(above + below) / 2]
    found = [above + (step or 1)] if above is not None else []
    return [*found, below - (step or 1)] if below is not None else found


def _stepped(value: float, step: float | None, up: bool) -> float:
    if step is None:
        return value
    return (math.ceil(value / step) if up else math.floor(value / step)) * step


def _limit(schema: Schema, name: str) -> float | None:
    value = schema.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _boolean(_schema: Schema, _place: _Place) -> object:
    return True


def _null(_schema: Schema, _place: _Place) -> object:
    return None


def _string(schema: Schema, place: _Place) -> object:
    least, most = _integer(schema, "minLength", 0) or 0, _integer(schema, "maxLength", None)
    canaries = place.canaries
    if most is not None and most < least:
        raise place.wrong("minLength is above maxLength")
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        try:
            return example(pattern, (canaries.text, canaries.head, canaries.tail), least, most)
        except PatternError as error:
            raise place.wrong(str(error)) from error
    formatted = _formatted(schema, canaries)
    if formatted is not None:
        return formatted
    text = canaries.text
    while len(text) < least:
        text = f"{text} {canaries.text}"
    return text if most is None or len(text) <= most else _shortened(text, most, canaries)


def _shortened(text: str, most: int, canaries: Canaries) -> str:
    """Return as many whole words of the case as there is room for."""
    short = f"{canaries.head} {canaries.tail}"
    return next((each for each in (short, canaries.head) if len(each) <= most), text[:most])


def _formatted(schema: Schema, canaries: Canaries) -> str | None:
    head, tail = canaries.head, canaries.tail
    known = {
        "date-time": "2026-01-02T03:04:05Z",
        "date": "2026-01-02",
        "time": "03:04:05Z",
        "duration": "PT1S",
        "email": f"{head}@{tail}.example",
        "hostname": f"{head}.{tail}.example",
        "uri": f"https://{head}.example/{tail}",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
        "uuid": f"00000000-0000-4000-8000-{canaries.number:012d}",
    }
    return known.get(str(schema.get("format")))


_TYPES: Mapping[str, Callable[[Schema, _Place], object]] = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "string": _string,
    "boolean": _boolean,
    "null": _null,
}
_KEYWORDS: tuple[tuple[str, Callable[[Schema, _Place], object]], ...] = (
    ("const", _const),
    ("enum", _enum),
    ("$ref", _reference),
    ("anyOf", _alternatives),
    ("oneOf", _alternatives),
    ("allOf", _all_of),
)
