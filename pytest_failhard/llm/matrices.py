"""Which faults a test's matrix marker asks for, in stable order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.llm.options import OptionsError
from pytest_failhard.strict import suggestion

if TYPE_CHECKING:
    from pytest_failhard.llm.catalogue import Catalogue, Fault

KEYWORDS = ("exclude", "level", "provider")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A fault in a dialect; `left_out` is the reason why it is not run, empty where it is."""

    fault: Fault
    dialect: str
    left_out: str = ""

    @property
    def id(self) -> str:
        """The name of the test's parameter."""
        return f"{self.dialect}-{self.fault.id}"

    @property
    def match(self) -> Mapping[str, str]:
        """Which requests it is for: what acts before there is one can choose none."""
        return {"provider": self.dialect} if self.fault.stage == "answer" else {}


def chosen(catalogue: Catalogue, names: Sequence[str], keywords: Mapping[str, object]) -> tuple[Chosen, ...]:
    """Return what groups and ids stand for; raises OptionsError with every mistake.

    `provider` is a dialect (default `openai`), `level` the highest level of a fault in a group (default 4),
    `exclude` a pair of a fault and the reason why it is left out, or a list of such pairs.
    """
    mistakes = [
        f"{key}: unknown keyword{suggestion(key, KEYWORDS)}" for key in sorted(set(keywords) - set(KEYWORDS))
    ]
    dialect, level = keywords.get("provider", "openai"), keywords.get("level", 4)
    mistakes += _range(dialect, level)
    excluded = _excluded(keywords.get("exclude", ()), mistakes)
    found = _found(catalogue, names, level, mistakes)
    mistakes.extend(
        f"exclude: {name} is not in this matrix; remove it" for name in sorted(set(excluded) - set(found))
    )
    if mistakes:
        raise OptionsError(mistakes)
    cases = tuple(
        Chosen(fault=fault, dialect=str(dialect), left_out=excluded.get(name, ""))
        for name, fault in sorted(found.items())
        if catalogue.form(fault, str(dialect)) is not None
    )
    if all(case.left_out for case in cases):
        raise OptionsError([f"no fault of {', '.join(names)} is left at level {level} for {dialect}"])
    return cases


def _range(dialect: object, level: object) -> Iterator[str]:
    from pytest_failhard.llm.catalogue import PARENTS

    if dialect not in PARENTS:
        yield f"provider: unknown dialect {dialect!r}{suggestion(str(dialect), PARENTS)}"
    if level not in {1, 2, 3, 4} or isinstance(level, bool):
        yield f"level: must be 1, 2, 3 or 4 (it is {level!r})"


def _found(
    catalogue: Catalogue, names: Sequence[str], level: object, mistakes: list[str]
) -> dict[str, Fault]:
    from pytest_failhard.llm.catalogue import CatalogueError

    found: dict[str, Fault] = {}
    for name in names:
        try:
            found |= {fault.id: fault for fault in _named(catalogue, name, level)}
        except CatalogueError as error:
            mistakes.append(str(error))
    if not names:
        mistakes.append("name at least one group or fault: permanent, transient, silent, network, all, ...")
    return found


def _named(catalogue: Catalogue, name: str, level: object) -> Iterable[Fault]:
    from pytest_failhard.llm.catalogue import GROUPS

    if name not in GROUPS:
        return (catalogue.find(name),)
    return (fault for fault in catalogue.group(name) if isinstance(level, int) and fault.level <= level)


def _excluded(value: object, mistakes: list[str]) -> dict[str, str]:
    pairs = [value] if _is_pair(value) else value
    if not isinstance(pairs, (list, tuple)) or not all(_is_pair(pair) for pair in pairs):
        mistakes.append('exclude: must be ("fault", "reason") or a list of such pairs, with a reason')
        return {}
    return {str(name): str(reason) for name, reason in pairs}


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(each, str) and each.strip() for each in value)
    )
