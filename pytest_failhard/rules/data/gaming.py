"""Data of the integrity rules: names, patterns and bounds."""

from __future__ import annotations

import re

NOT_BLANKET = frozenset({"pytest", "any"})
"""Kinds that other rules judge: what keeps a test from running, what is typed as Any."""
NEEDS_NO_REASON = frozenset({"pytest", "any", "formatter"})
"""Kinds that hide no defect, and those that other rules judge."""
SHOWN = 120
"""Characters of a comment that a message repeats."""

BIDI_BYTES = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|(?<!\A)\xef\xbb\xbf")
"""U+202A..202E, U+2066..2069 and U+FEFF after the start, in UTF-8."""
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8\b)[-\w.]+", re.MULTILINE | re.IGNORECASE)
HEAD_BYTES = 400
"""Where an encoding cookie can stand: the first two lines."""
