"""The model that workloads ask: what it says, and when, follows from the request and the seed alone."""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

from pytest_failhard.gates.performance.declaration import Delay, Workload
from pytest_failhard.llm.answers import Answers, AnswersError
from pytest_failhard.llm.canaries import CONSONANTS, VOWELS, WORD_LETTERS, Canaries
from pytest_failhard.llm.handler import Arrival, Exchange
from pytest_failhard.llm.ledger import Attempt, Refusal
from pytest_failhard.llm.router import FAILED, Router
from pytest_failhard.llm.routing import CALL, route
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.traffic import environment
from pytest_failhard.model import GateError
from pytest_failhard.provider import authority, is_provider
from pytest_failhard.system.environment import Prepared

CASE = "performance"
MILLISECONDS = 1000


class Model:
    """A provider that is well, one for all runs, so that both sides see the same. It is a `Handler`."""

    def __init__(self, folder: Path, server: Server) -> None:
        # Keys are in no answer: one set serves all runs.
        self._drawn = Canaries.draw(CASE)
        self._router = self._fresh(0, None)
        self._delay: int | Delay = 0
        self._seed = 0
        self._began: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._authority = authority(folder)
        self._listener = server.open(self)
        # A tunnel to whom we do not stand in for is refused: nothing that is measured asks a real provider.
        self._proxy = server.open_proxy(self, hosts=is_provider, authority=self._authority)

    def begin(self, workload: Workload, answers: Answers | None, began: Callable[[], None]) -> None:
        """Begin a run with an empty record; `began` is called once, before the first answer to a call."""
        router = self._fresh(workload.seed, answers)
        with self._lock:
            self._router, self._delay, self._seed = router, workload.llm_delay_ms, workload.seed
            self._began = began

    def end(self) -> tuple[Attempt, ...]:
        """Return the calls of the run. Raises GateError where one could not be answered."""
        ledger = self._router.ledger
        failed = [refusal for refusal in ledger.refusals if refusal.what == FAILED]
        if failed:
            raise GateError(f"the model cannot answer: {_first(failed)}")
        return tuple(attempt for attempt in ledger.attempts if attempt.kind == CALL)

    def answer(self, arrival: Arrival) -> Exchange:
        """Answer a request after the time that follows from it."""
        with self._lock:
            router, began = self._router, self._began
            if route(arrival.request).kind == CALL:
                self._began = None
                router.delay = delay(self._delay, self._seed, arrival.request.body)
                if began is not None:
                    began()
            return router.answer(arrival)

    def refuse(self, what: str, detail: str) -> None:
        """Take note of what is no request."""
        self._router.refuse(what, detail)

    def lead(self, prepared: Prepared, *, all_keys: bool) -> Mapping[str, str]:
        """Return variables that lead to this provider; without `all_keys` none that is not declared."""
        canaries = self._router.canaries
        leading = environment.variables(
            self._listener.url,
            canaries,
            layers=environment.BY_PROXY,
            proxy_url=self._proxy.url,
            ca_file=self._authority.ca_file if self._authority is not None else None,
        )
        return {
            **prepared.variables,
            **{
                name: value
                for name, value in leading.beside(prepared.variables).items()
                if name not in canaries.keys or (all_keys and name not in prepared.variables)
            },
        }

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that it takes, by variable."""
        return self._drawn.keys

    def _fresh(self, seed: int, answers: Answers | None) -> Router:
        canaries = _seeded(self._drawn, seed)
        return Router(CASE, seed=seed, rules=(), canaries=canaries, answers=answers, by_body=True)


@contextlib.contextmanager
def model(folder: Path) -> Iterator[Model]:
    """Serve a model while the context is open."""
    with Server() as server:
        yield Model(folder, server)


def script(root: Path, workload: Workload) -> Answers | None:
    """Return what a workload wants to be said; raises GateError for what cannot be read."""
    try:
        return Answers.load(root / workload.answers) if workload.answers else None
    except AnswersError as error:
        raise GateError(f"workload {workload.id}: answers: {error}") from None


def delay(declared: int | Delay, seed: int, body: bytes) -> float:
    """Return how long, in seconds, the answer to a request takes."""
    if isinstance(declared, int):
        return declared / MILLISECONDS
    digest = hashlib.sha256(f"{seed}\0".encode() + body).digest()
    share = (int.from_bytes(digest[:6]) + 0.5) / 2**48
    return declared.median * math.exp(float(declared.sigma) * NormalDist().inv_cdf(share)) / MILLISECONDS


def _seeded(canaries: Canaries, seed: int) -> Canaries:
    """Return words that are the same for a seed: nobody has to be kept from guessing them here."""
    drawn = random.Random(f"{CASE}|{seed}")  # noqa: S311 - a stream that can be repeated, no secret

    def word() -> str:
        return "".join(drawn.choice(VOWELS if place % 2 else CONSONANTS) for place in range(WORD_LETTERS))

    head, middle, tail, poison = (word() for _ in range(4))
    return replace(canaries, head=head, middle=middle, tail=tail, poison=poison, number=1_000_000 + seed)


def _first(refusals: list[Refusal]) -> str:
    return f"{refusals[0].detail} ({len(refusals)} in all)" if len(refusals) > 1 else refusals[0].detail
