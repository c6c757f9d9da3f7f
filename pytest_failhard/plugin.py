"""The pytest plugin: options and hooks; nothing heavy is imported until a level is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

LEVELS = (1, 2, 3, 4)
FORMATS = ("text", "agent", "github")
"""Those of `formats`, as a test says: every run of pytest would pay for one more module."""
CHILD = "pytest_failhard.child"
NEEDS_LEVEL = ("policy", "base", "only", "report_dir", "jobs", "format", "no_cache", "perf_prove", "resume")
"""Options that do nothing without a level: alone they would look like a gate that passed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options. Without `dest`: a name that another plugin took must be loud."""
    group = parser.getgroup("failhard", "failhard quality gates")
    group.addoption(
        "--failhard-level",
        type=int,
        choices=LEVELS,
        help="judge at this maturity level: 1 PoC, 2 development, 3 pre-production, 4 production",
    )
    group.addoption("--failhard-policy", metavar="FILE", help="a policy that tightens the level's own")
    group.addoption("--failhard-base", metavar="REF", help="branch or commit that changes are compared with")
    group.addoption("--failhard-only", metavar="GATE,...", help="these gates only; the report is incomplete")
    group.addoption("--failhard-report-dir", metavar="DIR", help="where the report goes (default: .failhard)")
    group.addoption("--failhard-seed", type=int, default=0, help="seed of everything random (default: 0)")
    group.addoption("--failhard-jobs", type=int, help="gates that run at once (default: the cores)")
    group.addoption("--failhard-format", choices=FORMATS, help="what is printed (default: text)")
    group.addoption(
        "--failhard-no-cache",
        action="store_true",
        default=None,
        help="reuse nothing that an earlier run observed, and keep nothing",
    )
    group.addoption(
        "--failhard-perf-prove",
        action="store_true",
        default=None,
        help="slow each benchmark down and see that the gate performance fails it",
    )
    group.addoption(
        "--failhard-resume",
        action="store_true",
        default=None,
        help="go on where a run was interrupted, if nothing has changed",
    )
    group.addoption(
        "--inject-failures",
        metavar="SPEC",
        help="fail LLM calls by schedule: 'p=0.05,kinds=rate_limit_rpm|server_error'",
    )
    group.addoption("--failhard-llm-deadline", type=float, metavar="S", help="seconds until a call hangs")
    group.addoption("--failhard-explain", metavar="NAME", help="print what a gate or rule demands, and end")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook that brings gates: a conftest may implement it in a run without a level too."""
    from pytest_failhard import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest is imported: refuse code that would end the process, start measuring."""
    options = early_config.known_args_namespace
    name = options.failhard_explain
    if name is None and (options.failhard_level is None or _is_child(early_config)):
        return
    from pytest_failhard import enforcing

    if name is not None:
        early_config.pluginmanager.register(enforcing.Explainer(name), "failhard-explainer")
    else:
        enforcing.prepare(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options under which nothing is judged; register what records and what enforces."""
    from pytest_failhard import fixtures

    for marker in fixtures.MARKERS:
        config.addinivalue_line("markers", marker)
    config.pluginmanager.register(fixtures, "failhard-fixtures")
    spec = config.getoption("inject_failures")
    if spec is not None:
        from pytest_failhard.llm import glue

        glue.inject(config, spec)
    if _is_child(config) or config.getoption("failhard_explain"):
        return
    if not _is_requested(config):
        _refuse_alone(config)
        return
    from pytest_failhard import enforcing

    enforcing.configure(config)


def _is_child(config: pytest.Config) -> bool:
    """Tell whether `failhard check` started us: then its parent judges, and we only give options."""
    return config.pluginmanager.hasplugin(CHILD)


def _is_requested(config: pytest.Config) -> bool:
    """Tell whether a level was asked for, also where `--help` in PYTEST_ADDOPTS ended the parsing."""
    return config.getoption("failhard_level") is not None or any(
        argument.startswith("--failhard-level") for argument in config.invocation_params.args
    )


def _refuse_alone(config: pytest.Config) -> None:
    given = [name for name in NEEDS_LEVEL if config.getoption(f"failhard_{name}") is not None]
    if given:
        named = ", ".join(f"--failhard-{name.replace('_', '-')}" for name in given)
        raise pytest.UsageError(
            f"failhard: gates not evaluated ({named} without --failhard-level): "
            "add --failhard-level=N, or remove the option"
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Have the last word: where enforcement was asked for, 0 needs a verdict that is a pass."""
    code = yield
    if not _is_requested(config) or _is_child(config):
        return code
    from pytest_failhard import enforcing

    return enforcing.last_word(config, code)
