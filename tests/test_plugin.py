"""The plugin, as its users start it: `pytest --failhard-level=N` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pytest_failhard import explanation, formats, plugin
from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.project import FAILING, VIOLATION, configured, git, pytest_options, write
from tests.size import in_full, without
from tests.support import GATES, WITHOUT_OTHERS, inactive, measuring
from tests.terminals import LINE, left_over, on_a_terminal
from tests.unkept import UNKEPT

pytestmark = pytest.mark.usefixtures("children_unmeasured")

SECONDS = 170
# Imported late or never: each of them costs more than all of pytest's own options together.
HEAVY = (
    *("openai", "httpx", "yaml", "coverage", "pydantic", "jinja2", "rich", "click", "psutil", "asyncio"),
    *("xml", "bandit", "cyclonedx", "subprocess", "tomllib", "mypy", "tomlkit", "packaging.requirements"),
    *("ssl", "h11", "trustme", "socket", "pytest_failhard.strict", "pytest_failhard.llm.catalogue"),
)


NEEDING_A_LEVEL = (
    *("--failhard-only=lint", "--failhard-jobs=2", "--failhard-policy=p.yaml", "--failhard-base=main"),
    "--failhard-report-dir=r",
)
RUNNING_NOTHING = (
    *("--collect-only", "--markers", "--cache-show", "--setup-only", "--setup-plan", "--fixtures"),
    "--fixtures-per-test",
)


def run(root: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *WITHOUT_OTHERS, *options],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root.parent), **UNKEPT, **measuring(), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def started(root: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *WITHOUT_OTHERS, *options],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def judged(root: Path, *options: str, gate: str = "lint") -> subprocess.CompletedProcess[str]:
    return run(root, "--failhard-level=1", f"--failhard-only={gate}", *options)


def report(root: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((root / ".failhard" / "report.json").read_bytes())
    return document


def loaded(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after the code; nothing of ours watches it."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return set(done.stdout.split())


def test_the_inactive_plugin_loads_nothing_that_pytest_has_not() -> None:
    start = "import pytest, _pytest.config\n_pytest.config.get_config([])"
    # The second is imported when a run is configured, in every run.
    ours = "import pytest_failhard.plugin, pytest_failhard.fixtures"
    added = loaded(f"{start}\n{ours}") - loaded(start)
    assert "pytest_failhard.plugin" in added
    assert added.isdisjoint(HEAVY), added & set(HEAVY)


def test_a_run_that_does_not_ask_for_it_loads_little_of_ours(tmp_path: Path) -> None:
    write(tmp_path, {"test_a.py": "def test_a() -> None:\n    assert len('a') == 1\n"})
    options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_failhard.plugin", str(tmp_path)]
    disabled = "import os; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'"
    names = loaded(f"{disabled}\nimport pytest\nassert pytest.main({options!r}) == 0")
    ours = {name.removeprefix("pytest_failhard.") for name in names if name.startswith("pytest_failhard.")}
    assert ours == {"fixtures", "hookspecs", "plugin"}
    assert names.isdisjoint({"pydantic", "yaml", "coverage", "psutil", "hypothesis"})


def test_a_run_that_does_not_ask_for_it_has_little_of_ours_called(tmp_path: Path) -> None:
    code = """
        def pytest_runtest_call(item):
            manager = item.config.pluginmanager
            ours = {name: plugin for name, plugin in manager.list_name_plugin() if name.startswith("failhard")}
            hooks = {each.name for plugin in ours.values() for each in manager.get_hookcallers(plugin)}
            (item.config.rootpath / "said.json").write_text(json.dumps([sorted(ours), sorted(hooks)]))
    """
    write(tmp_path, {"conftest.py": f"import json\n{textwrap.dedent(code)}"})
    write(tmp_path, {"test_a.py": "def test_a() -> None:\n    assert len('a') == 1\n"})
    assert inactive(tmp_path).returncode == 0
    names, hooks = json.loads((tmp_path / "said.json").read_bytes())
    assert names == ["failhard-fixtures"]  # with `failhard` itself, which is named by its module here
    # None of those that run for each test but the one that may multiply it, where it is collected.
    assert hooks == [
        "pytest_collection_modifyitems",
        "pytest_generate_tests",
        "pytest_testnodedown",
    ]


def test_the_formats_are_those_of_the_reports() -> None:
    assert (plugin.FORMATS, plugin.FORMATS[0]) == (formats.FORMATS, formats.TEXT)


def test_pytest_without_a_level_is_left_alone(shop: Path) -> None:
    done = run(shop, "-q")
    assert done.returncode == 0, done.stdout
    assert "failhard" not in done.stdout
    assert not (shop / ".failhard").exists()


def test_a_green_project_passes_and_the_header_names_the_policy(shop: Path) -> None:
    # With all gates: tests/acceptance/test_failopen.py.
    done = judged(shop, gate="lint,tests")
    assert done.returncode == 0, done.stdout
    digest = re.search(r"^failhard: level 1 \(poc, ([0-9a-f]{12})\), author mode$", done.stdout, re.MULTILINE)
    assert digest is not None
    assert report(shop)["verdict"] == "pass"
    assert "= failhard =" in done.stdout
    assert re.search(r"^failhard: pass", done.stdout, re.MULTILINE)


def test_a_failed_gate_is_a_failure_of_pytest_s(shop: Path) -> None:
    write(shop, VIOLATION)
    junit = shop.parent / "junit.xml"
    done = judged(shop, f"--junitxml={junit}")
    assert done.returncode == 1
    assert "FAILED failhard::lint" in done.stdout
    assert done.stdout.count("F401 ") == 2  # under FAILURES, and as the first reason in our section
    assert done.stdout.count("ways out:") == 1
    assert "  next: " in done.stdout
    assert 'name="lint"' in junit.read_text()


def test_the_caches_do_not_take_a_gate_for_a_test(shop: Path) -> None:
    write(shop, {**VIOLATION, **FAILING})
    done = judged(shop, "--tb=no")
    assert done.returncode == 1
    assert done.stdout.count("ways out:") == 1, "pytest lists no failure: our section has the details"
    cached = json.loads((shop / ".pytest_cache" / "v" / "cache" / "lastfailed").read_text())
    assert list(cached) == ["tests/test_red.py::test_red"]
    again = run(shop, "--lf", "-q")
    assert "1 failed" in again.stdout


@in_full
def test_workers_of_xdist_are_recorded_and_measured(shop: Path) -> None:
    done = run(shop, "--failhard-level=1", "--failhard-only=tests,coverage", "-n", "2")
    assert done.returncode == 0, done.stdout
    gates_reported = report(shop)["gates"]
    assert isinstance(gates_reported, list)
    assert [gate["verdict"] for gate in gates_reported] == ["pass", "pass"]


@in_full
def test_a_verdict_needs_no_terminal(shop: Path) -> None:
    write(shop, VIOLATION)
    done = judged(shop, "-p", "no:terminal")
    assert done.returncode == 1, done.stderr
    assert report(shop)["verdict"] == "fail"


@pytest.mark.parametrize("gate", without(GATES, *GATES[1:-1]))
def test_explain_prints_a_gate_and_runs_nothing(shop: Path, gate: str) -> None:
    done = run(shop, f"--failhard-explain={gate}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explanation.explain(gate) + "\n"


@pytest.mark.measured
def test_explain_refuses_an_unknown_name(shop: Path) -> None:
    done = run(shop, "--failhard-explain=lnt")
    assert done.returncode == 4
    assert "did you mean lint?" in done.stderr


def test_explain_lists_the_gates_where_nothing_comes_near() -> None:
    with pytest.raises(explanation.ExplanationError, match=f"there are {', '.join(GATES)}"):
        explanation.explain("zzz")
    with pytest.raises(explanation.ExplanationError, match="there are"):
        explanation.explain("lint", [])


@pytest.mark.parametrize("option", without(NEEDING_A_LEVEL, *NEEDING_A_LEVEL[2:]))
def test_an_option_that_does_nothing_without_a_level_is_refused(shop: Path, option: str) -> None:
    done = run(shop, option)
    assert done.returncode == 4
    assert f"gates not evaluated ({option.partition('=')[0]} without --failhard-level)" in done.stderr


@pytest.mark.parametrize("option", without(RUNNING_NOTHING, *RUNNING_NOTHING[3:]))
def test_an_option_under_which_no_test_runs_is_refused(shop: Path, option: str) -> None:
    done = judged(shop, option)
    assert done.returncode == 4
    assert "gates not evaluated (--" in done.stderr
    assert f"{option})" in done.stderr


def test_help_from_the_environment_is_refused(shop: Path) -> None:
    done = run(shop, "--failhard-level=1", PYTEST_ADDOPTS="--help")
    assert done.returncode == 4


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_was_asked_for_is_given(shop: Path, option: str) -> None:
    assert judged(shop, option).returncode == 0


def test_assertions_that_are_switched_off_are_refused(shop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-m", "pytest", *WITHOUT_OTHERS, "--failhard-level=1"],
        cwd=shop,
        env={"PATH": os.environ["PATH"], **measuring()},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 4
    assert "python -O" in done.stderr


@pytest.mark.parametrize(
    ("files", "options", "parts"),
    [
        (configured("", failhard="levle = 2\n"), (), ("levle",)),
        ({"tests/test_exit.py": "import os\n\nos._exit(0)\n"}, (), ("tests/test_exit.py",)),
        ({}, ("--failhard-report-dir=.",), ("report-folder-refused",)),
        ({}, ("--failhard-base=nowhere", "--failhard-only=typse"), ("base: base nowhere", "only: typse")),
        ({}, ("--failhard-policy=none.yaml",), ("none.yaml: cannot be read",)),
    ],
)
@pytest.mark.measured
def test_every_mistake_is_a_usage_error(
    shop: Path, files: dict[str, str], options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    write(shop, files)
    done = run(shop, "--failhard-level=1", *options)
    assert done.returncode == 4, done.stdout
    assert all(part in done.stderr for part in parts), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.measured
def test_a_redaction_pattern_that_cannot_be_used_is_a_usage_error(shop: Path) -> None:
    done = run(shop, "--failhard-level=1", FAILHARD_REDACTION_PATTERNS="(")
    assert done.returncode == 4
    assert "FAILHARD_REDACTION_PATTERNS" in done.stderr


@pytest.mark.measured
def test_a_base_that_git_cannot_read_is_a_usage_error(shop: Path) -> None:
    git(shop, "branch", "old", "HEAD~1")
    tree = git(shop, "rev-parse", "HEAD~1^{tree}").strip()
    (shop / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    done = judged(shop, "--failhard-base=old")
    assert done.returncode == 4
    assert "git ls-tree" in done.stderr


@pytest.mark.measured
def test_a_keyboard_interrupt_leaves_a_part(shop: Path) -> None:
    write(shop, {"tests/test_a.py": "def test_a() -> None:\n    raise KeyboardInterrupt\n"})
    done = judged(shop, gate="lint,tests")
    assert done.returncode == 2, done.stdout
    assert report(shop)["complete"] is False
    assert report(shop)["verdict"] == "error"
    assert "interrupted: by the keyboard or by the code under test" in done.stdout


# The signal goes to the thread that waits, as it does from a terminal.
INTERRUPTING = """\
import signal
import threading

from pytest_failhard.model import Settings


class Probe:
    id = "probe"
    settings = Settings

    def observe(self, run):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        threading.Event().wait()


def pytest_failhard_gates(config):
    return [Probe()]
"""


@pytest.mark.measured
def test_an_interrupt_while_the_gates_run_leaves_a_part(shop: Path) -> None:
    rule = "\n  probe:\n    fail_at: medium\n    timeout: 30\n"
    write(shop, {"conftest.py": INTERRUPTING, "policy.yaml": SHIPPED.rstrip("\n") + rule})
    done = judged(shop, "--failhard-policy=policy.yaml", gate="probe")
    assert done.returncode != 0, done.stdout
    assert report(shop)["complete"] is False
    volatile = report(shop)["volatile"]
    assert "interrupted: by the keyboard, while the gates ran" in json.dumps(volatile) + done.stdout


WAITING = """\
import pathlib
import threading


def test_waits() -> None:
    told = pathlib.Path({go!r})
    if not told.exists():
        threading.Event().wait()
    assert told.name == "go"
"""


@pytest.mark.usefixtures("checkpoints")
def test_a_terminated_run_leaves_a_part_and_goes_on_from_there(shop: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    write(shop, {"tests/test_waits.py": WAITING.format(go=str(go))})
    process = started(shop, "--failhard-level=1", "--failhard-only=lint,tests")
    while not list((shop / ".failhard").glob("checkpoint/lint-*.entry")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.terminate()
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, said
    assert report(shop)["complete"] is False
    assert "interrupted: by SIGTERM" in said
    command = said.partition("note: go on where this run ended: pytest ")[2].partition("\n")[0]
    assert command.endswith("--failhard-only=lint,tests --failhard-resume")
    go.touch()
    _, written = on_a_terminal([sys.executable, "-m", "pytest", *shlex.split(command)], shop)
    seen = left_over(written)
    assert "resumed: 1 gates had ended before and did not run again" in seen
    # The live line is drawn below pytest's own, and nothing of it is left.
    assert any("2 of 2 gates, 0 to go" in line for line in re.findall(LINE, written)), written
    assert "to go" not in seen
    assert re.search(r"^tests.*\[100%\]", seen, re.MULTILINE), seen
    volatile = report(shop)["volatile"]
    assert isinstance(volatile, dict)
    assert volatile["reused"] == ["lint"]
    assert not (shop / ".failhard" / "checkpoint").exists()


@in_full
def test_an_end_by_the_code_under_test_is_no_pass(shop: Path) -> None:
    write(
        shop,
        {"tests/test_a.py": 'import pytest\n\n\ndef test_a() -> None:\n    pytest.exit("x", returncode=0)\n'},
    )
    done = judged(shop, gate="tests")
    assert done.returncode != 0, done.stdout


def test_a_run_that_never_came_to_its_gates_is_no_pass(shop: Path) -> None:
    hook = (
        "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_cmdline_main(config):\n    return 0\n"
    )
    write(shop, {"conftest.py": hook})
    assert judged(shop).returncode == 4


def test_a_status_that_was_overwritten_is_put_right(shop: Path) -> None:
    hook = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
    write(shop, {**VIOLATION, "conftest.py": hook})
    assert judged(shop).returncode == 1


@in_full
def test_a_test_that_changes_the_product_is_an_error(shop: Path) -> None:
    body = "def test_a() -> None:\n    with open('shop/prices.py', 'a') as stream:\n        stream.write('#\\n')\n"
    write(shop, {"tests/test_a.py": body})
    done = judged(shop)
    assert done.returncode == 1
    assert "tree-changed: shop/prices.py" in done.stdout


@pytest.mark.measured
def test_a_run_that_fails_under_itself_is_an_error(shop: Path, tmp_path: Path) -> None:
    body = "import os\nimport pathlib\n\n\ndef test_a() -> None:\n"
    # What the tests have proven is to stand here.
    body += "    for run in pathlib.Path(os.environ['TMPDIR']).glob('failhard-*'):\n"
    body += "        run.joinpath('result.jsonl', 'taken').mkdir(parents=True)\n"
    write(shop, {"tests/test_a.py": body})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(shop, "--failhard-level=1", "--failhard-only=tests", TMPDIR=str(temporary))
    assert done.returncode == 1
    assert "run-failed: " in done.stdout
    assert "INTERNALERROR" not in done.stdout


def test_defaults_do_where_the_project_says_nothing(shop: Path) -> None:
    write(
        shop,
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n\n[tool.pytest]\npythonpath = ["."]\n'
        },
    )
    shutil.rmtree(shop / ".git")
    done = judged(shop)
    assert done.returncode == 0, done.stdout


def test_the_plugin_may_be_required_by_name_and_a_gate_of_a_conftest_may_run_here(shop: Path) -> None:
    hook = "def pytest_failhard_gates(config):\n    assert config is not None\n    return []\n"
    write(shop, {**pytest_options('required_plugins = ["pytest-failhard"]'), "conftest.py": hook})
    done = judged(shop)
    assert done.returncode == 0, done.stdout


@pytest.mark.measured
def test_two_gates_of_one_id_are_a_usage_error(shop: Path) -> None:
    hook = "from pytest_failhard.gates import builtin\n\n\ndef pytest_failhard_gates(config):\n    return builtin()\n"
    write(shop, {"conftest.py": hook})
    done = judged(shop)
    assert done.returncode == 4
    assert "gate lint: two plugins bring a gate of this id" in done.stderr


def test_a_report_that_could_not_be_written_is_not_said_to_be_there(shop: Path) -> None:
    body = "shutil.rmtree('.failhard')\n    pathlib.Path('.failhard').mkdir()"
    write(
        shop, {"tests/test_a.py": f"import pathlib\nimport shutil\n\n\ndef test_a() -> None:\n    {body}\n"}
    )
    done = judged(shop)
    assert done.returncode == 1, done.stdout
    assert "report-folder-replaced" in done.stdout
    assert re.search(r"^failhard: .*error.*, no report was written$", done.stdout, re.MULTILINE), done.stdout
    assert not (shop / ".failhard" / "report.json").exists()
