"""The plan: whatever a run needs is there before its first test, and no change approves itself."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pytest_failhard import baseline, hookspecs, plan, policy
from pytest_failhard.gates import tests as tests_gate
from pytest_failhard.gates.lint import LintSettings
from pytest_failhard.model import Frozen, Gate, Mode, Observation, Phase, Run, Settings, Stock
from tests.acceptance.cases_terms import SHIPPED, waiver
from tests.acceptance.project import FIRST as FIRST_FILES
from tests.acceptance.project import Files, commit, configured, git, write
from tests.support import GATES, demanded

TODAY = date(2026, 6, 1)
BUILTIN = GATES
FIRST = list(demanded(1))
"""The gates of level 1."""


@dataclass(frozen=True)
class Probe:
    """A gate of another distribution."""

    id: str = "probe"
    settings: type[Settings] = Settings

    def observe(self, run: Run) -> Observation:
        raise NotImplementedError


def resolve(
    root: Path,
    *,
    level: int | None = None,
    base: str | None = None,
    only: tuple[str, ...] = (),
    file: Path | None = None,
    today: date = TODAY,
) -> plan.Plan:
    request = plan.Request(root=root, level=level, mode=Mode.SUPERVISED, base=base, only=only, policy=file)
    gates = plan.collect_gates(plan.plugins(request))
    return plan.resolve(request, gates, [gate.id for gate in gates], today)


def mistakes(
    root: Path,
    *,
    level: int | None = None,
    base: str | None = None,
    only: tuple[str, ...] = (),
    file: Path | None = None,
    today: date = TODAY,
) -> tuple[str, ...]:
    with pytest.raises(plan.PlanError) as refused:
        resolve(root, level=level, base=base, only=only, file=file, today=today)
    assert str(refused.value) == "\n".join(refused.value.mistakes)
    return refused.value.mistakes


def change(root: Path, before: str, after: str, *, levels: tuple[int, int] = (3, 3)) -> None:
    """Commit one configuration on `main`, another one on top of it."""
    commit(write(root, table(before, levels[0])))
    git(root, "checkout", "--quiet", "-b", "change")
    write(root, table(after, levels[1]))
    commit(write(root, {"shop/more.py": '"""More."""\n'}))


def table(text: str, level: int) -> Files:
    """Return a project file; a table for the gate `tests` takes the place of the key of this name."""
    files = configured(text, level=level)
    if "[tool.failhard.tests]" not in text:
        return files
    return {name: str(content).replace('tests = ["tests"]\n', "") for name, content in files.items()}


def lint(resolved: plan.Plan) -> LintSettings:
    settings = resolved.settings["lint"]
    assert isinstance(settings, LintSettings)
    return settings


def skip_reasons(resolved: plan.Plan) -> tuple[str, ...]:
    settings = resolved.settings["tests"]
    assert isinstance(settings, tests_gate.TestsSettings)
    return tuple(settings.accepted_skip_reasons)


def test_a_plan_has_all_that_a_run_needs(shop: Path) -> None:
    resolved = resolve(shop)
    assert resolved.level == 1
    assert [rule.gate for rule in resolved.rules] == FIRST
    assert (resolved.source, resolved.test_roots) == (("shop",), ("tests",))
    assert resolved.facts.commit == git(shop, "rev-parse", "HEAD").strip()
    assert (resolved.facts.name, resolved.facts.version, resolved.facts.dirty) == ("shop", "1.0", False)
    assert (resolved.complete, resolved.needs_tests) == (True, True)
    assert (resolved.waivers, resolved.waivers_text, resolved.notes) == ((), None, ())
    assert resolved.base is not None
    assert resolved.base.chosen == "first parent of HEAD, because HEAD (no remote branch) is HEAD"


def test_a_base_that_is_head_itself_is_said_where_it_was_asked_for(shop: Path) -> None:
    commit(write(shop, {"shop/more.py": '"""More."""\n'}))
    branch = git(shop, "rev-parse", "--abbrev-ref", "HEAD").strip()
    parent = git(shop, "rev-parse", "HEAD^").strip()
    assert not any(note.startswith("base: ") for note in resolve(shop).notes)
    said = (
        f"base: {branch} is HEAD itself: compared with its first parent {parent[:12]}, so what older commits "
        "changed is not; name an older commit to compare with that"
    )
    assert [note for note in resolve(shop, base=branch).notes if note.startswith("base: ")] == [said]
    assert not any(note.startswith("base: ") for note in resolve(shop, base=parent).notes)


def test_the_time_of_what_is_judged(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = resolve(shop).committed
    assert committed is not None
    assert committed.timestamp() == int(git(shop, "show", "-s", "--format=%ct", "HEAD"))
    assert committed.utcoffset() == timedelta(0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert resolve(shop).committed == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    for given in ("yesterday", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
        assert mistakes(shop) == (
            f"SOURCE_DATE_EPOCH: '{given}' is no number of seconds since 1970; mend or unset it",
        )


def test_outside_git_there_is_no_time(tmp_path: Path) -> None:
    resolved = resolve(write(tmp_path / "p", FIRST_FILES), level=1)
    assert (resolved.committed, resolved.facts.commit, resolved.facts.dirty) == (None, "", False)


def test_a_part_is_marked_as_one_and_needs_no_tests(shop: Path) -> None:
    resolved = resolve(shop, only=("lint",))
    assert (resolved.complete, resolved.needs_tests) == (False, False)


def test_an_uncommitted_change_is_in_the_facts(shop: Path) -> None:
    write(shop, {"shop/new.py": ""})
    assert resolve(shop).facts.dirty


def test_the_project_may_name_its_interpreter(shop: Path) -> None:
    write(shop, configured("", failhard='python = ".venv/bin/python"\n'))
    assert resolve(shop).interpreter == shop / ".venv/bin/python"


def test_source_and_tests_have_defaults(shop: Path) -> None:
    text = '[project]\nname = "shop"\nversion = "1.0"\n'
    write(shop, {"pyproject.toml": text})
    resolved = resolve(shop, level=1)
    assert (resolved.source, resolved.test_roots) == (("shop",), ("tests",))


def test_without_git_a_plan_has_no_base_and_says_why(shop: Path) -> None:
    shutil.rmtree(shop / ".git")
    resolved = resolve(shop)
    assert resolved.base is None
    assert "git init" in resolved.base_missing
    assert resolved.notes == (f"{plan.UNCOMPARED}: {resolved.base_missing}",)
    assert resolved.facts.commit == ""


def test_without_the_git_program_a_plan_has_no_commit(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shop / "nowhere"))
    resolved = resolve(shop)
    assert (resolved.facts.commit, resolved.facts.dirty) == ("", False)
    assert "git is not installed" in resolved.base_missing


def test_the_first_commit_is_compared_with_nothing(shop: Path) -> None:
    git(shop, "checkout", "--quiet", "--orphan", "first")
    commit(shop)
    resolved = resolve(shop)
    assert resolved.base is not None
    assert resolved.base.commit == ""


def test_all_mistakes_are_listed_at_once(shop: Path) -> None:
    files = configured("[tool.failhard.lnit]\n\n[tool.failhard.lint]\nselct = []\n")
    text = str(files["pyproject.toml"]).replace('source = ["shop"]', 'source = ["shpo"]')
    write(shop, {"pyproject.toml": text, "failhard-waivers.yaml": "schema: none\n"})
    found = "\n".join(mistakes(shop, only=("typos", "security"), base="nowhere"))
    for part in (
        "base: base nowhere: git knows no such commit",
        f"only: typos: level 1 (poc) has no such gate; it has {', '.join(FIRST)}",
        "only: security: level 1",
        "[tool.failhard.lnit]: there is no gate lnit",
        "shpo",
        "failhard-waivers.yaml",
    ):
        assert part in found, found


def test_a_mistaken_option_of_a_gate_is_a_mistake_of_the_run(shop: Path) -> None:
    write(shop, configured("[tool.failhard.lint]\nselct = []\n"))
    (found,) = mistakes(shop)
    assert "selct" in found


def test_a_mistaken_project_file_is_refused(shop: Path) -> None:
    write(shop, configured("", failhard="levle = 2\n"))
    assert "levle" in mistakes(shop)[0]


def test_no_level_is_a_mistake(shop: Path) -> None:
    write(shop, {"pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\n'})
    assert mistakes(shop)[0].startswith("no level is given")


def test_the_higher_level_counts(shop: Path) -> None:
    assert resolve(shop, level=2).level == 2
    write(shop, configured("", level=3))
    assert resolve(shop, level=2).level == 3


def test_a_mistaken_policy_is_refused(shop: Path) -> None:
    file = write(shop, {"p.yaml": SHIPPED.replace("line_percent: 60", "line_percent: 6")}) / "p.yaml"
    assert "line_percent" in mistakes(shop, file=file)[0]
    assert "cannot be read" in mistakes(shop, file=shop / "none.yaml")[0]


@pytest.mark.parametrize("where", ["command line", "project"])
def test_a_named_base_that_cannot_be_had_is_refused_FO_136(shop: Path, where: str) -> None:
    if where == "project":
        write(shop, configured("", failhard='base = "origin/main"\n'))
    (found,) = mistakes(shop, base=None if where == "project" else "origin/main")
    assert "origin/main: git knows no such commit" in found
    assert "git fetch" in found


def test_a_named_base_out_of_reach_of_a_shallow_clone_is_refused_FO_136(shop: Path, tmp_path: Path) -> None:
    change(shop, "", "")
    git(shop, "checkout", "--quiet", "main")
    git(shop, "commit", "--quiet", "--allow-empty", "--message", "Go on elsewhere")
    clone = tmp_path / "clone"
    git(
        shop,
        "clone",
        "--quiet",
        "--depth=1",
        "--no-single-branch",
        "-b",
        "change",
        f"file://{shop}",
        str(clone),
    )
    (found,) = mistakes(clone, base="origin/main")
    assert "shallow" in found
    assert "--unshallow" in found


@pytest.mark.parametrize(
    ("before", "after", "given", "expected"), [(3, 1, None, 3), (1, 3, None, 3), (2, 1, 1, 2)]
)
def test_a_change_cannot_lower_the_level_it_is_judged_at(
    shop: Path, before: int, after: int, given: int | None, expected: int
) -> None:
    change(shop, "", "", levels=(before, after))
    assert resolve(shop, base="main", level=given).level == expected


def test_without_a_base_the_tree_itself_counts(shop: Path) -> None:
    change(shop, "", "", levels=(3, 1))
    assert resolve(shop).level == 1


def test_a_waiver_of_the_change_itself_does_not_count_FO_132(shop: Path) -> None:
    change(shop, "", "")
    day = (TODAY + timedelta(days=5)).isoformat()
    text = waiver("reason: the import is needed by a plugin at run time", "owner: Ada", f"expires: {day}")
    write(shop, text)
    commit(shop)
    assert [item.rule for item in resolve(shop).waivers] == ["F401"]
    assert resolve(shop, base="main").waivers == ()
    git(shop, "branch", "--force", "main")
    commit(write(shop, {"shop/again.py": '"""Again."""\n'}))
    assert [item.rule for item in resolve(shop, base="main").waivers] == ["F401"]
    # Who took it out does without: it neither covers anything nor has to be used.
    commit(write(shop, {"failhard-waivers.yaml": None}))
    assert resolve(shop, base="main").waivers == ()


def test_what_is_frozen_counts_as_far_as_the_base_has_it_FO_135(shop: Path) -> None:
    entry = Frozen(
        gate="coverage",
        rule="line_percent",
        path="",
        fingerprint="0123456789abcdef",
        reason="from the start",
        owner="Ada",
        date=TODAY,
        value=40,
    )
    more = replace(entry, gate="lint", rule="F401", value=None)

    def frozen(*entries: Frozen) -> Files:
        return {baseline.FILE: baseline.dump(baseline.Baseline(frozen=entries))}

    change(shop, "", "")
    commit(write(shop, frozen(entry)))
    git(shop, "branch", "--force", "main")
    commit(write(shop, frozen(replace(entry, value=30), more)))
    assert resolve(shop).stock == Stock(frozen=(replace(entry, value=30), more))
    held = resolve(shop, base="main")
    assert held.stock == Stock(frozen=(entry,))
    assert (
        held.notes[-1]
        == f"pending approval: what {baseline.FILE} adds (lint: 1) counts once the merge base has it"
    )
    assert resolve(shop, level=4).stock == Stock(refused=(replace(entry, value=30), more))
    write(shop, {**frozen(replace(entry, gate="covreage")), "failhard-waivers.yaml": "schema: 1\n"})
    both = "\n".join(mistakes(shop))
    assert "failhard-waivers.yaml: schema: must be one of" in both
    assert f"{baseline.FILE}: findings: unknown gate covreage; did you mean coverage?" in both
    write(shop, {baseline.FILE: None, "failhard-waivers.yaml": None})
    assert resolve(shop, base="main").stock == Stock()


def test_a_clarification_of_the_change_itself_does_not_count(shop: Path) -> None:
    change(shop, "", "")
    reading = (
        "{package: lib, version: '1', expression: MIT, reason: read by counsel, owner: Ada, files: [%s]}"
    )
    text = reading % f"{{path: LICENSE, sha256: '{'0' * 64}'}}"
    write(shop, {"failhard-waivers.yaml": f"schema: failhard-waivers/1\nclarifications: [{text}]\n"})
    commit(shop)
    assert [item.package for item in resolve(shop).clarifications] == ["lib"]
    assert resolve(shop, base="main").clarifications == ()
    git(shop, "branch", "--force", "main")
    commit(write(shop, {"shop/again.py": '"""Again."""\n', "failhard-waivers.yaml": None}))
    assert [item.package for item in resolve(shop, base="main").clarifications] == ["lib"]


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(5, 7, 5), (7, 5, 5), (5, None, 5), (None, 5, 5), (6, 6, 6)]
)
def test_of_two_values_that_tighten_the_stricter_one_counts(
    shop: Path, before: int | None, after: int | None, expected: int
) -> None:
    def highest(value: int | None) -> str:
        return f"[tool.failhard.lint]\nmax_complexity = {value}\n" if value else ""

    change(shop, highest(before), highest(after))
    assert lint(resolve(shop, base="main")).max_complexity == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], ["slow*"], ()),
        (["slow*"], ["slow*", "all*"], ("slow*",)),
        (["slow*", "all*"], ["slow*"], ("slow*",)),
        (["slow*"], [], ()),
        (["slow*"], ["slow*"], ("slow*",)),
    ],
)
def test_an_exception_counts_where_base_and_change_both_have_it(
    shop: Path, before: list[str], after: list[str], expected: tuple[str, ...]
) -> None:
    def reasons(value: list[str]) -> str:
        return f'[tool.failhard.tests]\nroots = ["tests"]\naccepted_skip_reasons = {value}\n'

    change(shop, reasons(before) if before else "", reasons(after) if after else "", levels=(1, 1))
    assert skip_reasons(resolve(shop, base="main")) == expected


def test_a_description_is_the_tree_s_own(shop: Path) -> None:
    start = '[tool.failhard.tests]\nroots = ["tests"]\n'
    change(shop, f'{start}pass_env = ["A"]\n', f'{start}pass_env = ["B"]\n')
    settings = resolve(shop, base="main").settings["tests"]
    assert isinstance(settings, tests_gate.TestsSettings)
    assert list(settings.pass_env) == ["B"]


@pytest.mark.parametrize("before", ['[project]\nname = "shop"\nversion = "1.0"\n', None])
def test_the_first_adoption_is_judged_by_its_own_terms_and_says_so(shop: Path, before: str | None) -> None:
    commit(write(shop, {"pyproject.toml": before}))
    git(shop, "checkout", "--quiet", "-b", "change")
    day = (TODAY + timedelta(days=5)).isoformat()
    terms = waiver("reason: the import is needed by a plugin at run time", "owner: Ada", f"expires: {day}")
    commit(write(shop, {**configured("[tool.failhard.lint]\nmax_complexity = 5\n", level=2), **terms}))
    resolved = resolve(shop, base="main")
    assert resolved.level == 2
    assert lint(resolved).max_complexity == 5
    assert len(resolved.waivers) == 1
    assert resolved.notes == (plan.ADOPTION,)


def test_an_unreadable_table_at_the_base_is_refused(shop: Path) -> None:
    change(shop, "", "")
    commit(write(shop, configured("", failhard="levle = 2\n")))
    git(shop, "branch", "--force", "main")
    commit(write(shop, configured("")))
    (found,) = mistakes(shop, base="main")
    assert found.startswith("at the merge base: ")
    assert "levle" in found


@pytest.mark.parametrize(("before", "after", "expected"), [(90, 70, 90), (70, 90, 90), (None, 70, 70)])
def test_a_policy_in_the_tree_cannot_be_loosened_by_the_change(
    shop: Path, before: int | None, after: int, expected: int
) -> None:
    def text(percent: int) -> str:
        return SHIPPED.replace("line_percent: 60", f"line_percent: {percent}")

    if before is not None:
        commit(write(shop, {"ci/policy.yaml": text(before)}))
    git(shop, "checkout", "--quiet", "-b", "change")
    commit(write(shop, {"ci/policy.yaml": text(after)}))
    resolved = resolve(shop, base="main", file=shop / "ci/policy.yaml")
    (rule,) = (rule for rule in resolved.rules if rule.gate == "coverage")
    assert rule.at_least["line_percent"] == expected


def test_a_policy_outside_the_tree_is_taken_as_it_is(shop: Path, tmp_path: Path) -> None:
    file = write(tmp_path, {"org.yaml": SHIPPED.replace("line_percent: 60", "line_percent: 61")}) / "org.yaml"
    resolved = resolve(shop, base="HEAD", file=file)
    assert resolved.policy.sha256 == policy.load(1, BUILTIN, file, today=TODAY).sha256


def test_a_clock_before_the_base_s_commit_is_refused_FO_129(shop: Path) -> None:
    (found,) = mistakes(shop, today=date(2026, 1, 1))
    assert found == "the clock says 2026-01-01, but the merge base was committed on 2026-01-02: set the clock"
    assert resolve(shop, today=date(2026, 1, 2)).level == 1


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path in which distributions can be installed."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    return site


def install(
    site: Path, name: str, module: str, *gates: str, plugin: bool = True, marked: bool = False
) -> None:
    """Install a distribution with a pytest plugin that brings gates."""
    mark = "import pytest\n@pytest.hookimpl\n" if marked else ""
    gate = "class Gate:\n    def __init__(self, name):\n        self.id, self.settings = name, Settings\n"
    code = f"from pytest_failhard.model import Settings\n{gate}{mark}def pytest_failhard_gates(config):\n"
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    write(
        site,
        {
            f"{module}.py": f"{code}    return [Gate(name) for name in {list(gates)}]\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/entry_points.txt": f"[pytest11]\n{module} = {module}\n" if plugin else "",
        },
    )
    importlib.invalidate_caches()


def ids(gates: Sequence[Gate]) -> tuple[str, ...]:
    return tuple(gate.id for gate in gates)


@pytest.mark.parametrize("marked", [True, False])
def test_gates_of_another_distribution_come_after_ours(distribution: Path, marked: bool) -> None:
    install(distribution, "acme-gates", f"acme_gates_{marked}", "probe", marked=marked)
    assert ids(plan.collect_gates(["acme-gates"])) == (*BUILTIN, "probe")


def test_every_unusable_distribution_is_named(distribution: Path) -> None:
    install(distribution, "acme-broken", "acme_broken", "probe")
    write(distribution, {"acme_broken.py": "import no_such_module\n"})
    install(distribution, "acme-empty", "acme_empty", plugin=False)
    with pytest.raises(plan.PlanError) as refused:
        plan.collect_gates(["acme-absent", "acme-broken", "acme-empty"])
    absent, broken, empty = refused.value.mistakes
    assert absent == "policy: plugins: acme-absent is not installed: python -m pip install acme-absent"
    assert "acme-broken cannot be loaded: No module named 'no_such_module'" in broken
    assert "acme-empty brings no pytest plugin" in empty


def test_the_specification_of_the_hook_does_nothing_by_itself() -> None:
    with pytest.raises(NotImplementedError):
        hookspecs.pytest_failhard_gates(config=None)


def test_two_gates_of_one_id_are_refused(distribution: Path) -> None:
    install(distribution, "acme-double", "acme_double", "lint", "probe", "probe")
    with pytest.raises(plan.PlanError) as refused:
        plan.collect_gates(["acme-double"])
    assert refused.value.mistakes == (
        "gate lint: two plugins bring a gate of this id",
        "gate probe: two plugins bring a gate of this id",
    )


def test_the_policy_names_the_distributions(distribution: Path, shop: Path) -> None:
    install(distribution, "acme-named", "acme_named", "probe")
    rule = "\n  probe:\n    fail_at: medium\n    timeout: 30\n"
    text = SHIPPED.replace("plugins: []", "plugins: [acme-named]").rstrip("\n") + rule
    file = write(shop, {"p.yaml": text}) / "p.yaml"
    resolved = resolve(shop, file=file)
    assert [rule.gate for rule in resolved.rules] == [*FIRST, "probe"]
    assert plan.phase(resolved.gates["probe"]) is Phase.STATIC
    # Where only the built-in gates run, as in the worker, the others are known but not resolved.
    inner = plan.resolve(resolved.request, plan.collect_gates(()), [*BUILTIN, "probe"], TODAY)
    assert "probe" not in inner.settings


def test_plugins_of_an_unreadable_policy_are_refused(shop: Path) -> None:
    request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, policy=shop / "none.yaml")
    with pytest.raises(plan.PlanError, match="cannot be read"):
        plan.plugins(request)


def test_what_hooks_return_is_one_list() -> None:
    assert ids(plan.flatten([[Probe("a")], [], [Probe("b"), Probe("c")]])) == ("a", "b", "c")


def test_a_system_that_is_declared_wrongly_is_a_mistake_beside_the_others(shop: Path) -> None:
    write(shop, configured('[tool.failhard.system]\nkind = "library"\nsecrets = []\n'))
    assert resolve(shop).project.system == {"kind": "library", "secrets": []}
    write(shop, configured('[tool.failhard.system]\nkind = "web"\n[tool.failhard.llm]\ndeadlin = 1\n'))
    found = "\n".join(mistakes(shop))
    assert "pyproject.toml: [tool.failhard.system] kind: must be one of 'http', 'worker', 'job'" in found
    assert "pyproject.toml: [tool.failhard.llm] deadlin: unknown key; did you mean deadline?" in found


@pytest.mark.parametrize(
    ("only", "measures"),
    [
        ((), True),
        (("coverage",), True),
        (("tests", "coverage"), True),
        (("tests", "lint"), False),
        (("probe",), True),
    ],
    ids=["all", "coverage", "with it", "without it", "not ours"],
)
def test_the_tests_are_measured_where_a_gate_may_ask_for_it(only: tuple[str, ...], measures: bool) -> None:
    assert plan.Request(root=Path(), level=1, mode=Mode.AUTHOR, only=only).measures is measures
