"""What the gate `integrity` sees, counts and refuses to pass over."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.config import merge_settings
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import GateError, Observation, Severity
from tests.support import GATES, TODAY, gate_run, observe, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
NOQA = "def f(x):\n    return x == None  # noqa\n"


@dataclass
class FixedBase:
    """A merge base in memory: its files, and the lines that the tree has beside them."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    changed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    commit: str = "1" * 40
    chosen: str = "for this test"

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file at the base."""
        return self.files.get(path)

    def differing(self) -> frozenset[str]:
        return frozenset()

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        """Return the lines of the tree that the base lacks."""
        return self.changed


def look(
    tmp_path: Path,
    files: Mapping[str, str | bytes],
    *,
    settings: IntegritySettings | None = None,
    base: FixedBase | None = None,
    level: int = 1,
    tests: tuple[str, ...] = (),
) -> Observation:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, **files})
    gate = IntegrityGate()
    return observe(gate_run(root, gate, settings=settings, base=base, level=level, tests=tests), gate)


def test_a_clean_project(tmp_path: Path) -> None:
    observation = look(
        tmp_path, {"tests/test_a.py": "import app.a\n\n\ndef test_a():\n    assert app.a.double(1) == 2\n"}
    )
    assert (observation.examined, observation.findings) == (2, ())
    assert observation.measures["files"] == 2
    zero = {name: value for name, value in observation.measures.items() if name != "files"}
    assert set(zero.values()) == {0}
    assert {"suppressions", "suppressions_mypy", "coverage_exclusions", "excluded_files"} <= set(zero)


def test_suppressions_are_counted_by_kind_wherever_they_are(tmp_path: Path) -> None:
    observation = look(
        tmp_path,
        {
            "app/b.py": NOQA + "import os  # nosec B404 the module is used for constants alone\n",
            "app/c.pyi": "def g(x): ...  # type: ignore\n",
            "scripts/d.py": "if x:  # pragma: no cover\n    pass\n",
            "tests/test_a.py": "import app\nimport pytest\n\n\n@pytest.mark.skip\ndef test_a(): ...\n",
        },
    )
    measures = observation.measures
    assert (measures["files"], observation.examined) == (5, 5)
    assert {name: value for name, value in measures.items() if name.startswith("suppressions") and value} == {
        "suppressions": 5,
        "suppressions_ruff": 1,
        "suppressions_bandit": 1,
        "suppressions_mypy": 1,
        "suppressions_coverage": 1,
        "suppressions_pytest": 1,
        "suppressions_blanket": 2,
        "suppressions_reasonless": 4,
    }
    assert measures["coverage_exclusions"] == 1
    assert (measures["unlisted"], observation.findings) == (3, ())


COVERAGE_TABLE = """\
[tool.coverage.report]
exclude_also = [
    # Only PyPy gets here, see #12.
    "if PYPY:",
    "if WINDOWS:",  # the runner is on Linux, see #13
    "if debug:",
    'if __name__ == .__main__.:',
    "raise NotImplementedError",
    "raise AssertionError",
    "if 0:",
    "if odd:(",
    "\\u0069f slow:",
]
[tool.pytest.ini_options]
addopts = "-ra -p no:cacheprovider -m 'not slow' --ignore=tests/slow"
filterwarnings = ["error", "ignore::FutureWarning"]
"""


def test_suppressions_in_the_configuration_are_counted_and_need_a_reason(tmp_path: Path) -> None:
    settings = IntegritySettings(severity={"unreasoned-suppression": "medium"})
    observation = look(tmp_path, {"pyproject.toml": COVERAGE_TABLE}, settings=settings)
    assert [(each.path, each.line, each.rule) for each in observation.findings] == [
        ("pyproject.toml", 2, "FH702"),
        ("pyproject.toml", 6, "FH702"),
    ]
    measures = observation.measures
    assert (measures["coverage_exclusions"], measures["suppressions_pytest"]) == (4, 4)
    assert measures["suppressions"] == 8


def test_a_configuration_that_cannot_be_read_suppresses_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {".coveragerc": "exclude_lines\n", "app/mypy.ini": "[mypy]\n"}
    assert look(tmp_path, files).measures["suppressions"] == 0
    (tmp_path / "p" / ".flake8").symlink_to("nowhere")
    with pytest.raises(GateError, match="flake8"):
        look(tmp_path, files)


@pytest.mark.parametrize(
    ("before", "added", "severities"),
    [
        (None, 8, {"HIGH"}),
        (COVERAGE_TABLE, 0, {"MEDIUM"}),
        (COVERAGE_TABLE.replace('    "if debug:",\n', ""), 1, {"HIGH", "MEDIUM"}),
    ],
    ids=["all", "none", "one"],
)
def test_what_a_change_adds_to_the_configuration(
    tmp_path: Path, before: str | None, added: int, severities: set[str]
) -> None:
    base = FixedBase(
        files={"pyproject.toml": before.encode()} if before else {},
        changed={"pyproject.toml": frozenset({1})},
    )
    observation = look(tmp_path, {"pyproject.toml": COVERAGE_TABLE}, settings=at_level(3), base=base)
    assert observation.measures["suppressions_added"] == added
    assert {each.severity.name for each in observation.findings if each.rule == "FH702"} == severities


def test_severities_are_the_settings(tmp_path: Path) -> None:
    settings = IntegritySettings(severity={"blanket-suppression": "high", "FH702": "low"})
    observation = look(
        tmp_path, {"app/b.py": NOQA, "app/c.pyi": "x = 1  # noqa: E501\ny = 2  # noqa\n"}, settings=settings
    )
    assert [(each.rule, each.path, each.line, each.severity) for each in observation.findings] == [
        ("FH701", "app/b.py", 2, Severity.HIGH),
        ("FH701", "app/c.pyi", 2, Severity.HIGH),
        ("FH702", "app/c.pyi", 1, Severity.LOW),
    ]


def test_a_file_that_cannot_be_read_is_an_error_and_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^unreadable-source: app/b.py: syntax-error.*; tools/c.py: undec"):
        look(tmp_path, {"app/b.py": "def f(:\n", "tools/c.py": b"x = '\xff'\n"})
    with pytest.raises(GateError, match=r"unreadable-source: app/d\.pyi: its comments"):
        look(tmp_path / "2", {"app/d.pyi": b"# noqa \xff\n"})


def test_the_settings_of_another_gate_are_refused(tmp_path: Path) -> None:
    from pytest_failhard.gates.lint import LintSettings

    root = write(tmp_path / "p", {"app/a.py": CLEAN})
    gate = IntegrityGate()
    with pytest.raises(GateError, match="not IntegritySettings"):
        gate.observe(gate_run(root, gate, settings=LintSettings()))


def test_what_needs_the_merge_base_is_absent_without_one(tmp_path: Path) -> None:
    assert not {"suppressions_added", "changed_together"} & set(look(tmp_path, {}).measures)


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (None, 2),
        (b"", 2),
        (b"def f(:\n", 2),
        (b"x = 1  # noqa\n", 1),
        (b"\n\ny = 0  # noqa\nx = 1  # noqa: E501\n", 0),
    ],
    ids=["new file", "no suppression", "no Python", "one of two", "moved"],
)
def test_what_a_change_adds(tmp_path: Path, before: bytes | None, added: int) -> None:
    files = {"app/b.py": b"x = 1  # noqa\ny = 2  # noqa: E501\nfrom typing import Any\nz: Any = 1\n"}
    base = FixedBase(
        files={} if before is None else {"app/b.py": before},
        changed={"app/b.py": frozenset({1}), "app/a.py": frozenset({1})},
    )
    measures = look(tmp_path, files, base=base).measures
    assert measures["suppressions_added"] == added


@pytest.mark.parametrize(
    ("changed", "together"),
    [((), 0), (("tests/test_a.py",), 0), (("app/a.py",), 0), (("app/a.py", "tests/test_a.py"), 1)],
)
def test_tests_that_change_with_the_product_are_counted(
    tmp_path: Path, changed: tuple[str, ...], together: int
) -> None:
    base = FixedBase(changed={path: frozenset({1}) for path in changed})
    measures = look(tmp_path, {"tests/test_a.py": "def test_a(): ...\n"}, base=base).measures
    assert measures["changed_together"] == together


def test_a_project_among_the_examples_is_named_and_left_out(tmp_path: Path) -> None:
    files = {
        "examples/shop/pyproject.toml": "[project]\nname = 'shop'\n",
        "examples/shop/shop.py": "def f(:\n",
        "examples/shop/shop.pyi": "x = 1  # noqa\n",
    }
    observation = look(tmp_path, files)
    assert [(each.rule, each.path, each.severity) for each in observation.findings] == [
        ("nested-project", "examples/shop", Severity.LOW)
    ]
    assert (observation.measures["excluded_files"], observation.measures["files"]) == (1, 1)


def at_level(level: int) -> IntegritySettings:
    """Return the settings that the shipped policy of a level gives."""
    terms = policy.load(level, GATES, today=TODAY)
    rule = next(each for each in terms.rules if each.gate == "integrity")
    settings = merge_settings("integrity", IntegritySettings, rule, {})
    assert isinstance(settings, IntegritySettings)
    return settings


CONFTEST = "tests/conftest.py"
HOOK = "def pytest_{}:\n    {}\n"
ROWS = {
    "os._exit in a test": ("tests/test_a.py", "import os\ndef test_a():\n    os._exit(0)\n", "FH705"),
    "os._exit at import": ("tests/test_a.py", "import os\nos._exit(0)\n", "FH705"),
    "pytest.exit": (
        *("tests/test_a.py", "import pytest\ndef test_a():\n    pytest.exit('x', returncode=0)\n"),
        "FH705",
    ),
    "makereport": (
        CONFTEST,
        HOOK.format("runtest_makereport(item, call)", "r = yield; r.outcome = 'passed'"),
        "FH703/outcome",
    ),
    "logreport": (
        CONFTEST,
        HOOK.format("runtest_logreport(report)", "report.outcome = 'passed'"),
        "FH703/outcome",
    ),
    "sessionfinish": (
        CONFTEST,
        HOOK.format("sessionfinish(session)", "session.exitstatus = 0"),
        "FH703/outcome",
    ),
    "runtestloop": (
        CONFTEST,
        HOOK.format("runtestloop(session)", "yield; session.testsfailed = 0"),
        "FH703/outcome",
    ),
    "unconfigure sets": (
        CONFTEST,
        HOOK.format("unconfigure(config)", "config.session.exitstatus = 0"),
        "FH703/outcome",
    ),
    "unconfigure exits": (
        *(CONFTEST, "import os\n" + HOOK.format("unconfigure(config)", "os._exit(0)")),
        "FH705",
    ),
    "atexit": (CONFTEST, "import atexit, os\natexit.register(lambda: os._exit(0))\n", "FH705"),
    "pyfunc_call": (CONFTEST, HOOK.format("pyfunc_call(pyfuncitem)", "return True"), "FH703/outcome"),
    "modifyitems": (
        CONFTEST,
        HOOK.format("collection_modifyitems(items)", "items[:] = items[:1]"),
        "FH703/outcome",
    ),
    "__eq__": ("app/b.py", "class R(int):\n    def __eq__(self, other):\n        return True\n", "FH704"),
    "TestReport patched": (CONFTEST, "import pytest\npytest.TestReport.failed = False\n", "FH709"),
    "time patched": (CONFTEST, "import time\ntime.perf_counter = lambda: 0.0\n", "FH709"),
    "looks for pytest": ("app/b.py", "import sys\nTESTED = 'pytest' in sys.modules\n", "FH706"),
    "mypy: ignore-errors": ("app/b.py", "# mypy: ignore-errors\nx = 1\n", "FH701"),
    "first-line type: ignore": ("app/b.py", "# type: ignore\nx = 1\n", "FH701"),
    "local ruff.py": ("ruff.py", "raise SystemExit(0)\n", "FH709/shadowed-tool"),
    "local mypy.py": ("mypy.py", "x = 1\n", "FH709/shadowed-tool"),
    "local pytest_cov": ("pytest_cov/__init__.py", "x = 1\n", "FH709/shadowed-tool"),
    "project code by -p": ("evil.py", HOOK.format("pyfunc_call(pyfuncitem)", "return True"), "FH703/outcome"),
}


@pytest.mark.parametrize("level", [1, 3])
@pytest.mark.parametrize("row", ROWS)
def test_each_way_to_game_a_gate_is_named(tmp_path: Path, row: str, level: int) -> None:
    path, content, rule = ROWS[row]
    observation = look(tmp_path, {path: content}, settings=at_level(level), level=level)
    found = {finding.rule: finding.severity for finding in observation.findings if finding.path == path}
    if level == 3 and rule != "FH701":
        assert found[rule] is Severity.HIGH
    # At level 1 the stock of suppressions is counted, not listed.
    assert rule in found or (rule, level) == ("FH701", 1)
    assert observation.measures["suppressions_blanket"] == (1 if rule == "FH701" else 0)


def test_code_moved_to_the_examples_and_imported_is_product(tmp_path: Path) -> None:
    moved = {
        "examples/__init__.py": "",
        "examples/total.py": "import sys\nTESTED = 'pytest' in sys.modules\n",
    }
    assert look(tmp_path / "1", moved, settings=at_level(3)).findings == ()
    imported = {**moved, "app/b.py": "from examples.total import TESTED\n"}
    observation = look(tmp_path / "2", imported, settings=at_level(3))
    assert [(each.rule, each.path) for each in observation.findings] == [("FH706", "examples/total.py")]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ('[project]\nname = "shop"\n', 2),
        ('[project]\nname = "PyTest"\n', 0),
        ('[project]\nname = "x"\n[project.entry-points.pytest11]\nshop = "app.a"\n', 1),
        ('[tool.poetry]\nname = "x"\n[tool.poetry.plugins.pytest11]\nshop = "app.a"\n', 1),
    ],
)
def test_a_project_that_is_a_plugin_or_the_tool_itself(tmp_path: Path, table: str, found: int) -> None:
    files = {
        "pyproject.toml": table,
        "app/b.py": "import pytest\npytest.TestReport.failed = False\n",
        "app/c.py": HOOK.format("runtest_logreport(report)", "report.outcome = 'passed'"),
    }
    assert len(look(tmp_path, files, settings=at_level(3)).findings) == found


def test_the_bad_twin_is_found_out_and_the_good_one_is_clean() -> None:
    examples = Path(__file__).parents[2] / "examples"
    with (examples / "triage_service_lazy/docs/planted.toml").open("rb") as stream:
        planted = tomllib.load(stream)["planted"]
    gate = IntegrityGate()
    found = {}
    for name in ("triage_service", "triage_service_lazy"):
        with tempfile.TemporaryDirectory() as scratch:
            run = gate_run(
                *(examples / name, gate),
                settings=at_level(3),
                source=("triage",),
                tests=("tests",),
                level=3,
                scratch=Path(scratch) / "s",
            )
            found[name] = observe(run, gate)
    assert [each for each in found["triage_service"].findings if each.severity > Severity.LOW] == []
    rules = {"FH701", "FH702", "FH703", "FH704", "FH705", "FH706", "FH709"}
    hit = {(finding.rule, finding.path) for finding in found["triage_service_lazy"].findings}
    wanted = {
        (each["rule"], each["file"])
        for each in planted
        if each["gate"] == "integrity" and each["rule"].partition("/")[0] in rules
    }
    assert len(wanted) >= 8
    assert wanted <= hit
