"""Which of two option values is the stricter one, and how a project's value joins the policy's."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_failhard.model import Option

DIRECTIONS = ("lower", "higher", "superset", "subset", "severity", "budget", "demand", "choice", "none")
TIGHTENED = DIRECTIONS[:7]
"""Those in which a project can be stricter."""
KINDS = ("fixed", "tighten", "project", "accept")
"""Who may change an option, from nobody to the project at will."""
SEVERITIES = ("off", "low", "medium", "high")
SHAPES = {
    "lower": "a number, true, false or null",
    "higher": "a number, true, false or null",
    "superset": "a list of text",
    "subset": "a list of text",
    "severity": "a table of names to off, low, medium or high",
    "budget": "a table of names to whole numbers that are not negative",
    "demand": "text, empty where nothing is demanded",
    "choice": "text",
}

_DECIMAL = re.compile(r"\d+(\.\d+)?")
"""A number as text, so that it is exact."""


def fits(value: Option, direction: str) -> bool:
    """Tell whether a value can be compared in a direction."""
    if direction in {"lower", "higher"}:
        return value is None or isinstance(value, int) or _is_decimal(value)
    if direction in {"superset", "subset"}:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if direction == "severity":
        return isinstance(value, dict) and all(entry in SEVERITIES for entry in value.values())
    if direction == "budget":
        return isinstance(value, dict) and all(map(_is_count, value.values()))
    return direction not in {"choice", "demand"} or isinstance(value, str)


def weaker_value(value: Option, than: Option, direction: str) -> str:
    """Say how a value is weaker than another, or return nothing.

    Values that cannot be compared must be equal. None is no limit, so the weakest. For a name that only
    one mapping of severities holds, the default of the gate is unknown here: the worst is assumed.
    """
    if not (fits(value, direction) and fits(than, direction)):
        return f"{value!r} and {than!r} cannot be compared ({direction})"
    if direction in {"lower", "higher"}:
        return _weaker_number(value, than, direction)
    if direction in {"superset", "subset"}:
        return _weaker_list(value, than, direction)
    if direction in {"severity", "budget"}:
        return _weaker_severities(value, than) if direction == "severity" else _weaker_budget(value, than)
    if direction == "choice" or (direction == "demand" and not than):
        return ""
    # True == 1 in Python, yet not in a document.
    same = value == than and type(value) is type(than)
    return "" if same else f"{value!r} differs from {than!r}"


def joined(value: Option, policy: Option, direction: str) -> Option:
    """Return what holds where a project tightens: its entries on top of the policy's for lists and tables."""
    if direction == "superset" and isinstance(value, list) and isinstance(policy, list):
        return [*policy, *(entry for entry in value if entry not in policy)]
    if direction in {"severity", "budget"} and isinstance(value, dict) and isinstance(policy, dict):
        return {**policy, **value}
    return value


def _is_count(value: Option) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _weaker_budget(value: Option, than: Option) -> str:
    """Say what a table admits more of than another; what one does not name, it admits without end."""
    have, demanded = _counts(value), _counts(than)
    more = [
        f"{name} is {have[name]}, above {most}" if name in have else f"{name} is missing, {most} are admitted"
        for name, most in sorted(demanded.items())
        if name not in have or have[name] > most
    ]
    return "; ".join(more)


def _counts(value: Option) -> Mapping[str, int]:
    return {name: int(str(each)) for name, each in value.items()} if isinstance(value, dict) else {}


def _weaker_number(value: Option, than: Option, direction: str) -> str:
    if than is None or value == than:
        return ""
    if value is None:
        return f"no limit, where {than} is demanded"
    given, demanded = (Fraction(str(int(each) if isinstance(each, bool) else each)) for each in (value, than))
    if direction == "lower":
        return f"{value} is above {than}" if given > demanded else ""
    return f"{value} is below {than}" if given < demanded else ""


def _is_decimal(value: Option) -> bool:
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def _weaker_list(value: Option, than: Option, direction: str) -> str:
    have, demanded = _entries(value), _entries(than)
    if direction == "superset":
        missing = sorted(demanded - have)
        return f"lacks {', '.join(missing)}" if missing else ""
    added = sorted(have - demanded)
    return f"adds {', '.join(added)}" if added else ""


def _entries(value: Option) -> set[str]:
    return {str(entry) for entry in value} if isinstance(value, list) else set()


def _weaker_severities(value: Option, than: Option) -> str:
    have, demanded = _ranks(value), _ranks(than)
    lowered = [
        f"{name} is {_shown(have, name)}, not {_shown(demanded, name)}"
        for name in sorted({*have, *demanded})
        if have.get(name, 0) < demanded.get(name, len(SEVERITIES) - 1)
    ]
    return "; ".join(lowered)


def _ranks(value: Option) -> Mapping[str, int]:
    if not isinstance(value, dict):
        return {}
    return {name: SEVERITIES.index(str(entry)) for name, entry in value.items()}


def _shown(ranks: Mapping[str, int], name: str) -> str:
    return SEVERITIES[ranks[name]] if name in ranks else "the gate's default"
