"""FV5: a measurement that was written down instead of measured."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import reach
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.literals import literals
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import details, validation
from pytest_failhard.source.module import last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module


class LiteralMeasurement(ValidationRule):
    """A name that says it was measured is a number in the file, and then it is judged or shown.

    Finds:
        In a validation file a name with score, rate, latency, time, pool, stats, before, baseline or p95
        in it that is given a number, or a dict of numbers, once, and is then compared with other literals;
        in a program also one that is printed or written as a result.
    Why:
        A figure that nobody measured is worse than none: whoever reads it believes it.
    Subs:
        `compared`: it is held against a literal. `shown`: it is printed or written.
    Bad:
        # file: before_after.py
        before_score = 4
        print(f"before: {before_score / 15:.1%}")
    Good:
        # file: before_after.py
        from shop.measuring import measured

        before_score = measured("before.json")
        print(f"before: {before_score / 15:.1%}")
        # file: shop/measuring.py
        def measured(path): ...
    Exempt:
        Inputs and expectations: what is compared with a value that the product gave; names of limits,
        targets and time-outs; constants in capitals that are only printed; what is assigned again.
    Evasions:
        A dict of numbers, a name passed on, arithmetic on both sides. Not seen: a file of figures.
    Measured:
        5 hits in 1 of 30 projects, each read: all harmful.
    """

    code = "FV5"
    name = "literal-measurement"
    subs = ("compared", "shown")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each measurement that was written down."""
        if validation(module) is None:
            return
        for node in (*module.assigned.where(_says_so), *module.annotated.where(_says_so)):
            name = _measured(node)
            sub = _sub(module, name) if name is not None else ""
            if name is not None and sub:
                yield self._hit(module, node, name, sub)

    def _hit(self, module: Module, node: ast.AST, name: ast.Name, sub: str) -> Hit:
        unit = reach(module).unit(name)
        others = reach(module).others(unit) if unit is not None else frozenset[str]()
        return self.hit(
            module,
            node,
            f"{name.id} is a number in the file, and is {sub} as if it had been measured",
            "measure it",
            sub=sub,
            details={OTHERS: " ".join(sorted(others)), SERVES: "1", **details(module)},
        )


def _measured(node: ast.AST) -> ast.Name | None:
    """Return the name that says it was measured and is given numbers; None for any other statement."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target, value = node.target, node.value
    else:
        return None
    return target if isinstance(target, ast.Name) and _is_numeric(value) else None


def _says_so(name: str) -> bool:
    """Tell whether a name is one of what is measured, not of what is wanted."""
    return data.MEASURED.search(name) is not None and data.CONFIGURED.search(name) is None


def _is_numeric(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return bool(value.values) and all(map(_is_numeric, value.values))
    number = value.operand if isinstance(value, ast.UnaryOp) else value
    return (
        isinstance(number, ast.Constant)
        and isinstance(number.value, int | float)
        and number.value is not False
    )


def _sub(module: Module, name: ast.Name) -> str:
    """Return how a measurement is used as one; empty where it is not, or where it may be another's."""
    uses = literals(module).reads(name)
    if any(_is_compared(module, use) for use in uses):
        return "compared"
    if module.role == "test" or name.id.isupper():
        return ""
    return "shown" if any(_is_shown(module, use) for use in uses) else ""


def _is_compared(module: Module, use: ast.Name) -> bool:
    """Tell whether a name is in a comparison of which everything is literal."""
    comparison = next((each for each in module.ancestors(use) if isinstance(each, ast.Compare)), None)
    return comparison is not None and literals(module).is_literal(comparison)


def _is_shown(module: Module, use: ast.Name) -> bool:
    return any(last_part(each) in {"print", *data.WRITING} for each in _calls(module, use))


def _calls(module: Module, use: ast.Name) -> Iterator[ast.Call]:
    """Yield the calls that a value is handed to, through f-strings and containers."""
    below: ast.AST = use
    for above in module.ancestors(use):
        if isinstance(above, ast.Call):
            if below is not above.func:
                yield above
            return
        if isinstance(above, ast.stmt):
            return
        below = above
