"""Makes the files with which a CI system, or a hook, runs the gate; writes none of them."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MARK = "Written by `failhard init`"
GITHUB, GITLAB, SHELL, HOOKS = "github", "gitlab", "shell", "pre-commit"
SYSTEMS = (GITHUB, GITLAB, SHELL)
WORKFLOW = ".github/workflows/failhard.yml"
GITLAB_JOB, GITLAB_FILE = ".gitlab/failhard.yml", ".gitlab-ci.yml"
SCRIPT = "ci/failhard.sh"
HOOKS_FILE = ".pre-commit-config.yaml"
SHARED = {
    GITLAB_FILE: f"add `include: [{{local: {GITLAB_JOB}}}]`",
    HOOKS_FILE: "add the hooks `failhard-static` and `failhard` (docs: In CI, pre-commit)",
}
"""Files that hold more than ours, and what a person adds to one that is there already."""
AT_THE_TOP = {GITHUB: "GitHub reads workflows", GITLAB: "GitLab reads its file", HOOKS: "git runs hooks"}
"""What works only at the root of a repository."""
NEXT = {
    GITHUB: "commit and push, then make `{check}` a required status check of the branch: only then it blocks",
    GITLAB: 'commit and push, then switch on "Pipelines must succeed": only then it blocks',
    SHELL: f"sh {SCRIPT}, here and in CI: any exit status but 0 must stop the merge",
    HOOKS: "pre-commit install",
}
REUSABLE = re.compile(r"[\w.-]+/[\w.-]+/\.github/workflows/[\w.-]+\.ya?ml@[0-9a-f]{40}")
"""A workflow of another repository, at a full commit: a tag can be moved to other contents."""
_ORIGIN = re.compile(r"ref: refs/remotes/origin/(\S+)\s*")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the templates need: `install` are shell commands, `prefix` stands before `failhard`."""

    level: int
    python: str
    branch: str
    install: Sequence[str]
    prefix: str = ""
    uses: str = ""
    """The reusable workflow to call, instead of one of the project's own."""


def made(system: str, facts: Facts) -> dict[str, str]:
    """Return the files of a CI system or of the hooks: path below the root, and text."""
    if system == GITHUB:
        template = "github-call.yml" if facts.uses else "github.yml"
        return {WORKFLOW: _filled(template, facts, _listed(facts.install, "      - run: "))}
    if system == GITLAB:
        included = _filled("gitlab-include.yml", facts, "").replace("@FILE@", GITLAB_JOB)
        return {
            GITLAB_JOB: _filled("gitlab.yml", facts, _listed(facts.install, "    - ")),
            GITLAB_FILE: included,
        }
    if system == SHELL:
        return {SCRIPT: _filled("failhard.sh", facts, _listed(facts.install, "#   "))}
    return {HOOKS_FILE: _filled("pre-commit.yaml", facts, "")}


def check_name(facts: Facts) -> str:
    """Return the name that the check has at GitHub."""
    return "failhard / verdict" if facts.uses else "failhard"


def main_branch(root: Path) -> str:
    """Return the branch that changes go to, as the clone knows it; `main` where it does not."""
    head = root / ".git" / "refs" / "remotes" / "origin" / "HEAD"
    text = head.read_text("utf-8", errors="replace") if head.is_file() else ""
    match = _ORIGIN.fullmatch(text)
    return match[1] if match else "main"


def _filled(template: str, facts: Facts, install: str) -> str:
    text = importlib.resources.files("pytest_failhard.cli").joinpath("templates", template).read_text("utf-8")
    values = {
        "LEVEL": str(facts.level),
        "PYTHON": facts.python,
        "BRANCH": json.dumps(facts.branch),
        "PREFIX": facts.prefix,
        "USES": facts.uses,
        "INSTALL": install,
        "COMMANDS": json.dumps("\n".join(facts.install)),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _listed(commands: Sequence[str], start: str) -> str:
    return "\n".join(f"{start}{command}" for command in commands)
