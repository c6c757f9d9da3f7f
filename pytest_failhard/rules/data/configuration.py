"""Configuration files of the tools, their keys, and the values that make a tool see less."""

from __future__ import annotations

import re

SHOWN = 80
EXAMPLES = 2
TRUTHS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
INI_START = re.compile(r"^\s*\[", re.MULTILINE)

INI_TOOLS = {
    ".coveragerc": "coverage",
    "mypy.ini": "mypy",
    ".mypy.ini": "mypy",
    ".flake8": "flake8",
    ".pylintrc": "pylint",
    "pylintrc": "pylint",
    ".bandit": "bandit",
}
SHARED_SECTIONS = {
    "pytest.ini": {"pytest": "pytest"},
    ".pytest.ini": {"pytest": "pytest"},
    "tox.ini": {"pytest": "pytest", "coverage:": "coverage", "flake8": "flake8", "bandit": "bandit"},
    "setup.cfg": {
        "tool:pytest": "pytest",
        "coverage:": "coverage",
        "flake8": "flake8",
        "mypy": "mypy",
        "mypy-": "mypy",
        "pylint": "pylint",
        "pylint.": "pylint",
        "bandit": "bandit",
    },
}
TOML_TOOLS = {
    "pytest.toml": "pytest",
    ".pytest.toml": "pytest",
    "ruff.toml": "ruff",
    ".ruff.toml": "ruff",
    "pylintrc.toml": "pylint",
}
PYPROJECT_TOOLS = frozenset({"pytest", "coverage", "mypy", "ruff", "flake8", "pylint", "bandit", "failhard"})
YAML_FILES = ("bandit.yaml", "bandit.yml")
FILES = (*INI_TOOLS, *SHARED_SECTIONS, *TOML_TOOLS, "pyproject.toml", "bandit.toml", *YAML_FILES)
EMPTY_COUNTS = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
"""pytest takes these even when they are empty."""

NOT_OWN = re.compile(
    r"(?:^|/)(?:migrations|alembic|versions|_?vendor(?:ed)?|third_party|_?generated|node_modules|build|dist"
    r"|venv|env|protos?|typings|stubs|site|docs?|resources|templates|\.[^/]+)/"
    r"|_pb2(?:_grpc)?\.py\Z|(?:^|/)(?:_?version|setup|conf|manage|__init__|__main__|wsgi|asgi)\.py\Z"
)
"""Product files whose absence from a measurement nobody minds."""

SELECTING = {
    "-k": "selects tests",
    "-m": "selects tests",
    "--deselect": "leaves tests out",
    "--lf": "selects tests",
    "--last-failed": "selects tests",
    "--sw": "selects tests",
    "--stepwise": "selects tests",
    "--continue-on-collection-errors": "goes on without files that cannot be collected",
    "--no-cov": "switches coverage off",
    "--collect-only": "runs no test",
    "--co": "runs no test",
    "-x": "ends the run at the first failure",
    "--exitfirst": "ends the run at the first failure",
    "--maxfail": "ends the run early",
    "--reruns": "runs failing tests until they pass",
    "--suppress-no-test-exit-code": "calls a run without tests a success",
}
HARMLESS = frozenset({"--maxfail 0", "--reruns 0"})
RERUN_KEYS = frozenset({"reruns", "retries"})
"""Keys by which plugins run failing tests again."""
RERUNS = re.compile(r"--(?:reruns|retries|force-flaky|max-runs)(?:[=\s]|[\"'],\s*)[\"']?([1-9]\d*)")
"""The same in a command, or in the list that is one."""
IGNORING = frozenset({"--ignore", "--ignore-glob"})
LEAVING_OUT = frozenset({"-k", "-m", "--deselect", *IGNORING})
"""Options by which a configuration leaves tests out: each is counted as a suppression."""
PLAIN_ASSERT = "plain"
GUARDS = frozenset(
    {
        "failhard",
        "pytest_failhard",
        "python",
        "unittest",
        "warnings",
        "unraisableexception",
        "threadexception",
    }
    | {"cov", "pytest_cov", "skipping", "timeout", "pytest_timeout", "socket", "pytest_socket", "assertion"}
)
"""Plugins that see failures: without them a run reports less."""
TELLTALE_WARNINGS = re.compile(
    r"Pytest(?:ReturnNotNone|Unraisable\w*|Unhandled\w+|AssertRewrite)\w*\Z", re.IGNORECASE
)
TEST_FUNCTION = "test_example"
TEST_NAME = re.compile(r"(?i)test")
COLLECT_IGNORE = frozenset({"collect_ignore", "collect_ignore_glob"})
EVERYTHING = frozenset({"*", "**", "**/*", "*.*", "*.py", "**/*.py", "*/*", ".", "./", "/"})
COVERAGE_FILE = "--cov-config="
HOLDS_TEST = re.compile(rb"^\s*(?:async\s+)?def test", re.MULTILINE)
DONT_REWRITE = "PYTEST_DONT_REWRITE"

CODE_LINES = (
    "x = compute(1)",
    "return value",
    "def run(self, item):",
    "class Order:",
    "if ready:",
    "for item in items:",
    "self.save(item)",
    "except ValueError:",
    "raise ValueError(text)",
)
"""Lines of plain code: a pattern that excludes one of them excludes code that can be wrong."""

HARMLESS_CODES = frozenset(
    {"import-untyped", "import-not-found", "import", "annotation-unchecked", "note", "import-any"}
)
"""Error codes of mypy that speak of other people's packages."""
ALL_RULES = frozenset({"ALL", "all", "*"})
WHOLE_FAMILIES = frozenset({"F", "E9", "S", "B"})
IGNORE_KEYS = frozenset({"ignore", "extend-ignore"})
EXCLUDE_KEYS = frozenset({"exclude", "extend-exclude"})
PYLINT_IGNORES = frozenset({"ignore", "ignore-paths", "ignore-patterns"})
ACCEPTED_SKIPS = frozenset({"B101"})
"""Asserts: FH505 looks at them in the product, and in tests they are the point."""

STRICTER = {
    ("coverage", "report", "fail_under"): "number",
    ("coverage", "run", "branch"): "flag",
    ("mypy", "", "strict"): "flag",
    ("pytest", "", "xfail_strict"): "flag",
    ("pytest", "", "strict"): "flag",
    ("pytest", "", "strict_markers"): "flag",
    ("pytest", "", "required_plugins"): "list",
    ("pylint", "main", "fail-under"): "number",
    ("failhard", "", "level"): "number",
    ("failhard", "", "source"): "list",
    ("failhard", "", "tests"): "list",
    ("failhard", "", "claims"): "list",
}
"""Tool, section and key -> how its value is compared with that of the base: more is stricter."""
FLOORS = re.compile(r"(?:^|_)(?:min|minimum|at_least|floor|threshold)(?:_|\Z)")
CEILINGS = re.compile(r"(?:^|_)(?:max|maximum|at_most|budget|ceiling|limit)(?:_|\Z)")
EXCLUDED = re.compile(r"exclude|ignore")
OWN_SOURCES = {("vulnerabilities", "mode"): "file"}
"""Table and key of ours -> the value by which the project brings what a gate judges by."""

COMMAND_FILES = (
    "Makefile",
    "makefile",
    "GNUmakefile",
    "tox.ini",
    "tox.toml",
    "setup.cfg",
    "pyproject.toml",
    "noxfile.py",
    "justfile",
    "Justfile",
    ".pre-commit-config.yaml",
    "*.sh",
    "scripts/*.sh",
    "ci/*.sh",
    ".github/scripts/*.sh",
)
VARIABLE = re.compile(
    r"""\b(PYTEST_ADDOPTS|PYTHONOPTIMIZE|PIP_AUDIT_IGNORE_VULNS?)["']?\]?\s*(?:[:+?]?=|:)\s*(.*)"""
)
OPTIMIZED = re.compile(r"\bpython[\d.]*\s+(?:-[WX]\s+\S+\s+|-\w+\s+)*-\w*O+\w*\s.*\b(?:pytest|unittest)\b")
IGNORED_VULNERABILITY = re.compile(r"--ignore-vuln(?:[=\s]|[\"'],\s*)[\"']?([\w-]+)")
OFF_VALUES = frozenset({"", "0", '""', "''"})
COMMENT = re.compile(r"\s*(?:#|//|;)")
ENDS_VALUE = re.compile(r"""(?:\s+(?:python|pytest|uv|poetry|&&|>>|#).*|["'][,)}\]]*\s*(?:>>.*)?)\Z""")

EXCLUDING_KEYS = frozenset({"exclude_lines", "exclude_also", "partial_branches", "partial_also"})
"""Keys of coverage whose patterns leave lines out."""
STRUCTURAL_LINES = (
    "if TYPE_CHECKING:",
    "if typing.TYPE_CHECKING:",
    "if t.TYPE_CHECKING:",
    "@overload",
    "@typing.overload",
    "@abstractmethod",
    "@abc.abstractmethod",
    "class Reader(Protocol):",
    "raise NotImplementedError",
    "    raise NotImplementedError(text)",
    "return NotImplemented",
    "raise AssertionError",
    "    raise AssertionError(text)",
    "assert False",
    "    assert False, text",
    "if 0:",
    "if False:",
    "    ...",
    "def read(self) -> bytes: ...",
    "assert_never(value)",
    "if __name__ == '__main__':",
    "x = 1  # pragma: no cover",
    "x = 1  # pragma: nocover",
    "x = 1  # pragma: no branch",
)
"""Lines without anything that can be wrong, and those of the comments that are counted by themselves."""
