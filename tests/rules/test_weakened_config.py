"""FH707: what in a configuration makes a tool see less, and the honest configuration beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from tests.rules.support import hits
from tests.rules.trees import checked, tree

TREE: Mapping[str, str | bytes] = {
    "app/orders.py": "x = 1\n",
    "app/billing.py": "x = 1\n",
    "app/migrations/first.py": "x = 1\n",
    "tests/test_orders.py": "def test_orders():\n    assert 1\n",
    "tests/slow/test_billing.py": "def test_billing():\n    assert 1\n",
    "tests/slow/billing_test.py": "async def test_billing():\n    assert 1\n",
    "tests/load_test.py": "print('no test in it')\n",
}


def found(
    root: Path, files: Mapping[str, str | bytes], *, base: Mapping[str, str] | None = None
) -> list[tuple[str, int, str]]:
    """Return the place and the key with the value of each finding in a small project with these files."""
    told = checked(tree(root, {**TREE, **files}, base=base), "FH707")
    return [(hit.path, hit.line, hit.canonical) for hit in told]


def ini(section: str, *lines: str) -> str:
    """Return an ini file of one section."""
    return f"[{section}]\n" + "".join(f"{line}\n" for line in lines)


WEAK = {
    "deselect": ("pytest.ini", ini("pytest", "addopts = --deselect tests/test_a.py::test_b"), 2),
    "deselect-with-equals": ("tox.ini", ini("pytest", "addopts = --deselect=tests/test_a.py::test_b"), 2),
    "ignore": ("setup.cfg", ini("tool:pytest", "addopts = --ignore tests/slow"), 2),
    "ignore-glob": (".pytest.ini", ini("pytest", "addopts = --ignore-glob=tests/*"), 2),
    "keyword": ("pytest.toml", ini("pytest", 'addopts = ["-k", "not bad"]'), 2),
    "marker": (".pytest.toml", ini("pytest", 'addopts = ["-mfast"]'), 2),
    "native": ("pyproject.toml", ini("tool.pytest", 'addopts = ["-x"]'), 2),
    "ini-options": ("pyproject.toml", ini("tool.pytest.ini_options", 'addopts = "-q --maxfail=1"'), 2),
    "dotted-key": ("pyproject.toml", '[tool]\npytest.ini_options.addopts = "--no-cov"\n', 2),
    "short-flags": ("pytest.ini", ini("pytest", "addopts = -vx"), 2),
    "plugin-off": ("pytest.ini", ini("pytest", "addopts = -p no:failhard"), 2),
    "collection-errors": ("pytest.ini", ini("pytest", "addopts = --continue-on-collection-errors"), 2),
    "collect-only": ("pytest.ini", ini("pytest", "addopts = --co"), 2),
    "plain-asserts": ("pytest.ini", ini("pytest", "addopts = --assert=plain"), 2),
    "reruns": ("pytest.ini", ini("pytest", "addopts = --reruns 3"), 2),
    "reruns-by-key": ("pyproject.toml", ini("tool.pytest.ini_options", "reruns = 2"), 2),
    "reruns-in-a-workflow": (".github/workflows/ci.yml", "a:\n  run: pytest --reruns 3 -q\n", 2),
    "reruns-in-nox": ("noxfile.py", 'session.run("pytest", "--reruns", "3")\n', 1),
    "open-quote": ("pytest.ini", ini("pytest", "addopts = -k 'a"), 2),
    "several-lines": ("pytest.ini", "[pytest]\naddopts =\n    -ra\n    -x\n", 2),
    "python-files": ("pytest.ini", ini("pytest", "python_files = test_*.py"), 2),
    "python-functions": ("pytest.ini", ini("pytest", "python_functions = check_*"), 2),
    "testpaths": ("pytest.ini", ini("pytest", "testpaths = tests/slow"), 2),
    "norecursedirs": ("pytest.ini", ini("pytest", "norecursedirs = tests"), 2),
    "telltale": (
        "pyproject.toml",
        ini("tool.pytest", 'filterwarnings = ["ignore::pytest.PytestReturnNotNoneWarning"]'),
        2,
    ),
    "coverage-omit": (".coveragerc", ini("run", "omit =", "    tests/*", "    app/billing.py"), 2),
    "coverage-omit-everything": ("tox.ini", ini("coverage:run", "omit = *"), 2),
    "coverage-omit-nothing-known": ("setup.cfg", ini("coverage:report", "omit = **/*"), 2),
    "coverage-lines": (".coveragerc", ini("report", "exclude_lines = ."), 2),
    "coverage-also": ("pyproject.toml", ini("tool.coverage.report", 'exclude_also = ["return"]'), 2),
    "mypy-errors": ("mypy.ini", ini("mypy", "ignore_errors = True"), 2),
    "mypy-errors-of-a-module": (".mypy.ini", ini("mypy-app.*", "ignore_errors = true"), 2),
    "mypy-errors-of-an-override": (
        "pyproject.toml",
        '[[tool.mypy.overrides]]\nmodule = ["app.orders"]\n\nignore_errors = true\n',
        4,
    ),
    "mypy-imports": ("setup.cfg", ini("mypy", "follow_imports = skip"), 2),
    "mypy-code": ("pyproject.toml", ini("tool.mypy", 'disable_error_code = ["arg-type"]'), 2),
    "mypy-exclude": ("pyproject.toml", ini("tool.mypy", "exclude = 'app/b'"), 2),
    "mypy-plugin": ("mypy.ini", ini("mypy", "plugins = app/orders.py"), 2),
    "mypy-plugin-module": ("mypy.ini", ini("mypy", "plugins = app.orders:load"), 2),
    "ruff-all": ("ruff.toml", 'lint.ignore = ["ALL"]\n', 1),
    "ruff-family": (".ruff.toml", ini("lint", 'extend-ignore = ["F"]'), 2),
    "ruff-every-file": ("pyproject.toml", ini("tool.ruff.lint.per-file-ignores", '"*" = ["E501"]'), 2),
    "ruff-everything-in-a-file": (
        "pyproject.toml",
        ini("tool.ruff.per-file-ignores", '"app/b*" = ["ALL"]'),
        2,
    ),
    "ruff-exclude": ("ruff.toml", 'exclude = ["*"]\n', 1),
    "ruff-extend-exclude": ("ruff.toml", 'extend-exclude = ["billing.py"]\n', 1),
    "flake8-exclude": (".flake8", ini("flake8", "exclude = tests,app"), 2),
    "flake8-every-file": ("tox.ini", ini("flake8", "per-file-ignores =", "    *.py:F401"), 2),
    "flake8-zero": ("setup.cfg", ini("flake8", "exit-zero = true"), 2),
    "pylint-all": (".pylintrc", ini("MESSAGES CONTROL", "disable = all"), 2),
    "pylint-ignore": ("pylintrc", ini("MASTER", "ignore_paths = app/billing.py"), 2),
    "pylint-toml": ("pyproject.toml", ini("tool.pylint.main", "exit-zero = true"), 2),
    "bandit-skips": (".bandit", ini("bandit", "skips: B602,B101"), 2),
    "bandit-yaml": (".bandit", "skips:\n  - B602\n", 1),
    "bandit-toml": ("pyproject.toml", ini("tool.bandit", 'skips = ["B602"]'), 2),
    "bandit-exclude": ("bandit.yaml", "exclude_dirs: ['/app/', tests]\n", 1),
    "nested": ("web/pyproject.toml", ini("tool.pytest.ini_options", 'addopts = "-x"'), 2),
    "byte-order-mark": ("pytest.ini", b"\xef\xbb\xbf[pytest]\naddopts = -x\n", 2),
    "variable-in-a-workflow": (".github/workflows/ci.yml", "env:\n  PYTEST_ADDOPTS: '-k fast'\n", 2),
    "variable-in-tox": ("tox.ini", "[testenv]\nsetenv =\n    PYTEST_ADDOPTS = -x\n", 3),
    "variable-in-make": ("Makefile", 'export PYTEST_ADDOPTS := "--no-cov"\n', 1),
    "variable-in-nox": ("noxfile.py", 'session.env["PYTEST_ADDOPTS"] = "-x"\n', 1),
    "variable-in-a-shell": (
        ".github/workflows/ci.yml",
        'a:\n  run: echo "PYTEST_ADDOPTS=-x" >> $GITHUB_ENV\n',
        2,
    ),
    "variable-before-a-command": ("check.sh", "PYTEST_ADDOPTS=-x pytest\n", 1),
    "optimized": (".gitlab-ci.yml", "variables:\n  PYTHONOPTIMIZE: 1\n", 2),
    "optimized-by-option": ("Makefile", "test:\n\tpython3 -W error -O -m pytest\n", 2),
    "optimized-in-one-word": ("Makefile", "test:\n\tpython -IOm pytest\n", 2),
    "vulnerability": ("Makefile", "audit:\n\tpip-audit --ignore-vuln GHSA-1\n", 2),
    "vulnerability-in-nox": ("noxfile.py", 'run("pip-audit", "--ignore-vuln", "GHSA-1")\n', 1),
    "vulnerabilities-in-a-variable": ("check.sh", "PIP_AUDIT_IGNORE_VULNS=GHSA-1 pip-audit\n", 1),
}


@pytest.mark.parametrize(("path", "text", "line"), WEAK.values(), ids=WEAK.keys())
def test_a_weakness_is_found_where_it_stands(tmp_path: Path, path: str, text: str | bytes, line: int) -> None:
    places = [(name, number) for name, number, _ in found(tmp_path, {path: text})]
    assert places == [(path, line)]


HONEST = {
    "report-options": ("pytest.ini", ini("pytest", "addopts = -ra --strict-markers -rfEx -n auto")),
    "no-cache": ("pytest.ini", ini("pytest", "addopts = -p no:cacheprovider")),
    "foreign-plugin": ("pytest.ini", ini("pytest", "addopts = -p xdist -W error")),
    "ignored-nothing": ("pytest.ini", ini("pytest", "addopts = --ignore=docs --assert=rewrite")),
    "no-reruns": ("Makefile", "test:\n\tpytest --reruns=0\n"),
    "no-reruns-by-key": ("pytest.ini", ini("pytest", "reruns = 0", "addopts = --reruns 0")),
    "another-retry": ("Makefile", "get:\n\tcurl --retries 3 x\n"),
    "unlimited": ("pytest.ini", ini("pytest", "addopts = --maxfail=0")),
    "errors": ("pyproject.toml", ini("tool.pytest", 'filterwarnings = ["error", "ignore::FutureWarning:a"]')),
    "usual-names": ("pytest.ini", ini("pytest", "python_files = test_*.py *_test.py tests/*.py")),
    "usual-functions": ("pytest.ini", ini("pytest", "python_functions = test_* bench_*")),
    "testpaths": ("pyproject.toml", ini("tool.pytest", 'testpaths = ["tests"]')),
    "testpaths-glob": ("pyproject.toml", ini("tool.pytest", 'testpaths = ["test*"]')),
    "testpaths-elsewhere": ("pytest.ini", ini("pytest", "testpaths = 'nowhere")),
    "data-folder": ("pytest.ini", ini("pytest", "norecursedirs = data .git")),
    "section-of-another-file": ("pytest.ini", ini("tool:pytest", "addopts = -x")),
    "unread-section": ("tox.ini", ini("testenv:x", "addopts = -x")),
    "omit-tests": (".coveragerc", ini("run", "omit = tests/*", "    */migrations/*")),
    "usual-lines": (
        "pyproject.toml",
        ini(
            "tool.coverage.report",
            "exclude_also = ['def __repr__', 'if TYPE_CHECKING:', 'raise NotImplementedError', '(']",
        ),
    ),
    "missing-stubs": (
        "pyproject.toml",
        '[[tool.mypy.overrides]]\nmodule = "boto3.*"\nignore_missing_imports = true\nignore_errors = true\n',
    ),
    "code-of-stubs": ("mypy.ini", ini("mypy", "disable_error_code = import-untyped")),
    "foreign-mypy-plugin": ("mypy.ini", ini("mypy", "plugins = pydantic.mypy", "follow_imports = silent")),
    "excluded-tests": ("mypy.ini", ini("mypy", "exclude = ^tests/", "ignore_errors = false")),
    "odd-pattern": ("mypy.ini", ini("mypy", "exclude = (")),
    "codes-for-tests": ("pyproject.toml", ini("tool.ruff.lint.per-file-ignores", '"tests/*" = ["S101"]')),
    "all-for-tests": ("pyproject.toml", ini("tool.ruff.lint.per-file-ignores", '"tests/*" = ["ALL"]')),
    "some-codes": ("ruff.toml", 'lint.ignore = ["E501", "D203"]\nextend-exclude = ["docs", "migrations"]\n'),
    "formatter": ("ruff.toml", ini("format", 'exclude = ["app/*"]')),
    "flake8": (".flake8", ini("flake8", "ignore = E203,W503", "per-file-ignores =", "    tests/*:D")),
    "pylint-chosen": (".pylintrc", ini("MESSAGES CONTROL", "disable = all", "enable = E,F")),
    "pylint-codes": ("pyproject.toml", ini("tool.pylint.'MESSAGES CONTROL'", 'disable = ["C0114"]')),
    "bandit-asserts": ("pyproject.toml", ini("tool.bandit", 'skips = ["B101"]', 'exclude_dirs = ["tests"]')),
    "bandit-empty": (".bandit", ini("bandit")),
    "bandit-odd": (".bandit", "- a\n"),
    "fixture-project": ("tests/data/pytest.ini", ini("pytest", "addopts = -x")),
    "example": ("examples/shop/pyproject.toml", ini("tool.pytest", 'addopts = ["-x"]')),
    "template": ("{{name}}/pytest.ini", ini("pytest", "addopts = -x")),
    "optimize-zero": (".gitlab-ci.yml", "variables:\n  PYTHONOPTIMIZE: '0'\n"),
    "comment": ("Makefile", "# PYTEST_ADDOPTS = -x\n"),
    "variable": (".github/workflows/ci.yml", "env:\n  PYTEST_ADDOPTS: '--color=yes -ra'\n"),
    "program": ("Makefile", "run:\n\tpython -O -m app\n"),
    "unknown-tool": ("pyproject.toml", ini("tool.black", 'exclude = "app"')),
    "own-file-of-no-table": ("pyproject.toml", ini("project", 'name = "app"')),
}


@pytest.mark.parametrize(("path", "text"), HONEST.values(), ids=HONEST.keys())
def test_an_honest_configuration_is_left_alone(tmp_path: Path, path: str, text: str) -> None:
    assert found(tmp_path, {path: text}) == []


TOLD_BY_THE_GATE_TESTS = {
    "silenced": "filterwarnings = ignore",
    "silenced-by-option": "addopts = --disable-warnings",
    "plugin": "addopts = -p app.orders",
}


@pytest.mark.parametrize("line", TOLD_BY_THE_GATE_TESTS.values(), ids=TOLD_BY_THE_GATE_TESTS.keys())
def test_what_the_gate_tests_reports_of_the_root_is_reported_here_of_other_files(
    tmp_path: Path, line: str
) -> None:
    files: dict[str, str | bytes] = {
        "pytest.ini": ini("pytest", line),
        "web/pytest.ini": ini("pytest", line),
        "web/app/orders.py": "x = 1\n",
    }
    assert [path for path, _, _ in found(tmp_path, files)] == ["web/pytest.ini"]


def test_an_empty_file_in_a_test_root_shadows(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"tests/pytest.toml": "", "web/pytest.ini": ""}
    assert [path for path, _, _ in found(tmp_path, files)] == ["tests/pytest.toml"]


def test_an_extended_file_is_read_as_well(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "ruff.toml": 'extend = "config/base.toml"\n',
        "config/base.toml": 'lint.ignore = ["ALL"]\n',
        "pytest.ini": ini("pytest", "addopts = --cov-config=config/cover.rc"),
        "config/cover.rc": ini("report", "exclude_lines = ."),
    }
    assert [path for path, _, _ in found(tmp_path, files)] == ["config/base.toml", "config/cover.rc"]


def test_a_file_that_extends_itself_or_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, {"ruff.toml": 'extend = "ruff.toml"\n'}) == []
    assert found(tmp_path, {"ruff.toml": 'extend = "../elsewhere.toml"\n'}) == []


MALFORMED = {
    "toml": ("pyproject.toml", "[tool\n"),
    "ini": ("tox.ini", "addopts = -x\n"),
    "ini-of-pytest": ("pytest.ini", "[pytest\n"),
    "yaml": ("bandit.yaml", "a: [\n"),
}


@pytest.mark.parametrize(("path", "text"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_file_that_does_not_parse_is_a_finding(tmp_path: Path, path: str, text: str) -> None:
    (hit,) = checked(tree(tmp_path, {**TREE, path: text}), "FH707")
    assert hit.message == f"{path} does not parse: what it tells its tools cannot be known"


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"mypy\.ini: cannot be read"):
        found(tmp_path, {"mypy.ini": b"\xff\xfe"})


class TestTheMergeBase:
    def test_tells_what_this_change_brought(self, tmp_path: Path) -> None:
        base = {"pytest.ini": ini("pytest", "addopts = -x"), "Makefile": "PYTEST_ADDOPTS = -x\n"}
        files: dict[str, str | bytes] = {
            "pytest.ini": ini("pytest", "addopts = -x -k fast"),
            "Makefile": "PYTEST_ADDOPTS = -x --no-cov\n",
        }
        told = checked(tree(tmp_path, {**TREE, **files}, base=base), "FH707")
        assert {hit.message.endswith("added by this change") for hit in told if "-x" in hit.message} == {
            False
        }
        assert [hit.canonical for hit in told if hit.message.endswith("added by this change")] == [
            "PYTEST_ADDOPTS --no-cov",
            "pytest.addopts -k fast",
        ]

    def test_that_does_not_parse_has_nothing_to_compare_with(self, tmp_path: Path) -> None:
        assert found(tmp_path, {"ruff.toml": ""}, base={"ruff.toml": "["}) == []


LOST = {
    "floor": (".coveragerc", ini("report", "fail_under = 90"), ini("report", "fail_under = 80.5")),
    "floor-removed": (".coveragerc", ini("report", "fail_under = 90"), ini("report", "precision = 2")),
    "branches": ("pyproject.toml", ini("tool.coverage.run", "branch = true"), ini("tool.coverage.run", "")),
    "strict": ("mypy.ini", ini("mypy", "strict = True"), ini("mypy", "strict = False")),
    "xfail": ("pytest.ini", ini("pytest", "xfail_strict = true"), ini("pytest", "")),
    "required": (
        "pyproject.toml",
        ini("tool.pytest", 'required_plugins = ["pytest-failhard"]'),
        ini("tool.pytest", "required_plugins = []"),
    ),
    "level": ("pyproject.toml", ini("tool.failhard", "level = 3"), ini("tool.failhard", "level = 2")),
    "source": (
        "pyproject.toml",
        ini("tool.failhard", 'source = ["app", "tests"]'),
        ini("tool.failhard", 'source = ["app"]'),
    ),
    "claims": (
        "pyproject.toml",
        ini("tool.failhard", 'claims = ["gdpr"]'),
        ini("tool.failhard", "level = 1"),
    ),
    "threshold": (
        "pyproject.toml",
        ini("tool.failhard.coverage", "line_floor = 90"),
        ini("tool.failhard.coverage", "line_floor = 70"),
    ),
    "ceiling": (
        "pyproject.toml",
        ini("tool.failhard.integrity", "max_suppressions = 3"),
        ini("tool.failhard.integrity", "max_suppressions = 30"),
    ),
    "role": (
        "pyproject.toml",
        ini("tool.failhard.fallbacks.roles", '"ops/*" = "product"'),
        ini("tool.failhard.fallbacks.roles", '"ops/*" = "script"'),
    ),
    "budget": (
        "pyproject.toml",
        ini("tool.failhard.integrity.suppression_budget", "ruff = 3"),
        ini("tool.failhard.integrity.suppression_budget", "ruff = 4"),
    ),
    "exclusion": (
        "pyproject.toml",
        ini("tool.failhard.lint", 'exclude = ["docs"]'),
        ini("tool.failhard.lint", 'exclude = ["docs", "app"]'),
    ),
    "advisories": (
        "pyproject.toml",
        ini("tool.failhard.vulnerabilities", 'mode = "osv"'),
        ini("tool.failhard.vulnerabilities", 'mode = "file"'),
    ),
    "new-advisories": (
        "pyproject.toml",
        ini("tool.failhard", "level = 2"),
        ini("tool.failhard", "level = 2") + ini("tool.failhard.vulnerabilities", 'mode = "file"'),
    ),
    "new-exclusion": ("pyproject.toml", "", ini("tool.failhard.lint", 'exclude = ["app"]')),
}


@pytest.mark.parametrize(("path", "before", "now"), LOST.values(), ids=LOST.keys())
def test_what_the_base_had_stricter(tmp_path: Path, path: str, before: str, now: str) -> None:
    (hit,) = checked(tree(tmp_path, {**TREE, path: now}, base={path: before}), "FH707")
    assert hit.message.endswith("added by this change")


KEPT = {
    "advisories-stay": (
        "pyproject.toml",
        ini("tool.failhard.vulnerabilities", 'mode = "file"', 'path = "a"'),
        ini("tool.failhard.vulnerabilities", 'mode = "file"', 'path = "b"'),
    ),
    "advisories-live": (
        "pyproject.toml",
        ini("tool.failhard.vulnerabilities", 'mode = "file"'),
        ini("tool.failhard.vulnerabilities", 'mode = "online"'),
    ),
    "advisories-adopted": ("pyproject.toml", "", ini("tool.failhard.vulnerabilities", 'mode = "file"')),
    "raised": (".coveragerc", ini("report", "fail_under = 80"), ini("report", "fail_under = 90")),
    "zero": (".coveragerc", ini("report", "fail_under = 0"), ini("report", "")),
    "no-number": (".coveragerc", ini("report", "fail_under = x"), ini("report", "fail_under = 1")),
    "no-number-now": (".coveragerc", ini("report", "fail_under = 5"), ini("report", "fail_under = x")),
    "no-number-of-a-flag": (
        "pyproject.toml",
        ini("tool.coverage.report", "fail_under = true"),
        ini("tool.coverage.report", "fail_under = 1"),
    ),
    "strict": ("mypy.ini", ini("mypy", "strict = True"), ini("mypy", "strict = on")),
    "gone-folder": (
        "pyproject.toml",
        ini("tool.failhard", 'source = ["app", "gone"]'),
        ini("tool.failhard", 'source = ["app"]'),
    ),
    "whole-tree": (
        "pyproject.toml",
        ini("tool.failhard", 'source = ["app"]'),
        ini("tool.failhard", 'source = ["."]'),
    ),
    "no-list": (
        "pyproject.toml",
        ini("tool.failhard", 'tests = ["tests"]'),
        ini("tool.failhard", "level = 1"),
    ),
    "role": (
        "pyproject.toml",
        ini("tool.failhard.fallbacks.roles", '"ops/*" = "script"'),
        ini("tool.failhard.fallbacks.roles", '"ops/*" = "script"', '"run.py" = "product"'),
    ),
    "budget": (
        "pyproject.toml",
        ini("tool.failhard.integrity.suppression_budget", "ruff = 3"),
        ini("tool.failhard.integrity.suppression_budget", "ruff = 2", "mypy = 4"),
    ),
    "direction-unknown": (
        "pyproject.toml",
        ini("tool.failhard.llm", "port = 1"),
        ini("tool.failhard.llm", "port = 2", "budget = 1"),
    ),
    "tightened": (
        "pyproject.toml",
        ini("tool.failhard.x", "min_a = 1", "max_b = 2", 'exclude = ["a", "b"]'),
        ini("tool.failhard.x", "min_a = 2", "max_b = 1", 'exclude = ["a"]'),
    ),
}


@pytest.mark.parametrize(("path", "before", "now"), KEPT.values(), ids=KEPT.keys())
def test_what_is_no_weaker_than_the_base(tmp_path: Path, path: str, before: str, now: str) -> None:
    assert found(tmp_path, {path: now}, base={path: before}) == []


class TestPythonFiles:
    def test_a_test_module_that_refuses_the_rewriting(self) -> None:
        files: dict[str, str | bytes] = {
            "tests/test_a.py": '"""PYTEST_DONT_REWRITE"""\n',
            "tests/test_b.py": 'X = "PYTEST_DONT_REWRITE"\n',
            "app/plugin.py": '"""PYTEST_DONT_REWRITE"""\n',
        }
        assert [hit.path for hit in hits(files, "FH707")] == ["tests/test_a.py"]

    @pytest.mark.parametrize(
        "line",
        ['collect_ignore = ["test_bad.py"]', 'collect_ignore_glob: list[str] = ["*"]'],
        ids=["names", "glob"],
    )
    def test_a_conftest_that_drops_tests(self, line: str) -> None:
        assert [hit.line for hit in hits({"tests/conftest.py": f"{line}\n"}, "FH707")] == [1]

    @pytest.mark.parametrize(
        "text",
        [
            'collect_ignore = ["setup.py"]',
            "collect_ignore = computed()",
            'others = ["test_bad.py"]',
            'if sys.platform == "win32":\n    collect_ignore = ["test_posix.py"]',
        ],
        ids=["setup", "computed", "another-name", "condition"],
    )
    def test_a_conftest_that_does_not(self, text: str) -> None:
        assert hits({"conftest.py": f"{text}\n"}, "FH707") == []
