"""The provider of a process: one server, one port for the tests, and traps for what never answers."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_failhard.llm import catalogue, providers
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.options import OptionsError
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Match, When
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.server.certificates import OTHER_HOST, Authority
from pytest_failhard.llm.server.traps import CERTIFIED
from pytest_failhard.llm.traffic import environment

if TYPE_CHECKING:
    from ssl import SSLContext

    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.ledger import Ledger
    from pytest_failhard.llm.router import Normaliser
    from pytest_failhard.llm.schedule import Rule
    from pytest_failhard.llm.server import Listener

LOOPBACK = "127.0.0.1"
HTTP_PORT = 80
CONNECTION, ENVIRONMENT = "connection", "environment"


@dataclass(frozen=True, kw_only=True)
class _Trap:
    """A port that never answers, for as long as a rule wants it."""

    rule: Rule
    listener: Listener
    ends: tuple[str, int, str]


@dataclass(kw_only=True)
class LocalProvider:
    """Answers the requests of this process's tests, one test at a time. Closing it ends the server.

    `on_keys` is called when a rule takes the keys out of the environment. `standing` are rules of the whole
    run, in force in every test, after the test's own.
    """

    seed: int = 0
    standing: tuple[Rule, ...] = ()
    server: Server = field(default_factory=Server)
    on_keys: Callable[[], None] | None = None
    _normalise: Normaliser | None = None
    _proxy: Listener | None = None
    _router: Router | None = None
    _listener: Listener | None = None
    _traps: dict[str, _Trap] = field(default_factory=dict)
    _without_key: dict[str, Rule] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)

    @property
    def router(self) -> Router:
        """Who decides what is answered."""
        if self._router is None:
            self._router = Router(
                "none", seed=self.seed, rules=(), canaries=Canaries.draw("A"), normalise=self._normalise
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

    def idle_traps(self) -> tuple[Rule, ...]:
        """Return the rules of traps to which no request was led and no connection came."""
        return tuple(
            trap.rule
            for trap in self._traps.values()
            if trap.rule.id not in self._met and not trap.listener.connections
        )

    def use(self, normalise: Normaliser | None) -> None:
        """Let a function of the project say which requests are the same; before the first test only."""
        self._normalise = normalise

    @property
    def without_key(self) -> bool:
        """Whether a rule takes the keys out of the environment."""
        return bool(self._without_key)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self.listener.port

    @property
    def ca_file(self) -> Path:
        """The certificate that a client must trust; raises MissingExtraError without the extra `tls`."""
        return self.authority.ca_file

    def base_url(self, provider: str = "openai") -> str:
        """Return the base URL under which an SDK of a provider finds us; raises ProvidersError."""
        urls = providers.load().of(provider).base_urls
        return f"{self.listener.url}{urls[0].suffix if urls else ''}"

    def begin(self, case: str) -> None:
        """Begin a test: new words and keys, a new record, no rules but the standing ones."""
        self.end()
        self.router.answers = None
        self.router.reset(case, self.standing, Canaries.draw(case))

    def end(self) -> None:
        """Close the traps of this test."""
        while self._traps:
            self._traps.popitem()[1].listener.close()
        self._without_key.clear()
        self._met.clear()

    def put(self, rule: Rule) -> None:
        """Add a rule or replace the one of its id; one that acts on the connection opens its trap."""
        stage = catalogue.load().find(rule.kinds[0].fault).stage if rule.kinds[0].fault != "ok" else ""
        if stage == CONNECTION:
            self._trap(rule)
        elif stage == ENVIRONMENT:
            self._without_key[rule.id] = rule
            if self.on_keys is not None:
                self.on_keys()
        else:
            self.router.put(rule)

    def _trap(self, rule: Rule) -> None:
        name = rule.kinds[0].fault
        if rule.match != Match() or rule.when != When() or len(rule.kinds) > 1:
            raise OptionsError(
                [f"{name} acts on the connection, where no request is seen: it holds for all, always, alone"]
            )
        listener = self.server.open(self.router, trap=name, tls=self._certificate(name))
        parts = urlsplit(listener.url)
        ends = (parts.hostname or LOOPBACK, parts.port or HTTP_PORT, parts.scheme)
        before = self._traps.pop(rule.id, None)
        self._traps[rule.id] = _Trap(rule=rule, listener=listener, ends=ends)
        if before is not None:
            before.listener.close()

    def _certificate(self, trap: str) -> SSLContext | None:
        if trap not in CERTIFIED:
            return None
        host = OTHER_HOST if trap == "tls_hostname" else LOOPBACK
        return self.authority.context(host, expired=trap == "tls_expired")

    @functools.cached_property
    def authority(self) -> Authority:
        """The certificate authority of this process; raises MissingExtraError without the extra `tls`."""
        return Authority.create(Path(self._folder.name))

    @functools.cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="llm-")

    @property
    def trusted(self) -> Path | None:
        """The certificate that clients are told to trust: None without the extra `tls`."""
        return self.ca_file if importlib.util.find_spec("trustme") else None

    def child_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment for a child process whose LLM requests come here, by base URL or by proxy."""
        if self._proxy is None:
            hosts = providers.load()
            self._proxy = self.server.open_proxy(
                self.router,
                hosts=lambda host: hosts.of_host(host) is not None,
                authority=self.authority if self.trusted else None,
            )
        trap = next(reversed(self._traps.values())).listener.url if self._traps else self.listener.url
        found = environment.variables(
            trap,
            self.canaries,
            layers=frozenset({environment.BASE_URL, environment.PROXY}),
            proxy_url=self._proxy.url,
            ca_file=self.trusted,
            missing_key=self.without_key,
        )
        return found.apply(environ)

    def tell(self, answers: Answers) -> None:
        """Give healthy answers their content."""
        self.router.answers = answers

    def target(self) -> tuple[str, int, str]:
        """Return host, port and scheme to which a request goes now: the newest trap, else our port."""
        if self._traps:
            trap = next(reversed(self._traps.values()))
            self._met.add(trap.rule.id)
            return trap.ends
        return LOOPBACK, self.listener.port, "http"

    def close(self) -> None:
        """End the server and everything that it opened."""
        self.end()
        self.server.stop()
        if "_folder" in vars(self):
            self._folder.cleanup()
