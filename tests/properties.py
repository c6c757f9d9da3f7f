"""Sets how hypothesis tests a property, before the first module that states one."""

from __future__ import annotations

import functools
from pathlib import Path


def prepare(module: Path) -> None:
    """Set the profile where a module that is about to be imported needs one."""
    if b"hypothesis" in module.read_bytes():
        _set_profile()


@functools.cache
def _set_profile() -> None:
    from hypothesis import HealthCheck, settings

    # How long a busy machine takes for an example says nothing about the code.
    settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any-machine")
