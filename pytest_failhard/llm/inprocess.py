"""Leads the LLM requests of this process to the provider while a test runs, and checks what they did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pytest_failhard.llm import providers
from pytest_failhard.llm.traffic import reroute
from pytest_failhard.llm.traffic.egress import Guard

if TYPE_CHECKING:
    from pytest_failhard.llm.local import LocalProvider
    from pytest_failhard.llm.options import Strictness
    from pytest_failhard.llm.schedule import Rule

ANY_HOST = ("*",)


class Capture:
    """Variables and patches of this process that lead its LLM requests to a provider, and their undoing.

    `allow` are globs of hosts that may be reached all the same. Without `guard` sockets are left alone.
    """

    def __init__(self, local: LocalProvider, allow: Iterable[str], *, guard: bool) -> None:
        self._local = local
        self._allow = tuple(allow) if guard else ANY_HOST
        self._guard = Guard(self._allow)
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(_restore, dict(os.environ))
            self._local.allow = self._allow
            self._set()
            self._local.on_change.append(self._set)
            undo.callback(self._local.on_change.remove, self._set)
            hosts = (*providers.load().hosts, reroute.netloc(self._local.url))
            undo.callback(reroute.install(self._local.target, hosts, self._guard))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _set(self) -> None:
        variables = self._local.own_environment()
        for name in variables.unset:
            os.environ.pop(name, None)
        os.environ.update(variables.set)

    def problems(self, checks: Strictness) -> list[str]:
        """Return what must not have happened in the test, each with what to do."""
        demanded: tuple[tuple[bool, Callable[[], Iterator[str]]], ...] = (
            (checks.all_fired, self._unfired),
            (checks.all_expected, self._unexpected),
            (checks.block_network, self._egress),
            (checks.canary_key, self._keys),
        )
        return [problem for wanted, look in demanded if wanted for problem in look()]

    def _unfired(self) -> Iterator[str]:
        seen = self._seen()
        counts = self._local.router.schedule.counts
        for rule in self._local.idle():
            matched = counts[rule.id].matched if rule.id in counts else 0
            fault = "|".join(kind.fault for kind in rule.kinds)
            yield (
                f"fault '{fault}' (rule {rule.id}) never fired: {matched} requests{_wanted(rule)}. "
                f"Seen: {seen}. Is the client built before the fixture, or pointed elsewhere? "
                "Layers tried: base_url, reroute"
            )

    def _seen(self) -> str:
        routes = [attempt.route or attempt.kind for attempt in self._local.ledger.attempts]
        return ", ".join(f"{routes.count(name)} on {name}" for name in sorted(set(routes))) or "nothing"

    def _unexpected(self) -> Iterator[str]:
        for attempt in self._local.ledger.attempts:
            if attempt.kind == "unknown":
                yield (
                    f"request {attempt.method} {attempt.route} has no dialect: "
                    "add the provider to [tool.failhard.llm] or answer it with llm_faults.on().answer()"
                )
        for refusal in self._local.ledger.refusals:
            if refusal.what in {"answer", "bad-request", "too-large"}:
                yield f"{refusal.what}: {refusal.detail}: the request could not be answered"

    def _egress(self) -> Iterator[str]:
        refused = (*self._guard.attempts, *self._local.refused_to_children())
        places = [f"{host}:{port}" for host, port in refused]
        places += [each.detail for each in self._local.ledger.refusals if each.what == "egress"]
        for place in dict.fromkeys(places):
            yield (
                f"a connection to {place} was refused: tests with llm_faults stay on this machine; "
                "declare the host in egress_allow, or turn off block_network"
            )

    def _keys(self) -> Iterator[str]:
        for attempt in self._local.ledger.attempts:
            if attempt.key == "foreign":
                yield (
                    f"attempt {attempt.number} presented a key that is not this test's: "
                    "read it from the environment when the client is built, never from the code or a file"
                )
            elif attempt.key and self._local.without_key:
                yield f"attempt {attempt.number} presented a key although none is set: find its source"


def _wanted(rule: Rule) -> str:
    """Say which requests a rule was for."""
    match = rule.match
    conditions = [
        f"{each.name} {value}"
        for each in fields(match)
        if each.name != "route" and (value := vars(match)[each.name]) is not None
    ]
    return (f" on {match.route}" if match.route else "") + (
        f" with {', '.join(conditions)}" if conditions else ""
    )


def _restore(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)
