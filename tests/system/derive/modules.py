"""Builds modules from text for tests."""

from __future__ import annotations

import ast
from textwrap import dedent

from pytest_failhard.source.module import Module


def module(text: str, path: str = "shop/app.py") -> Module:
    """Return a product module."""
    data = dedent(text).encode()
    return Module(path, "product", data, ast.parse(data))
