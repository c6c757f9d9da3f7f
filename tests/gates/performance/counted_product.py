"""A product whose functions are counted."""

from __future__ import annotations


def steps(number: int) -> None:
    """Take so many steps."""
    for _ in range(number):
        step()


def step() -> None:
    """Take one."""
