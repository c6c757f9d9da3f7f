"""`--inject-failures`: the whole test session against a provider that fails by schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_failhard.llm.schedule import no_fire

if TYPE_CHECKING:
    from pytest_failhard.llm.local import LocalProvider
    from pytest_failhard.llm.schedule import Rule

SENT = "failhard_injected"
"""The key under which a worker sends its counts to the controller."""


@pytest.fixture(scope="session", autouse=True)
def failhard_injection(llm_server: LocalProvider) -> None:
    """Let the project's normaliser say which requests are the same, also where no test asks for us."""
    del llm_server


class Injection:
    """The standing rules of a session: counts what they did, here and in every worker."""

    def __init__(self, config: pytest.Config, local: LocalProvider, rules: tuple[Rule, ...]) -> None:
        self.config = config
        self.local = local
        self.rules = tuple(replace(rule, id=f"i{number}") for number, rule in enumerate(rules, 1))
        self.seen: Counter[str] = Counter()
        self._capture = ExitStack()
        local.on_end.append(self._count)

    @property
    def is_worker(self) -> bool:
        """Whether a controller asks us for our counts."""
        return hasattr(self.config, "workerinput")

    def pytest_report_header(self) -> str:
        """Name the rules' seed."""
        return f"failhard: injecting LLM failures, --failhard-seed={self.config.getoption('failhard_seed')}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Lead this process's LLM requests to the provider, before any test or fixture."""
        from pytest_failhard.llm.inprocess import Capture

        self.local.standing = self.rules
        self.local.begin("session")
        capture = Capture(self.local, ("*",), guard=False)
        self._capture.enter_context(capture)
        # A session whose start fails after this, or whose end does before ours, never comes to our end.
        self.config.add_cleanup(self._capture.close)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the record of a test; one with `llm_faults` does so again."""
        self.local.begin(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail a run that injected nothing, while it lasts: so that whoever judges it sees the same."""
        done = yield
        self.local.begin("end")
        if not self.is_worker and not self.fired:
            session.testsfailed += 1
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Give the counts to the controller."""
        self.local.end()
        self._capture.close()
        if self.is_worker:
            vars(self.config)["workeroutput"][SENT] = dict(self.seen)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take the counts of a worker."""
        self.seen.update(vars(node).get("workeroutput", {}).get(SENT, {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was injected, or that nothing was."""
        if self.is_worker:
            return
        terminalreporter.section("injected LLM failures")
        for line in self.summary():
            terminalreporter.write_line(line)

    @property
    def fired(self) -> int:
        """How many requests met a fault."""
        return sum(count for name, count in self.seen.items() if name.startswith("fired "))

    def summary(self) -> list[str]:
        """Return a line a rule: how many requests it was for, how many met a fault, which."""
        seed = self.config.getoption("failhard_seed")
        lines = [f"seed {seed}: --failhard-seed={seed} injects the same"]
        for rule in self.rules:
            matched, fired = self.seen[f"matched {rule.id}"], self.seen[f"fired {rule.id}"]
            share = f" ({100 * fired / matched:.2f} %)" if matched else ""
            kinds = "|".join(kind.fault for kind in rule.kinds)
            lines.append(f"{rule.id} {kinds}: {fired} of {matched} requests{share}")
        lines += [f"  {name}: {count}" for name, count in sorted(self.seen.items()) if " " not in name]
        return lines if self.fired else [*lines, f"error: no-fire: {self._why()}"]

    def _why(self) -> str:
        calls = sum(count for name, count in self.seen.items() if name.startswith("matched "))
        rates = [rule.when.p for rule in self.rules if rule.when.p is not None]
        if calls and rates:
            return no_fire(max(rates), calls)
        return (
            f"no request met a fault, {calls} could have: a run that injects nothing shows nothing; "
            "let the tests call the LLM through its SDK, without a mock of their own"
        )

    def _count(self) -> None:
        for name, count in self.local.router.schedule.counts.items():
            if name.startswith("i"):
                self.seen.update({f"matched {name}": count.matched, f"fired {name}": count.fired})
        self.seen.update(
            attempt.fault for attempt in self.local.ledger.attempts if attempt.rule.startswith("i")
        )
