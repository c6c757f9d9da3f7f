"""The one hook of ours: it adds gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from pytest_failhard.model import Gate

hookspec = pluggy.HookspecMarker("pytest")


@hookspec
def pytest_failhard_gates(config: pytest.Config | None) -> Sequence[Gate]:
    """Return gates; a gate runs only where a policy names its id.

    `config` is None under `failhard check`, which asks only the built-in gates and the installed
    distributions that the policy lists under `plugins`, never a conftest. Raise nothing: a gate that
    cannot work raises GateError when it observes.
    """
    raise NotImplementedError
