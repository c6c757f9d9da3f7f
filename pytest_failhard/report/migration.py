"""Reports of earlier schemas: brought to the current one step by step, and back, without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from pytest_failhard.report import document as documents
from pytest_failhard.report.document import SCHEMA, Document, DocumentError

if TYPE_CHECKING:
    from pydantic import JsonValue

Json = dict[str, "JsonValue"]
FIRST = "failhard-report/0"
"""What was written before the first release. It called itself `failhard-report/1` already, and is told
apart by what it lacks: `volatile.evidence`, and `until_fixed` in its waivers."""
NAME = re.compile(r"failhard-report/(0|[1-9]\d{0,5})")
MIGRATED = "migrated"


@dataclass(frozen=True, kw_only=True)
class Step:
    """The way from a schema to the next. `up` and `down` change a report in place, each undoing the other.

    `shape` is the JSON Schema of the earlier one: a key that it does not have is kept aside.
    """

    after: str
    up: Callable[[Json], None]
    down: Callable[[Json], None]
    shape: Callable[[], Mapping[str, JsonValue]]


def form(content: Mapping[str, JsonValue], newest: str = SCHEMA) -> str:
    """Return the schema of a report; raises DocumentError for one after the newest, or none at all."""
    named = content.get("schema")
    found = NAME.fullmatch(named) if isinstance(named, str) else None
    if found is None:
        raise DocumentError(f"schema: is {json.dumps(named)}, and no failhard-report")
    volatile = content.get("volatile")
    if named == SCHEMA and isinstance(volatile, dict) and "evidence" not in volatile:
        return FIRST
    if int(found[1]) > _number(newest):
        raise DocumentError(f"schema: is {named}, newer than {newest}: update pytest-failhard to read it")
    return str(named)


def load(data: bytes) -> tuple[Document, bool]:
    """Return a report of any schema as the current types, and whether its digest is that of its bytes.

    `digest` stays what it is in the file. Raises DocumentError.
    """
    content = documents.parsed(data)
    is_sealed = content.get("digest") == documents.digest_of(content)
    if form(content) == SCHEMA:
        return documents.load(data), is_sealed
    raised = documents.load(documents.dumped(up(content)))
    return raised.model_copy(update={"digest": content.get("digest")}), is_sealed


def up(content: Mapping[str, JsonValue], steps: Mapping[str, Step] | None = None) -> Json:
    """Return a report in the current schema, its digest made anew; raises DocumentError.

    What each step cannot carry on stands in `volatile.migrated`, from which `back` restores it.
    """
    table = STEPS if steps is None else steps
    newest = max((SCHEMA, *(step.after for step in table.values())), key=_number)
    made = _copied(content)
    while (name := form(made, newest)) in table:
        step = table[name]
        kept: list[JsonValue] = []
        entry: Json = {"schema": made["schema"], "digest": made.get("digest"), "kept": kept}
        made = _object(_parted(made, _Shapes(step.shape()), (), kept))
        step.up(made)
        made["schema"] = step.after
        _steps(made).append(entry)
        made["digest"] = documents.digest_of(made)
    return made


def back(content: Mapping[str, JsonValue], steps: Mapping[str, Step] | None = None) -> Json:
    """Return a report as it was before it was brought to the current schema; raises DocumentError."""
    table = STEPS if steps is None else steps
    made = _copied(content)
    while entry := _last(made):
        taken = [step for step in table.values() if step.after == made["schema"]]
        if not taken:
            raise DocumentError(f"schema: no step leads to {made['schema']}")
        taken[0].down(made)
        for each in cast("list[Json]", entry["kept"]):
            _put(made, each)
        made |= {"schema": entry["schema"], "digest": entry["digest"]}
    return made


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _copied(content: Mapping[str, JsonValue]) -> Json:
    return cast("Json", json.loads(json.dumps(content)))


def _object(value: JsonValue) -> Json:
    if not isinstance(value, dict):
        raise DocumentError("volatile: is no object")
    return value


def _steps(content: Json) -> list[JsonValue]:
    """Return the list of steps in a report, made where there is none yet."""
    listed = _object(content.get("volatile")).setdefault(MIGRATED, [])
    return listed if isinstance(listed, list) else []


def _last(content: Json) -> Json:
    """Take the last step off a report; nothing where there is none."""
    volatile = _object(content.get("volatile"))
    listed = volatile.get(MIGRATED)
    if not isinstance(listed, list) or not listed:
        return {}
    return _object(listed.pop())


class _Shapes:
    """A JSON Schema with the definitions that it refers to."""

    def __init__(self, whole: Mapping[str, JsonValue], at: Mapping[str, JsonValue] | None = None) -> None:
        self.whole = whole
        here = whole if at is None else at
        name = here.get("$ref")
        if isinstance(name, str):
            here = _mapping(_mapping(whole.get("$defs")).get(name.rpartition("/")[2]))
        self.here = here

    @property
    def names(self) -> Mapping[str, JsonValue] | None:
        """The keys that an object has; None for one with any."""
        found = self.here.get("properties")
        return found if isinstance(found, dict) else None

    def inner(self, key: str | int) -> _Shapes:
        """Return the shape of what stands below a key, or of each item of a list."""
        if isinstance(key, int):
            return _Shapes(self.whole, _mapping(self.here.get("items")))
        below = (self.names or {}).get(key, self.here.get("additionalProperties"))
        return _Shapes(self.whole, _mapping(below))


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _parted(value: JsonValue, shapes: _Shapes, at: tuple[str | int, ...], kept: list[JsonValue]) -> JsonValue:
    """Return a value without the keys that its schema does not have; those are put into `kept`."""
    if isinstance(value, list):
        return [_parted(each, shapes.inner(at_), (*at, at_), kept) for at_, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    names = shapes.names
    made: Json = {}
    for index, (key, each) in enumerate(value.items()):
        if names is not None and key not in names:
            kept.append({"at": [*at], "key": key, "index": index, "value": each})
        else:
            made[key] = _parted(each, shapes.inner(key), (*at, key), kept)
    return made


def _put(content: Json, entry: Json) -> None:
    """Put a key back where it stood."""
    place: JsonValue = content
    for key in cast("list[str | int]", entry["at"]):
        place = cast("Json", place)[cast("str", key)]
    inner = _object(place)
    items = [*inner.items()]
    items.insert(cast("int", entry["index"]), (str(entry["key"]), entry["value"]))
    inner.clear()
    inner.update(items)


def _waivers(content: Json) -> Iterator[Json]:
    """Yield every waiver in a report."""
    gates = content.get("gates")
    for gate in gates if isinstance(gates, list) else []:
        waived = _mapping(gate).get("waived")
        for each in waived if isinstance(waived, list) else []:
            if isinstance(waiver := _mapping(each).get("waiver"), dict):
                yield waiver


def _from_first(content: Json) -> None:
    _object(content.get("volatile"))["evidence"] = {}
    for waiver in _waivers(content):
        waiver["until_fixed"] = False


def _to_first(content: Json) -> None:
    volatile = _object(content.get("volatile"))
    del volatile["evidence"], volatile[MIGRATED]
    for waiver in _waivers(content):
        del waiver["until_fixed"]


def _first_shape() -> Mapping[str, JsonValue]:
    """Return the schema of what was written first: the current one less what came later."""
    shape = _copied(documents.json_schema())
    parts = _mapping(shape["$defs"])
    for part, later in (("VolatilePart", ("evidence", MIGRATED)), ("WaiverPart", ("until_fixed",))):
        names = _object(_mapping(parts[part])["properties"])
        for name in later:
            del names[name]
    return shape


STEPS: Mapping[str, Step] = MappingProxyType(
    {FIRST: Step(after=SCHEMA, up=_from_first, down=_to_first, shape=_first_shape)}
)
"""Schema -> the step to the next one. A change to the report that old ones do not have adds one here."""
