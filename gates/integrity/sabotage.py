"""FV8: runs the tests that are named as validation without the system, and names those that still pass."""

from __future__ import annotations

import ast
import fnmatch
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.gates.integrity import sabotaged
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.rules.data.validation import SHOWN
from pytest_failhard.rules.findings import OFF, rank
from pytest_failhard.rules.validating import is_named
from pytest_failhard.source.files import TEST_FILES, tree
from pytest_failhard.system import workcopy

if TYPE_CHECKING:
    from pytest_failhard.model import Run
    from pytest_failhard.rules.scan import Scan
    from pytest_failhard.source.index import FileFacts

CONFTEST = "conftest.py"
SAID = b"is sabotaged"
"""What the output holds where a conftest needs the product: then every test does."""
CODE, NAME = "FV8", "survives-sabotage"
UNFINISHED = "sabotage-unfinished"
MODULE = sabotaged.__name__
BROKEN = 'raise ImportError("this module is sabotaged")\n'
START = re.compile(r"(?ms)^(\[tool\.failhard\.system\][^\[]*?^start\s*=\s*)\[.*?\]")
FALSE = r'\1["false"]'
"""A start command that ends with 1."""
ENDED = frozenset(range(6))
"""Exit codes of pytest: it has said what it had to say."""
ARGUMENTS = (
    *("-p", MODULE, "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:random_order", "-o", "addopts="),
    # A file that cannot be loaded has no test that passes; the others are still to be asked.
    "--continue-on-collection-errors",
    # What a run prints must be the same in the next one: no times, no places.
    *("-qq", "--no-header", "--no-summary", "--tb=no", "--show-capture=no", "-W", "ignore"),
)


@dataclass(frozen=True, kw_only=True)
class Survived:
    """What was seen without the system: findings, and the measures where tests ran."""

    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, int | Fraction] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Record:
    """How many tests ran, and the node ids of those that passed."""

    ran: int
    passed: tuple[str, ...]


def sabotage(run: Run, scan: Scan, severity: Mapping[str, str], seconds: int) -> Survived:
    """Return the tests in files named as validation that pass without the system.

    Nothing is run where the level does not ask for it, or no such file could pass. What cannot be run so
    is named: it proves nothing, and is no error of the suite.
    """
    how = rank((NAME, CODE), severity)
    files = [] if how == OFF else [each.path for each in scan.files if _could_pass(run.root, each, scan)]
    if not files:
        return Survived()
    try:
        record = _run(run, scan, files, max(1, min(seconds, int(run.remaining() / 2))))
    except GateError as error:
        return Survived(findings=(_unfinished(error),))
    return Survived(
        findings=tuple(_finding(name, Severity[how.upper()]) for name in record.passed),
        measures={
            "tests_sabotaged": record.ran,
            "tests_independent": Fraction(len(record.passed), max(record.ran, 1)),
        },
    )


def _could_pass(root: Path, facts: FileFacts, scan: Scan) -> bool:
    """Tell whether a file is named as validation and has tests, and its loading does not need the product.

    What imports the product when it is loaded, or has a conftest that does, certainly does not survive.
    """
    name = PurePosixPath(facts.path).name
    collected = any(fnmatch.fnmatchcase(name, pattern) for pattern in TEST_FILES)
    if not facts.tests or not collected or not is_named(facts.path) or SHOWN.search(facts.path):
        return False
    product = [each for each in scan.index.files if _is_product(each)]
    own = {name for each in product for name in (each.module.partition(".")[0], each.path.partition("/")[0])}
    conftests = [(folder / CONFTEST).as_posix() for folder in PurePosixPath(facts.path).parents]
    loaded = [facts.path, *(path for path in conftests if path in scan.index.by_path)]
    return not any(own & set(_first_imports(root, path)) for path in loaded)


def _first_imports(root: Path, path: str) -> Iterator[str]:
    """Yield the packages that a file imports when it is loaded, whatever happens."""
    parsed = tree(root, path)
    for statement in parsed.body if parsed is not None else ():
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            yield statement.module.partition(".")[0]


def _is_product(facts: FileFacts) -> bool:
    """Tell whether a file is part of what is validated: a program that validates is not."""
    return facts.role == "product" and not is_named(facts.path)


def _run(run: Run, scan: Scan, files: Sequence[str], seconds: int) -> _Record:
    """Run test files in a copy without the product; raises GateError where that says nothing."""
    copy = workcopy.copy(run.root, run.scratch / "sabotaged").folder
    record = run.scratch / "sabotaged.json"
    product = [each for each in scan.files if _is_product(each)]
    for each in product:
        (copy / each.path).write_text(BROKEN, "utf-8")
    _without_start(copy / "pyproject.toml")
    names = sorted({each.module for each in product} - sys.stdlib_module_names)
    completed = run.python(
        *(MODULE, *ARGUMENTS, *files),
        ok=ENDED,
        cwd=copy,
        environment={
            sabotaged.NAMES: json.dumps(names),
            sabotaged.RECORD: str(record),
            sabotaged.SECONDS: str(seconds),
        },
    )
    if not record.is_file():
        if SAID in completed.stdout + completed.stderr:
            return _Record(ran=0, passed=())
        raise GateError("pytest ended before it had run anything")
    content = json.loads(record.read_bytes())
    return _Record(ran=content["ran"], passed=tuple(content["survived"]))


def _without_start(manifest: Path) -> None:
    if manifest.is_file():
        manifest.write_text(START.sub(FALSE, manifest.read_text("utf-8")), "utf-8")


def _finding(test: str, severity: Severity) -> Finding:
    path, _, name = test.partition("::")
    return Finding(
        rule=CODE,
        name=NAME,
        path=path,
        line=0,
        severity=severity,
        message=f"{name} passes although no module of the product can be imported and it cannot be started",
        fix="let it import or ask the system that it is to validate",
        anchor=test,
    )


def _unfinished(error: GateError) -> Finding:
    return Finding(
        rule=UNFINISHED,
        name=UNFINISHED,
        path="",
        line=0,
        severity=Severity.LOW,
        message="the tests named as validation could not be run without the system: nothing is said of them",
        fix=f"none needed; the reason: {str(error).partition(';')[0]}",
        anchor=UNFINISHED,
    )
