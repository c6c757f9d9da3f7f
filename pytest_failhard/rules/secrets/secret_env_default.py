"""FH001: a secret of the environment with a default in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.rules import secret_values
from pytest_failhard.rules.data import environment as env_data
from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.environment import Lookup, key_text, lookup
from pytest_failhard.rules.guards import awareness, encoded, guards
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.rules.secrets.alternatives import alternatives, is_alternative, replaced
from pytest_failhard.rules.secrets.merged_environment import merged
from pytest_failhard.rules.secrets.missing_key import missing
from pytest_failhard.rules.secrets.wrappers import Use, defined, is_use, used
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

DEFINES, USES, GUARDS = "defines", "uses", "guards"
FIX = "read it without a default, so that a missing secret stops the start: os.environ[...]"


class SecretEnvDefault(StaticRule):
    """A secret that is read from the environment has a default in the source.

    Finds:
        `os.getenv`, `os.environ.get`, `setdefault`, `pop`, `decouple.config`, `env(...)`, `env.str`,
        `get_env` and wrappers of them with a literal default for a key that names a secret; `or` and
        conditional expressions that come to the same; a mapping merged with the environment; a KeyError
        answered with a literal.
    Why:
        Where the variable is missing or misspelt the system runs with a value that everybody can read.
    Subs:
        `default`: a text. `empty`: an empty text. `random`: drawn at the start, so that logins die with
        the process. `or-literal`: behind `or`, or in the other arm of a conditional expression.
        `url-credentials`: a URL with user and password, whatever the key. `env-aware-open`: under a test
        of the environment that lets an unset or misspelt one through. `env-aware-closed`: under a test
        that takes an absent variable for production.
    Bad:
        import os

        SECRET = os.getenv("API_SECRET_KEY", "dev-secret-key")
    Good:
        import os

        SECRET = os.environ["API_SECRET_KEY"]
    Exempt:
        Names that only describe a secret: TOKEN_URL, MAX_TOKENS, API_KEY_HEADER. A default of None.
    Evasions:
        `os.environ.get(K) or D`; `os.environ | {K: D}`; `{**DEFAULTS, **os.environ}`;
        `ChainMap(os.environ, DEFAULTS)`; `try: os.environ[K] except KeyError: D`; the default or the key in
        a constant; a key in an f-string; `getenv` under another name; a one-line wrapper, in another file
        too. Not seen: a committed `.env` that the program loads (`failhard` looks for secrets in files by
        another gate).
    Measured:
        In sample, on projects that it was tuned on: of 23 judged findings 23 break the policy, 16
        of them do harm.
    """

    code = "FH001"
    name = "secret-env-default"
    gate = "fallbacks"
    family = "secrets"
    subs = (
        "default",
        "empty",
        "random",
        "or-literal",
        "url-credentials",
        "env-aware-open",
        "env-aware-closed",
    )

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each default of a secret; those behind unknown functions stand by `settle`."""
        reads = any(hint in module.data for hint in env_data.HINTS)
        for call in module.nodes(ast.Call):
            read = lookup(module, call) if reads else None
            if read is not None:
                yield from self._read(module, call, read)
            elif (use := used(module, call)) is not None:
                yield from self._used(module, call, use)
        if reads:
            yield from self._elsewhere(module)

    def _elsewhere(self, module: Module) -> Iterator[Hit]:
        for place in (*alternatives(module), *replaced(module)):
            yield from self._judged(module, place.node, place.key, place.default, "or-literal")
        for entry in merged(module):
            yield from self._judged(module, entry.node, entry.key, entry.default, "default")
        for answer in missing(module):
            if answer.environment:
                yield from self._judged(module, answer.handler, answer.key, answer.default, "default")
        for wrapper in defined(module):
            yield self.hit(module, wrapper.node, "", "", details={DEFINES: wrapper.name})

    def _read(self, module: Module, call: ast.Call, read: Lookup) -> Iterator[Hit]:
        if read.default is not None and not is_alternative(module, read):
            yield from self._judged(module, call, read.key, read.default, "default")

    def _used(self, module: Module, call: ast.Call, use: Use) -> Iterator[Hit]:
        for hit in self._judged(module, call, key_text(module, use.key), use.default, "default"):
            yield replace(hit, details={**hit.details, USES: use.name})

    def _judged(self, module: Module, node: ast.AST, key: str, default: ast.expr, sub: str) -> Iterator[Hit]:
        if isinstance(default, ast.IfExp):
            for arm in (default.body, default.orelse):
                yield from self._judged(module, node, key, arm, sub)
            return
        value = secret_values.text(module, default)
        said = _said(module, key, default, value, sub)
        if said is None:
            return
        sub, what = said
        yield self.hit(
            module,
            node,
            f"{module.qualname(node) or 'the module'} {what}",
            FIX,
            sub=sub,
            details={GUARDS: encoded(guards(module, default))},
            identity=secret_values.identity(node, module.value(default)),
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits in known functions, and say which stand under a test of the environment."""
        del index
        wrappers = [hit.details[DEFINES] for hit in hits if DEFINES in hit.details]
        for hit in hits:
            if DEFINES in hit.details:
                continue
            name = hit.details.get(USES)
            if name is None or any(is_use(name, wrapper) for wrapper in wrappers):
                yield _aware(hit, options)


def _said(module: Module, key: str, default: ast.expr, value: str | None, sub: str) -> tuple[str, str] | None:
    """Return the sub and the predicate of the message, None where the default is none of ours."""
    if value is not None and data.CREDENTIALS_IN_URL.search(value):
        return "url-credentials", f"reads {key or 'a variable'} with a default URL that holds a password"
    if not is_secret_name(key):
        return None
    if value:
        return sub, f"reads {key} with a {len(value)}-character default in the source"
    if value is not None:
        return "empty", f"takes an empty {key} where it is not set"
    return (
        ("random", f"draws {key} anew at each start where it is not set")
        if _is_drawn(module, default)
        else None
    )


def _is_drawn(module: Module, default: ast.expr) -> bool:
    """Tell whether a value is drawn at random: `secrets.token_hex(32)`, `str(uuid.uuid4())`."""
    return any(
        isinstance(each, ast.Call) and data.RANDOM.search(module.resolve(each.func)) is not None
        for each in ast.walk(module.value(default))
    )


def _aware(hit: Hit, options: Mapping[str, Option]) -> Hit:
    kind = awareness(
        hit.details[GUARDS], _texts(options, "environment_variables"), _texts(options, "production_values")
    )
    if kind == "closed":
        return replace(hit, sub="env-aware-closed", message=f"{hit.message}, outside production only")
    if kind == "open":
        message = f"{hit.message}, also where the environment is not named at all"
        return replace(hit, sub="env-aware-open", message=message)
    return hit


def _texts(options: Mapping[str, Option], name: str) -> frozenset[str]:
    given = options.get(name, ())
    return (
        frozenset(each for each in given if isinstance(each, str))
        if isinstance(given, tuple | list)
        else frozenset()
    )
