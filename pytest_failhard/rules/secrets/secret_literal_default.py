"""FH002: a secret's name bound to a text in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules import secret_values
from pytest_failhard.rules.data import environment as env_data
from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.rules.secrets.alternatives import replaced
from pytest_failhard.rules.secrets.bound_secrets import (
    ATTRIBUTE,
    FIELD,
    ITEM,
    PARAMETER,
    VARIABLE,
    Bound,
    bound,
)
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, last_part

CONTEXTS = frozenset({FIELD, ITEM, PARAMETER})
SUBS = {
    FIELD: "class-default",
    ATTRIBUTE: "class-default",
    ITEM: "config-item",
    PARAMETER: "param-default",
    VARIABLE: "literal",
}


class SecretLiteralDefault(StaticRule):
    """A text in the source is the value of a secret.

    Finds:
        A text of at least 3 characters bound to the name of a secret: class attribute, dataclass or
        pydantic field (also in `Field`, `SecretStr`), variable, item of a mapping, default of a parameter.
        Either the place is one of configuration (field of settings, configuration mapping, parameter), or
        the value speaks for itself: a placeholder, a value everybody tries first, the prefix of a known
        kind of key, a login in a URL, or 16 and more characters that look drawn.
    Why:
        What stands in the source is known to everybody who reads it, and runs where nobody set another.
    Subs:
        `placeholder`: text to be replaced, or a value everybody tries first. `class-default`: attribute or
        field. `config-item`: item of a configuration. `param-default`: default of a parameter. `literal`:
        any other name.
    Bad:
        from pydantic_settings import BaseSettings

        class Settings(BaseSettings):
            secret_key: str = "change-me"
    Good:
        from pydantic import SecretStr
        from pydantic_settings import BaseSettings

        class Settings(BaseSettings):
            secret_key: SecretStr
    Exempt:
        Words for the thing (`password`, `bearer`), URLs, paths, `{...}`, `${...}`, `%(...)`, names in
        capitals, file names, texts with white space, `<...>`, redacted values, tokens of a grammar
        (`end_token = "!end"`), members of an enumeration, what seeds or is hashed, `token_type`.
    Evasions:
        `"change" + "-me"`; `"".join([...])`; bytes and `.decode()`; base64 of a literal;
        `model_config = SettingsConfigDict(secret_key=...)`; `setattr`; `dict(secret_key=...)`; camelCase.
    Measured:
        In sample, on projects that it was tuned on: of 42 judged findings 40 break the policy, 22
        of them do harm.
    """

    code = "FH002"
    name = "secret-literal-default"
    gate = "fallbacks"
    family = "secrets"
    subs = ("placeholder", "class-default", "config-item", "param-default", "literal")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each text that is bound to the name of a secret."""
        bindings = list(bound(module))
        told = set(map(id, _told_elsewhere(module))) if bindings else set[int]()
        for binding in bindings:
            if id(binding.node) in told or _refers(binding.value):
                continue
            value = secret_values.text(module, binding.value)
            if value is None or len(value) < data.MIN_CHARACTERS or _seeds(module, binding):
                continue
            sub = _sub(binding, value)
            if sub:
                yield self.hit(
                    module,
                    binding.node,
                    f"{module.qualname(binding.node) or 'the module'} gives {binding.name} a"
                    f" {secret_values.size(value)} value in the source",
                    "let the environment or the secret store set it, and give it no default",
                    sub=sub,
                    identity=secret_values.identity(binding.node, binding.value),
                )


def _refers(value: ast.expr) -> bool:
    """Tell whether a value is that of another secret's name, which is reported where it is bound."""
    return isinstance(value, ast.Name | ast.Attribute) and is_secret_name(last_part(value))


def _told_elsewhere(module: Module) -> Iterator[ast.AST]:
    """Yield the places that FH001 reports: the value stands in for a variable of the environment."""
    if any(hint in module.data for hint in env_data.HINTS):
        yield from (place.node for place in replaced(module) if is_secret_name(place.key))


def _sub(binding: Bound, value: str) -> str:
    context = binding.place in CONTEXTS
    weak = secret_values.is_weak(value) and not data.NEVER_A_VALUE.search(value)
    if context and weak:
        return "placeholder"
    if secret_values.is_no_value(binding.name, value):
        return ""
    if weak:
        return "placeholder"
    return SUBS[binding.place] if context or secret_values.has_evidence(value) else ""


def _seeds(module: Module, binding: Bound) -> bool:
    """Tell whether the value starts a series or a digest, and is no secret whatever it is called."""
    if data.SEED.search(binding.name):
        return True
    above = module.parent(binding.node) if isinstance(binding.node, ast.keyword) else binding.value
    return isinstance(above, ast.Call) and last_part(above) in data.SEEDERS
