"""The provider of a process: one case for all its tests, one at a time, and the traps they open."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pytest_failhard.llm import catalogue, options, providers
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.session import Injection, LlmSession, OpenCase
from pytest_failhard.llm.traffic import environment

if TYPE_CHECKING:
    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.ledger import Ledger
    from pytest_failhard.llm.router import Normaliser, Router
    from pytest_failhard.llm.schedule import Rule
    from pytest_failhard.llm.server import Listener
    from pytest_failhard.llm.traffic.environment import Environment

CONNECTION, ENVIRONMENT = "connection", "environment"
Watcher = Callable[[], None]


@dataclass(kw_only=True)
class LocalProvider:
    """Answers the requests of this process's tests, one test at a time. Closing it ends the server.

    `standing` are rules of the whole run, in force in every test, after the test's own. `on_change` are
    called when the way here changes: the keys, or a trap; `on_end` before a record is replaced. `allow` are
    globs of hosts that child processes of the test may reach.
    """

    seed: int = 0
    standing: tuple[Rule, ...] = ()
    allow: tuple[str, ...] = ()
    on_change: list[Watcher] = field(default_factory=list)
    on_end: list[Watcher] = field(default_factory=list)
    _own: dict[str, Rule] = field(default_factory=dict)
    _traps: dict[str, Listener] = field(default_factory=dict)
    _without_key: set[str] = field(default_factory=set)
    _met: set[str] = field(default_factory=set)
    _proxy: Listener | None = None
    _guards: Path | None = None

    @functools.cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="llm-")

    @functools.cached_property
    def _session(self) -> LlmSession:
        return LlmSession(folder=Path(self._folder.name), seed=self.seed)

    @functools.cached_property
    def _opened(self) -> OpenCase:
        return self._session.open("none")

    @property
    def router(self) -> Router:
        """Who decides what is answered."""
        return self._opened.router

    @property
    def case(self) -> OpenCase:
        """How a process is led here now: to the newest trap where there is one, else to our port."""
        trap = next(reversed(self._traps), "")
        fault = self._own[trap].kinds[0].fault if trap else ""
        return replace(
            self._opened,
            listener=self._traps[trap] if trap else self._opened.listener,
            proxy=self._proxy,
            injection=Injection(trap=fault, missing_key=self.without_key),
            authority=self._session.made_authority,
        )

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
        """The test's own rules, oldest first, those of traps and keys included."""
        return tuple(self._own.values())

    def idle(self) -> tuple[Rule, ...]:
        """Return the test's own rules by which nothing failed: no request, no connection, no failure."""
        unfired = {rule.id for rule in self.router.schedule.unfired()}
        unfired |= {name for name, trap in self._traps.items() if not trap.connections}
        return tuple(rule for name, rule in self._own.items() if name in unfired - self._met)

    def confirm(self) -> None:
        """Take note that a failure outside this process showed the newest trap, which sees no connection."""
        self._met.update(tuple(self._traps)[-1:])

    def use(self, normalise: Normaliser | None) -> None:
        """Let a function of the project say which requests are the same, from now on."""
        self.router.normalise = normalise

    @property
    def without_key(self) -> bool:
        """Whether a rule takes the keys out of the environment."""
        return bool(self._without_key)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._opened.listener.port

    @property
    def url(self) -> str:
        """The URL of that port."""
        return self._opened.listener.url

    @property
    def ca_file(self) -> Path:
        """The certificate that a client must trust; raises MissingExtraError without the extra `tls`."""
        return self._session.authority().ca_file

    def base_url(self, provider: str = "openai") -> str:
        """Return the base URL under which an SDK of a provider finds us; raises ProvidersError."""
        urls = providers.load().of(provider).base_urls
        return f"{self.url}{urls[0].suffix if urls else ''}"

    def begin(self, case: str) -> None:
        """Begin a test: new words and keys, a new record, no rules but the standing ones."""
        _call(self.on_end)
        self._forget()
        self._guards = None
        self.router.answers = None
        self.router.reset(case, self.standing, Canaries.draw(case))
        _call(self.on_change)

    def end(self) -> None:
        """Close the traps of this test."""
        self._forget()
        _call(self.on_change)

    def _forget(self) -> None:
        while self._traps:
            self._traps.popitem()[1].close()
        self._own.clear()
        self._without_key.clear()
        self._met.clear()

    def put(self, rule: Rule) -> None:
        """Add a rule or replace the one of its id; one that acts on the connection opens its trap.

        Raises OptionsError for one that asks of a connection what only a request can tell.
        """
        options.require_possible(rule, catalogue.load())
        fault = rule.kinds[0].fault
        stage = "" if fault == "ok" else catalogue.load().find(fault).stage
        if stage == CONNECTION:
            before = self._traps.pop(rule.id, None)
            self._traps[rule.id] = self._session.listen(self.router, fault)
            if before is not None:
                before.close()
        elif stage == ENVIRONMENT:
            self._without_key.add(rule.id)
        else:
            self.router.put(rule, ahead_of=len(self.standing))
        self._own[rule.id] = rule
        _call(self.on_change)

    def child_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment for a child process whose LLM requests come here, by base URL or by proxy.

        Python and Node are held on this machine; what they tried to reach stands in `refused_to_children`.
        """
        from pytest_failhard.llm.traffic import reroute

        if self._proxy is None:
            self._proxy = self._session.listen_as_proxy(self.router)
        if self._guards is None:
            self._guards = reroute.guards(Path(self._folder.name), self.allow)
        case = self.case
        found = case.environment(case.layers, self._guards).apply(environ)
        if self._traps:
            # A proxy would make the connection that is to fail in the child's place.
            found |= {name: f"{found[name]},{case.target[0]}" for name in environment.NO_PROXIES}
        return found

    def refused_to_children(self) -> tuple[tuple[str, int], ...]:
        """Return host and port of all that child processes of this test were kept from.

        Raises RerouteError for a record that they damaged.
        """
        from pytest_failhard.llm.traffic import reroute

        return reroute.reported(self._guards).egress if self._guards else ()

    def own_environment(self) -> Environment:
        """Return the variables for this process; `target` leads its requests to a trap, and takes note."""
        return replace(self.case, listener=self._opened.listener).environment()

    def tell(self, answers: Answers) -> None:
        """Give healthy answers their content."""
        self.router.answers = answers

    def target(self) -> tuple[str, int, str]:
        """Return host, port and scheme to which a request goes now: the newest trap, else our port."""
        self.confirm()
        return self.case.target

    def close(self) -> None:
        """End the server and everything that it opened."""
        if "_session" in vars(self):
            self._forget()
            self._session.close()
        if "_folder" in vars(self):
            self._folder.cleanup()


def _call(watchers: list[Watcher]) -> None:
    for watcher in watchers:
        watcher()
