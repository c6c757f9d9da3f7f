"""The worker: serves the benchmarks of one tree to the gate, from inside that tree's own pytest.

It is copied and loaded under another name, in environments without us: it imports the standard library,
pytest and itself, and nothing happens where no parent speaks through the pipes that the environment names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .channel import Channel

if TYPE_CHECKING:
    import pytest

CHANNEL = Channel.inherited()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Hook in, before any conftest is imported."""
    if CHANNEL is not None:
        # Loaded only where it works: the clocks are of Unix, the marker is read everywhere.
        from .worker import Worker

        pluginmanager.register(Worker(CHANNEL), "failhard-worker")
