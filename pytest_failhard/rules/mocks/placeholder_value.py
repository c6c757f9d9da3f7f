"""FH205: a placeholder text where a value belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, last_part

Text = ast.Constant | ast.JoinedStr | ast.BinOp


class PlaceholderValue(StaticRule):
    """A placeholder text stands where a value belongs.

    Finds:
        A text of 4 to 80 characters like `your-...-key`, `change-me`, `sk-xxx`, `lorem ipsum` or
        `TODO: ...` that is assigned, returned, a default, a value in a dict or a keyword argument.
    Why:
        Nothing fails: the text is sent, shown and stored as if it were the value.
    Bad:
        def metrics(uptime):
            return {"uptime": uptime, "requests_total": "TODO: implement request counting"}
    Good:
        def metrics(uptime, requests):
            return {"uptime": uptime, "requests_total": requests.total}
    Exempt:
        Keys, comparisons, subscripts, members of lists, sets and tuples, computed f-strings; what is printed,
        logged, matched or shown (`help`, `description`, `placeholder`, `title`, ...); the bare words; a
        sentence of more than four words, unless it begins with `TODO: implement`.
    Evasions:
        Concatenation, f-strings without computed parts, `.format(...)`, the default of a look-up.
    Measured:
        No figure that was not tuned on.
    """

    code = "FH205"
    name = "placeholder-value"
    gate = "fallbacks"
    family = "mocks"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each placeholder in the position of a value."""
        for node in _candidates(module):
            text = module.text(node)
            if text is None or not _is_placeholder(text):
                continue
            is_value, is_in_dict = _position(node, module)
            if is_value and not (is_in_dict and _is_plain_todo(text)):
                where = module.qualname(node) or module.name
                yield self.hit(
                    module,
                    node,
                    f"{where} has a placeholder text where a value belongs",
                    "put the value there, or raise that it is missing",
                )


def _candidates(module: Module) -> Iterator[Text]:
    """Yield the outermost texts that may be placeholders: constants, joined and concatenated ones."""
    texts = [(each, each.value.lower()) for each in module.nodes(ast.Constant) if _is_text(each.value)]
    # Most words stand in the code of the file, and in no text.
    together = "\n".join(text for _, text in texts)
    wanted = [word for word in data.PLACEHOLDER_WORDS if word in together and word.encode() in module.lower]
    for constant, text in texts if wanted else ():
        if any(word in text for word in wanted) and not _is_part(constant, module):
            yield constant
    yield from (each for each in module.nodes(ast.JoinedStr) if not _is_part(each, module))
    for added in module.nodes(ast.BinOp):
        if isinstance(added.op, ast.Add) and not _is_part(added, module):
            yield added


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and data.SHORTEST <= len(value) <= data.LONGEST


def _is_part(node: ast.AST, module: Module) -> bool:
    above = module.parent(node)
    return isinstance(above, ast.JoinedStr | ast.BinOp | ast.FormattedValue)


def _is_placeholder(text: str) -> bool:
    lower = " ".join(text.lower().split())
    if not data.SHORTEST <= len(lower) <= data.LONGEST or not data.PLACEHOLDER.fullmatch(lower):
        return False
    if data.NO_PLACEHOLDER.fullmatch(lower):
        return False
    if lower.startswith(data.TODO) and not text.startswith(data.TODO.upper()) and ":" not in text:
        return False
    return len(lower.split()) <= data.SENTENCE or data.UNDONE.match(lower) is not None


def _is_plain_todo(text: str) -> bool:
    lower = text.lower()
    return lower.startswith(data.TODO) and not data.UNDONE.match(lower)


def _position(node: ast.expr, module: Module) -> tuple[bool, bool]:
    """Tell whether a text is a value, and whether in a dict."""
    below: ast.AST = node
    above = module.parent(node)
    while above is not None and _hands_on(above, below):
        below, above = above, module.parent(above)
    return above is not None and _is_value(above, below, module), isinstance(above, ast.Dict)


def _hands_on(above: ast.AST, below: ast.AST) -> bool:
    """Tell whether an expression has the value of a part of it, or is the text formatted."""
    if isinstance(above, ast.IfExp):
        return below is not above.test
    if isinstance(above, ast.Attribute):
        return above.attr in data.TEXT_METHODS
    if isinstance(above, ast.Call):
        return below is above.func
    return isinstance(above, ast.BoolOp | ast.NamedExpr)


def _is_value(above: ast.AST, below: ast.AST, module: Module) -> bool:
    if isinstance(above, ast.Assign | ast.AnnAssign):
        targets = above.targets if isinstance(above, ast.Assign) else [above.target]
        return below is above.value and not any(data.SHOWN_SUFFIX.search(last_part(each)) for each in targets)
    if isinstance(above, ast.Dict):
        return _is_dict_value(above, below)
    if isinstance(above, ast.keyword):
        return above.arg not in data.SHOWN_NAMES and not _is_showing(module.parent(above))
    if isinstance(above, ast.Call):
        return below in above.args[1:] and last_part(above) in data.DEFAULT_CALLS
    return isinstance(above, ast.Return | ast.arguments)


def _is_dict_value(table: ast.Dict, value: ast.AST) -> bool:
    at = next((number for number, each in enumerate(table.values) if each is value), None)
    key = table.keys[at] if at is not None else None
    if at is None:
        return False
    return not (isinstance(key, ast.Constant) and str(key.value).lower() in data.SHOWN_NAMES)


def _is_showing(call: ast.AST | None) -> bool:
    return isinstance(call, ast.Call) and last_part(call) in data.SHOWING_CALLS
