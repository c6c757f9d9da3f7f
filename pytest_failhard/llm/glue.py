"""What the fixtures and markers of LLM failure injection do, once a test or an option asks for one."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_failhard.llm.faults import Faults
    from pytest_failhard.llm.local import LocalProvider
    from pytest_failhard.llm.matrices import Chosen
    from pytest_failhard.llm.settings import FixtureSettings

NAME = "failhard-llm"
"""The name of this module as a plugin: it becomes one where it is used, so that no other test pays for it."""


def _listen(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin(NAME):
        config.pluginmanager.register(sys.modules[__name__], NAME)


def inject(config: pytest.Config, spec: str) -> None:
    """Inject failures into the whole session."""
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


def generate(metafunc: pytest.Metafunc) -> None:
    """Run a test with the matrix marker once for each of its faults."""
    marker = metafunc.definition.get_closest_marker("failhard_fault_matrix")
    if marker is None:
        return
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.matrices import chosen
    from pytest_failhard.llm.options import OptionsError

    _listen(metafunc.config)
    try:
        cases = chosen(load(), marker.args, marker.kwargs)
    except OptionsError as error:
        # Raised here it would be an error of the module, and end the run as one.
        found = metafunc.config.stash.setdefault(MISTAKES, [])
        found.append(_at(metafunc.definition.nodeid, "failhard_fault_matrix", error))
        return
    left_out = metafunc.config.stash.setdefault(LEFT_OUT, [])
    name = metafunc.definition.name
    left_out += [f"{name}: {each.id}: {each.left_out}" for each in cases if each.left_out]
    kept = [each for each in cases if not each.left_out]
    metafunc.parametrize("failhard_llm_case", kept, ids=[each.id for each in kept], indirect=True)


def mistakes(config: pytest.Config, items: Sequence[pytest.Item]) -> Iterator[str]:
    """Yield what markers and settings say and cannot mean."""
    yield from config.stash.get(MISTAKES, [])
    for item in items:
        yield from _mistakes(item)
    if any("llm_faults" in _fixtures(item) for item in items):
        yield from _settings_mistakes(config)


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


def provider_of(config: pytest.Config) -> LocalProvider:
    """Return the one provider of this pytest process; it ends with the process's configuration."""
    from pytest_failhard.llm.local import LocalProvider

    if PROVIDER not in config.stash:
        _listen(config)
        local = LocalProvider(seed=config.getoption("failhard_seed", 0))
        config.stash[PROVIDER] = local
        config.add_cleanup(local.close)
    return config.stash[PROVIDER]


def faults(
    item: pytest.Item, local: LocalProvider, settings: FixtureSettings, case: Chosen | None
) -> Iterator[Faults]:
    """Yield the provider of a test; when the test is over, fail it for what it did not notice."""
    from pytest_failhard.llm.catalogue import load
    from pytest_failhard.llm.faults import Faults
    from pytest_failhard.llm.inprocess import Capture
    from pytest_failhard.llm.options import Strictness

    # A project may have overridden the fixture that gives the provider.
    _listen(item.config)
    strict = item.get_closest_marker("failhard_fault_strict")
    checks = Strictness.of(strict.kwargs if strict is not None else {})
    for name in checks.turned_off:
        item.user_properties.append(("failhard_llm_not_checked", name))
    local.begin(item.nodeid)
    made = Faults(
        local,
        load(),
        item.nodeid,
        deadline=settings.deadline,
        max_attempts=settings.max_attempts,
    )
    made.overlooked = frozenset() if checks.canary_key else frozenset({"hard-coded-key"})
    with Capture(local, settings.egress_allow, guard=checks.block_network) as capture:
        for marker in reversed(list(item.iter_markers("failhard_fault"))):
            made.fail(marker.args[0], **marker.kwargs)
        if case is not None:
            made.fail(case.fault.id, **case.match)
        yield made
        problems = capture.problems(checks)
    local.end()
    # A test that never came to its end, by Ctrl-C or another fixture's error, says nothing of its faults.
    called = item.stash.get(CALLED, False)
    if problems and called:
        pytest.fail("\n".join(problems), pytrace=False)


def environment(local: LocalProvider) -> Iterator[dict[str, str]]:
    """Yield the environment for a child process; it follows the provider as long as the test lasts."""
    environ = dict(os.environ)
    found: dict[str, str] = {}

    def renew() -> None:
        found.clear()
        found.update(local.child_environment(environ))

    renew()
    local.on_change.append(renew)
    yield found
    local.on_change.remove(renew)


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
