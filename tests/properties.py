"""Sets how hypothesis tests a property, before the first module that states one."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from tests.size import FULL

ROOT = Path(__file__).parents[1]
OURS = re.compile(r"^from (tests[\w.]*) import", re.MULTILINE)


def prepare(module: Path) -> None:
    """Set the profile where a module that is about to be imported states a property, or brings one that does."""
    text = module.read_text("utf-8")
    brought = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in OURS.findall(text)]
    texts = [text, *(path.read_text("utf-8") for path in brought if path.is_file())]
    if any("hypothesis" in each for each in texts):
        _set_profile()


@functools.cache
def _set_profile() -> None:
    from hypothesis import HealthCheck, settings

    # How long a busy machine takes for an example says nothing about the code.
    settings.register_profile(
        "any-machine",
        deadline=None,
        max_examples=100 if FULL else 25,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("any-machine")
