"""A provider that is well, to which every start of a judged system is led."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_failhard.llm.answers import Answers, AnswersError
from pytest_failhard.llm.calls import Call, CallsError, calls
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.providers import load
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.routing import CALL
from pytest_failhard.llm.schedule import Kind
from pytest_failhard.llm.schedule import Rule as Fault
from pytest_failhard.llm.scripted import Rule, When
from pytest_failhard.llm.server import MissingExtraError, Server
from pytest_failhard.llm.server.certificates import Authority
from pytest_failhard.llm.traffic import environment, reroute
from pytest_failhard.model import GateError, Run
from pytest_failhard.system import asking
from pytest_failhard.system.declaration import LLM, Route, System
from pytest_failhard.system.environment import Prepared
from pytest_failhard.system.launch import Instance


class Model:
    """A provider that is well. `hits` is how often it was asked when each route alone was asked once."""

    def __init__(self, folder: Path, routes: Sequence[Route], router: Router, server: Server) -> None:
        self._folder = folder
        self._routes = routes
        self._router = router
        self._authority = authority(folder)
        self._listener = server.open(router)
        # A tunnel to whom we do not stand in for is refused.
        self._proxy = server.open_proxy(router, hosts=is_provider, authority=self._authority)
        self._layers = environment.BY_PROXY
        self._hooks: Path | None = None
        self.hits: dict[str, int] = {}

    @property
    def asked(self) -> int:
        """How often it was asked so far, by whatever route."""
        return sum(attempt.kind == CALL for attempt in self._router.ledger.attempts)

    @property
    def proven(self) -> bool:
        """Whether every route that needs the model was seen to ask this one."""
        return all(self.hits.get(route.id) for route in self._routes)

    def delay(self, seconds: float) -> None:
        """Wait so long before each answer; 0 ends that."""
        self._router.delay = seconds

    def forget(self) -> None:
        """Begin a new record: the one of a long load would only grow."""
        self._router.reset("system", (), self._router.canaries)

    @contextlib.contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """Fail each request as the catalogue says while the context is open."""
        router = self._router
        router.reset(fault, (Fault(id="failing", kinds=(Kind(fault=fault),)),), router.canaries)
        try:
            yield
        finally:
            self.forget()

    def lead(self, prepared: Prepared) -> Prepared:
        """Return an environment that leads to this provider; no key is added that is not declared."""
        leading = environment.variables(
            self._listener.url,
            self._router.canaries,
            layers=self._layers,
            proxy_url=self._proxy.url,
            ca_file=self._authority.ca_file if self._authority is not None else None,
            sitecustomize=self._hooks,
        )
        given = {
            name: value
            for name, value in leading.beside(prepared.variables).items()
            if name not in self._router.canaries.keys
        }
        return replace(prepared, variables=leading.hooked({**prepared.variables, **given}))

    def further(self) -> bool:
        """Lead later starts by hooks too; returns whether that was not so before."""
        if self._hooks is not None:
            return False
        self._layers = environment.BY_HOOK
        self._hooks = reroute.hooks(
            self._folder, self._listener.url, own=self._listener.url, allow=(), rerouted=True
        )
        return True

    def prove(self, instance: Instance) -> None:
        """Ask each route that needs the model once, and count what reaches this provider."""
        for route in self._routes:
            asking.prepare(instance, [route])
            before = self.asked
            instance.send(route, within=asking.ASKING_SECONDS)
            self.hits[route.id] = self.asked - before

    def require(self) -> None:
        """Raise GateError where a route that needs the model was asked and this one never was."""
        silent = sorted(route.id for route in self._routes if not self.hits.get(route.id))
        if silent:
            raise GateError(
                f"llm-not-used: {', '.join(silent)}: needs the model by declaration, and asked and answered "
                "without one request to the provider; correct the declaration, or the route"
            )


@contextlib.contextmanager
def model(run: Run, system: System, table: Mapping[str, object]) -> Iterator[Model | None]:
    """Give the stand-in while the context is open; None where no route needs a model.

    `table` is `[tool.failhard.llm]`: its calls say what the model answers. Raises GateError for one that
    cannot be used, and for a route whose call it does not declare.
    """
    routes = [route for route in system.routes or () if LLM in route.needs]
    if not routes:
        yield None
        return
    answers = _answers(run, _declared(table, routes))
    with Server() as server:
        router = Router("system", seed=run.seed, rules=(), canaries=Canaries.draw("system"), answers=answers)
        yield Model(run.scratch, routes, router, server)


def _declared(table: Mapping[str, object], routes: Sequence[Route]) -> tuple[Call, ...]:
    try:
        declared = calls(table)
    except CallsError as error:
        raise GateError(str(error)) from None
    lacking = sorted({route.id for route in routes} - {call.route for call in declared})
    if lacking:
        raise GateError(
            f"no-call-declared: {', '.join(lacking)}: what the route asks the model is declared nowhere; "
            "add it to [[tool.failhard.llm.calls]]"
        )
    names = {route.id for route in routes}
    return tuple(call for call in declared if call.route in names)


def _answers(run: Run, declared: Sequence[Call]) -> Answers | None:
    """Return what the model says to all routes: one server serves them, so what matches all comes last."""
    try:
        scripts = [Answers.load(run.root / call.answers) for call in declared if call.answers]
    except AnswersError as error:
        raise GateError(f"cannot-run: {error}") from None
    rules = [rule for script in scripts for rule in script.rules]
    return Answers(rules=tuple(sorted(rules, key=_matches_all))) if rules else None


def _matches_all(rule: Rule) -> bool:
    return rule.when == When()


def authority(folder: Path) -> Authority | None:
    """Return who vouches for names in a tunnel, None without the packages that takes."""
    try:
        return Authority.create(folder)
    except MissingExtraError:
        # The proxy then refuses every tunnel: who needs one asks the provider 0 times, and that is an error.
        return None


def is_provider(host: str) -> bool:
    """Tell whether a host is one of a provider that we stand in for."""
    return load().of_host(host) is not None
