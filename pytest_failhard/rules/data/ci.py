"""Gate tools, what softens them, and how CI files, runners and wrappers name what they run."""

from __future__ import annotations

import re

GATE_TOOLS = frozenset(
    {"pytest", "py.test", "ruff", "mypy", "bandit", "pip-audit", "safety", "flake8", "pylint", "black"}
    | {"coverage", "detect-secrets", "semgrep", "trivy", "gitleaks", "pyright", "failhard"}
)
COVERAGE_GATES = frozenset({"run", "report"})
"""The subcommands of coverage that can fail a build; the others combine and draw."""
INFORMATIVE = frozenset(
    {"--version", "-V", "--help", "-h", "--collect-only", "--co", "--markers", "--fixtures"}
)
"""With these a tool checks nothing."""
IDLE_SUBCOMMANDS = {
    "ruff": frozenset({"clean", "version", "help", "config", "linter", "rule", "server"}),
    "trivy": frozenset({"version", "clean", "plugin"}),
    "detect-secrets": frozenset({"audit"}),
}
TYPE_STUBS = "--install-types"
SOFT_OPTIONS = frozenset({"--exit-zero", "--exit-code=0"})
EXIT_CODE = "--exit-code"
SAFE_CODE = "0"
CONTINUES = {"safety": "--continue-on-error"}
"""Tool -> its own option of the same meaning."""
REPORTS = re.compile(
    r"(?:-o|--output(?:-file|-format)?|--report|--json|--out|--format|-f|--outfile)(?:=.*)?\Z"
)
"""Options with which a tool writes a report beside the run that decides."""

REPORT_FILE = re.compile(r"\.(?:json|txt|xml|sarif|csv|log|html|md)\Z")

HARMLESS = frozenset({"true", ":", "echo", "printf", "/bin/true"})
EXITS = frozenset({"exit", "return"})
READERS = frozenset({"exit", "return", "test", "[", "[[", "case"})
STATUS = ("$?", "${?}", "PIPESTATUS")
MUTATION = re.compile(r"(?i)mutat|mutmut|cosmic-ray")

PREFIXES = frozenset(
    {"sudo", "env", "nice", "nohup", "command", "exec", "xvfb-run", "timeout", "stdbuf", "unbuffer", "xargs"}
    | {"builtin", "ionice", "gtimeout", "travis_wait", "retry", "dotenv", "chronic", "script"}
)
DIRECT_RUNNERS = frozenset({"uvx", "npx", "bunx", "pnpx"})
RUNNERS = {
    "uv": ("run", "tool"),
    "poetry": ("run",),
    "pdm": ("run",),
    "pipenv": ("run",),
    "rye": ("run",),
    "hatch": ("run",),
    "pixi": ("run",),
    "conda": ("run",),
    "mamba": ("run",),
    "micromamba": ("run",),
    "pipx": ("run",),
    "docker": ("run", "exec", "compose"),
    "docker-compose": ("run", "exec"),
    "podman": ("run", "exec"),
}
CONTAINERS = frozenset({"docker", "docker-compose", "podman"})
SECOND_WORDS = frozenset({"run", "exec"})
VALUED = frozenset(
    {
        "--with",
        "--python",
        "-p",
        "--extra",
        "--group",
        "--only-group",
        "--project",
        "--directory",
        "--env-file",
    }
    | {"-n", "--name", "-e", "--env", "--package", "--from", "--with-requirements", "--with-editable", "-C"}
    | {"--index", "--index-url", "--spec", "--prefix", "-v", "--volume", "-w", "--workdir", "-u", "--user"}
    | {"--network", "--entrypoint", "-f", "--file", "--no-group", "--environment", "--default-index", "--cwd"}
    | {"--profile", "-k", "-s", "--signal", "--kill-after", "-i"}
)
"""Options of runners and prefixes that take the next word."""
PYTHON_VALUED = frozenset({"-X", "-W"})
PYTHON = re.compile(
    r"(?:.*/)?(?:python|pypy)[\d.]*(?:\.exe)?\Z|\A(?:py|\$\{?\(?PYTHON[\d]?\)?\}?|\$\(PY\))\Z"
)
ASSIGNMENT = re.compile(r"\w+\+?=")
DURATION = re.compile(r"[\d.]+[smhd]?\Z")
SHELLS = frozenset({"bash", "sh", "zsh", "dash"})
SHELL_FILE = re.compile(r"(?:\./|/|\w|\.).*\.(?:sh|bash)\Z|\./[\w./-]+\Z")
IGNORING_MAKE = re.compile(r"-\w*i\w*\Z|--ignore-errors\Z")

WORKFLOWS = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".github/actions/**/action.yml",
    ".github/actions/**/action.yaml",
    "action.yml",
    "action.yaml",
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".gitlab/**/*.yml",
    ".gitlab/ci/*.yaml",
    "azure-pipelines*.yml",
    "azure-pipelines*.yaml",
    ".azure-pipelines/**/*.yml",
    ".azure/**/*.yml",
)
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
SCRIPTS = frozenset({"run", "script", "before_script", "after_script", "bash", "pwsh", "powershell"})
ACTION = "uses"
WORD_BREAK = re.compile(r"[-_/@.]")
ACTION_TOOLS = GATE_TOOLS - {"coverage", "safety", "py.test"}
"""Tools whose name in that of an action means that the action runs them."""
SOFT_KEYS = {
    "continue-on-error": "continue-on-error: true",
    "continueOnError": "continueOnError: true",
    "allow_failure": "allow_failure: true",
}
CONDITIONS = frozenset({"if", "condition"})
ENABLED = "enabled"
TRUE = re.compile(r"(?i)(?:true|yes|on)\Z")
FALSE = re.compile(r"(?i)(?:false|no|off)\Z")
EXPRESSION = re.compile(r"\A\$\{\{(.*)\}\}\Z", re.DOTALL)
NEVER = re.compile(r"(?i)(?:.*&&\s*)?\(?\s*!?\s*(?:\bfalse\b|\(?false\)?)\s*\)?(?:\s*&&.*)?\Z", re.DOTALL)
UNEQUAL = re.compile(r"""\A(?:'([^']*)'|(\d+))\s*==\s*(?:'([^']*)'|(\d+))\Z""")
OUTCOME = re.compile(r"steps\.([\w-]+)\.(?:outcome|conclusion)")
MAX_NODES = 20_000
"""Nodes of one CI file, aliases followed: more is a bomb."""
MAX_NESTING = 60
FAILING = re.compile(r"exit\s+[1-9$\"]|setFailed|\bfalse\b")
NOX_SUCCESS = "success_codes"
TOX_COMMANDS = ("commands_pre", "commands", "commands_post")
TOX_FACTORS = re.compile(r"[\w{},!.*-]+:\s+(?=\S)")
MAKE_RULE = re.compile(r"([^\s:=#][^:=#]*?)\s*::?(?!=)\s*([^=#;]*)(?:;(.*))?\Z")
MAKE_VARIABLE = re.compile(r"(\w+)\s*[:?+]?=\s*(.*)\Z")
MAKE_REFERENCE = re.compile(r"\$[({](\w+)[)}]")
