"""Data of the inline opt-out: what it may name, how long it may live, and how bad a stale one is."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST_DAYS: Mapping[int, int] = {1: 90, 2: 90, 3: 30, 4: 14}
"""Level -> calendar days from the day of the run."""
REF_FROM_LEVEL = 3
"""From here on a tracking item is needed, and one that the change itself adds has no effect."""
CENTRAL_FROM_LEVEL = 4
"""From here on none has an effect: waivers stand in the file for them."""
BARRED = frozenset({"FH001", "FH002", "FH003", "FH202", "FH203", "FH204", "FH206", "FH303"})
"""Rules that nobody lets through, beside all of the gate `integrity`."""
KIND = "inline"
