"""Tells a secret that stands in a file from a reference to one."""

from __future__ import annotations

import re

_REFERENCE = re.compile(
    r"\$\{?[A-Za-z_]\w*(?::?[?+][^{}]*)?\}?|\$\(.*\)|`.*`|\{\{.*\}\}|<[^<>]*>|%\w+%", re.DOTALL
)
_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:?-(?P<value>[^{}]*)\}")
_URL = re.compile(r"[A-Za-z][\w+.-]*://(?P<user>[^\s\"'/@:]*):(?P<password>[^\s\"'/@]+)@")
_SWITCHES = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1", "null", "none", "~"})


def is_literal(value: str) -> bool:
    """Tell whether a value stands there itself, or as the default of a variable; a switch is no value."""
    value = _DEFAULT.sub(lambda match: match["value"], value.strip()).strip()
    return bool(value) and value.lower() not in _SWITCHES and _REFERENCE.fullmatch(value) is None


def holds_password(text: str) -> bool:
    """Tell whether a text holds a URL with a password that is no reference."""
    plain = _DEFAULT.sub(lambda match: match["value"], text)
    return any(
        is_literal(match["password"]) and "$" not in match["password"] for match in _URL.finditer(plain)
    )
