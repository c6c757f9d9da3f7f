"""What a test may say of faults, read strictly: every mistake at once, each with its repair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from pytest_failhard.llm.schedule import OK, Kind, Match, Rule, When
from pytest_failhard.strict import suggestion

if TYPE_CHECKING:
    from pytest_failhard.llm.catalogue import Catalogue, Fault

MATCH = {field.name: field.name for field in fields(Match)}
# `for` is a keyword of Python and `max` a builtin: the long names are those of the types.
WHEN = {**{field.name: field.name for field in fields(When)}, "max": "most"}
COUNTING = ("first", "nth", "every", "p")
WHOLE = ("first", "nth", "every", "most")
Parameter = int | float | str | None


class OptionsError(Exception):
    """A marker or a call says something that cannot be meant; `mistakes` are all of them."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


def rule(
    catalogue: Catalogue, name: str, faults: Sequence[str], options: Mapping[str, object], *, sequence: bool
) -> Rule:
    """Return the rule that some faults and keywords make; raises OptionsError.

    Keywords are those of Match, of When (`max` for `most`), and parameters of the faults.
    """
    from pytest_failhard.llm.catalogue import CatalogueError

    found: list[Fault | None] = []
    mistakes: list[str] = []
    for fault in faults:
        try:
            found.append(None if fault == OK and sequence else catalogue.find(fault))
        except CatalogueError as error:
            mistakes.append(str(error))
    match = {MATCH[key]: value for key, value in options.items() if key in MATCH}
    when = {WHEN[key]: value for key, value in options.items() if key in WHEN}
    params = {key: value for key, value in options.items() if key not in MATCH and key not in WHEN}
    known = {param for each in found if each is not None for param in each.params}
    mistakes.extend(_unknown(params, known))
    mistakes.extend(_match(match))
    mistakes.extend(_when(when))
    mistakes.extend(_params(params))
    if mistakes:
        raise OptionsError(mistakes)
    made = Rule(
        id=name,
        kinds=tuple(Kind(fault=each, params=_plain(params)) for each in faults),
        match=Match(**match),  # type: ignore[arg-type]  # checked by `_match`
        when=When(**when),  # type: ignore[arg-type]  # checked by `_when`
        sequence=sequence,
    )
    require_possible(made, catalogue)
    return made


def require_possible(rule: Rule, catalogue: Catalogue) -> None:
    """Raise OptionsError for a fault outside answers that is to choose among requests: it sees none."""
    found = [catalogue.find(kind.fault) for kind in rule.kinds if kind.fault != OK]
    early = [fault for fault in found if fault.stage != "answer"]
    if early and (rule.match != Match() or rule.when != When() or len(rule.kinds) > 1):
        raise OptionsError(
            [
                f"{fault.id} acts on the {fault.stage}, where no request is seen: "
                "it holds for all, always, alone"
                for fault in early
            ]
        )


def match(options: Mapping[str, object]) -> Match:
    """Return what chooses requests; raises OptionsError."""
    mistakes = [
        f"{key}: unknown keyword{suggestion(key, MATCH)}" for key in sorted(set(options) - set(MATCH))
    ]
    mistakes += _match({key: value for key, value in options.items() if key in MATCH})
    if mistakes:
        raise OptionsError(mistakes)
    return Match(**options)  # type: ignore[arg-type]  # checked by `_match`


def counted(before: When, key: str, value: object) -> When:
    """Return the same moment with another way of counting, None for always; raises OptionsError."""
    mistakes = list(_when({} if value is None else {key: value}))
    if mistakes:
        raise OptionsError(mistakes)
    kept = {each.name: getattr(before, each.name) for each in fields(When) if each.name not in COUNTING}
    return When(**kept, **{key: value})  # type: ignore[arg-type]  # checked by `_when`


def _unknown(params: Mapping[str, object], known: set[str]) -> Iterator[str]:
    for key in sorted(set(params) - known):
        yield f"{key}: unknown keyword{suggestion(key, {*MATCH, *WHEN, *known})}"


def _match(match: Mapping[str, object]) -> Iterator[str]:
    for key, value in match.items():
        wanted: type = bool if key == "stream" else str
        if not isinstance(value, wanted):
            yield f"{key}: must be {'true or false' if wanted is bool else 'text'} (it is {value!r})"


def _when(when: Mapping[str, object]) -> Iterator[str]:
    counting = [key for key in COUNTING if key in when]
    if len(counting) > 1:
        yield f"{', '.join(counting)}: keep one of them; they exclude each other"
    for key, value in when.items():
        if key in WHOLE:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                yield f"{key}: must be a whole number from 1 on (it is {value!r})"
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            yield f"{key}: must be a number, 0 or more (it is {value!r})"
        elif key == "p" and not 0 < value <= 1:
            yield f"p: must be above 0 and at most 1 (it is {value!r})"


def _params(params: Mapping[str, object]) -> Iterator[str]:
    for key, value in params.items():
        if value is not None and not isinstance(value, (int, float, str)):
            yield f"{key}: must be a number, text or None (it is {value!r})"


def _plain(params: Mapping[str, object]) -> dict[str, Parameter]:
    return {
        key: value for key, value in params.items() if value is None or isinstance(value, (int, float, str))
    }


@dataclass(frozen=True, kw_only=True)
class Strictness:
    """What is checked when a test that uses the provider ends; each is on unless the marker turns it off."""

    all_fired: bool = True
    all_expected: bool = True
    block_network: bool = True
    canary_key: bool = True

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Strictness:
        """Return the marker's; raises OptionsError."""
        names = [field.name for field in fields(cls)]
        mistakes = [
            f"{key}: unknown keyword{suggestion(key, names)}" for key in sorted(set(options) - set(names))
        ]
        mistakes += [
            f"{key}: must be true or false (it is {value!r})"
            for key, value in options.items()
            if key in names and not isinstance(value, bool)
        ]
        if mistakes:
            raise OptionsError(mistakes)
        return cls(**{key: bool(value) for key, value in options.items()})

    @property
    def turned_off(self) -> tuple[str, ...]:
        """Return what is not checked, for the report."""
        return tuple(field.name for field in fields(self) if not getattr(self, field.name))
