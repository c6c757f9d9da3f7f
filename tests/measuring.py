"""What tests of the measurement share: the plugin's wiring, and an environment for measured processes."""

from __future__ import annotations

import os

from tests.support import measuring

WIRING = """\
import os
from pathlib import Path

import pytest

from pytest_failhard.measurement import Measurement


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        measurement = Measurement(Path(os.environ["MEASUREMENT_RCFILE"]))
        measurement.start()
        early_config.pluginmanager.register(measurement, "failhard-measurement")


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        measurement = Measurement.of_worker(config.workerinput)
        if measurement is not None:
            measurement.start()
            config.pluginmanager.register(measurement, "failhard-measurement")
"""
"""What the plugin does, and nothing else of it."""


def environment(**more: str) -> dict[str, str]:
    """Return all that a process of a test gets: little, and what lets it be measured with the tests."""
    names = ("PATH", "HOME", "TMPDIR")
    return {**{name: os.environ[name] for name in names if name in os.environ}, **measuring(), **more}
