"""A gate's documentation, which is the docstring of its module."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_failhard.model import Gate


class UnknownNameError(Exception):
    """No gate has this name: the message names those that come near."""


def explain(name: str, gates: Sequence[Gate]) -> str:
    """Return the page of a gate; raises UnknownNameError."""
    by_id = {gate.id: gate for gate in gates}
    if name in by_id:
        return inspect.cleandoc(sys.modules[type(by_id[name]).__module__].__doc__ or "")
    near = difflib.get_close_matches(name, by_id, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(by_id)}"
    raise UnknownNameError(f"no gate is called {name!r}; {hint}")
