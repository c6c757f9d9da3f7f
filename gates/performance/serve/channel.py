"""Speaks with the parent: one JSON object a line, over two inherited pipes; ends where the parent is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

VARIABLE = "FAILHARD_SERVE"
GONE = 70
"""The exit status where nobody is left who would read what we measure."""


class Channel:
    """Both directions. The descriptors stay out of the processes that the project starts."""

    def __init__(self, reading: int, writing: int) -> None:
        for descriptor in (reading, writing):
            os.set_inheritable(descriptor, False)
        self._lines = os.fdopen(reading, encoding="utf-8")
        self._writing = writing

    @classmethod
    def inherited(cls) -> Channel | None:
        """Take the pipes that the environment names out of it; None where this is no worker."""
        text = os.environ.pop(VARIABLE, "")
        if not text:
            return None
        reading, _, writing = text.partition(",")
        return cls(int(reading), int(writing))

    def send(self, message: Mapping[str, object]) -> None:
        """Write a line."""
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._writing, data) :]
        except BrokenPipeError:
            os._exit(GONE)

    def receive(self) -> dict[str, object]:
        """Wait for a line."""
        line = self._lines.readline()
        if not line:
            os._exit(GONE)
        message: dict[str, object] = json.loads(line)
        return message
