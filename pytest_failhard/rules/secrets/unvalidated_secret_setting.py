"""FH004: a secret among the settings that may be absent, and that nobody demands."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules import handlers
from pytest_failhard.rules.data import environment as env_data
from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.environment import lookup
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FUNCTIONS, Module, argument, last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

HOPS = 2
"""Through how many names a test is followed to what it looks at."""
DEMANDED, SETTING = "demanded", "setting"


class UnvalidatedSecretSetting(StaticRule):
    """A secret among the settings may be absent, and nothing demands it.

    Finds:
        A field of settings named like a secret that is None by default, or a module name that holds
        `os.getenv(K)`, where the project reads it and nowhere raises (or exits) under a test of it: no
        validator, no `if not x: raise`, no list of required names.
    Why:
        The system starts without the secret and fails at the first request that needs it, or answers
        without what it stands for.
    Bad:
        from pydantic_settings import BaseSettings

        class Settings(BaseSettings):
            openai_api_key: str | None = None

        def client(settings):
            return connect(settings.openai_api_key)
    Good:
        from pydantic_settings import BaseSettings

        class Settings(BaseSettings):
            openai_api_key: str

        def client(settings):
            return connect(settings.openai_api_key)
    Exempt:
        A setting that a test demands anywhere in the product; several of which a validator demands at
        least one; a setting that nobody reads.
    Evasions:
        `Field(default=None)`; `SecretStr | None`; `os.getenv(K)` in a module name that is never tested; a
        validator that only logs.
    Measured:
        In sample, on projects that it was tuned on: of 11 judged findings 10 break the policy, 9 of
        them do harm.
    """

    code = "FH004"
    name = "unvalidated-secret-setting"
    gate = "fallbacks"
    family = "secrets"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each setting that may be absent, and what the file demands for `settle`."""
        for owner in module.nodes(ast.ClassDef):
            if _is_settings(owner):
                yield from self._fields(module, owner)
        if any(hint in module.data for hint in env_data.HINTS):
            yield from self._names(module)
        demanded = sorted(_demanded(module))
        if demanded:
            yield self.hit(
                module, module.tree, "", "", details={DEMANDED: " ".join(demanded)}, identity=DEMANDED
            )

    def _fields(self, module: Module, owner: ast.ClassDef) -> Iterator[Hit]:
        for statement in owner.body:
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                name = last_part(statement.target)
                if is_secret_name(name) and not _is_number(statement) and _is_none(statement.value):
                    yield self._absent(module, statement, name)

    def _names(self, module: Module) -> Iterator[Hit]:
        tested: set[str] | None = None
        for statement in module.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                read = lookup(module, statement.value) if isinstance(statement.value, ast.Call) else None
                if read is None or read.default is not None or not is_secret_name(name):
                    continue
                tested = _tested(module) if tested is None else tested
                if name not in tested:
                    yield self._absent(module, statement, name)

    def _absent(self, module: Module, node: ast.stmt, name: str) -> Hit:
        return self.hit(
            module,
            node,
            f"{module.qualname(node) or 'the module'} lets {name} be absent, and nothing demands it",
            "make it required, or raise at the start where it is absent",
            details={SETTING: name},
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the settings that are read somewhere and demanded nowhere."""
        del options
        demanded = {name for hit in hits for name in hit.details.get(DEMANDED, "").split()}
        for hit in hits:
            name = hit.details.get(SETTING)
            if name is not None and name.lower() not in demanded and name in index.referenced:
                yield hit


def _is_settings(owner: ast.ClassDef) -> bool:
    """Tell whether a class is the settings of a system, and no message or record."""
    return any(data.SETTINGS.search(name) for name in (owner.name, *map(last_part, owner.bases)))


def _is_number(statement: ast.AnnAssign) -> bool:
    """Tell whether a setting is annotated as something other than a text."""
    return data.NO_TEXT.search(ast.dump(statement.annotation)) is not None


def _is_none(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        default = argument(value, 0, *data.DEFAULTS) if last_part(value) in data.FIELDS else None
        return default is not None and _is_none(default)
    return isinstance(value, ast.Constant) and value.value is None


def _demanded(module: Module) -> set[str]:
    """Return the secrets' names, in small letters, whose absence makes the file raise or exit."""
    found = set[str]()
    exits = (call for call in module.calls.of(data.EXITS) if handlers.raises(module, [ast.Expr(value=call)]))
    failures = (*module.nodes(ast.Raise), *module.nodes(ast.Assert), *exits)
    # Many stand under one test: each is read once.
    for test in dict.fromkeys(test for failure in failures for test in _tests(module, failure)):
        found.update(_names(module, test))
    return found


def _tested(module: Module) -> set[str]:
    """Return the names that any test of the file looks at."""
    tests = [
        *(each.test for each in module.nodes(ast.If)),
        *(each.test for each in module.nodes(ast.IfExp)),
        *(each.test for each in module.nodes(ast.Assert)),
        *module.nodes(ast.BoolOp),
    ]
    return {each.id for test in tests for each in walk(test) if isinstance(each, ast.Name)}


def _tests(module: Module, failure: ast.AST) -> Iterator[ast.AST]:
    """Yield what decides whether a place is reached: tests, loops, and what they are computed from."""
    if isinstance(failure, ast.Assert):
        yield failure.test
    for above in module.ancestors(failure):
        if isinstance(above, FUNCTIONS):
            yield from above.decorator_list
            return
        if isinstance(above, ast.If | ast.While):
            yield above.test
        elif isinstance(above, ast.For | ast.AsyncFor):
            yield above.iter


def _names(module: Module, test: ast.AST, hops: int = HOPS) -> Iterator[str]:
    for each in walk(test):
        name = each.value if isinstance(each, ast.Constant) else last_part(each)
        if isinstance(name, str) and is_secret_name(name):
            yield name.lower()
        if isinstance(each, ast.Name):
            bound = module.value(each)
            if hops and bound is not each and not isinstance(bound, ast.Name):
                yield from _names(module, bound, hops - 1)
