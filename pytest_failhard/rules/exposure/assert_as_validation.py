"""FH505: an assert that stands for a check of what a caller passes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FunctionNode, Module, own_nodes, walk


class AssertAsValidation(StaticRule):
    """What a caller passes is checked by an `assert`.

    Finds:
        An `assert` on a parameter of its function before the first use of that parameter.
    Why:
        Under `-O` no assert runs: what was refused in the tests is accepted in production.
    Bad:
        def withdraw(account, amount):
            assert amount > 0
            account.balance -= amount
    Good:
        def withdraw(account, amount):
            if amount <= 0:
                raise ValueError("amount must be positive")
            account.balance -= amount
    Exempt:
        Type narrowing of what was looked up: `assert user is not None` straight after `user = find(...)`;
        asserts on what the function computes; self and cls; functions named `test_*`.
    Evasions:
        Several parameters in one assert; an assert in a nested block.
    Measured:
        In sample, on projects that it was tuned on: of 26 judged findings 23 break the policy, 7 of
        them do harm.
    """

    code = "FH505"
    name = "assert-as-validation"
    gate = "fallbacks"
    family = "exposure"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each assert on a parameter that nothing has used before."""
        for check in module.nodes(ast.Assert):
            function = module.function(check)
            if function is None or function.name.startswith(data.TEST):
                continue
            tested = {each.id for each in walk(check.test) if isinstance(each, ast.Name)}
            given = tested & _parameters(function)
            unused = sorted(given - _touched(module, function, check)) if given else []
            if unused:
                yield self.hit(
                    module,
                    check,
                    f"{module.qualname(function)} checks its parameter {', '.join(unused)} by an assert,"
                    " which -O leaves out",
                    "raise ValueError or TypeError under an if",
                )


def _parameters(function: FunctionNode) -> set[str]:
    given = function.args
    named = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    return {each.arg for each in named if each is not None and each.arg not in data.SELF}


def _touched(module: Module, function: FunctionNode, check: ast.Assert) -> set[str]:
    """Return the names that are read or bound before an assert; in asserts before it they are not."""
    return {
        name.id
        for name in own_nodes(function, ast.Name)
        if function.body[0].lineno <= name.lineno
        and (name.lineno, name.col_offset) < (check.lineno, check.col_offset)
        and not any(isinstance(above, ast.Assert) for above in module.ancestors(name))
    }
