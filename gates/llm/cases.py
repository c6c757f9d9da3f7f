"""Which cases a level demands of a call, and which are left out for which reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.llm.catalogue import Catalogue, Fault, Form

SINGLE_FROM_LEVEL = 3
"""From here on a fault that happens once must be survived, not only one that lasts."""
SINGLE_KINDS = frozenset({"transient", "network", "silent"})


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault in one dialect against one call; `single` means that only the first request meets it."""

    call: str
    dialect: str
    fault: Fault
    form: Form
    single: bool = False

    @property
    def id(self) -> str:
        """The name in reports: `openai-server_error@summarise`, with `#once` where it happens once."""
        return f"{self.dialect}-{self.fault.id}@{self.call}{'#once' if self.single else ''}"


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The cases of one call, in the order of their ids, and what was left out, by fault and dialect."""

    cases: tuple[Case, ...]
    left_out: Mapping[str, str]


def demanded(
    catalogue: Catalogue, *, level: int, call: str, dialects: Iterable[str], features: frozenset[str]
) -> Matrix:
    """Return the matrix for a call whose healthy run used these dialects and features."""
    cases: list[Case] = []
    left_out: dict[str, str] = {}
    for dialect in sorted(dialects):
        for fault in catalogue.faults.values():
            if fault.level > level or fault.replaced_by:
                continue
            form = catalogue.form(fault, dialect)
            reason = _reason(fault, form, dialect, features)
            if form is None or reason:
                left_out[f"{dialect}-{fault.id}"] = reason
            else:
                cases.extend(_cases(call, dialect, fault, form, level))
    return Matrix(cases=tuple(sorted(cases, key=lambda case: case.id)), left_out=left_out)


def _reason(fault: Fault, form: Form | None, dialect: str, features: frozenset[str]) -> str:
    if form is None:
        return f"has no wire form in the dialect {dialect}"
    missing = sorted(set(fault.needs) - features)
    return f"needs {', '.join(missing)}, which the healthy run did not use" if missing else ""


def _cases(call: str, dialect: str, fault: Fault, form: Form, level: int) -> Iterator[Case]:
    yield Case(call=call, dialect=dialect, fault=fault, form=form)
    # A connection that cannot be made leaves no request that could be counted: it lasts or it is not there.
    if level >= SINGLE_FROM_LEVEL and fault.kind in SINGLE_KINDS and fault.stage == "answer":
        yield Case(call=call, dialect=dialect, fault=fault, form=form, single=True)
