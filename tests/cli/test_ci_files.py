"""The files for CI that `failhard init` writes, and our own: valid, pinned, least rights, and they block."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_failhard.cli import ci_files
from pytest_failhard.cli.ci_files import Facts
from pytest_failhard.distributions.attest.workflow import attests, parse
from tests.schemas import jsonschema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "tests" / "report" / "schemas"
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
REUSABLE = ROOT / ".github" / "workflows" / "failhard.yml"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FACTS = Facts(
    level=2,
    python="3.12",
    branch="main",
    install=[
        'python -m pip install --upgrade "pip>=25.1" # the first with --group',
        'pip install -e ".[dev]"',
    ],
)
CALLING = Facts(
    level=2,
    python="3.12",
    branch="main",
    install=FACTS.install,
    uses=f"acme/pytest-failhard/.github/workflows/failhard.yml@{COMMIT}",
)
HERE = Path(sys.executable).parent


def workflows() -> dict[str, str]:
    """Return every workflow that is ours or that we write, by a name."""
    written = {
        "written": ci_files.made("github", FACTS)[ci_files.WORKFLOW],
        "calling": ci_files.made("github", CALLING)[ci_files.WORKFLOW],
    }
    return {**{path.name: path.read_text("utf-8") for path in OWN}, **written}


def document(text: str) -> Any:
    """Return a workflow; YAML 1.1 reads the key `on` as true."""
    loaded = yaml.safe_load(text)
    return {("on" if key is True else key): value for key, value in loaded.items()}


def steps(text: str) -> Iterator[dict[str, Any]]:
    for job in document(text)["jobs"].values():
        yield from job.get("steps", [])


def script(name: str) -> str:
    """Return what a step of the reusable workflow runs."""
    named = (step for step in steps(REUSABLE.read_text("utf-8")) if "name" in step)
    return next(str(step["run"]) for step in named if step["name"].startswith(name))


def repeating(folder: Path) -> str:
    """Return a PATH on which `failhard` says where it runs and with which arguments, and ends with 3."""
    tool = folder / "bin" / "failhard"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\nexit 3\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return f"{tool.parent}{os.pathsep}{os.environ['PATH']}"


def bash(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does, with the tools of this environment."""
    env = {**os.environ, "PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", sorted(workflows()))
def test_a_workflow_fits_the_official_schema(name: str) -> None:
    schema = json.loads((SCHEMAS / "github-workflow.json").read_bytes())
    found = jsonschema.Draft7Validator(schema).iter_errors(document(workflows()[name]))
    assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_a_workflow_that_is_wrong_does_not_fit() -> None:
    schema = json.loads((SCHEMAS / "github-workflow.json").read_bytes())
    wrong = document(workflows()["written"].replace("runs-on: ubuntu-latest", "run-on: ubuntu-latest"))
    assert not jsonschema.Draft7Validator(schema).is_valid(wrong)


def test_zizmor_finds_nothing_in_any_workflow(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in workflows().items():
        (folder / f"{Path(name).stem}.yml").write_text(text)
    zizmor = [str(HERE / "zizmor"), "--offline", "--pedantic", "--no-progress", "--color=never"]
    found = subprocess.run([*zizmor, tmp_path], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (0, "No findings to report. Good job!\n"), found.stderr
    (folder / "written.yml").write_text(re.sub(r"@[0-9a-f]{40}", "@v7", workflows()["written"]))
    again = subprocess.run([*zizmor, tmp_path], capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode != 0, again.stdout


def test_every_action_is_pinned_by_one_commit_that_its_version_names() -> None:
    pins: dict[str, set[str]] = {}
    for text in workflows().values():
        used = re.findall(r"uses: (\S+)( # v[\d.]+)?$", text, re.MULTILINE)
        assert len(used) == text.count("uses: ")
        for name, comment in used:
            if "/.github/workflows/" not in name:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name), name
                assert comment, name
                pins.setdefault(name.partition("@")[0], set()).add(name + comment)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", sorted(workflows()))
def test_rights_are_given_to_jobs_alone_and_each_has_an_end(name: str) -> None:
    workflow = document(workflows()[name])
    assert workflow["permissions"] == {}
    for identity, job in workflow["jobs"].items():
        assert "permissions" in job, identity
        assert "uses" in job or job["timeout-minutes"] <= 90
        runs_project = any("fetch-depth" in step.get("with", {}) for step in job.get("steps", []))
        assert not runs_project or job["permissions"] == {"contents": "read"}, identity


@pytest.mark.parametrize("name", ["failhard.yml", "written"])
def test_the_project_is_judged_against_the_merge_base_and_the_report_is_always_kept(name: str) -> None:
    found = list(steps(workflows()[name]))
    assert found[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    judging = next(step for step in found if "failhard check" in step.get("run", ""))
    assert "github.base_ref" in judging["env"]["BASE"]
    assert '--base "$BASE"' in judging["run"]
    kept = [step for step in found if "upload-artifact" in step.get("uses", "") and "if" not in step]
    assert kept == []
    reports = [step for step in found if ".failhard" in str(step.get("with", {}).get("path", ""))]
    uploads = [step for step in reports if "upload-artifact" in step["uses"]]
    assert all(step["if"] == "always()" for step in uploads)
    assert all(step["with"]["if-no-files-found"] == "error" for step in uploads)
    assert [step["if"] for step in found if "GITHUB_STEP_SUMMARY" in step.get("run", "")] == ["always()"]


def test_the_required_job_of_the_reusable_workflow_always_runs_and_waits_for_all_that_judge() -> None:
    jobs = document(REUSABLE.read_text("utf-8"))["jobs"]
    assert (jobs["verdict"]["if"], jobs["verdict"]["needs"]) == ("always()", "check")
    assert jobs["verdict"]["name"] == "${{ inputs.only == '' && 'verdict' || 'partial' }}"
    assert jobs["attest"]["needs"] == "verdict"
    assert "always" not in jobs["attest"]["if"]
    called = {
        ".github/workflows/failhard.yml": parse(".github/workflows/failhard.yml", REUSABLE.read_bytes())
    }
    caller = workflows()["calling"].replace(CALLING.uses, "./.github/workflows/failhard.yml")
    assert attests(parse("caller.yml", caller.encode()), called, ()) == ()


def test_the_job_that_only_calls_grants_what_the_called_jobs_ask_for() -> None:
    called = document(REUSABLE.read_text("utf-8"))["jobs"]
    asked = {right: value for job in called.values() for right, value in job["permissions"].items()}
    caller = document(workflows()["calling"])["jobs"]["failhard"]
    assert caller["permissions"] == asked
    assert caller["with"]["install"] == "\n".join(FACTS.install)
    assert set(caller["with"]) <= set(document(REUSABLE.read_text("utf-8"))["on"]["workflow_call"]["inputs"])


@pytest.mark.parametrize(
    "version", ["", "1.0; touch here", "$(touch here)", "1.0 --index-url http://x", "https://x", "1.0\n2.0"]
)
def test_a_version_that_the_judged_job_made_up_installs_nothing(tmp_path: Path, version: str) -> None:
    done = bash(script("Install what judges again"), tmp_path, NAMED="", VERSION=version, PIP_NO_INDEX="1")
    assert done.returncode != 0
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize(("shards", "left"), [('[""]', 0), ('["tests", "lint"]', 1)])
def test_a_report_that_is_missing_is_no_verdict(tmp_path: Path, shards: str, left: int) -> None:
    for number in range(left):
        (tmp_path / "shards" / f"failhard-shard-{number}").mkdir(parents=True)
    done = bash(script("Judge the evidence again"), tmp_path, SHARDS=shards, ONLY="", LEVEL="1")
    assert done.returncode == 1
    expected = len(json.loads(shards))
    assert done.stdout == f"::error::{left} of {expected} jobs left a report\n"


def test_a_report_that_does_not_hold_is_no_verdict(tmp_path: Path) -> None:
    folder = tmp_path / "shards" / "failhard-shard-0"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text('{"verdict": "pass"}')
    done = bash(script("Judge the evidence again"), tmp_path, SHARDS='[""]', ONLY="", LEVEL="1")
    assert done.returncode == 4, done.stderr
    assert "the report does not hold" in done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"BASE": "", "GATES": ""}, []),
        ({"BASE": "origin/my main", "GATES": ""}, ["--base", "origin/my main"]),
        ({"BASE": "origin/main", "GATES": "tests,lint"}, ["--base", "origin/main", "--only", "tests,lint"]),
        ({"BASE": "", "GATES": "; echo $(id)"}, ["--only", "; echo $(id)"]),
    ],
    ids=["push", "merge", "shard", "hostile"],
)
def test_what_is_judged_is_what_was_asked_for(
    tmp_path: Path, given: dict[str, str], expected: list[str]
) -> None:
    done = bash(script("Judge"), tmp_path, LEVEL="2", PATH=repeating(tmp_path), **given)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1:] == ["check", "--level", "2", "--format", "github", *expected]


@pytest.mark.parametrize(
    ("result", "code"), [("success", 0), ("failure", 1), ("skipped", 1), ("cancelled", 1)]
)
def test_only_a_check_that_succeeded_is_decided_as_passed(tmp_path: Path, result: str, code: int) -> None:
    assert bash(script("Decide"), tmp_path, RESULT=result).returncode == code


def test_a_summary_of_nothing_fails(tmp_path: Path) -> None:
    summary = str(tmp_path / "summary.md")
    assert bash(script("Summary"), tmp_path, GITHUB_STEP_SUMMARY=summary).returncode == 1
    (tmp_path / ".failhard").mkdir()
    (tmp_path / ".failhard" / "report.md").write_text("## pass\n")
    assert bash(script("Summary"), tmp_path, GITHUB_STEP_SUMMARY=summary).returncode == 0
    assert Path(summary).read_text() == "## pass\n"


def test_the_files_for_gitlab_fit_the_official_schema_and_judge_the_merge_request() -> None:
    schema = json.loads((SCHEMAS / "gitlab-ci.json").read_bytes())
    found = {name: yaml.safe_load(text) for name, text in ci_files.made("gitlab", FACTS).items()}
    problems = [
        f"{name} {error.json_path}: {error.message}"
        for name, content in found.items()
        for error in jsonschema.Draft7Validator(schema).iter_errors(content)
    ]
    assert problems == []
    assert found[".gitlab-ci.yml"] == {"include": [{"local": ".gitlab/failhard.yml"}]}
    job = found[".gitlab/failhard.yml"]["failhard"]
    assert job["variables"] == {"GIT_DEPTH": "0"}
    assert job["script"][-1].startswith("failhard check --level 2 ${CI_MERGE_REQUEST_DIFF_BASE_SHA:+--base ")
    assert "allow_failure" not in job
    assert job["artifacts"]["when"] == "always"


def test_the_hooks_are_what_pre_commit_takes(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(ci_files.made("pre-commit", FACTS)[".pre-commit-config.yaml"])
    code = "import sys\nfrom pre_commit.main import main\n"
    code += f"sys.exit(main(['validate-manifest', {str(ROOT / '.pre-commit-hooks.yaml')!r}])"
    code += f" or main(['validate-config', {str(config)!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = {hook["id"]: hook for hook in yaml.safe_load(config.read_text())["repos"][0]["hooks"]}
    offered = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert sorted(written) == ["failhard", "failhard-static"]
    assert {key: written[key]["entry"] for key in written} == {key: offered[key]["entry"] for key in offered}


def test_the_script_passes_its_arguments_and_the_exit_status_on(tmp_path: Path) -> None:
    path = tmp_path / ci_files.SCRIPT
    path.parent.mkdir()
    path.write_text(ci_files.made("shell", FACTS)[ci_files.SCRIPT])
    env = {"PATH": repeating(tmp_path), "FAILHARD_BASE": "origin/my main"}
    argv = ["sh", str(path), "--only", "lint"]
    done = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    expected = [str(tmp_path), "check", "--level", "2", "--base", "origin/my main", "--only", "lint"]
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize(
    ("head", "branch"),
    [("ref: refs/remotes/origin/trunk\n", "trunk"), ("ref: refs/heads/x y\n", "main"), (None, "main")],
)
def test_the_branch_that_changes_go_to(tmp_path: Path, head: str | None, branch: str) -> None:
    folder = tmp_path / ".git" / "refs" / "remotes" / "origin"
    folder.mkdir(parents=True)
    if head is not None:
        (folder / "HEAD").write_text(head)
    assert ci_files.main_branch(tmp_path) == branch
