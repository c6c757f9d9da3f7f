"""Ends a run whose markers or settings cannot be meant, before any test, from a worker of xdist too."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

SENT = "failhard_mistakes"


def refuse(config: pytest.Config, items: list[pytest.Item], mistakes: Sequence[str]) -> None:
    """Raise UsageError with each mistake once, if there are any; a worker tells its controller instead."""
    if not mistakes:
        return
    text = "\n".join(dict.fromkeys(mistakes))
    if not hasattr(config, "workerinput"):
        raise pytest.UsageError(text)
    # What a worker raises ends that worker alone: the controller has to be told.
    output = vars(config)["workeroutput"]
    output[SENT] = "\n".join(filter(None, (output.get(SENT), text)))
    items.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Refuse what a worker found."""
    text = vars(node).get("workeroutput", {}).get(SENT)
    if text is not None:
        raise pytest.UsageError(text)
