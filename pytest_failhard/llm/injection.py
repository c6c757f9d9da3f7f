"""Reads what `--inject-failures` asks for: rules on one line, with all mistakes at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal

from pytest_failhard.llm.catalogue import GROUPS, Catalogue, Fault
from pytest_failhard.llm.schedule import Kind, Match, Rule, ScheduleError, When
from pytest_failhard.strict import suggestion

Value = int | float | str | None

DEFAULT_KINDS = "transient"
EXAMPLE = '--inject-failures "p=0.05,kinds=rate_limit_rpm(hint_ms=20)|server_error,model=gpt-*,max=20"'
EXCLUSIVE = ("p", "first", "nth", "every")
KEYS = ("kinds", *EXCLUSIVE, "after", "for", "max", "provider", "route", "model", "stream", "call")
LIST = "failhard llm-faults lists all"
_WRITTEN = {"lasting": "for", "most": "max"}
_CLOSE = 0.6
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)")
_KIND = re.compile(r"(?P<name>[^()]*)(?:\((?P<params>[^()]*)\))?")


def parse(spec: str, catalogue: Catalogue, dialects: Collection[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of a specification, named `r1`, `r2`, ... in its order.

    With `dialects`, a fault must have a form in one of them. Raises ScheduleError with all mistakes.
    """
    if not spec.strip():
        raise ScheduleError((f"--inject-failures is empty: give rules, as in {EXAMPLE}",))
    readers = [
        _Reader(name=f"r{number}", where=f"rule {number}: ", catalogue=catalogue, dialects=tuple(dialects))
        for number, _ in enumerate(_split(spec, ";"), start=1)
    ]
    rules = [reader.rule(text) for reader, text in zip(readers, _split(spec, ";"), strict=True)]
    mistakes = tuple(mistake for reader in readers for mistake in reader.mistakes)
    if mistakes:
        raise ScheduleError(mistakes)
    return tuple(rules)


def text(rules: Iterable[Rule]) -> str:
    """Return rules that `parse` made as a specification of the same rules; groups stand as their faults."""
    return ";".join(",".join(_pairs(rule)) for rule in rules)


def _pairs(rule: Rule) -> list[str]:
    pairs = ["kinds=" + "|".join(_kind_text(kind) for kind in rule.kinds)]
    values = {**_set(rule.when), **_set(rule.match)}
    return pairs + [f"{_WRITTEN.get(name, name)}={_value_text(value)}" for name, value in values.items()]


def _set(part: Match | When) -> dict[str, object]:
    values = ((each.name, vars(part)[each.name]) for each in fields(part))
    return {name: value for name, value in values if value is not None}


def _kind_text(kind: Kind) -> str:
    params = ",".join(f"{name}={_value_text(value)}" for name, value in kind.params.items())
    return f"{kind.fault}({params})" if params else kind.fault


def _value_text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    # The grammar has no exponents.
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def _split(text: str, separator: str) -> list[str]:
    """Split outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == separator and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


@dataclass(kw_only=True)
class _Reader:
    """Reads one rule and gathers its mistakes."""

    name: str
    where: str
    catalogue: Catalogue
    dialects: tuple[str, ...]
    mistakes: list[str] = field(default_factory=list)

    def rule(self, written: str) -> Rule:
        pairs = self._read(written)
        kinds = self._kinds(pairs.pop("kinds", DEFAULT_KINDS))
        together = [name for name in EXCLUSIVE if name in pairs]
        if len(together) > 1:
            self._wrong(f"{' and '.join(together)} exclude each other: keep one")
        when = When(
            first=self._count("first", pairs),
            nth=self._count("nth", pairs),
            every=self._count("every", pairs),
            p=self._share("p", pairs),
            after=self._seconds("after", pairs),
            lasting=self._seconds("for", pairs),
            most=self._count("max", pairs),
        )
        match = Match(
            provider=pairs.get("provider"),
            route=pairs.get("route"),
            model=pairs.get("model"),
            stream=self._flag("stream", pairs),
            call=pairs.get("call"),
        )
        return Rule(id=self.name, kinds=kinds, match=match, when=when)

    def _wrong(self, mistake: str) -> None:
        self.mistakes.append(f"{self.where}{mistake}")

    def _read(self, written: str) -> dict[str, str]:
        if not written:
            self._wrong("is empty: give key=value pairs, or drop the ;")
            return {}
        pairs: dict[str, str] = {}
        for pair in _split(written, ","):
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not equals or not value:
                self._wrong(f"{pair!r} is no key=value")
            elif name not in KEYS:
                self._wrong(f"unknown key {name}{suggestion(name, KEYS)}")
            elif name in pairs:
                self._wrong(f"{name} stands twice; keep one")
            else:
                pairs[name] = value
        return pairs

    def _kinds(self, written: str) -> tuple[Kind, ...]:
        found: dict[str, Kind] = {}
        for part in _split(written, "|"):
            for kind in self._kind(part):
                if kind.fault in found and found[kind.fault] != kind:
                    self._wrong(f"kinds: {kind.fault} stands twice with other parameters; keep one")
                found.setdefault(kind.fault, kind)
        return tuple(found.values())

    def _kind(self, written: str) -> tuple[Kind, ...]:
        match = _KIND.fullmatch(written)
        if match is None or not match["name"].strip():
            self._wrong(f"kinds: {written!r} is no fault id or group, with parameters in parentheses or none")
            return ()
        name = match["name"].strip()
        faults = self._faults(name)
        params = self._params(name, match["params"], faults)
        return tuple(_with_params(fault, params) for fault in faults)

    def _faults(self, name: str) -> tuple[Fault, ...]:
        if name in GROUPS:
            usable = tuple(each for each in self.catalogue.group(name) if not self._obstacle(each))
            if not usable:
                self._wrong(f"kinds: the group {name} has no fault that can be injected here; {LIST}")
            return usable
        fault = self.catalogue.faults.get(name)
        if fault is None:
            self._wrong(_unknown(name, self.catalogue.faults))
            return ()
        obstacle = self._obstacle(fault)
        if obstacle:
            self._wrong(f"kinds: {name} {obstacle}")
            return ()
        return (fault,)

    def _obstacle(self, fault: Fault) -> str:
        """Return why a fault cannot be injected into an answer, empty where it can."""
        if fault.stage != "answer":
            return "acts before there is a request to answer: use the marker failhard_fault in a test"
        if self.dialects and not any(self.catalogue.form(fault, each) for each in self.dialects):
            return f"has no wire form in the dialects in use ({', '.join(self.dialects)}); {LIST}"
        return ""

    def _params(self, name: str, written: str | None, faults: tuple[Fault, ...]) -> dict[str, Value]:
        if written is None:
            return {}
        known = {key: value for fault in faults for key, value in _defaults(fault).items()}
        params: dict[str, Value] = {}
        for pair in written.split(","):
            key, equals, value = (part.strip() for part in pair.partition("="))
            if not equals or not value:
                self._wrong(f"kinds: {name}: {pair.strip()!r} is no name=value")
            elif key in params:
                self._wrong(f"kinds: {name}: {key} stands twice; keep one")
            elif faults and key not in known:
                self._wrong(f"kinds: {name}: unknown parameter {key}{_suggested(key, known)}")
            else:
                params[key] = self._param(f"kinds: {name}: {key}", value, known.get(key))
        return params

    def _param(self, place: str, written: str, default: Value) -> Value:
        value = _value(written)
        is_number = isinstance(value, int | float)
        if isinstance(default, int | float) and value is not None and not is_number:
            self._wrong(f"{place} must be a number or null (it is {written!r})")
        elif isinstance(value, int | float) and value < 0:
            self._wrong(f"{place} must not be negative (it is {written})")
        return value

    def _share(self, name: str, pairs: Mapping[str, str]) -> float | None:
        return self._number(name, pairs, "above 0 and at most 1", lambda value: 0 < value <= 1)

    def _count(self, name: str, pairs: Mapping[str, str]) -> int | None:
        number = self._number(
            name, pairs, "a whole number from 1", lambda value: value >= 1 and value == int(value)
        )
        return None if number is None else int(number)

    def _seconds(self, name: str, pairs: Mapping[str, str]) -> float | None:
        if name == "for":
            return self._number(name, pairs, "seconds above 0", lambda value: value > 0)
        return self._number(name, pairs, "seconds from 0", lambda value: value >= 0)

    def _number(
        self, name: str, pairs: Mapping[str, str], demand: str, holds: Callable[[float], bool]
    ) -> float | None:
        if name not in pairs:
            return None
        value = _value(pairs[name])
        if not isinstance(value, int | float) or not holds(value):
            self._wrong(f"{name} must be {demand} (it is {pairs[name]})")
            return None
        return float(value)

    def _flag(self, name: str, pairs: Mapping[str, str]) -> bool | None:
        if name not in pairs:
            return None
        if pairs[name] not in {"true", "false"}:
            self._wrong(f"{name} must be true or false (it is {pairs[name]})")
        return pairs[name] == "true"


def _value(written: str) -> Value:
    if written == "null":
        return None
    if _WHOLE.fullmatch(written):
        return int(written)
    return float(written) if _NUMBER.fullmatch(written) else written


def _defaults(fault: Fault) -> dict[str, Value]:
    forms = (dict(form.params) for form in fault.dialects.values())
    return {name: value for params in (*forms, dict(fault.params)) for name, value in params.items()}


def _with_params(fault: Fault, params: Mapping[str, Value]) -> Kind:
    known = _defaults(fault)
    return Kind(fault=fault.id, params={name: value for name, value in params.items() if name in known})


def _suggested(name: str, known: Collection[str]) -> str:
    return suggestion(name, known) or "; it has none"


def _unknown(name: str, ids: Iterable[str]) -> str:
    """Return the message for what is no fault, with the nearest one; of two as near the first by name."""
    near = sorted((-difflib.SequenceMatcher(None, name, each).ratio(), each) for each in {*ids, *GROUPS})
    hint = f"did you mean {near[0][1]!r}? " if -near[0][0] >= _CLOSE else ""
    return f"unknown LLM fault {name!r}: {hint}{LIST}"
