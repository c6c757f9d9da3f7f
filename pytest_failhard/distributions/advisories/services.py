"""Where the public advisory services are."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def address(name: str) -> str:
    """Return the URL of a service: `osv`, which is asked, or `archive`, which is fetched."""
    text = resources.files(__package__).joinpath("services.toml").read_text("utf-8")
    return str(tomllib.loads(text)[name])
