"""What a static rule is, and what it says of a place."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pytest_failhard.source.canonical import canonical

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module

SECTIONS = ("Finds", "Why", "Subs", "Bad", "Good", "Exempt", "Evasions", "Measured")
PRODUCT = frozenset({"product"})
TESTS = frozenset({"test"})
EVERY = frozenset({"product", "test", "example", "script"})
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, order=True)
class Hit:
    """A place where a rule's criterion holds, before anybody has said how bad that is.

    `canonical` is what does not move when the file is edited elsewhere. `details` are for the rule's own
    second look, when the whole project is known. `message` never holds the value of a secret.
    """

    path: str
    line: int
    code: str
    name: str
    sub: str
    qualname: str
    message: str
    fix: str
    canonical: str
    details: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def rule(self) -> str:
        """The code with its sub: `FH101/true`."""
        return f"{self.code}/{self.sub}" if self.sub else self.code

    @property
    def key(self) -> str:
        """The name with its sub, as a policy's severities name it."""
        return f"{self.name}/{self.sub}" if self.sub else self.name


class StaticRule:
    """One criterion. Its docstring is its documentation; one instance serves one scan.

    `nodes` are the types for which `at` is called; `family` is the measure that counts its hits; `gate`
    reports them; `roles` are the roles of the files it reads. `subs` are all that it can say, empty for
    a rule of one form.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    gate: ClassVar[str]
    family: ClassVar[str]
    subs: ClassVar[tuple[str, ...]] = ()
    nodes: ClassVar[tuple[type[ast.AST], ...]] = ()
    roles: ClassVar[frozenset[str]] = PRODUCT
    tree: ClassVar[bool] = False
    """Whether the rule's module has a `check(tree)` as well, for what stands in no Python file."""

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return the hits at one node; the file alone is known."""
        del node, module
        return ()

    def over(self, module: Module) -> Iterable[Hit]:
        """Return the hits that need the file as a whole (its comments, its imports)."""
        del module
        return ()

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits that stand once the whole project and the options are known; may add some."""
        del index, options
        return hits

    def hit(
        self,
        module: Module,
        node: ast.AST,
        message: str,
        fix: str,
        *,
        sub: str = "",
        line: int = 0,
        details: Mapping[str, str] | None = None,
        identity: str = "",
    ) -> Hit:
        """Return a hit at a node; `line` where another line than the node's own is meant.

        `identity` takes the place of the node's canonical text where that may hold the value of a secret.
        """
        return Hit(
            path=module.path,
            line=line or getattr(node, "lineno", 0),
            code=self.code,
            name=self.name,
            sub=sub,
            qualname=module.qualname(node),
            message=message,
            fix=fix,
            canonical=identity or canonical(node),
            details=details or {},
        )


def summary(rule: type[StaticRule]) -> str:
    """Return the first line of a rule's documentation."""
    # A docstring was just seen.
    return inspect.getdoc(rule).partition("\n")[0] if rule.__doc__ else ""  # type: ignore[union-attr]


def sections(rule: type[StaticRule]) -> Mapping[str, str]:
    """Return the sections of a rule's documentation, dedented, in their order."""
    parts = _SECTION.split(inspect.getdoc(rule) or "")
    return {name: inspect.cleandoc("\n" + text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}
