"""FH003: a secret that is looked up in a mapping or an object, with a default in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules import secret_values
from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.environment import is_environment, key_text, lookup
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.rules.secrets.missing_key import missing
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, argument, last_part


class SecretLookupDefault(StaticRule):
    """A secret that is looked up in a configuration has a default in the source.

    Finds:
        `.get(K, "...")`, `.pop`, `.setdefault` and `getattr(o, K, "...")` with a text of more than two
        characters, where K names a secret; `.get(K) or "..."`; a KeyError answered with a text; a
        `defaultdict` that answers with a text.
    Why:
        A missing or misspelt entry of the configuration is replaced by a value that everybody can read.
    Bad:
        def sign(config):
            return config.get("jwt_secret", "supersecret")
    Good:
        def sign(config):
            return config["jwt_secret"]
    Exempt:
        Redaction tables and values that are redacted; words for the thing, paths, URLs and the like;
        the environment, which FH001 reads.
    Evasions:
        `pop`, `setdefault`, `or`, `defaultdict(lambda: ...)`, `itemgetter` in a `try`, a key in a constant.
    Measured:
        In sample, on projects that it was tuned on: of 4 judged findings 4 break the policy, 3 of
        them do harm.
    """

    code = "FH003"
    name = "secret-lookup-default"
    gate = "fallbacks"
    family = "secrets"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each default of a secret that is looked up."""
        for call in module.calls.of(("getattr", *data.LOOKUPS)):
            found = _looked_up(module, call)
            if found is not None:
                key, default = found
                yield from self._judged(module, _whole(module, call), key, default or _behind(module, call))
        for answer in missing(module):
            if not answer.environment:
                yield from self._judged(module, answer.handler, answer.key, answer.default)
        if data.DEFAULT_MAPPING.encode() in module.data:
            yield from self._defaulting(module)

    def _defaulting(self, module: Module) -> Iterator[Hit]:
        for subscript in module.nodes(ast.Subscript):
            if isinstance(subscript.value, ast.Name) and isinstance(subscript.slice, ast.Constant | ast.Name):
                key = key_text(module, subscript.slice)
                yield from self._judged(module, subscript, key, _made(module, subscript.value))

    def _judged(self, module: Module, node: ast.AST, key: str, default: ast.expr | None) -> Iterator[Hit]:
        if default is None or not is_secret_name(key):
            return
        value = secret_values.text(module, default)
        if value is None or len(value) < data.MIN_CHARACTERS or data.NEVER_A_VALUE.search(value):
            return
        if secret_values.is_no_value(key, value) and not secret_values.is_weak(value):
            return
        yield self.hit(
            module,
            node,
            f"{module.qualname(node) or 'the module'} looks up {key} with a"
            f" {secret_values.size(value)} default in the source",
            "look it up without a default, so that a missing entry stops the start",
            identity=secret_values.identity(node, default),
        )


def _looked_up(module: Module, call: ast.Call) -> tuple[str, ast.expr | None] | None:
    """Return the key and the default of a look-up, None for any other call."""
    name = last_part(call)
    if name == "getattr" and len(call.args) >= data.GETATTR_ARGUMENTS:
        return key_text(module, call.args[1]), argument(call, data.GETATTR_ARGUMENTS - 1)
    if name not in data.LOOKUPS or not isinstance(call.func, ast.Attribute) or not call.args:
        return None
    if not isinstance(call.args[0], ast.Constant | ast.Name | ast.JoinedStr | ast.Attribute):
        return None
    key = key_text(module, call.args[0])
    if not is_secret_name(key) or _is_exempt(module, call.func.value) or lookup(module, call):
        return None
    return key, argument(call, 1, *data.DEFAULTS)


def _is_exempt(module: Module, owner: ast.expr) -> bool:
    return data.REDACTION.search(last_part(owner)) is not None or is_environment(module, owner)


def _behind(module: Module, call: ast.Call) -> ast.expr | None:
    """Return what stands behind `or` after a look-up without a default."""
    above = module.parent(call)
    if not isinstance(above, ast.BoolOp) or not isinstance(above.op, ast.Or):
        return None
    return above.values[-1] if above.values[-1] is not call else None


def _whole(module: Module, call: ast.Call) -> ast.expr:
    above = module.parent(call)
    return above if isinstance(above, ast.BoolOp) else call


def _made(module: Module, name: ast.Name) -> ast.expr | None:
    """Return what a `defaultdict` answers for any key."""
    made = module.value(name)
    if not isinstance(made, ast.Call) or last_part(made) != data.DEFAULT_MAPPING or not made.args:
        return None
    factory = module.value(made.args[0])
    return factory.body if isinstance(factory, ast.Lambda) else None
