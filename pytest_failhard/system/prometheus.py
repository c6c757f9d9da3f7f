"""Reads the text in which Prometheus collects counters."""

from __future__ import annotations

import re
from fractions import Fraction

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(
    rf"({_NAME})(?:\{{\s*(?:{_LABEL}\s*(?:,\s*{_LABEL}\s*)*,?\s*)?\}})?"
    r"[ \t]+(\S+)(?:[ \t]+-?\d+(?:\.\d+)?)?(?: # .*)?"
)
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped|unknown|info|stateset)")
_NUMBER = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?|[+-]?Inf|NaN")
"""No longer than a float is written: an exponent of nine digits would be a number of as many."""
_TOTAL, _CREATED = "_total", "_created"


class PrometheusError(ValueError):
    """The text is none that Prometheus reads; the message names the line."""


def counted(text: str) -> Fraction:
    """Return the sum of all counters; raises PrometheusError for what cannot be read, or holds no sample."""
    counters: set[str] = set()
    total, samples = Fraction(0), 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            typed = _TYPE.fullmatch(stripped)
            counters |= {typed[1]} if typed is not None and typed[2] == "counter" else set()
        elif stripped:
            name, value = _sample(stripped, number)
            samples += 1
            total += value if _is_counter(name, counters) else 0
    if not samples:
        raise PrometheusError("no line of it is a sample")
    return total


def samples(text: str) -> tuple[tuple[str, Fraction], ...]:
    """Return the names and values of all samples; raises PrometheusError for what cannot be read."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return tuple(_sample(line, number) for number, line in lines if line and not line.startswith("#"))


def observed(text: str) -> Fraction | None:
    """Return how many times anything was timed or sized: the counts of all histograms and summaries.

    None where there is none. Raises PrometheusError for what cannot be read.
    """
    typed = filter(None, (_TYPE.fullmatch(line.strip()) for line in text.splitlines()))
    names = {f"{each[1]}_count" for each in typed if each[2] in {"histogram", "summary"}}
    counts = [value for name, value in samples(text) if name in names]
    return sum(counts, Fraction(0)) if counts else None


def _sample(line: str, number: int) -> tuple[str, Fraction]:
    match = _SAMPLE.fullmatch(line)
    if match is None or not _NUMBER.fullmatch(match[2]):
        raise PrometheusError(f"line {number} is no sample")
    plain = match[2].lstrip("+-") not in {"Inf", "NaN"}
    return match[1], Fraction(match[2]) if plain else Fraction(0)


def _is_counter(name: str, counters: set[str]) -> bool:
    """Tell whether a sample is a counter's: by its type, or by the ending that only counters have."""
    if name.endswith(_CREATED):
        return False
    return name in counters or name.removesuffix(_TOTAL) in counters or name.endswith(_TOTAL)
