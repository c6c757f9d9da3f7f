"""FH708: what lets a gate tool fail in CI without consequence, and what only looks like it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.model import GateError, Option
from tests.rules.trees import checked, tree

CI = ".github/workflows/ci.yml"


def lines(
    root: Path,
    files: Mapping[str, str | bytes],
    *,
    base: Mapping[str, str] | None = None,
    options: Mapping[str, Option] | None = None,
) -> list[tuple[str, int]]:
    """Return the places of what is found."""
    found = checked(tree(root, files, base=base, options=options), "FH708")
    return [(hit.path, hit.line) for hit in found]


def run(script: str, *, step: str = "", job: str = "") -> str:
    """Return a workflow of one job with one step that runs a script (from line 6)."""
    body = textwrap.indent(textwrap.dedent(script).strip("\n"), " " * 10)
    head = f"jobs:\n  checks:\n    runs-on: linux\n    steps:\n      - run: |\n{body}\n"
    extra = "".join(f"        {line}\n" for line in step.splitlines())
    return head + extra + "".join(f"    {line}\n" for line in job.splitlines())


SOFTENED = {
    "true": "pytest || true",
    "colon": "ruff check . || :",
    "echo": "mypy app || echo 'types are advice'",
    "exit-0": "bandit -r app || exit 0",
    "group": "pip-audit || { echo ignored; }",
    "subshell": "pip-audit || (echo ignored; exit 0)",
    "semicolon": "pytest; true",
    "semicolon-exit": "pytest -q; exit 0",
    "pipe": "pytest | tee log.txt || true",
    "and": "cd app && pylint app || true",
    "continuation": "pytest \\\n  -q \\\n  || true",
    "operator-at-the-end": "pytest ||\n  true",
    "exit-zero": "flake8 --exit-zero .",
    "exit-code": "trivy fs . --exit-code 0",
    "exit-code-equals": "gitleaks detect --exit-code=0",
    "own-option": "safety check --continue-on-error",
    "set-plus-e": "set +e\npytest\necho done",
    "set-plus-o": "set +o errexit\npytest\nls",
    "status-kept-and-unused": "set +e\npytest\nstatus=$?\necho $status",
    "nested-shell": "bash -c 'pytest || true'",
    "nested-login-shell": "bash -lc 'cd app && pytest || true'",
    "eval": "eval 'pytest || true'",
    "around-nested-shell": "bash -c 'pytest' || true",
    "module": "python -m pytest || true",
    "isolated-module": "python3.12 -Im mypy app || true",
    "module-with-option": "python -X dev -m pytest || true",
    "uv": "uv run --with ruff==0.14 ruff check || true",
    "uvx": "uvx ruff@0.14 check || true",
    "poetry": "poetry run python -m pytest || true",
    "hatch": "hatch run test:pytest || true",
    "pipx": "pipx run bandit -r app || true",
    "compose": "docker compose run --rm web pytest || true",
    "timeout": "timeout -k 5 300 pytest || true",
    "environment": "env PYTHONPATH=. CI=1 pytest || true",
    "assignment": "CI=1 pytest || true",
    "condition": "if ! pytest || true; then exit 1; fi",
    "function": "check() { pytest || true; }",
    "braces-after-then": "if true; then { pytest || true; }; fi",
    "case": "case x in\n  tests)\n    pytest || true\n  ;;\nesac",
    "heredoc": "cat <<EOF > note\nnothing || here\nEOF\npytest || true",
    "expression": "pytest ${{ inputs.args || '-q' }} || true",
    "types-with-paths": "mypy --install-types --non-interactive app || true",
    "coverage": "coverage report --fail-under=80 || true",
    "plugin": "failhard check --level 3 || true",
    "report-alone": "bandit -r app -f json -o bandit.json || true",
    "report-that-is-shown": "bandit -f json -o b.json app || true\ncat b.json",
    "report-unread": "bandit -f json -o b.json app || true\nmake docs || exit 1",
    "strict-run-of-another-tool": "bandit -r app -o bandit.json || true\nruff check .",
}


@pytest.mark.parametrize("script", SOFTENED.values(), ids=SOFTENED.keys())
def test_a_softened_command_is_found(tmp_path: Path, script: str) -> None:
    (place,) = lines(tmp_path, {CI: run(script)})
    number = next(n for n, line in enumerate(script.splitlines()) if any(t in line for t in TOOLS))
    assert place == (CI, 6 + number)


TOOLS = (
    *("pytest", "ruff", "mypy", "bandit", "pip-audit", "pylint", "flake8", "trivy", "gitleaks", "safety"),
    *("coverage", "failhard"),
)

STRICT = {
    "alone": "pip-audit",
    "copy": "cp coverage.xml out/ || true",
    "upload": "codecov upload coverage.xml || true",
    "installation": "pip install pytest ruff || true",
    "echo": "echo 'running pytest' || true",
    "comment": "ls # pytest || true",
    "version": "pytest --version || true",
    "collection": "pytest --collect-only || true",
    "combination": "coverage combine || true",
    "drawing": "coverage html || true",
    "stubs": "mypy --install-types --non-interactive || true",
    "cleaning": "ruff clean || true",
    "failing-group": "pytest || { echo '::error::tests failed'; exit 1; }",
    "failing-subshell": "pytest || (cat log; exit 1)",
    "failing-tail": "pytest || echo failed && exit 1",
    "other-handler": "pytest || rc=$?",
    "empty-suite-only": "pytest || [ $? -eq 5 ]",
    "second-run": "pytest || pytest --last-failed",
    "before": "rm -rf build || true\npytest",
    "before-in-one-line": "mkdir out || true; pytest",
    "status-kept": "set +e\npytest\nrc=$?\nset -e\nexit $rc",
    "last-command": "set +e\npytest",
    "errexit-again": "set +e\nls\nset -e\npytest\nls",
    "true-on-the-next-line": "pytest\ntrue",
    "report-beside-a-strict-run": "bandit -r app -f json -o bandit.json || true\nbandit -r app",
    "report-that-decides": "bandit -f json -o b.json app || true\nif grep HIGH b.json; then\nexit 1\nfi",
    "labelling": "detect-secrets audit .secrets.baseline || true",
    "file-of-python": "python check.py pytest || true",
    "no-command": "''",
    "unreadable-shell": "pytest '",
    "empty-nested": "bash -c",
    "another-exit-code": "trivy fs . --exit-code 1",
}


@pytest.mark.parametrize("script", STRICT.values(), ids=STRICT.keys())
def test_an_honest_command_is_left_alone(tmp_path: Path, script: str) -> None:
    assert lines(tmp_path, {CI: run(script)}) == []


KEYS = {
    "step": run("pytest", step="continue-on-error: true"),
    "step-by-constant": run("pytest", step="continue-on-error: ${{ true }}"),
    "job": run("pytest", job="continue-on-error: true"),
    "job-never": run("pytest", job="if: false"),
    "step-never": run("pytest", step="if: ${{ false }}"),
    "never-by-conjunction": run("pytest", step="if: ${{ always() && false }}"),
    "never-by-texts": run("pytest", step="if: ${{ 'a' == 'b' }}"),
    "never-by-numbers": run("pytest", step="if: 1 == 2"),
    "empty-matrix": run(
        "pytest",
        job="strategy:\n  matrix:\n    os: [a, b]\n    exclude:\n      - os: a\n      - os: b",
    ),
    "outcome-only-shown": run("pytest", step="id: t\ncontinue-on-error: true")
    + "      - run: echo ${{ steps.t.outcome }}\n",
}


@pytest.mark.parametrize("workflow", KEYS.values(), ids=KEYS.keys())
def test_a_key_that_softens_is_found_where_it_stands(tmp_path: Path, workflow: str) -> None:
    (place,) = lines(tmp_path, {CI: workflow})
    text = workflow.splitlines()[place[1] - 1]
    assert text.strip().startswith(("continue-on-error", "if", "matrix"))


HONEST_KEYS = {
    "expression": run("pytest", step="continue-on-error: ${{ matrix.experimental }}"),
    "false": run("pytest", step="continue-on-error: false"),
    "condition": run("pytest", step="if: github.event_name == 'push' && !cancelled()"),
    "disjunction": run("pytest", step="if: false || success()"),
    "equal": run("pytest", step="if: ${{ 'a' == 'a' }}"),
    "cache": run("ls", step="continue-on-error: true"),
    "mutation": run("mutmut run || true\npytest || true", step="name: Mutation tests"),
    "judged-later": run("pytest", step="id: t\ncontinue-on-error: true")
    + "      - if: steps.t.outcome == 'failure'\n        run: exit 1\n",
    "matrix": run("pytest", job="strategy:\n  matrix:\n    os: [a, b]\n    exclude:\n      - os: a"),
    "included": run(
        "pytest", job="strategy:\n  matrix:\n    os: []\n    include:\n      - os: a\n    exclude: []"
    ),
    "computed": run("pytest", job="strategy:\n  matrix:\n    os: ${{ fromJSON(inputs.os) }}"),
    "no-mapping": "- run: pytest || true\n",
    "empty": "",
    "odd-keys": "? [a, b]\n: c\njobs: {}\n",
}


@pytest.mark.parametrize("workflow", HONEST_KEYS.values(), ids=HONEST_KEYS.keys())
def test_an_honest_key_is_left_alone(tmp_path: Path, workflow: str) -> None:
    assert lines(tmp_path, {CI: workflow}) == []


def test_one_key_over_several_tools_is_one_finding(tmp_path: Path) -> None:
    workflow = run("ruff check .\npytest", job="continue-on-error: true\nname: Checks")
    (hit,) = checked(tree(tmp_path, {CI: workflow}), "FH708")
    assert hit.message == ("job Checks: `continue-on-error: true` lets pytest, ruff fail without consequence")


ACTIONS = {
    "continue": ("astral-sh/ruff-action@v3", "continue-on-error: true", 1),
    "exit-code": ("aquasecurity/trivy-action@0.30", "with:\n  exit-code: '0'", 1),
    "two-words": ("pypa/gh-action-pip-audit@v1", "continue-on-error: true", 1),
    "upload": ("codecov/codecov-action@v5", "continue-on-error: true", 0),
    "comment": ("py-cov-action/python-coverage-comment-action@v3", "continue-on-error: true", 0),
    "strict": ("aquasecurity/trivy-action@0.30", "with:\n  exit-code: '1'", 0),
    "local": ("./.github/actions/ruff", "continue-on-error: true", 1),
}


@pytest.mark.parametrize(("action", "keys", "count"), ACTIONS.values(), ids=ACTIONS.keys())
def test_an_action_that_runs_a_tool(tmp_path: Path, action: str, keys: str, count: int) -> None:
    extra = textwrap.indent(keys, " " * 8)
    workflow = f"jobs:\n  checks:\n    steps:\n      - uses: {action}\n{extra}\n"
    assert len(lines(tmp_path, {CI: workflow})) == count


FILES = {
    "composite-action": (
        ".github/actions/check/action.yml",
        "runs:\n  using: composite\n  steps:\n    - shell: bash\n      run: pytest || true\n",
        5,
    ),
    "gitlab": (".gitlab-ci.yml", "tests:\n  script:\n    - pip install .\n    - pytest || true\n", 4),
    "gitlab-allowed": (".gitlab-ci.yml", "tests:\n  script: pytest\n  allow_failure: true\n", 3),
    "gitlab-anchor": (
        ".gitlab-ci.yml",
        ".soft: &soft\n  allow_failure: true\ntests:\n  <<: *soft\n  script: [pytest]\n",
        2,
    ),
    "gitlab-anchors": (
        ".gitlab-ci.yml",
        ".soft: &soft\n  allow_failure: true\ntests:\n  <<: [*soft]\n  script: [pytest]\n",
        2,
    ),
    "gitlab-extends": (
        ".gitlab-ci.yml",
        ".soft:\n  allow_failure: true\ntests:\n  extends: .soft\n  script: [pytest]\n",
        2,
    ),
    "gitlab-top-script": (".gitlab-ci.yml", "before_script:\n  - ruff check || true\n", 2),
    "azure": ("azure-pipelines.yml", "steps:\n  - script: pytest\n    continueOnError: true\n", 3),
    "azure-disabled": ("azure-pipelines.yml", "steps:\n  - bash: pytest\n    enabled: false\n", 3),
    "azure-condition": ("azure-pipelines.yml", "steps:\n  - bash: pytest\n    condition: false\n", 3),
    "folded": (CI, "jobs:\n  a:\n    steps:\n      - run: >-\n          pytest\n          || true\n", 5),
    "plain": (CI, "jobs:\n  a:\n    steps:\n      - run: pytest || true\n", 4),
    "step-anchor": (
        CI,
        "x: &step\n  run: pytest\njobs:\n  a:\n    steps:\n      - <<: *step\n        if: false\n",
        7,
    ),
}


@pytest.mark.parametrize(("path", "text", "line"), FILES.values(), ids=FILES.keys())
def test_a_ci_file_of_each_kind(tmp_path: Path, path: str, text: str, line: int) -> None:
    assert lines(tmp_path, {path: text}) == [(path, line)]


def test_gitlab_extends_of_what_is_elsewhere_says_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".gitlab-ci.yml": "tests:\n  extends: [.other, [x]]\n  script: [pytest]\n"
    }
    assert lines(tmp_path, files) == []


WRAPPERS = {
    "make": ("make test", "Makefile", "test:\n\tpytest || true\n", 2),
    "make-dash": ("make test", "Makefile", "test:\n\t-@pytest\n", 2),
    "make-need": ("make", "Makefile", ".PHONY: all\nall: lint\n\nlint:\n\truff check || true\n", 5),
    "make-variable": ("make t", "Makefile", "PY = python -m\nt:\n\t$(PY) pytest || true\n", 3),
    "make-inline": ("make t", "Makefile", "t: ; pytest || true\n", 1),
    "make-continued": ("make t", "Makefile", "t:\n\tcd app && \\\n\tpytest || true\n", 3),
    "make-folder": ("make -C app t", "app/Makefile", "t:\n\tpytest || true\n", 2),
    "make-ignoring": ("make -i t", "Makefile", "t:\n\tpytest\n", 2),
    "make-last-line": ("make t", "Makefile", "t:\n\tpytest || true \\", 2),
    "script": ("./check.sh", "check.sh", "#!/bin/sh\npytest || true\n", 2),
    "script-by-shell": ("bash -e ci/check.sh", "ci/check.sh", "set +e\nruff check\nls\n", 2),
    "tox": ("tox -e lint", "tox.ini", "[testenv:lint]\ncommands =\n    - ruff check\n", 3),
    "tox-all": ("tox", "tox.ini", "[testenv]\ncommands = py: - pytest\n", 2),
    "tox-outcome": (
        "tox run -e a,b",
        "tox.ini",
        "[testenv:{b,c}]\nignore_outcome = true\ncommands = pytest\n",
        3,
    ),
    "tox-toml": (
        "tox -e lint",
        "tox.toml",
        '[env.lint]\nignore_outcome = true\ncommands = [["ruff", "check"]]\n',
        3,
    ),
    "tox-toml-base": ("tox", "tox.toml", '[env_run_base]\ncommands = [["-", "pytest"], 1]\n', 2),
    "tox-legacy": (
        "tox",
        "pyproject.toml",
        "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ncommands = -pytest\n'''\n",
        4,
    ),
    "nox": (
        "nox --session=tests",
        "noxfile.py",
        "@nox.session\ndef tests(session):\n    session.run('pytest', success_codes=[0, 1])\n",
        3,
    ),
    "nox-shell": (
        "nox",
        "noxfile.py",
        "@nox.session()\ndef t(session):\n    session.run('sh', '-c', 'pytest || true')\n",
        3,
    ),
}


@pytest.mark.parametrize(("command", "path", "text", "line"), WRAPPERS.values(), ids=WRAPPERS.keys())
def test_a_wrapper_is_followed_one_hop(tmp_path: Path, command: str, path: str, text: str, line: int) -> None:
    assert lines(tmp_path, {CI: run(command), path: text}) == [(path, line)]


AROUND = {
    "make": ("make test || true", "Makefile", "test:\n\tpytest\n"),
    "nox": ("nox -s t || true", "noxfile.py", "@nox.session\ndef t(session):\n    session.run('pytest')\n"),
}


@pytest.mark.parametrize(("command", "path", "text"), AROUND.values(), ids=AROUND.keys())
def test_a_wrapper_that_is_softened_itself(tmp_path: Path, command: str, path: str, text: str) -> None:
    assert lines(tmp_path, {CI: run(command), path: text}) == [(CI, 6)]


STRICT_WRAPPERS = {
    "make-strict": ("make test", "Makefile", "# a comment\nexport X\ntest:\n\tpytest\n\trm -f x || true\n"),
    "make-another-target": ("make test", "Makefile", "test:\n\tpytest\nsoft:\n\tpytest || true\n"),
    "make-none": ("make test", "other.mk", "test:\n\tpytest || true\n"),
    "script-none": ("./check.sh", "other.sh", "pytest || true\n"),
    "script-two-hops": ("./check.sh", "check.sh", "make test\n"),
    "tox-another": ("tox -e types", "tox.ini", "[testenv:lint]\ncommands = -ruff check\n[tox]\nx = 1\n"),
    "tox-unreadable": ("tox", "tox.ini", "commands = -pytest\n"),
    "tox-toml-unreadable": ("tox", "tox.toml", "= -pytest\n"),
    "tox-toml-another": ("tox -e a", "tox.toml", '[env.b]\ncommands = [["-", "pytest"]]\n'),
    "tox-toml-other-types": ("tox", "tox.toml", "env_run_base = 1\nenv = {a = 1, b = {commands = 1}}\n"),
    "tox-toml-no-table": ("tox", "pyproject.toml", "[tool]\ntox = 1\n"),
    "nox-unreadable": ("nox", "noxfile.py", "def\n"),
    "nox-another": (
        "nox -s lint",
        "noxfile.py",
        "@nox.session\ndef t(session):\n    session.run('pytest', success_codes=[1])\n",
    ),
    "nox-other-codes": (
        "nox",
        "noxfile.py",
        "@nox.session\ndef t(session):\n    session.run('pytest', success_codes=[0, 5])\n",
    ),
}


@pytest.mark.parametrize(("command", "path", "text"), STRICT_WRAPPERS.values(), ids=STRICT_WRAPPERS.keys())
def test_an_honest_wrapper_is_left_alone(tmp_path: Path, command: str, path: str, text: str) -> None:
    assert lines(tmp_path, {CI: run(command), path: text}) == []


def test_two_jobs_that_run_one_softened_target_are_one_finding(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        CI: run("make t"),
        ".github/workflows/other.yaml": run("make t"),
        "Makefile": "t:\n\tpytest || true\n",
    }
    assert lines(tmp_path, files) == [("Makefile", 2)]


def test_a_working_directory_is_where_a_wrapper_is_looked_for(tmp_path: Path) -> None:
    for name, text in {
        "step": run("make t", step="working-directory: ./app"),
        "job": run("make t", job="defaults:\n  run:\n    working-directory: app"),
    }.items():
        files: dict[str, str | bytes] = {CI: text, "app/Makefile": "t:\n\tpytest || true\n"}
        assert lines(tmp_path / name, files) == [("app/Makefile", 2)]


def test_a_wrapper_outside_the_project_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "evil.sh").write_text("pytest || true\n")
    (tmp_path / "project").mkdir()
    assert lines(tmp_path / "project", {CI: run("bash ../evil.sh")}) == []


def test_the_options_name_more_files_and_more_tools(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"ci/*.yaml": "", "ci/build.yaml": "script: pre-commit run || true\n"}
    del files["ci/*.yaml"]
    options: dict[str, Option] = {"ci_files": ["ci/*.yaml"], "gate_tools": ["pre-commit"]}
    assert lines(tmp_path, files, options=options) == [("ci/build.yaml", 1)]
    assert lines(tmp_path, files) == []


def test_a_job_that_kept_its_name_and_lost_its_gates(tmp_path: Path) -> None:
    base = {CI: run("ruff check .\npytest")}
    (hit,) = checked(tree(tmp_path, {CI: run("echo fine")}, base=base), "FH708")
    assert hit.message == "job checks ran pytest, ruff at the merge base and runs no gate tool now"


BASES = {
    "unchanged": {CI: run("pytest")},
    "new-file": {},
    "other-job": {CI: run("ruff check .").replace("checks", "lint")},
    "unreadable": {CI: "jobs: [\n"},
}


@pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
def test_a_base_that_says_nothing_bad(tmp_path: Path, base: dict[str, str]) -> None:
    assert lines(tmp_path, {CI: run("pytest")}, base=base) == []


@pytest.mark.xfail(strict=True, reason="GitHub waits for the check of the old name; nothing passes by it")
def test_a_job_that_was_renamed(tmp_path: Path) -> None:
    base = {CI: run("pytest")}
    assert lines(tmp_path, {CI: run("pytest").replace("checks", "others")}, base=base)


MALFORMED = {"open": ("jobs:\n  a: [\n", 3), "no-mark": ("a: \x00\n", 0)}


@pytest.mark.parametrize(("text", "line"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_file_that_does_not_parse_runs_nothing(tmp_path: Path, text: str, line: int) -> None:
    (hit,) = checked(tree(tmp_path, {CI: text}), "FH708")
    assert (hit.path, hit.line) == (CI, line)
    assert "does not parse as YAML" in hit.message


UNREADABLE = {
    "no-text": (b"\xff\xfe\xff", "cannot be read"),
    "bomb": (
        b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"a%d: &a%d [" % (n, n) + b", ".join([b"*a%d" % (n - 1)] * 9) + b"]\n" for n in range(1, 8)
        ),
        "more than",
    ),
    "deep": (b"a: " + b"[" * 3000 + b"]" * 3000, "nested more than"),
    "cycle": (b"a: &a [*a]\n", "nested more than"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(GateError, match=message):
        lines(tmp_path, {CI: data})
