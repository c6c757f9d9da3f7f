"""A plugin for the mutation session: each mutant meets the same examples, and no failure is made smaller."""

from __future__ import annotations

from hypothesis import Phase, settings


def pytest_configure() -> None:
    """Set what the profile of the suite builds on: whether a mutant is found must not hang on chance."""
    steady = settings(
        database=None, derandomize=True, max_examples=30, phases=(Phase.explicit, Phase.generate)
    )
    settings.register_profile("steady", steady)
    settings.load_profile("steady")
