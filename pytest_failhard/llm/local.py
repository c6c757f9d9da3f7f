"""The provider of a process: one server, one port for the tests, and traps for what never answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_failhard.llm import catalogue
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.ledger import Ledger
    from pytest_failhard.llm.router import Normaliser
    from pytest_failhard.llm.schedule import Rule
    from pytest_failhard.llm.server import Listener

LOOPBACK = "127.0.0.1"
CONNECTION, ENVIRONMENT = "connection", "environment"


@dataclass(frozen=True, kw_only=True)
class _Trap:
    """A port that never answers, for as long as a rule wants it."""

    rule: Rule
    listener: Listener
    ends: tuple[str, int, str]


@dataclass(kw_only=True)
class LocalProvider:
    """Answers the requests of this process's tests, one test at a time.

    `folder` is where certificates of the run may lie. Closing it ends the server.
    """

    folder: Path
    seed: int = 0
    normalise: Normaliser | None = None
    server: Server = field(default_factory=Server)
    _router: Router | None = None
    _listener: Listener | None = None
    _traps: dict[str, _Trap] = field(default_factory=dict)
    _without_key: dict[str, Rule] = field(default_factory=dict)

    @property
    def router(self) -> Router:
        """Who decides what is answered."""
        if self._router is None:
            self._router = Router(
                "none", seed=self.seed, rules=(), canaries=Canaries.draw("A"), normalise=self.normalise
            )
        return self._router

    @property
    def listener(self) -> Listener:
        """The port on which requests are answered; opened when it is first asked for."""
        if self._listener is None:
            self._listener = self.server.open(self.router)
        return self._listener

    @property
    def ledger(self) -> Ledger:
        """What was sent in this test."""
        return self.router.ledger

    @property
    def canaries(self) -> Canaries:
        """The words and keys of this test."""
        return self.router.canaries

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules of this test, those of traps and keys included."""
        traps = tuple(trap.rule for trap in self._traps.values())
        return (*self.router.schedule.rules, *traps, *self._without_key.values())

    @property
    def connections(self) -> int:
        """How many connections the traps took."""
        return sum(trap.listener.connections for trap in self._traps.values())

    @property
    def without_key(self) -> bool:
        """Whether a rule takes the keys out of the environment."""
        return bool(self._without_key)

    def begin(self, case: str, rules: tuple[Rule, ...] = ()) -> None:
        """Begin a test: new words and keys, a new record, these rules."""
        self.end()
        self.router.answers = None
        self.router.reset(case, rules, Canaries.draw(case))

    def end(self) -> None:
        """Close the traps of this test."""
        while self._traps:
            self._traps.popitem()[1].listener.close()
        self._without_key.clear()

    def put(self, rule: Rule) -> None:
        """Add a rule or replace the one of its id; one that acts on the connection opens its trap."""
        stage = catalogue.load().find(rule.kinds[0].fault).stage if rule.kinds[0].fault != "ok" else ""
        if stage == CONNECTION:
            self._trap(rule)
        elif stage == ENVIRONMENT:
            self._without_key[rule.id] = rule
        else:
            self.router.put(rule)

    def tell(self, answers: Answers) -> None:
        """Give healthy answers their content."""
        self.router.answers = answers

    def target(self) -> tuple[str, int, str]:
        """Return host, port and scheme to which a request goes now: the newest trap, else our port."""
        if self._traps:
            return next(reversed(self._traps.values())).ends
        return LOOPBACK, self.listener.port, "http"

    def close(self) -> None:
        """End the server and everything that it opened."""
        self.end()
        self.server.stop()
