"""One system of its own for each case in flight: a copy, a port, a provider, a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.gates.llm import drivers
from pytest_failhard.gates.llm.memory import Memory
from pytest_failhard.llm import providers
from pytest_failhard.llm.answers import Answers
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.server.certificates import OTHER_HOST, Authority
from pytest_failhard.llm.server.traps import CERTIFIED, SILENT
from pytest_failhard.llm.traffic import environment, reroute
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import GateError
from pytest_failhard.system.launch import LaunchError

if TYPE_CHECKING:
    from ssl import SSLContext

    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.llm.calls import Call
    from pytest_failhard.llm.ledger import Ledger
    from pytest_failhard.llm.schedule import Rule
    from pytest_failhard.llm.server import Listener, Server
    from pytest_failhard.model import Run
    from pytest_failhard.system.declaration import System

LOOPBACK = "127.0.0.1"
EARLIER = "an earlier call"
"""The label of all canaries of cases before: which case a system ran before another is left to chance."""
HEALTHY_LABELS = frozenset({"A", "B", "warm"})
"""By these a report tells the words of healthy runs from those of the case."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all lanes of a run share."""

    run: Run
    system: System
    settings: LlmSettings
    import_roots: tuple[str, ...]
    server: Server
    authority: Authority | None
    """None without the extra `tls`: then the proxy lets nothing through."""
    provided: Mapping[str, str] = field(default_factory=dict)
    """Where the system finds what it is declared to need, by variable."""


@dataclass(frozen=True, kw_only=True)
class Met:
    """What one call left behind: here, and at the provider."""

    canaries: Canaries
    outcome: Outcome
    ledger: Ledger
    egress: tuple[str, ...] = ()
    """Hosts with their ports that the guards refused."""
    connections: int = 0
    """How many connections a trap took."""
    features: frozenset[str] = frozenset()
    earlier: tuple[Canaries, ...] = ()
    """What the same system was answered in the calls before; which of them is left to chance."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What many calls at once left behind at the provider; `offered` is how many the system was offered."""

    offered: int
    ledger: Ledger


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What the environment of a system is made of."""

    listener: Listener
    hook: Path
    proxy: Listener
    shortened: bool = True
    trusted: bool = True
    missing_key: bool = False


@dataclass(kw_only=True)
class Lane:
    """Runs one case at a time of one call. Raises GateError where the system cannot be run at all."""

    ground: Ground
    call: Call
    layers: frozenset[str]
    folder: Path
    proxied: bool = False
    """Whether the call reaches the provider through the proxy."""
    _keys: Mapping[str, str] = field(default_factory=dict)
    _apart: bool = False
    _earlier: list[Canaries] = field(default_factory=list)
    _variables: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        """Make the copy and open the ports."""
        self.folder.mkdir(parents=True)
        own = Canaries.draw("lane")
        self._keys = own.keys
        run, server = self.ground.run, self.ground.server
        self.router = Router(
            "idle", seed=run.seed, rules=(), canaries=own, answers=self._answers(), call=self.call.id
        )
        self._listener = server.open(self.router)
        self._proxy = server.open_proxy(self.router, hosts=_is_provider, authority=self.ground.authority)
        self._place = drivers.place(
            run, self.ground.system, self.folder / "place", own.keys, self.ground.provided
        )
        self._hook = self._hooked(self._listener)
        self._driver = drivers.driver(
            run,
            self.ground.system,
            self.call,
            self._place,
            self._environment(self._usual),
            import_roots=self.ground.import_roots,
        )

    def _answers(self) -> Answers | None:
        if not self.call.answers:
            return None
        return Answers.load(self.ground.run.root / self.call.answers)

    def healthy(self, name: str, within: float, *, shipped: bool = False) -> Met:
        """Call the system with a provider that answers.

        With `shipped` the system runs with its own time-outs instead of the declared shorter ones.
        """
        if shipped:
            self._restart(replace(self._usual, shortened=False))
        met = self.meet(name, (), within)
        if shipped:
            self._restart(self._usual)
        return met

    def meet(self, name: str, rules: Sequence[Rule], within: float) -> Met:
        """Call the system once, with these rules at the provider; it is ended after `within` seconds."""
        if self._apart:
            self._restart(self._usual)
            self._warm(within)
        canaries = self._begin(name, tuple(rules))
        return self._met(canaries, self._driver.call(within), self._hook, 0)

    def crowd(self, name: str, count: int, within: float, enough: drivers.Enough = drivers.never) -> Crowd:
        """Call one system many times at once, with a provider that answers; see `Driver.crowd`."""
        self._begin(name, ())
        offered = self._driver.crowd(count, within, enough)
        return Crowd(offered=offered, ledger=self.router.ledger)

    def idle_seconds(self) -> float:
        """Return what `Driver.idle_seconds` does."""
        return self._driver.idle_seconds()

    def renew(self, variables: Mapping[str, str] | None = None) -> None:
        """End the system; the next one remembers nothing, and has these variables on top of its own."""
        self._variables = variables or {}
        self._restart(self._usual)

    def meet_trap(self, name: str, trap: str, within: float) -> Met:
        """Call the system once where nothing answers: with a connection that fails as the trap says.

        A call that goes through the proxy meets the trap in the proxy's place, or behind it in a tunnel.
        """
        canaries = self._begin(name, ())
        with self._trap(trap) as listener:
            hook = self._hooked(listener)
            proxy = listener if self.proxied else self._proxy
            trusted = trap != "tls_untrusted"
            self._restart(_Setting(listener=listener, hook=hook, proxy=proxy, trusted=trusted))
            self._apart = True
            outcome = self._started(within)
            if environment.REROUTE in self.layers and not _reported(hook).processes:
                raise GateError(
                    f"cannot-run: {name}: the call starts no Python that can be led into the trap"
                )
            return self._met(canaries, outcome, hook, listener.connections)

    def meet_without_key(self, name: str, within: float) -> Met:
        """Call the system once without any key in its environment."""
        canaries = self._begin(name, ())
        self._restart(replace(self._usual, missing_key=True))
        self._apart = True
        return self._met(canaries, self._started(within), self._hook, 0)

    def _warm(self, within: float) -> None:
        """Give a system that was started anew an answer first, as the others had; a command is always new."""
        if self.call.form != "command":
            self._begin(f"warm@{self.call.id}", ())
            self._driver.call(within)

    def _started(self, within: float) -> Outcome:
        try:
            return self._driver.call(within)
        except LaunchError as error:
            # A system that refuses to start says why: that is an outcome.
            return Outcome(form="command", ended=True, produced=False, code=1, streams={"stderr": str(error)})

    def _begin(self, name: str, rules: tuple[Rule, ...]) -> Canaries:
        # The keys stay: a service was started with them.
        label = name.partition("@")[0]
        canaries = replace(Canaries.draw(label if label in HEALTHY_LABELS else "case"), keys=self._keys)
        self._earlier.append(replace(canaries, label=EARLIER))
        self.router.reset(name, rules, canaries)
        return canaries

    def _met(self, canaries: Canaries, outcome: Outcome, hook: Path, connections: int) -> Met:
        ledger = self.router.ledger
        self.memory.add(ledger.attempts, failed=not outcome.produced)
        refused = [refusal.detail for refusal in ledger.refusals if refusal.what == "egress"]
        reported = _reported(hook)
        if reported.errors:
            raise GateError(f"cannot-run: {'; '.join(reported.errors)}")
        refused += [f"{host}:{port}" for host, port in reported.egress]
        return Met(
            canaries=canaries,
            outcome=outcome,
            ledger=ledger,
            egress=tuple(host for host in refused if not _is_allowed(host, self.ground.settings)),
            connections=connections,
            features=self.router.features,
            earlier=tuple(self._earlier[:-1]),
        )

    def _restart(self, setting: _Setting) -> None:
        self._apart = False
        self.memory = Memory()
        self._driver.restart(self._environment(setting))

    @property
    def _usual(self) -> _Setting:
        return _Setting(listener=self._listener, hook=self._hook, proxy=self._proxy)

    def _environment(self, setting: _Setting) -> dict[str, str]:
        authority = self.ground.authority if setting.trusted else None
        leading = environment.variables(
            setting.listener.url,
            replace(self.router.canaries, keys=self._keys),
            layers=self.layers,
            proxy_url=setting.proxy.url,
            ca_file=authority.ca_file if authority else None,
            sitecustomize=setting.hook,
            missing_key=setting.missing_key,
        )
        wanted = leading.beside(self._place.prepared.variables)
        secrets = {secret.name for secret in self.ground.system.secrets or () if secret.provider}
        absent = leading.unset | (secrets if setting.missing_key else frozenset())
        shorter = self.ground.settings.timeout_env if setting.shortened else {}
        changes = {**wanted, **shorter, **self._variables}
        return leading.hooked(drivers.environment(self._place.prepared, changes, frozenset(absent)))

    def _hooked(self, listener: Listener) -> Path:
        return reroute.hooks(
            self.folder,
            listener.url,
            own=self._listener.url,
            allow=[entry.host for entry in self.ground.settings.egress_allow],
            rerouted=environment.REROUTE in self.layers,
        )

    def _trap(self, trap: str) -> Listener:
        server, authority = self.ground.server, self.ground.authority
        if self.proxied and trap not in SILENT:
            return server.open_proxy(self.router, hosts=_is_provider, authority=authority, trap=trap)
        return server.open(self.router, trap=trap, tls=self._certificate(trap))

    def _certificate(self, trap: str) -> SSLContext | None:
        if trap not in CERTIFIED or self.ground.authority is None:
            return None
        host = OTHER_HOST if trap == "tls_hostname" else LOOPBACK
        return self.ground.authority.context(host, expired=trap == "tls_expired")

    def close(self) -> None:
        """End the system and close the ports."""
        self._driver.close()
        self._listener.close()
        self._proxy.close()


def _reported(hook: Path) -> reroute.Reported:
    try:
        return reroute.reported(hook)
    except reroute.RerouteError as error:
        raise GateError(f"cannot-run: {error}") from None


def _is_provider(host: str) -> bool:
    return providers.load().of_host(host) is not None


def _is_allowed(host: str, settings: LlmSettings) -> bool:
    name = host.rpartition(":")[0]
    return any(entry.host in {name, host} for entry in settings.egress_allow)
