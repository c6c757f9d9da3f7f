"""Hands the orders to the workers of a cluster and takes in what they say, or that they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_failhard.fleet import cluster
from pytest_failhard.fleet.cluster import Client, Future
from pytest_failhard.fleet.judging import judge
from pytest_failhard.fleet.orders import Order, Outcome, unjudged

LOOK_SECONDS = 2.0
"""How often it is looked whether anybody is left to work."""
ABANDONED_SECONDS = 60.0
"""So long no worker at all may be there; one that died is started again within seconds."""


def run(
    orders: Sequence[Order],
    *,
    scheduler: str,
    workers: int,
    durations: Mapping[str, float],
    done: Callable[[Outcome], None],
    abandoned_seconds: float = ABANDONED_SECONDS,
) -> None:
    """Have every project judged once, those first that took longest before; report each outcome.

    `scheduler` is the address of a running one, empty for `workers` processes on this machine. A worker
    that is lost is an error of the project that it was at; the others go on elsewhere. Raises FleetError
    where no cluster can be had.
    """
    by_token = {order.token: order for order in orders}
    with cluster.client(scheduler, workers) as client:
        futures = {
            client.submit(_work, order, key=order.token, priority=durations.get(order.project, 0.0))
            for order in orders
        }
        for future in _ended(client, futures, abandoned_seconds):
            outcome = _outcome(future, by_token[future.key])
            future.release()
            done(outcome)


def _work(order: Order) -> Outcome:
    """Judge in a worker; a project that was begun by a worker that is gone is not begun again."""
    return judge(order, cluster.first_time)


def _ended(client: Client, futures: set[Future], abandoned_seconds: float) -> Iterator[Future]:
    """Yield each as it ends; where nobody is left to work, the rest as they are."""
    seen_alive = time.monotonic()
    while futures:
        try:
            finished, futures = cluster.wait(futures, LOOK_SECONDS)
        except TimeoutError:
            now = time.monotonic()
            seen_alive = now if client.nthreads() else seen_alive
            finished = futures if now - seen_alive > abandoned_seconds else set()
            futures = futures - finished  # a new set: it may be the same one
        yield from sorted(finished, key=lambda each: each.key)


def _outcome(future: Future, order: Order) -> Outcome:
    if future.status == "finished":
        return future.result()
    if future.status == "error":
        error = future.exception()
        return unjudged(order, f"worker-lost: {type(error).__name__}: {error}")
    return unjudged(order, f"not-judged: no worker is left ({future.status}); start some, and run again")
