"""Reads what people write: YAML without surprises, and every mistake with its place and its repair."""

from __future__ import annotations

import difflib
import re
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MAX_BYTES = 1024 * 1024
_DECIMAL = re.compile(r"-?[0-9]{1,400}\.[0-9]{1,400}")
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "str", "seq"))
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_REPAIRS = {
    "missing": "is missing: add it",
    "int_type": "must be a whole number",
    "string_type": "must be text; quote it",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "dataclass_type": "must be a table",
    "model_attributes_type": "must be a table",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


class StrictError(Exception):
    """A document cannot be read at all. The message says where and what to do."""


class _Reader(yaml.SafeLoader):
    """Plain values only: no dates, octals, sexagesimals, yes and no, aliases or merge keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # PyYAML ships no types, its stubs few.
            event = self.peek_event()  # type: ignore[no-untyped-call, unused-ignore]
            raise yaml.composer.ComposerError(None, None, "an alias: write the value out", event.start_mark)
        # PyYAML ships no types, its stubs few.
        return super().compose_node(parent, index)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]


def _mapping(reader: _Reader, node: yaml.MappingNode) -> dict[object, object]:
    seen: dict[object, object] = {}
    for key_node, value_node in node.value:
        key = reader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is no text; quote it", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key} stands twice; keep one", key_node.start_mark
            )
        seen[key] = reader.construct_object(value_node, deep=True)
    return seen


def _decimal(_reader: _Reader, node: yaml.ScalarNode) -> Fraction:
    # Under a tag anything may stand here; an exponent of nine digits would be a number of as many.
    if not _DECIMAL.fullmatch(node.value):
        raise ValueError(f"{node.value[:20]!r} is no decimal number")
    # From the text: 0.85 as a float is not 85/100.
    return Fraction(node.value)


class _Shipped(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where it was built
    """The same values, several times as fast."""


for _loader in (_Reader, _Shipped):
    # Else the parent's, with their dates and octals, would hold too.
    _loader.yaml_implicit_resolvers = {}
    # Nor may a tag ask for what no document of ours holds: a date, bytes, a set.
    _loader.yaml_constructors = {
        tag: made for tag, made in _loader.yaml_constructors.items() if tag is None or tag in _PLAIN
    }
    _loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    _loader.add_constructor("tag:yaml.org,2002:float", _decimal)
    for _tag, _pattern, _first in (
        ("null", r"^(?:null|~|)$", ["n", "~", ""]),
        ("bool", r"^(?:true|false)$", ["t", "f"]),
        ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
        ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", list("-0123456789")),
    ):
        _loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_shipped_yaml(data: bytes) -> object:
    """Return a document that ships with us, as `read_yaml` would; a mistake in it is a defect of ours."""
    return _Shipped(data).get_single_data()


def read_yaml(data: bytes, where: str) -> object:
    """Return the document: text, integers, Fractions, booleans, None, lists and mappings with text keys.

    Raises StrictError for what is no UTF-8, no YAML, over 1 MiB, nested without end, or holds a key twice.
    """
    if len(data) > MAX_BYTES:
        raise StrictError(f"{where}: larger than {MAX_BYTES} bytes; no such file is meant")
    try:
        reader = _Reader(data.decode("utf-8"))
        return reader.get_single_data()
    except UnicodeDecodeError as error:
        raise StrictError(f"{where}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise StrictError(f"{place}: {error.problem or 'not valid YAML'}") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        text = " ".join(str(error).split())
        raise StrictError(f"{where}: not valid YAML: {text}") from None
    except RecursionError:
        raise StrictError(f"{where}: nested too deeply; no such file is meant") from None


def read_day(value: object) -> date | None:
    """Return the day that a text names as YYYY-MM-DD, None for anything else."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def mistakes(error: ValidationError, where: str, known: Iterable[str]) -> list[str]:
    """Return one line a mistake: place, what is wrong, what to do.

    `where` is what stands before the path in the document, such as `file.yaml: `; `known` are the keys to
    suggest.
    """
    names = sorted(set(known))
    found = {mistake(detail, where, names): None for detail in error.errors(include_url=False)}
    return list(found)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for a close match, else the list of what is known."""
    names = sorted({*known} - {name})
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(names)}" if names else ""


def path_text(parts: Sequence[str | int]) -> str:
    """Return a place in a document, such as `waivers[2].owner`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def mistake(detail: ErrorDetails, where: str, names: Iterable[str]) -> str:
    """Return one mistake that pydantic found, as `mistakes` words it."""
    location = detail["loc"]
    if detail["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        place = path_text(location)
        return f"{where}{place}: unknown key{suggestion(str(location[-1]), names)}"
    place = f"{where}{path_text(location)}" if location else where.rstrip(": ")
    context: Mapping[str, object] = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return f"{place}: {context['error']}"
    known = _REPAIRS.get(detail["type"])
    # Pydantic's own words can hold braces, out of the document.
    repair = detail["msg"] if known is None else known.format(**context)
    return f"{place}: {repair}" + (
        "" if detail["type"] == "missing" else f" (it is {_shown(detail['input'])})"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
