"""Reads policies, strictly, and compares them: level N + 1 is never weaker than level N."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from pytest_failhard.figures import bound_text, is_share
from pytest_failhard.model import LEVELS, Option, Policy, PolicyOption, Rule, Severity, Waivable, WaiverTerms
from pytest_failhard.strict import (
    StrictError,
    mistakes,
    read_day,
    read_shipped_yaml,
    read_yaml,
    suggestion,
)
from pytest_failhard.strictness import KINDS, SHAPES, TIGHTENED, fits, weaker_value

SCHEMA = "failhard-policy/1"
FILES = ("1-poc.yaml", "2-development.yaml", "3-pre-production.yaml", "4-production.yaml")
SHIPPED = dict(zip(LEVELS, FILES, strict=True))
STARTS_WITHIN_DAYS = 90
MINUTE_SECONDS = 60
HUNDRED = 100


class PolicyError(Exception):
    """A policy cannot be used. `mistakes` holds all of them, each with place and remedy."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


def load(level: int, gate_ids: Collection[str], path: Path | None = None, *, today: date) -> Policy:
    """Return the shipped policy of a level, or the one in a file, which may only tighten it.

    `gate_ids` are the gates that exist here, those of plugins included.
    """
    text = shipped_text(level)
    shipped = _policy(text, _shipped(text), SHIPPED[level], gate_ids, today)
    if path is None:
        return shipped
    return parse_custom(_bytes(path), str(path), gate_ids, shipped, today=today)


def plugins(path: Path) -> tuple[str, ...]:
    """Return the distributions that a policy file asks for gates, before the gates in it can be known."""
    return tuple(_read(_bytes(path), str(path)).plugins)


def parse_custom(
    data: bytes, where: str, gate_ids: Collection[str], shipped: Policy, *, today: date
) -> Policy:
    """Return the policy in a file, refused where it is weaker anywhere than the shipped one of its level."""
    policy = parse(data, where, gate_ids, today=today)
    if policy.level != shipped.level:
        mismatch = f"the file is for level {policy.level}, and level {shipped.level} is to be judged"
        raise PolicyError([f"{where}: level: {mismatch}; give the file for that level"])
    weak = weaker_policy(policy, shipped)
    if weak:
        remedy = f"a policy file may only tighten level {shipped.level}"
        raise PolicyError([f"{where}: {each}; {remedy}" for each in weak])
    return policy


def shipped_text(level: int) -> bytes:
    """Return the bytes of the policy that is shipped for a level."""
    if level not in SHIPPED:
        raise PolicyError([f"level {level}: no such level; choose one of {', '.join(map(str, LEVELS))}"])
    return (resources.files("pytest_failhard") / "policies" / SHIPPED[level]).read_bytes()


def parse(data: bytes, where: str, gate_ids: Collection[str], *, today: date) -> Policy:
    """Return the policy in a document. Raises PolicyError with all mistakes at once."""
    return _policy(data, _read(data, where), where, gate_ids, today)


def _policy(data: bytes, document: _Document, where: str, gate_ids: Collection[str], today: date) -> Policy:
    unusable = _unusable(document, where, frozenset(gate_ids), today)
    if unusable:
        raise PolicyError(unusable)
    return Policy(
        name=document.name,
        level=document.level,
        rules=tuple(_rule(gate, table) for gate, table in document.gates.items()),
        waivers=WaiverTerms(
            max_days=document.waivers.max_days,
            warn_days=document.waivers.warn_days,
            most=document.waivers.most,
            required=frozenset(document.waivers.required),
            stale=Severity[document.waivers.stale.upper()],
        ),
        budget_seconds=document.budget_minutes * MINUTE_SECONDS,
        tests_timeout=document.tests_minutes * MINUTE_SECONDS,
        plugins=tuple(document.plugins),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def weaker_policy(policy: Policy, than: Policy) -> list[str]:
    """Return the ways in which the first policy is weaker than the second, rule by rule.

    Time-outs, budgets and memory are no strictness: who runs out of them gets an error.
    """
    rules = {rule.gate: rule for rule in policy.rules}
    weak = [f"level: {policy.level} is below {than.level}"] if policy.level < than.level else []
    for demanded in than.rules:
        rule = rules.get(demanded.gate)
        if rule is None:
            weak.append(f"gates.{demanded.gate}: missing")
        else:
            weak += [f"gates.{demanded.gate}.{each}" for each in weaker(rule, demanded)]
    weak += _weaker_terms(policy.waivers, than.waivers)
    dropped = sorted(set(than.plugins) - set(policy.plugins))
    return weak + [f"plugins: {name} is missing" for name in dropped]


def weaker(rule: Rule, than: Rule) -> list[str]:
    """Return the ways in which the first rule is weaker than the second; none means at least as strict."""
    return [
        *_weaker_scope(rule, than),
        *_weaker_bounds(rule, than),
        *_weaker_waivable(rule.waivable, than.waivable),
        *_weaker_options(rule.options, than.options),
    ]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PolicyError([f"{path}: cannot be read: {reason}; name a policy file that exists"]) from None


def _read(data: bytes, where: str) -> _Document:
    try:
        return _Document.model_validate(read_yaml(data, where))
    except StrictError as error:
        raise PolicyError([str(error)]) from None
    except ValidationError as error:
        raise PolicyError(mistakes(error, f"{where}: ", _KEYS)) from None


@functools.cache
def _shipped(text: bytes) -> _Document:
    return _Document.model_validate(read_shipped_yaml(text))


def _bound(value: object) -> int | Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        raise ValueError(f"must be a number without quotes (it is {value!r})")
    if value < 0:
        raise ValueError("must not be negative; no measure is")
    return value


def _day(value: object) -> date:
    day = read_day(value)
    if day is None:
        raise ValueError(f"must be a day that exists, as YYYY-MM-DD (it is {value!r})")
    return day


def _waivable(value: object) -> Waivable:
    if isinstance(value, bool):
        return Waivable(any=value)
    if isinstance(value, dict) and {"all_but"} <= set(value) <= {"all_but", "false_positive"}:
        barred, marked = _listed(value["all_but"]), _listed(value.get("false_positive", []))
        if barred and marked is not None and set(marked) <= set(barred):
            return Waivable(all_but=frozenset(barred), false_positive=frozenset(marked))
    raise ValueError(
        "must be true, false, or {all_but: [rule or measure, ...]}, beside it "
        "{false_positive: [those of them that can be marked as wrong]}"
    )


def _listed(value: object) -> list[str] | None:
    fits = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return [str(name) for name in value] if fits and isinstance(value, list) else None


def _option_value(value: object) -> Option:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return [_option_value(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _option_value(entry) for name, entry in value.items()}
    raise ValueError("no option has decimals; write it in quotes")


Bound = Annotated[int | Fraction, PlainValidator(_bound)]
Day = Annotated[date, PlainValidator(_day)]
Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
SeverityName = Literal["low", "medium", "high"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class _Option(_Table):
    kind: Literal["fixed", "tighten", "project", "accept"]
    stricter: Literal[
        "lower", "higher", "superset", "subset", "severity", "budget", "demand", "choice", "none"
    ] = "none"
    value: Annotated[object, PlainValidator(_option_value)]

    @model_validator(mode="after")
    def _comparable(self) -> _Option:
        if self.kind == "tighten" and self.stricter not in TIGHTENED:
            directions = ", ".join(TIGHTENED)
            raise ValueError(f"an option that a project may tighten needs `stricter`, one of {directions}")
        if not fits(_option_value(self.value), self.stricter):
            raise ValueError(f"value must be {SHAPES[self.stricter]}, to be compared as {self.stricter}")
        return self


class _Gate(_Table):
    fail_at: Literal["low", "medium", "high", "none"]
    timeout: Positive
    memory_mb: Positive = Rule.memory_mb
    at_least: dict[str, Bound] = {}
    at_most: dict[str, Bound] = {}
    only_for: dict[str, list[Text]] = {}
    when: Text | None = None
    waivable: Annotated[Waivable, PlainValidator(_waivable)] = Waivable()
    starts: Day | None = None
    options: dict[str, _Option] = {}


class _Terms(_Table):
    max_days: Positive
    warn_days: Positive
    most: Positive
    required: list[Literal["ref", "approved_by"]]
    stale: SeverityName


class _Document(_Table):
    schema_: Literal["failhard-policy/1"] = Field(alias="schema")
    name: Text
    level: Literal[1, 2, 3, 4]
    budget_minutes: Positive
    tests_minutes: Positive
    plugins: list[Text]
    waivers: _Terms
    gates: dict[str, _Gate] = Field(min_length=1)


_KEYS = {"schema", *_Document.model_fields, *_Terms.model_fields, *_Gate.model_fields, *_Option.model_fields}
_KEYS -= {"schema_"}


def _unusable(document: _Document, where: str, gate_ids: Collection[str], today: date) -> list[str]:
    """List what is well formed and cannot be meant."""
    found = []
    for gate, table in document.gates.items():
        place = f"{where}: gates.{gate}"
        if gate not in gate_ids:
            found.append(f"{place}: unknown gate{suggestion(gate, gate_ids)}")
        found += [f"{place}.{each}" for each in _impossible_bounds(table)]
        latest = today + timedelta(days=STARTS_WITHIN_DAYS)
        if table.starts is not None and table.starts > latest:
            found.append(f"{place}.starts: more than {STARTS_WITHIN_DAYS} days ahead; {latest} is the latest")
        if table.fail_at == "none" and not (table.at_least or table.at_most):
            found.append(f"{place}.fail_at: none, and no bound: nothing could fail; give one of them")
    return found


def _impossible_bounds(table: _Gate) -> list[str]:
    found = []
    for side, bounds in (("at_least", table.at_least), ("at_most", table.at_most)):
        for name, bound in bounds.items():
            if is_share(name) and bound > HUNDRED:
                found.append(f"{side}.{name}: above 100 percent; no measure reaches it")
    found += [
        f"only_for.{name}: no bound stands under at_least or at_most; remove it, or give one"
        for name in sorted({*table.only_for} - {*table.at_least, *table.at_most})
    ]
    return found + [
        f"at_least.{name}: above at_most.{name}; no measure satisfies both"
        for name in sorted({*table.at_least} & {*table.at_most})
        if table.at_least[name] > table.at_most[name]
    ]


def _rule(gate: str, table: _Gate) -> Rule:
    return Rule(
        gate=gate,
        fail_at=None if table.fail_at == "none" else Severity[table.fail_at.upper()],
        timeout=table.timeout,
        memory_mb=table.memory_mb,
        # Of its own: what is shipped is read once in a process.
        at_least=dict(table.at_least),
        at_most=dict(table.at_most),
        only_for={name: frozenset(traits) for name, traits in table.only_for.items()},
        when=table.when,
        waivable=table.waivable,
        starts=table.starts,
        options={
            name: PolicyOption(value=_option_value(option.value), kind=option.kind, stricter=option.stricter)
            for name, option in table.options.items()
        },
    )


def _weaker_scope(rule: Rule, than: Rule) -> list[str]:
    weak = []
    if than.fail_at is not None and (rule.fail_at is None or rule.fail_at > than.fail_at):
        severity = "none" if rule.fail_at is None else rule.fail_at.name.lower()
        weak.append(f"fail_at: {severity} lets pass what {than.fail_at.name.lower()} fails")
    if rule.when is not None and rule.when != than.when:
        weak.append(f"when: {rule.when!r} differs from {than.when!r}")
    if rule.starts is not None and (than.starts is None or rule.starts > than.starts):
        weak.append(f"starts: {rule.starts} is later than {than.starts or 'at once'}")
    return weak


def _weaker_bounds(rule: Rule, than: Rule) -> list[str]:
    weak = []
    for side, bounds, demanded in (
        ("at_least", rule.at_least, than.at_least),
        ("at_most", rule.at_most, than.at_most),
    ):
        for name, limit in sorted(demanded.items()):
            if name not in bounds:
                weak.append(f"{side}.{name}: missing, {bound_text(limit)} is demanded")
            elif _beyond(bounds[name], limit, side):
                weak.append(f"{side}.{name}: {bound_text(bounds[name])} is weaker than {bound_text(limit)}")
            elif _narrower(rule.only_for.get(name), than.only_for.get(name)):
                weak.append(f"only_for.{name}: leaves out some of which it is demanded")
    return weak


def _narrower(traits: frozenset[str] | None, than: frozenset[str] | None) -> bool:
    """Tell whether a measure is demanded of less; None means of everything."""
    return traits is not None and (than is None or not than <= traits)


def _beyond(bound: int | Fraction, limit: int | Fraction, side: str) -> bool:
    return bound < limit if side == "at_least" else bound > limit


def _weaker_waivable(waivable: Waivable, than: Waivable) -> list[str]:
    if not waivable.any:
        return []
    if not than.any:
        return ["waivable: true, where nothing is waivable"]
    opened = sorted(than.all_but - waivable.all_but)
    marked = sorted((than.all_but & waivable.false_positive) - than.false_positive)
    weak = [f"waivable: opens {', '.join(opened)}"] if opened else []
    return weak + ([f"waivable: lets {', '.join(marked)} be marked as wrong"] if marked else [])


def _weaker_options(options: Mapping[str, PolicyOption], than: Mapping[str, PolicyOption]) -> list[str]:
    weak = []
    for name in sorted({*options, *than}):
        if name not in options:
            weak.append(f"options.{name}: missing, the gate's default would stand")
        elif name not in than:
            weak.append(f"options.{name}: added, whether it loosens cannot be told")
        elif problem := _weaker_option(options[name], than[name]):
            weak.append(f"options.{name}: {problem}")
    return weak


def _weaker_option(option: PolicyOption, than: PolicyOption) -> str:
    if KINDS.index(option.kind) > KINDS.index(than.kind):
        return f"kind {option.kind} gives the project more than {than.kind}"
    if option.stricter != than.stricter:
        return f"stricter {option.stricter} differs from {than.stricter}"
    return weaker_value(option.value, than.value, than.stricter)


def _weaker_terms(terms: WaiverTerms, than: WaiverTerms) -> list[str]:
    weak = []
    if terms.max_days > than.max_days:
        weak.append(f"waivers.max_days: {terms.max_days} is above {than.max_days}")
    if terms.warn_days < than.warn_days:
        weak.append(f"waivers.warn_days: {terms.warn_days} is below {than.warn_days}")
    if terms.most > than.most:
        weak.append(f"waivers.most: {terms.most} is above {than.most}")
    if than.required - terms.required:
        weak.append(f"waivers.required: lacks {', '.join(sorted(than.required - terms.required))}")
    if terms.stale < than.stale:
        weak.append(f"waivers.stale: {terms.stale.name.lower()} is below {than.stale.name.lower()}")
    return weak
