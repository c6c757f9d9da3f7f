"""Reads YAML that somebody else wrote: whatever is wrong with it is one error that says where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import yaml

MAX_NESTING = 200
"""Far deeper than what people write; C composes by recursion, and a deeper document would end the process."""
STRANGE = (ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML raises besides its own errors: for a 13th month, a tag without a value, a tree too deep."""
_T = TypeVar("_T")


class YamlError(ValueError):
    """Text that is no YAML, or stands for no values. `line` is 0 where it is not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem = problem
        self.line = line


def value(text: str | bytes, loader: type[yaml.SafeLoader] | None = None) -> object:
    """Return what the only document stands for, None where there is none; raises YamlError."""
    found = values(text, loader)
    if len(found) > 1:
        raise YamlError(f"it holds {len(found)} documents, where one is meant")
    return found[0] if found else None


def values(text: str | bytes, loader: type[yaml.SafeLoader] | None = None) -> list[object]:
    """Return what each document stands for, with the constructors of a safe loader; raises YamlError."""
    import yaml

    chosen = yaml.SafeLoader if loader is None else loader

    def loaded() -> list[object]:
        # In Python a tree that is too deep ends as an exception; in C it ends the process.
        if not issubclass(chosen, yaml.SafeLoader):
            require_flat(yaml.parse(text, Loader=chosen))
        return [*yaml.load_all(text, Loader=chosen)]

    return _told(loaded)


def nodes(text: str | bytes) -> list[yaml.Node]:
    """Return each document as nodes, which know their places and stand for no values; raises YamlError."""
    import yaml

    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def composed() -> list[yaml.Node]:
        require_flat(yaml.parse(text, Loader=quick))
        return [*yaml.compose_all(text, Loader=quick)]

    return _told(composed)


def require_flat(events: Iterable[yaml.Event]) -> None:
    """Raise YamlError where collections are nested deeper than anybody writes."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_NESTING:
            raise YamlError(f"is nested more than {MAX_NESTING} deep")


def _told(make: Callable[[], _T]) -> _T:
    """Return what is made; raises YamlError for each of the many things that PyYAML raises."""
    import yaml

    try:
        return make()
    except YamlError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise YamlError(problem, mark.line + 1 if mark is not None else 0) from None
    except (yaml.YAMLError, *STRANGE) as error:
        raise YamlError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from None
