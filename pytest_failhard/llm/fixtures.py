"""The fixtures and markers of LLM failure injection; nothing heavy is imported before one is used."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_failhard import refusals

if TYPE_CHECKING:
    from pytest_failhard.llm.faults import Faults
    from pytest_failhard.llm.local import LocalProvider
    from pytest_failhard.llm.matrices import Chosen
    from pytest_failhard.llm.router import Normaliser
    from pytest_failhard.llm.settings import FixtureSettings
    from pytest_failhard.llm.tried import System

MARKERS = (
    """failhard_fault(id, *, first=, nth=, every=, p=, max=, provider=, route=, model=, stream=, ...): \
the provider fails with this fault of the catalogue (failhard llm-faults); stackable""",
    """failhard_fault_matrix(*groups_or_ids, provider='openai', level=4, exclude=(id, reason)): \
run the test once for each fault""",
    """failhard_fault_strict(all_fired=True, all_expected=True, block_network=True, canary_key=True): \
turn off a check that is made when a test with llm_faults ends""",
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and what injects failures into the whole session where that is asked for."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    spec = config.getoption("inject_failures", None)
    if spec is not None:
        _inject(config, spec)


def _inject(config: pytest.Config, spec: str) -> None:
    from pytest_failhard.llm import injecting
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.injection import parse
    from pytest_failhard.llm.schedule import ScheduleError

    try:
        rules = parse(spec, load())
    except ScheduleError as error:
        raise pytest.UsageError("\n".join(f"--inject-failures: {each}" for each in error.mistakes)) from None
    injection = injecting.Injection(config, provider_of(config), rules)
    config.pluginmanager.register(injecting, "failhard-injection-fixtures")
    config.pluginmanager.register(injection, "failhard-injection")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the matrix marker once for each of its faults."""
    marker = metafunc.definition.get_closest_marker("failhard_fault_matrix")
    if marker is None or "failhard_llm_case" not in metafunc.fixturenames:
        return
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.matrices import chosen
    from pytest_failhard.llm.options import OptionsError

    try:
        cases = chosen(load(), marker.args, marker.kwargs)
    except OptionsError as error:
        # Raised here it would be an error of the module, and end the run as one.
        mistakes = metafunc.config.stash.setdefault(MISTAKES, [])
        mistakes.append(_at(metafunc.definition.nodeid, "failhard_fault_matrix", error))
        return
    left_out = metafunc.config.stash.setdefault(LEFT_OUT, [])
    name = metafunc.definition.name
    left_out += [f"{name}: {each.id}: {each.left_out}" for each in cases if each.left_out]
    kept = [each for each in cases if not each.left_out]
    metafunc.parametrize("failhard_llm_case", kept, ids=[each.id for each in kept], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse markers and settings that cannot be meant, all of them at once, before any test runs."""
    mistakes = [*config.stash.get(MISTAKES, []), *(mistake for item in items for mistake in _mistakes(item))]
    if any("llm_faults" in _fixtures(item) for item in items):
        mistakes += _settings_mistakes(config)
    refusals.refuse(config, items, mistakes)


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Name what matrices leave out, and why."""
    return [f"failhard: left out of the fault matrix of {line}" for line in config.stash.get(LEFT_OUT, [])]


def _mistakes(item: pytest.Item) -> Iterator[str]:
    used = [name for name in ("failhard_fault", "failhard_fault_matrix") if item.get_closest_marker(name)]
    strict = item.get_closest_marker("failhard_fault_strict")
    if not used and strict is None:
        return
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.options import OptionsError, Strictness, rule

    name = item.nodeid.partition("[")[0]
    if "llm_faults" not in _fixtures(item):
        yield f"{name}: add the fixture llm_faults: without it no request meets a fault"
    for marker in item.iter_markers("failhard_fault"):
        try:
            rule(load(), "r", [str(each) for each in marker.args[:1]], marker.kwargs, sequence=False)
        except OptionsError as error:
            yield _at(name, "failhard_fault", error)
        if len(marker.args) != 1:
            yield f"{name}: failhard_fault takes one fault; stack the marker for more"
    try:
        Strictness.of(strict.kwargs if strict is not None else {})
    except OptionsError as error:
        yield _at(name, "failhard_fault_strict", error)


def _fixtures(item: pytest.Item) -> Sequence[str]:
    names: Sequence[str] = vars(item).get("fixturenames", ())
    return names


def _settings_mistakes(config: pytest.Config) -> Iterator[str]:
    from pytest_failhard.llm.settings import SettingsError

    try:
        settings_of(config)
    except SettingsError as error:
        yield f"failhard: {error}"


def settings_of(config: pytest.Config) -> FixtureSettings:
    """Return what pyproject.toml and the command line say; raises SettingsError."""
    from pytest_failhard.llm.settings import FixtureSettings

    settings = FixtureSettings.of_project(config.rootpath)
    deadline = config.getoption("failhard_llm_deadline", None)
    return settings if deadline is None else settings.with_deadline(deadline)


def _at(nodeid: str, marker: str, error: Exception) -> str:
    return f"{nodeid}: {marker}: {error}"


@pytest.fixture(scope="session")
def failhard_llm_config(pytestconfig: pytest.Config) -> FixtureSettings:
    """The settings: what `[tool.failhard.llm]` says. Override it to return your own."""
    return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def failhard_llm_normalise() -> Normaliser | None:
    """What makes two requests the same for schedules by hash; None is our own. Override it for yours."""
    return None


@pytest.fixture(scope="session")
def llm_server(pytestconfig: pytest.Config, failhard_llm_normalise: Normaliser | None) -> LocalProvider:
    """The provider of this process: `.port`, `.base_url(provider)`, `.ca_file`."""
    local = provider_of(pytestconfig)
    local.use(failhard_llm_normalise)
    return local


def provider_of(config: pytest.Config) -> LocalProvider:
    """Return the one provider of this pytest process; it ends with the process's configuration."""
    from pytest_failhard.llm.local import LocalProvider

    if PROVIDER not in config.stash:
        local = LocalProvider(seed=config.getoption("failhard_seed", 0))
        config.stash[PROVIDER] = local
        config.add_cleanup(local.close)
    return config.stash[PROVIDER]


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
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.faults import Faults
    from pytest_failhard.llm.inprocess import Capture
    from pytest_failhard.llm.options import Strictness

    strict = request.node.get_closest_marker("failhard_fault_strict")
    checks = Strictness.of(strict.kwargs if strict is not None else {})
    for name in checks.turned_off:
        request.node.user_properties.append(("failhard_llm_not_checked", name))
    llm_server.begin(request.node.nodeid)
    faults = Faults(
        llm_server,
        load(),
        request.node.nodeid,
        deadline=failhard_llm_config.deadline,
        max_attempts=failhard_llm_config.max_attempts,
    )
    faults.overlooked = frozenset() if checks.canary_key else frozenset({"hard-coded-key"})
    with Capture(llm_server, failhard_llm_config.egress_allow, guard=checks.block_network) as capture:
        for marker in reversed(list(request.node.iter_markers("failhard_fault"))):
            faults.fail(marker.args[0], **marker.kwargs)
        if failhard_llm_case is not None:
            faults.fail(failhard_llm_case.fault.id, **failhard_llm_case.match)
        yield faults
        problems = capture.problems(checks)
    llm_server.end()
    # A test that never came to its end, by Ctrl-C or another fixture's error, says nothing of its faults.
    if problems and request.node.stash.get(CALLED, False):
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def llm_env(llm_server: LocalProvider, llm_faults: Faults) -> Iterator[dict[str, str]]:
    """The environment for a child process whose LLM requests reach the provider of this test.

    It follows the test: a fault of the connection leads children to its trap, `missing_key` takes the keys.
    """
    del llm_faults
    environ = dict(os.environ)
    found: dict[str, str] = {}

    def renew() -> None:
        found.clear()
        found.update(llm_server.child_environment(environ))

    renew()
    llm_server.on_change.append(renew)
    yield found
    llm_server.on_change.remove(renew)


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name the faults that a failing test met."""
    report = yield
    item.stash[CALLED] = report.when == "call"
    local = item.config.stash.get(PROVIDER, None)
    if report.failed and local is not None and local.ledger.case == item.nodeid:
        met = [
            f"attempt {each.number}: {each.fault} ({each.rule})"
            for each in local.ledger.attempts
            if each.fault
        ]
        if met:
            report.sections.append(("LLM faults met", "\n".join(met)))
    return report


PROVIDER = pytest.StashKey["LocalProvider"]()
CALLED = pytest.StashKey[bool]()
LEFT_OUT = pytest.StashKey[list[str]]()
MISTAKES = pytest.StashKey[list[str]]()
