"""FH205: a placeholder text where a value belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

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
        lower = module.data.lower()
        words = [word for word in data.PLACEHOLDER_WORDS if word.encode() in lower]
        if not words and b"+" not in lower and b"f" not in lower:
            return
        for node in _candidates(module, words):
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


def _candidates(module: Module, words: Iterable[str]) -> Iterator[Text]:
    """Yield the outermost texts that may be placeholders: constants, joined and concatenated ones."""
    wanted = tuple(words)
    for constant in module.nodes(ast.Constant):
        value = constant.value
        if isinstance(value, str) and data.SHORTEST <= len(value) <= data.LONGEST:
            lower = value.lower()
            if any(word in lower for word in wanted) and not _is_part(constant, module):
                yield constant
    for joined in module.nodes(ast.JoinedStr):
        if not _is_part(joined, module):
            yield joined
    for added in module.nodes(ast.BinOp):
        if isinstance(added.op, ast.Add) and not _is_part(added, module):
            yield added


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
    return len(lower.split()) <= data.SENTENCE or lower.startswith(data.UNDONE)


def _is_plain_todo(text: str) -> bool:
    lower = text.lower()
    return lower.startswith(data.TODO) and not lower.startswith(data.UNDONE)


def _position(node: ast.expr, module: Module) -> tuple[bool, bool]:
    """Tell whether a text is a value, and whether in a dict."""
    below: ast.AST = node
    for above in module.ancestors(node):
        if isinstance(above, ast.IfExp | ast.BoolOp | ast.NamedExpr | ast.Await):
            if isinstance(above, ast.IfExp) and below is above.test:
                return False, False
        elif (isinstance(above, ast.Attribute) and above.attr in data.TEXT_METHODS) or (
            isinstance(above, ast.Call) and below is above.func
        ):
            pass
        else:
            return _is_value(above, below, module), isinstance(above, ast.Dict)
        below = above
    return False, False


def _is_value(above: ast.AST, below: ast.AST, module: Module) -> bool:
    if isinstance(above, ast.Assign):
        return not any(data.SHOWN_SUFFIX.search(last_part(each)) for each in above.targets)
    if isinstance(above, ast.AnnAssign):
        return below is above.value and not data.SHOWN_SUFFIX.search(last_part(above.target))
    if isinstance(above, ast.Return):
        return True
    if isinstance(above, ast.arguments):
        return True
    if isinstance(above, ast.Dict):
        return _is_shown_value(above, below)
    if isinstance(above, ast.keyword):
        call = module.parent(above)
        is_shown = above.arg in data.SHOWN_NAMES or _is_showing(call)
        return not is_shown
    return isinstance(above, ast.Call) and below in above.args[1:] and last_part(above) in data.DEFAULT_CALLS


def _is_shown_value(table: ast.Dict, value: ast.AST) -> bool:
    at = next((number for number, each in enumerate(table.values) if each is value), None)
    key = table.keys[at] if at is not None else None
    if at is None:
        return False
    return not (isinstance(key, ast.Constant) and str(key.value).lower() in data.SHOWN_NAMES)


def _is_showing(call: ast.AST | None) -> bool:
    return isinstance(call, ast.Call) and last_part(call) in data.SHOWING_CALLS
