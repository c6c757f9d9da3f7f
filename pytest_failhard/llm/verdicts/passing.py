"""Judges traffic that passes the fault server by: foreign hosts, interceptors that see nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.model import Finding


def egress(
    hosts: Iterable[str], expectation: Expectation, *, is_provider: Callable[[str], bool]
) -> tuple[Finding, ...]:
    """Return `provider-fallback` for the hosts of providers and `egress` for all others.

    `hosts` are those that the guard refused, with or without a port; `is_provider` knows the providers'.
    """
    names = sorted({_name(host) for host in hosts})
    providers = [name for name in names if is_provider(name)]
    others = [name for name in names if not is_provider(name)]
    return tuple(
        finding(rule, expectation.case, f"the system tried to reach {', '.join(reached)}")
        for rule, reached in (("provider-fallback", providers), ("egress", others))
        if reached
    )


def _name(host: str) -> str:
    """Return the host without its port; a bare IPv6 address has colons of its own."""
    name, _, _ = host.rpartition(":")
    return name if name and (":" not in name or name.endswith("]")) else host


def blind_interceptors(names: Iterable[str]) -> tuple[Finding, ...]:
    """Return `blind-interceptor` for each declared, unused interceptor that its LLM client passes by."""
    return tuple(
        finding("blind-interceptor", name, f"{name} is declared and cannot see the LLM client")
        for name in sorted(set(names))
    )
