"""Resolves all that a run needs before its first test, and lists every mistake together."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from pytest_failhard import config, granted, hookspecs, policy, proc, waivers
from pytest_failhard import gates as builtin_gates
from pytest_failhard.model import (
    GITHUB_BASE,
    SIGNING_KEY,
    SOURCE_DATE,
    GateError,
    Mode,
    Phase,
    PhasedGate,
    ProjectFacts,
    Stock,
)
from pytest_failhard.source import base as git_base
from pytest_failhard.source import default_source, default_tests, pyproject, read
from pytest_failhard.strictness import weaker_value
from pytest_failhard.system import declaration

if TYPE_CHECKING:
    from pytest_failhard.model import (
        Base,
        Clarification,
        Gate,
        Option,
        Policy,
        Rule,
        Settings,
        Waiver,
    )

WAIVERS = granted.WAIVERS
ADOPTION = "first adoption: the merge base has no [tool.failhard], so the change's own terms are in force"
UNCOMPARED = (
    "not compared with a merge base: removed and weakened tests, lowered configuration, added suppressions, "
    "changed lines"
)
COVERAGE = "coverage"
HOOK = hookspecs.pytest_failhard_gates.__name__
HOOK_OPTIONS = pluggy.HookimplOpts(
    wrapper=False, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False, specname=None
)


def _are_ours(names: Collection[str]) -> bool:
    return {gate.id for gate in builtin_gates.builtin()}.issuperset(names)


class PlanError(Exception):
    """The run cannot start as asked; `mistakes` lists all that is wrong."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    root: Path
    level: int | None
    mode: Mode
    policy: Path | None = None
    base: str | None = None
    only: tuple[str, ...] = ()
    seed: int = 0
    jobs: int = 2
    perf_prove: bool = False
    """Whether the gate `performance` must show for every benchmark that it can fail."""
    cache: bool = True
    """Whether what an earlier run observed may be used, and this one's is kept."""

    @property
    def measures(self) -> bool:
        """Tell whether a gate that was asked for may read coverage data: of the built-in ones one does."""
        return not self.only or COVERAGE in self.only or not _are_ours(self.only)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, resolved. `rules` are those of the gates that run, in report order."""

    request: Request
    level: int
    policy: Policy
    rules: tuple[Rule, ...]
    gates: Mapping[str, Gate]
    settings: Mapping[str, Settings]
    waivers: tuple[Waiver, ...]
    waivers_text: bytes | None
    clarifications: tuple[Clarification, ...]
    base: Base | None
    base_missing: str
    today: date
    source: tuple[str, ...]
    test_roots: tuple[str, ...]
    interpreter: Path
    facts: ProjectFacts
    project: config.ProjectConfig
    signing_key: Path | None = None
    """The file with the private key of whoever runs this, where one is named."""
    committed: datetime | None = None
    """SOURCE_DATE_EPOCH, else the commit time of HEAD, in UTC; None without both."""
    notes: tuple[str, ...] = ()
    stock: Stock = field(default_factory=Stock)
    """What the baseline lets through."""

    @property
    def complete(self) -> bool:
        """Tell whether every gate of the level runs."""
        return len(self.rules) == len(self.policy.rules)

    @property
    def needs_tests(self) -> bool:
        """Tell whether a gate of this run needs the records of the tests."""
        return any(phase(self.gates[rule.gate]) is Phase.TESTS for rule in self.rules)


def phase(gate: Gate) -> Phase:
    """Return when a gate can observe."""
    return gate.phase if isinstance(gate, PhasedGate) else Phase.STATIC


class _Hooks(pluggy.PluginManager):
    """Takes a hook by its name, as pytest does: a plugin that works there works here."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Return the marker's options, or those of an unmarked function of the hook's name."""
        marked = super().parse_hookimpl_opts(plugin, name)
        return HOOK_OPTIONS if marked is None and name == HOOK else marked


def collect_gates(plugins: Sequence[str]) -> tuple[Gate, ...]:
    """Return the built-in gates and those of the named, installed distributions.

    Raises PlanError for a distribution that is not installed or brings no pytest plugin.
    """
    manager = _Hooks("pytest")
    manager.add_hookspecs(hookspecs)
    manager.register(builtin_gates)
    mistakes = [mistake for name in plugins if (mistake := _register(manager, name))]
    if mistakes:
        raise PlanError(mistakes)
    # pluggy calls the last registered first: the built-in gates are to lead the report.
    return flatten(reversed(manager.hook.pytest_failhard_gates(config=None)))


def _register(manager: pluggy.PluginManager, name: str) -> str:
    """Register what a distribution brings; say what is wrong with it, nothing where all is well."""
    try:
        entry_points = importlib.metadata.distribution(name).entry_points.select(group="pytest11")
        for entry_point in entry_points:
            manager.register(entry_point.load())
    except importlib.metadata.PackageNotFoundError:
        return f"policy: plugins: {name} is not installed: python -m pip install {name}"
    except (ImportError, AttributeError) as error:
        return f"policy: plugins: {name} cannot be loaded: {error}; install it again, or take it out"
    return "" if entry_points else f"policy: plugins: {name} brings no pytest plugin; take it out"


def flatten(groups: object) -> tuple[Gate, ...]:
    """Return the gates of all hook implementations; raises PlanError for an id given twice."""
    # Pluggy gives no types for results of hooks.
    gates: list[Gate] = [gate for group in groups for gate in group]  # type: ignore[attr-defined]
    ids = [gate.id for gate in gates]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise PlanError([f"gate {name}: two plugins bring a gate of this id" for name in twice])
    return tuple(gates)


def plugins(request: Request) -> tuple[str, ...]:
    """Return the distributions that the policy asked for gates, before its gates can be checked."""
    if request.policy is None:
        return ()
    try:
        return policy.plugins(request.policy)
    except policy.PolicyError as error:
        raise PlanError(error.mistakes) from None


def resolve(request: Request, gates: Sequence[Gate], known: Collection[str], today: date) -> Plan:
    """Resolve configuration, level, policy, waivers, base and settings.

    `known` are all gate ids there are, `gates` those that this process can run. Raises PlanError
    with every mistake that could be found.
    """
    project = _project(request)
    base, base_missing = _base(request, project)
    lost = [f"base: {base_missing}"] if base_missing and (request.base or project.base) else []
    judged = _judged_config(request, project, base)
    adopts = request.base is not None and judged is project
    level = _level(request, project, judged)
    terms = _policy(request, level, known, today, base)
    mistakes = [*lost, *_unknown_gates(request, terms), *_unknown_tables(project, known)]
    rules = [rule for rule in terms.rules if not request.only or rule.gate in request.only]
    by_id = {gate.id: gate for gate in gates}
    settings, wrong = _settings(terms.rules, by_id, project, judged)
    source, test_roots, absent = _layout(request.root, project)
    approving = None if adopts or request.base is None else base
    text = granted.text(request.root, WAIVERS, approving)
    listed, pending, invalid = granted.waived(request.root, approving, terms, today, known)
    stock, grown, unread = granted.stock(request.root, approving, level, known)
    mistakes += [
        *declaration.problems(project.system),
        *wrong,
        *absent,
        *invalid,
        *unread,
        *_clock(request.root, base, today),
    ]
    about, head = facts(request.root, project)
    committed, wrong_date = _committed(head)
    mistakes += wrong_date
    if mistakes:
        raise PlanError(mistakes)
    return Plan(
        request=request,
        level=level,
        policy=terms,
        rules=tuple(sorted(rules, key=lambda rule: list(known).index(rule.gate))),
        gates=by_id,
        settings=settings,
        waivers=listed,
        waivers_text=text,
        clarifications=granted.clarified(text),
        base=base,
        base_missing=base_missing,
        today=today,
        source=source,
        test_roots=test_roots,
        interpreter=interpreter(request.root, project),
        facts=about,
        project=project,
        signing_key=request.root / key if (key := os.environ.get(SIGNING_KEY)) else None,
        committed=committed,
        notes=(
            *((ADOPTION,) if adopts else ()),
            *((f"{UNCOMPARED}: {base_missing}",) if base_missing else ()),
            *_base_notes(request.base or project.base, base),
            *waivers.pending_notes(pending),
            *grown,
        ),
        stock=stock,
    )


def _project(request: Request) -> config.ProjectConfig:
    try:
        return config.load(request.root)
    except config.ConfigError as error:
        raise PlanError(error.mistakes) from None


def _base_notes(named: str | None, base: Base | None) -> tuple[str, ...]:
    """Say where the base that was asked for is HEAD, so that the last commit alone is compared."""
    if not named or base is None or not base.chosen.startswith(git_base.FIRST_PARENT):
        return ()
    text = (
        f"base: {named} is HEAD itself: compared with its first parent {base.commit[:12]}, so what older "
        "commits changed is not; name an older commit to compare with that"
    )
    return (text,)


def _base(request: Request, project: config.ProjectConfig) -> tuple[Base | None, str]:
    """Find the merge base, or say why there is none: a mistake where one was named."""
    try:
        github = os.environ.get(GITHUB_BASE, "")
        return git_base.resolve(request.root, request.base or project.base, github), ""
    except GateError as error:
        return None, str(error)


def _judged_config(
    request: Request, project: config.ProjectConfig, base: Base | None
) -> config.ProjectConfig:
    """Return the configuration at the merge base, where a change must not approve itself."""
    if request.base is None or base is None:
        return project
    text = base.read("pyproject.toml")
    try:
        at_base = config.parse(text, request.root) if text is not None else None
    except config.ConfigError as error:
        raise PlanError([f"at the merge base: {mistake}" for mistake in error.mistakes]) from None
    return at_base if at_base is not None and at_base.adopted else project


def _level(request: Request, project: config.ProjectConfig, judged: config.ProjectConfig) -> int:
    levels = [level for level in (request.level, judged.level) if level is not None]
    try:
        return config.effective_level(max(levels) if levels else None, project)
    except config.ConfigError as error:
        raise PlanError(error.mistakes) from None


def _policy(request: Request, level: int, known: Collection[str], today: date, base: Base | None) -> Policy:
    """Return the policy; a file of the project counts as it is at the merge base where it was stricter."""
    path = request.policy
    try:
        terms = policy.load(level, known, path, today=today)
        if path is None or request.base is None or base is None or not path.is_relative_to(request.root):
            return terms
        name = path.relative_to(request.root).as_posix()
        text = base.read(name)
        approved = policy.parse(text, f"at the merge base: {name}", known, today=today) if text else terms
        loosened = approved.level == level and policy.weaker_policy(terms, approved)
        return approved if loosened else terms
    except policy.PolicyError as error:
        raise PlanError(error.mistakes) from None


def _unknown_gates(request: Request, terms: Policy) -> list[str]:
    named = [rule.gate for rule in terms.rules]
    return [
        f"only: {name}: level {terms.level} ({terms.name}) has no such gate; it has {', '.join(named)}"
        for name in request.only
        if name not in named
    ]


def _unknown_tables(project: config.ProjectConfig, known: Collection[str]) -> list[str]:
    return [
        f"pyproject.toml: [tool.failhard.{name}]: there is no gate {name}; there are {', '.join(known)}"
        for name in sorted(project.gates)
        if name not in known
    ]


def _settings(
    rules: Sequence[Rule],
    gates: Mapping[str, Gate],
    project: config.ProjectConfig,
    judged: config.ProjectConfig,
) -> tuple[dict[str, Settings], list[str]]:
    settings: dict[str, Settings] = {}
    mistakes: list[str] = []
    for rule in rules:
        if rule.gate not in gates:
            continue
        table = project.gates.get(rule.gate, {})
        approved = judged.gates.get(rule.gate, {})
        try:
            settings[rule.gate] = config.merge_settings(
                rule.gate, gates[rule.gate].settings, rule, _in_force(rule, table, approved)
            )
        except config.ConfigError as error:
            mistakes += error.mistakes
    return settings, mistakes


def _in_force(rule: Rule, head: Mapping[str, Option], approved: Mapping[str, Option]) -> dict[str, Option]:
    """Return the project's options: those that let something through come from the merge base.

    Of two values that tighten the stricter one holds, so that a change cannot loosen what it is
    judged by. Where nothing is read from a base, both tables are the same.
    """
    names = sorted({*head, *approved})
    tables = {name: _holding(rule, name, head, approved) for name in names}
    return {name: table[name] for name, table in tables.items() if name in table}


def _holding(
    rule: Rule, name: str, head: Mapping[str, Option], approved: Mapping[str, Option]
) -> Mapping[str, Option]:
    option = rule.options.get(name)
    if option is None or option.kind not in {"accept", "tighten"}:
        return head
    if name not in head or name not in approved:
        # Alone, what tightens counts wherever it stands, and what lets something through nowhere.
        return {**head, **approved} if option.kind == "tighten" else {}
    return approved if weaker_value(head[name], approved[name], option.stricter) else head


def _layout(root: Path, project: config.ProjectConfig) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    source = project.source if project.source is not None else default_source(root, pyproject(root))
    tests = project.tests if project.tests is not None else default_tests(root)
    try:
        read(root, source, tests)
    except GateError as error:
        return source, tests, [str(error)]
    return source, tests, []


def _clock(root: Path, base: Base | None, today: date) -> list[str]:
    """A clock set back would keep a waiver alive for ever."""
    if base is None or not base.commit:
        return []
    text = proc.git(root, "rev-list", "-1", "--format=%ct", base.commit).stdout
    committed = datetime.fromtimestamp(int(text.split()[-1]), tz=UTC).date()
    if today >= committed:
        return []
    return [f"the clock says {today}, but the merge base was committed on {committed}: set the clock"]


def interpreter(root: Path, project: config.ProjectConfig) -> Path:
    """Return the interpreter whose packages the system runs on."""
    # Joined, not resolved: a virtual environment's interpreter is a link that must stay itself.
    return root / project.python if project.python is not None else Path(sys.executable)


def facts(root: Path, project: config.ProjectConfig) -> tuple[ProjectFacts, int | None]:
    """Return which tree it is, and the commit time of HEAD in seconds since 1970."""
    try:
        # Not `show`: before that, git is asked which filters the repository has.
        said = proc.git(root, "rev-list", "-1", "--format=%H %ct", "HEAD").stdout.decode()
        changes = proc.git(root, "status", "--porcelain", "--untracked-files=normal").stdout
    except GateError:
        said, changes = "", b""
    commit, _, seconds = said.strip().rpartition("\n")[2].partition(" ")
    found = ProjectFacts(
        name=project.name, version=project.version, commit=commit, dirty=bool(changes.strip())
    )
    return found, int(seconds) if seconds else None


def _committed(head: int | None) -> tuple[datetime | None, list[str]]:
    """Return the time of what is judged, and what is wrong with the variable that says it."""
    given = os.environ.get(SOURCE_DATE, "")
    try:
        seconds = int(given) if given else head
        return (None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)), []
    except (ValueError, OverflowError, OSError):
        return None, [f"{SOURCE_DATE}: {given!r} is no number of seconds since 1970; mend or unset it"]
