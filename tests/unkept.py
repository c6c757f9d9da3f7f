"""Variables of a run that keeps nothing for a later one, as tests start it."""

from __future__ import annotations

import os

from pytest_failhard import private

FULL = os.environ.get("ACCEPTANCE_SIZE") == "full"
"""As `nox -s acceptance` runs it."""
UNKEPT = {private.LIMIT: "0", private.CHECKPOINTS: "1" if FULL else "0"}
"""Each run is to look, so none has a cache. In the size of CI none has a checkpoint either, for which the whole
environment is compared: that takes a fifth of the time of a small run."""
