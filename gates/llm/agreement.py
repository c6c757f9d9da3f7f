"""Checks that what a project declares is complete and agrees with its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_failhard.gates.llm import applies, proposal
from pytest_failhard.gates.llm.applies import Use
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.llm import providers
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import Project
from pytest_failhard.strict import suggestion
from pytest_failhard.system.declaration import LLM, System
from pytest_failhard.system.declared import read

CIRCUIT_LEVEL = 4
"""From this level on a circuit breaker is demanded, and so its declaration."""
NAMED_USES = 3
PROPOSAL = "declare.toml"
TABLE = f" (evidence {PROPOSAL}):\n"


def system(run: Run, project: Project, settings: LlmSettings, found: Sequence[Use]) -> System:
    """Return the declared system; raises GateError with all that is missing or contradicts the code."""
    declared = read(run.root)
    mistakes = [
        *_calls(run, project, settings, found, declared),
        *_providers(settings, found),
        *_circuit(run, settings),
    ]
    if declared is None:
        mistakes.append(f"no system is declared: say in pyproject.toml how it starts{TABLE}{proposal.SYSTEM}")
    if mistakes or declared is None:
        # As a file, too: a terminal that folds lines leaves nothing to paste.
        tables = [table for each in mistakes if (table := each.partition(TABLE)[2])]
        if tables:
            run.keep(PROPOSAL, "\n".join(tables).encode())
        raise GateError("\n".join(mistakes))
    return declared


def _calls(
    run: Run, project: Project, settings: LlmSettings, found: Sequence[Use], declared: System | None
) -> Iterator[str]:
    if not settings.calls:
        table = proposal.calls(found, applies.guesses(project, run.source, found), declared)
        places = ", ".join(f"{use.path}:{use.line} {use.what}" for use in found[:NAMED_USES])
        yield f"no-call-declared: {places}; declare every operation that needs the model{TABLE}{table}"
    elif declared is not None:
        yield from _routes(settings, found, declared)


def _routes(settings: LlmSettings, found: Sequence[Use], declared: System) -> Iterator[str]:
    called = {call.route for call in settings.calls if call.route is not None}
    for call in settings.calls:
        route = declared.route(call.route) if call.route is not None else None
        if call.route is not None and route is None:
            known = [each.id for each in declared.routes or ()]
            yield f"llm.calls: {call.id}: there is no route {call.route}{suggestion(call.route, known)}"
        elif route is not None and LLM not in route.needs:
            yield f'llm.calls: {call.id}: the route {route.id} does not say needs = ["{LLM}"]; add it'
    if called and declared.missing:
        yield f"system: {', '.join(declared.missing)}: missing, and nothing starts without; add them"
    uncalled = [each for each in declared.routes or () if LLM in each.needs and each.id not in called]
    if uncalled:
        table = proposal.calls(found, (), declared, uncalled)
        names = ", ".join(route.id for route in uncalled)
        yield f"no-call-declared: the routes {names} need the model; declare a call of each{TABLE}{table}"


def _providers(settings: LlmSettings, found: Sequence[Use]) -> Iterator[str]:
    known = [provider.id for provider in providers.load().providers]
    for name in settings.providers:
        if name not in known:
            yield f"llm.providers: {name}: no such provider{suggestion(name, known)}"
    denied: Mapping[tuple[str, ...], Use] = {
        use.providers: use
        for use in reversed(found)
        if use.providers and not {*use.providers} & {*settings.providers}
    }
    if settings.calls:
        for names, use in sorted(denied.items()):
            yield f"llm.providers: {use.path}:{use.line} {use.what}: name {' or '.join(names)}"


def _circuit(run: Run, settings: LlmSettings) -> Iterator[str]:
    if settings.circuit is None and run.level >= CIRCUIT_LEVEL:
        yield (
            f"llm.circuit: missing, and level {run.level} demands it: "
            "[tool.failhard.llm.circuit] after = 5, cooldown = 30"
        )
