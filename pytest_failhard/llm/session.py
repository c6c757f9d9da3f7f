"""Cases on one server: each with its ports, its router, and the variables that lead a process there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pytest_failhard.llm import providers
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import ANY, Catalogue
from pytest_failhard.llm.router import Normaliser, Router
from pytest_failhard.llm.schedule import Kind, Rule, ScheduleError
from pytest_failhard.llm.server import Listener, MissingExtraError, Server, traps
from pytest_failhard.llm.server.certificates import Authority
from pytest_failhard.llm.traffic.environment import BASE_URL, PROXY, Environment, variables

if TYPE_CHECKING:
    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.ledger import Ledger

UNTRUSTED: Final = "tls_untrusted"
_LOOPBACK: Final = f"//{traps.LOOPBACK}:"


@dataclass(frozen=True, kw_only=True)
class Injection:
    """How faults are put in the way: as rules of the router, as a trap in its place, or as a missing key."""

    rules: tuple[Rule, ...] = ()
    trap: str = ""
    missing_key: bool = False

    @property
    def fault(self) -> str:
        """The fault that is met outside the rules, empty for none."""
        return self.trap or ("missing_key" if self.missing_key else "")

    @classmethod
    def of(cls, kind: Kind, catalogue: Catalogue) -> Injection:
        """Return how a fault is met by every request. Raises CatalogueError for an unknown one."""
        fault = catalogue.find(kind.fault)
        if fault.stage == "answer":
            return cls(rules=(Rule(id="r1", kinds=(kind,)),))
        recipe = fault.dialects[ANY].recipe
        if fault.stage == "environment":
            return cls(missing_key=True)
        if recipe not in traps.TRAPS:
            raise ScheduleError((f"{fault.id}: the server has no trap {recipe!r}",))
        return cls(trap=recipe)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenCase:
    """A case in flight. It owns its ports: whatever arrives there belongs to it."""

    router: Router
    listener: Listener
    proxy: Listener | None
    injection: Injection
    authority: Authority | None
    host: str

    @property
    def ledger(self) -> Ledger:
        """The record; an attempt stands in it once it has ended."""
        return self.router.ledger

    @property
    def target(self) -> tuple[str, int, str]:
        """Host, port and scheme, as the reroute hook wants them; for a DNS fault none of them is ours."""
        scheme, _, place = self.listener.url.partition("://")
        host = place.partition(":")[0]
        return host, self.listener.port or 80, scheme

    @property
    def ca_file(self) -> Path | None:
        """The certificate that clients shall trust; None where there is none, or the fault is its absence."""
        if self.authority is None or self.injection.trap == UNTRUSTED:
            return None
        return self.authority.ca_file

    def environment(
        self, layers: Collection[str] = frozenset({BASE_URL}), sitecustomize: Path | None = None
    ) -> Environment:
        """Return the variables that lead a process here. Raises TrafficError."""
        found = variables(
            self._on_loopback(self.listener.url),
            self.router.canaries,
            layers=frozenset(layers),
            proxy_url=self._on_loopback(self.proxy.url) if self.proxy is not None else "",
            ca_file=self.ca_file,
            sitecustomize=sitecustomize,
            missing_key=self.injection.missing_key,
        )
        if ip_address(self.host).is_loopback or ip_address(self.host).is_unspecified:
            return found
        there = {name: value.replace(_LOOPBACK, f"//{self.host}:") for name, value in found.set.items()}
        return replace(found, set=there)

    def _on_loopback(self, url: str) -> str:
        return url.replace(f"//{self.host}:", _LOOPBACK)

    @property
    def layers(self) -> frozenset[str]:
        """The layers for which this case has ports."""
        return frozenset({BASE_URL} if self.proxy is None else {BASE_URL, PROXY})

    def close(self) -> None:
        """Close its ports; the record is complete afterwards. Raises ServerError where an answer failed."""
        try:
            self.listener.close()
        finally:
            if self.proxy is not None:
                self.proxy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(kw_only=True, eq=False)
class LlmSession:
    """A server, started with the first case, and what all cases share. Threads may open cases at once.

    `folder` takes the certificate of the run's authority: one that is not part of a report. `host` is the
    IPv4 address on which ports are opened. `made_authority` is that authority where it was needed.
    """

    folder: Path
    seed: int = 0
    answers: Answers | None = None
    normalise: Normaliser | None = None
    host: str = traps.LOOPBACK
    server: Server = field(default_factory=Server)
    _known: list[Canaries] = field(default_factory=list)
    made_authority: Authority | None = None

    def open(
        self,
        name: str,
        injection: Injection | None = None,
        *,
        canaries: Canaries | None = None,
        call: str = "",
        delay: float = 0.0,
        port: int = 0,
        proxy: bool = False,
    ) -> OpenCase:
        """Open a case; a proxy without the extra `tls` refuses every tunnel and records it.

        Raises CatalogueError and ScheduleError for rules that cannot be, MissingExtraError for a TLS fault
        without the extra, CannotRunError for a trap that the platform lacks, OSError for a port in use.
        """
        injected = injection or Injection()
        drawn = canaries or Canaries.draw(name)
        router = Router(
            name,
            seed=self.seed,
            rules=injected.rules,
            canaries=drawn,
            known=tuple(self._known),
            answers=self.answers,
            call=call,
            delay=delay,
            normalise=self.normalise,
        )
        listener = self.listen(router, injected.trap, port=port)
        opened = self.listen_as_proxy(router) if proxy else None
        self._known.insert(0, drawn)
        return OpenCase(
            router=router,
            listener=listener,
            proxy=opened,
            injection=injected,
            authority=self.made_authority,
            host=self.host,
        )

    def listen(self, router: Router, trap: str = "", *, port: int = 0) -> Listener:
        """Open a port on which a router answers, or where a trap lies. Raises as `open` does."""
        tls = self.authority().of_trap(trap) if trap in traps.CERTIFIED else None
        return self.server.open(router, trap=trap, tls=tls, host=self.host, port=port)

    def listen_as_proxy(self, router: Router) -> Listener:
        """Open a proxy to the providers; without the extra `tls` it refuses every tunnel and records it."""
        try:
            authority: Authority | None = self.authority()
        except MissingExtraError:
            # Still of use: it refuses and records every tunnel, so that nothing leaves unseen.
            authority = None
        return self.server.open_proxy(router, hosts=_is_provider, authority=authority, host=self.host)

    def authority(self) -> Authority:
        """Return the run's certificate authority, made on first use. Raises MissingExtraError."""
        if self.made_authority is None:
            self.made_authority = Authority.create(self.folder)
        return self.made_authority

    def close(self) -> None:
        """Close all ports and stop the server. Raises ServerError where something in it failed."""
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_provider(host: str) -> bool:
    return providers.load().of_host(host) is not None
