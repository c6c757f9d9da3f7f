"""The fixtures and markers that every run has: declared here, and loaded where a test uses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_failhard.benchmarking import Benchmark
    from pytest_failhard.llm.faults import Faults
    from pytest_failhard.llm.local import LocalProvider
    from pytest_failhard.llm.matrices import Chosen
    from pytest_failhard.llm.router import Normaliser
    from pytest_failhard.llm.settings import FixtureSettings
    from pytest_failhard.llm.tried import System
    from pytest_failhard.system.under_test import SystemUnderTest

MARKERS = (
    """failhard_perf(max_regression=, budget_ms=, pin=, clock=): \
how much slower this benchmark may become (a part of 1, at most 0.15); \
the CPU time per call of one that is new; pin=False for one that needs several processors; \
further clocks that must hold (cpu, cpu_mean, adj, wall)""",
    """failhard_isolation_mock(reason=...): \
this test puts a mock in the place of a neighbour, and why it must""",
    """failhard_fault(id, *, first=, nth=, every=, p=, max=, provider=, route=, model=, stream=, ...): \
the provider fails with this fault of the catalogue (failhard llm-faults); stackable""",
    """failhard_fault_matrix(*groups_or_ids, provider='openai', level=4, exclude=(id, reason)): \
run the test once for each fault""",
    """failhard_fault_strict(all_fired=True, all_expected=True, block_network=True, canary_key=True): \
turn off a check that is made when a test with llm_faults ends""",
)
SENT = "failhard_mistakes"
"""The key under which a worker sends its mistakes to the controller."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the matrix marker once for each of its faults."""
    # Every test of every run comes here: the cheap question first.
    if "failhard_llm_case" in metafunc.fixturenames:
        from pytest_failhard.llm import glue

        glue.generate(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse markers and settings that cannot be meant, all of them at once, before any test runs."""
    used = _used(items)
    mistakes: list[str] = []
    if not used.isdisjoint(("failhard_fault", "failhard_fault_matrix", "failhard_fault_strict")):
        from pytest_failhard.llm import glue

        mistakes += glue.mistakes(config, items)
    if "failhard_isolation_mock" in used:
        from pytest_failhard import isolation

        mistakes += isolation.mistakes(items)
    if "failhard_perf" in used:
        from pytest_failhard import benchmarking

        mistakes += benchmarking.mistakes(items)
    if mistakes:
        _refuse(config, items, mistakes)


def _used(items: list[pytest.Item]) -> set[str]:
    """Return the names of all markers; a test that asks for faults counts as if it had theirs."""
    used: set[str] = set()
    seen: set[int] = set()
    for item in items:
        if "llm_faults" in vars(item).get("fixturenames", ()):
            used.add("failhard_fault")
        node: pytest.Item | pytest.Collector | None = item
        while node is not None and id(node) not in seen:
            seen.add(id(node))
            used.update([mark.name for mark in node.own_markers])
            node = node.parent
    return used


def _refuse(config: pytest.Config, items: list[pytest.Item], mistakes: list[str]) -> None:
    """Raise UsageError with each mistake once; a worker of xdist tells its controller instead."""
    text = "\n".join(dict.fromkeys(mistakes))
    if not hasattr(config, "workerinput"):
        raise pytest.UsageError(text)
    # What a worker raises ends that worker alone: the controller has to be told.
    vars(config)["workeroutput"][SENT] = text
    items.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Refuse what a worker found."""
    text = vars(node).get("workeroutput", {}).get(SENT)
    if text is not None:
        raise pytest.UsageError(text)


@pytest.fixture
def failhard_benchmark() -> Benchmark:
    """Call a function once and return its result; the gate `performance` measures it."""
    from pytest_failhard.benchmarking import Benchmark

    return Benchmark()


@pytest.fixture(scope="session")
def failhard_system_python(pytestconfig: pytest.Config) -> Path:
    """The interpreter whose packages the system runs on: `python` in [tool.failhard], else the running one.

    Override it to return another.
    """
    from pytest_failhard.system import glue

    return glue.interpreter(pytestconfig.rootpath)


@pytest.fixture(scope="session")
def failhard_system(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    failhard_system_python: Path,
) -> Iterator[SystemUnderTest]:
    """The system that `[tool.failhard.system]` declares, ready; nothing of it is left after the session."""
    from pytest_failhard.system import glue

    folder = tmp_path_factory.mktemp("failhard-system")
    yield from glue.started(pytestconfig.rootpath, folder, failhard_system_python)


@pytest.fixture(scope="session")
def failhard_llm_config(pytestconfig: pytest.Config) -> FixtureSettings:
    """The settings: what `[tool.failhard.llm]` says. Override it to return your own."""
    from pytest_failhard.llm import glue

    return glue.settings_of(pytestconfig)


@pytest.fixture(scope="session")
def failhard_llm_normalise() -> Normaliser | None:
    """What makes two requests the same for schedules by hash; None is our own. Override it for yours."""
    return None


@pytest.fixture(scope="session")
def llm_server(pytestconfig: pytest.Config, failhard_llm_normalise: Normaliser | None) -> LocalProvider:
    """The provider of this process: `.port`, `.base_url(provider)`, `.ca_file`."""
    from pytest_failhard.llm import glue

    local = glue.provider_of(pytestconfig)
    local.use(failhard_llm_normalise)
    return local


@pytest.fixture
def failhard_llm_case(request: pytest.FixtureRequest) -> Chosen | None:
    """The fault of the matrix with which this test runs, None outside a matrix."""
    case: Chosen | None = vars(request).get("param")
    return case


@pytest.fixture
def llm_faults(
    request: pytest.FixtureRequest,
    llm_server: LocalProvider,
    failhard_llm_config: FixtureSettings,
    failhard_llm_case: Chosen | None,
) -> Iterator[Faults]:
    """The provider of this test, healthy until told otherwise; all LLM requests of this process reach it."""
    from pytest_failhard.llm import glue

    yield from glue.faults(request.node, llm_server, failhard_llm_config, failhard_llm_case)


@pytest.fixture
def llm_env(llm_server: LocalProvider, llm_faults: Faults) -> Iterator[dict[str, str]]:
    """The environment for a child process whose LLM requests reach the provider of this test.

    It follows the test: a fault of the connection leads children to its trap, `missing_key` takes the keys.
    """
    del llm_faults
    from pytest_failhard.llm import glue

    yield from glue.environment(llm_server)


@pytest.fixture
def llm_system(
    llm_faults: Faults, llm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> System:
    """Run a command, a WSGI or ASGI application, or a callable, and get its outcome."""
    from pytest_failhard.llm.tried import System

    folder = tmp_path_factory.mktemp("llm")
    return System(environment=llm_env, folder=folder, deadline=llm_faults.deadline, ran=llm_faults.note)


def _preset(name: str, fault: str, what: str) -> object:
    @pytest.fixture(name=name)
    def preset(llm_faults: Faults) -> Faults:
        llm_faults.fail(fault)
        return llm_faults

    preset.__doc__ = f"The provider of this test; {what}, for every request."
    return preset


llm_invalid_key = _preset("llm_invalid_key", "invalid_key", "it refuses the key")
llm_network_error = _preset("llm_network_error", "rst_before", "it resets the connection")
llm_rate_limited = _preset("llm_rate_limited", "rate_limit_rpm", "it limits the rate")
llm_timeout = _preset("llm_timeout", "read_timeout", "it never answers")
llm_server_error = _preset("llm_server_error", "server_error", "it answers 500")
llm_malformed = _preset("llm_malformed", "body_malformed", "it answers 200 with half a JSON text")
llm_empty = _preset("llm_empty", "content_empty", "it answers 200 without content")
llm_truncated_stream = _preset("llm_truncated_stream", "stream_truncated", "its stream ends in the middle")
