"""What a gate or a rule looks at, why, and what to do: the docstring in the code is its documentation."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
import sys
from typing import TYPE_CHECKING

from pytest_failhard import policy
from pytest_failhard.gates import builtin
from pytest_failhard.model import LEVELS
from pytest_failhard.rules import catalogue
from pytest_failhard.rules.findings import rank
from pytest_failhard.strict import read_shipped_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_failhard.model import Gate
    from pytest_failhard.rules.unit import StaticRule

CODED = re.compile(r"[A-Z]{2}\d+")
"""A finding of a gate that is no static rule and has a code all the same: its gate explains it."""
COLUMN = 6
"""Characters: the longest severity."""


class ExplanationError(Exception):
    """No gate and no rule has this name: the message names those that come near."""


def explain(name: str, gates: Sequence[Gate] | None = None) -> str:
    """Return the documentation of a gate, of a built-in one unless `gates` are given, or of a static rule.

    A rule is named by its code (`FH101`, also with its form, `FH101/true`) or by its name; a code that
    only a gate knows (`FV8`) is explained with it.
    """
    by_id = {gate.id: gate for gate in (builtin() if gates is None else gates)}
    if name in by_id:
        return _document(by_id[name])
    rules = {each: rule for rule in catalogue.every() for each in (rule.code, rule.name)}
    wanted = name.partition("/")[0]
    if wanted in rules:
        return explain_rule(rules[wanted])
    texts = map(_document, by_id.values()) if CODED.fullmatch(wanted) else ()
    if told := next((text for text in texts if re.search(rf"\b{wanted}\b", text)), ""):
        return told
    near = difflib.get_close_matches(wanted, [*by_id, *rules], n=3)
    if near:
        raise ExplanationError(f"no gate or rule is called {name!r}; did you mean {' or '.join(near)}?")
    codes = f"; rules are {catalogue.every()[0].code} to {catalogue.every()[-1].code}"
    raise ExplanationError(f"no gate or rule is called {name!r}; there are {', '.join(by_id)}{codes}")


def _document(gate: Gate) -> str:
    return inspect.cleandoc(sys.modules[type(gate).__module__].__doc__ or "")


def explain_rule(rule: type[StaticRule]) -> str:
    """Return a rule's documentation, with its severity at each shipped level."""
    rows = [("level", [str(level) for level in LEVELS]), *severities(rule)]
    width = max(len(form) for form, _ in rows)
    table = [
        "    " + "  ".join([form.ljust(width), *(cell.ljust(COLUMN) for cell in cells)]).rstrip()
        for form, cells in rows
    ]
    head = f"{rule.code} {rule.name}: gate {rule.gate}, family {rule.family}"
    return "\n".join([head, "", inspect.getdoc(rule) or "", "Severity:", *table])


def severities(rule: type[StaticRule]) -> list[tuple[str, list[str]]]:
    """Return each form of a rule with its severity at the levels; `-` where no such gate is demanded."""
    tables = [_table(level, rule.gate) for level in LEVELS]
    return [
        (form, [rank(_names(rule, form), table) if table is not None else "-" for table in tables])
        for form in (rule.subs or (rule.name,))
    ]


def _names(rule: type[StaticRule], form: str) -> tuple[str, ...]:
    return (f"{rule.name}/{form}", rule.name, f"{rule.code}/{form}", rule.code)


def _table(level: int, gate: str) -> Mapping[str, str] | None:
    """Return the severities of a gate's rules in a shipped policy; None where it has no such gate."""
    rule = _gates(level).get(gate)
    return None if rule is None else rule["options"]["severity"]["value"]


@functools.cache
def _gates(level: int) -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]]:
    """Return the gates of a shipped policy as the file has them."""
    return read_shipped_yaml(policy.shipped_text(level))["gates"]  # type: ignore[index,no-any-return] # our file
