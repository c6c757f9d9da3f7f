"""What a gate looks at, why, and what to do: the docstring of its module is its documentation."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import TYPE_CHECKING

from pytest_failhard.gates import builtin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_failhard.model import Gate


class ExplanationError(Exception):
    """No gate has this name: the message names those that come near."""


def explain(name: str, gates: Sequence[Gate] | None = None) -> str:
    """Return the documentation of a gate, of a built-in one unless `gates` are given."""
    by_id = {gate.id: gate for gate in (builtin() if gates is None else gates)}
    if name in by_id:
        return inspect.cleandoc(sys.modules[type(by_id[name]).__module__].__doc__ or "")
    near = difflib.get_close_matches(name, by_id, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(by_id)}"
    raise ExplanationError(f"no gate is called {name!r}; {hint}")
