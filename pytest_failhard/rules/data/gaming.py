"""Data of the integrity rules: names, patterns and bounds."""

from __future__ import annotations

import re
import sys

NOT_BLANKET = frozenset({"pytest", "any"})
"""Kinds that other rules judge: what keeps a test from running, what is typed as Any."""
NEEDS_NO_REASON = frozenset({"pytest", "any", "formatter"})
"""Kinds that hide no defect, and those that other rules judge."""
SHOWN = 120
"""Characters of a comment that a message repeats."""

BIDI_BYTES = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|(?<!\A)\xef\xbb\xbf")
"""U+202A..202E, U+2066..2069 and U+FEFF after the start, in UTF-8."""
BIDI_STARTS = (b"\xe2\x80", b"\xe2\x81", b"\xef\xbb\xbf")
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8\b)[-\w.]+", re.MULTILINE | re.IGNORECASE)
HEAD_BYTES = 400
"""Where an encoding cookie can stand: the first two lines."""

JUDGING_HOOKS = frozenset(
    f"pytest_{name}"
    for name in (
        *("runtest_makereport", "runtest_logreport", "runtest_call", "runtest_protocol", "runtestloop"),
        *("report_teststatus", "pyfunc_call", "sessionfinish", "unconfigure", "exception_interact"),
        *("assertrepr_compare", "collection_modifyitems", "ignore_collect", "cmdline_main"),
    )
)
"""Hooks by which what a test did, or which tests there are, can be changed."""
HOOK_BYTES = re.compile(rb"pytest_[a-z]")
SKIPPING = frozenset({"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"})
EXIT_WORDS = (
    *("exit", "abort", "SystemExit", "kill", "raise_signal", "quit", "faulthandler", "ctypes"),
    *("getattr", "__dict__", "vars", "__import__", "import_module"),
)
"""One of these stands among the names of every file that ends a process; the last ones look names up."""
STARTED = frozenset({"script", "example"})
"""Roles of files that are started and not imported: one that product code imports is product."""

OF_DOUBLES = frozenset({"__bool__", "__class__"})
"""What a double in a test may answer the same for ever: no assertion about the product passes by it."""
COMPARISONS = frozenset(
    {"__eq__", "__ne__", "__bool__", "__contains__", "__lt__", "__le__", "__gt__", "__ge__"}
)
WILDCARD = re.compile(r"(?i)any|wildcard|anything|everything|whatever|match")
"""Classes of tests that equal everything by their name, as `mock.ANY` does."""
MOCKS = frozenset(
    f"unittest.mock.{name}"
    for name in ("Mock", "MagicMock", "NonCallableMock", "NonCallableMagicMock", "AsyncMock")
) | {"mock.Mock", "mock.MagicMock", "mock.AsyncMock"}

TEST_VARIABLES = re.compile(
    r"PYTEST_[A-Z_]+|CI|GITHUB_ACTIONS|GITLAB_CI|FAILHARD_[A-Z_]+|TOX_ENV_NAME|COVERAGE_RUN"
)
TEST_MODULES = frozenset({"pytest", "_pytest", "unittest", "nose", "nose2", "pytest_failhard", "conftest"})
DETECTION_WORDS = (
    # The common ones first.
    *(b"getattr", b"hasattr", b"CI", b"inspect", b"pytest", b"tests/", b"test/", b"unittest", b"PYTEST_"),
    *(b"GITHUB_ACTIONS", b"FAILHARD_", b"TOX_ENV", b"COVERAGE_RUN", b"_called_from_test", b"_getframe"),
    *(b"tests\\", b"conftest"),
)
MARKS_OF_TESTS = re.compile(
    r"(?i)^_*(called_from_tests?|in_?tests?|is_?testing|running_tests?|under_tests?|pytest)\w*$"
)
MARKED = frozenset({"sys", "builtins", "__builtins__", "os"})
STACKS = frozenset(
    {
        "sys._getframe",
        "inspect.stack",
        "inspect.currentframe",
        "traceback.extract_stack",
        "sys._current_frames",
    }
)
TEST_WORD = re.compile(r"(?i)^_?(py)?test|unittest|conftest|pytest")
TEST_PATH = re.compile(r"(^|[/\\])(tests?[/\\]|test_\w+\.py|conftest\.py)")
ASKING = frozenset(
    {"hasattr", "getattr", "startswith", "endswith", "find_spec", "open", "Path", "join", "listdir", "glob"}
)
"""The last names of all calls that FH706 looks at."""
OPENERS = frozenset({"open", "io.open", "pathlib.Path", "Path", "os.path.join", "os.listdir", "glob.glob"})

PATCHED = re.compile(
    r"time\.(time|perf_counter|monotonic|sleep|process_time|time_ns|perf_counter_ns|monotonic_ns)"
    r"|builtins\.\w+|sys\.exit|os\._exit|pytest\..+|_pytest\..+|unittest\.(case\.)?TestCase\.\w+"
    r"|subprocess\.(run|Popen|call|check_call|check_output)(\..+)?|sys\.(meta_path|path_hooks)"
)
PATCHED_MODULES = frozenset({"time", "builtins", "sys", "os", "pytest", "_pytest", "unittest", "subprocess"})
GATE_TOOLS = {
    "ruff": "ruff",
    "mypy": "mypy",
    "bandit": "bandit",
    "pip_audit": "pip-audit",
    "piplicenses": "pip-licenses",
    "cyclonedx_py": "cyclonedx-bom",
    "coverage": "coverage",
    "pytest_cov": "pytest-cov",
    "pytest_failhard": "pytest-failhard",
    "pytest": "pytest",
    "_pytest": "pytest",
    "pylint": "pylint",
    "flake8": "flake8",
    "xdist": "pytest-xdist",
    "pytest_asyncio": "pytest-asyncio",
    "pytest_mock": "pytest-mock",
    "pytest_timeout": "pytest-timeout",
    "pytest_socket": "pytest-socket",
    "pytest_randomly": "pytest-randomly",
    "pytest_benchmark": "pytest-benchmark",
    "detect_secrets": "detect-secrets",
}
"""Module -> the distribution whose own name it is."""
TOOL_PARTS = frozenset(
    {"detect-secrets", "pluggy", "iniconfig", "packaging", "mypy-extensions", "stevedore", "pyyaml"}
    | {"execnet", "pytest-failhard"}
)
"""Distributions without which these tools judge nothing: who changes one changes the tool."""
START_UP_LINES = frozenset({"import _virtualenv"})
"""Lines of `.pth` files that are of no package, and known: what makes an environment."""
START_UP = frozenset({"sitecustomize", "usercustomize"})
"""Modules that every interpreter imports by itself."""
LIBRARY = (
    frozenset(sys.stdlib_module_names) - frozenset(sys.builtin_module_names) - {"test", "this", "antigravity"}
)
"""Modules of the standard library that a file of the same name hides."""
WIDE_SCOPES = frozenset({"session", "package"})
"""Scopes of fixtures that outlive the tests of a file."""
IMPORTING_CALLS = frozenset({"import_module", "__import__", "reload"})
