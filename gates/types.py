"""Types: mypy finds no type error in the product's files, and has really read each of them.

Why:
    Generated code calls functions that do not exist, passes None where a value is needed and returns
    what the caller does not expect; tests with mocks let all of it through. mypy runs with the policy's
    flags alone: `mypy.ini`, plugins and `ignore_errors` of the project have no effect.

Fails when:
    An error reaches the level's `fail_at` (`severity` maps mypy's codes; otherwise medium), a file
    switches checking off as a whole (`unchecked-file`, high), or a measure (`errors`,
    `unresolved_imports`, `untyped_defs`, `suppressions`, `files_checked`) is out of bounds.

Fix:
    Correct the code or its annotation; `python -m mypy --strict <folder>` shows most of it.

Waive:
    By finding, with a reason that says why the type checker is wrong here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pytest_failhard.model import Finding, GateError, Observation, Reuse, Run, Settings, Severity, Tool
from pytest_failhard.source import files
from pytest_failhard.source.comments import comments
from pytest_failhard.source.import_roots import import_roots, placed

MYPY = Tool(module="mypy", distribution="mypy", lowest="1.19")
LINKS = "roots"
UNRESOLVED = frozenset({"import-not-found", "import-untyped", "import"})
# Flags that can only make mypy stricter: a policy's flags may be extended by the project.
_STRICTER = re.compile(
    r"--(strict(-[a-z]+)*|extra-checks|local-partial-types|check-untyped-defs|no-implicit-(reexport|optional)"
    r"|(disallow|warn)-[a-z-]+|enable-error-code=[a-z-]+)"
)
_COUNTED = re.compile(r"^\s*\d+\s+\d+\s+(?P<typed>\d{1,9})\s+(?P<functions>\d{1,9}) (?P<module>\S+)$")
_IGNORE = re.compile(r"#\s*type:\s*ignore\b")
_WHOLE_IGNORE = re.compile(r"#\s*type:\s*ignore\s*(#|$)")
_INLINE = re.compile(r"#\s*mypy:\s*(?P<options>.+)")
_UNCHECKED = re.compile(
    r"\bignore[-_]errors\b(?!\s*=\s*(false|no|0|off)\b)|\bdisable[-_]error[-_]code\b", re.I
)


@dataclass(frozen=True, kw_only=True)
class TypesSettings(Settings):
    """How strict mypy is, and how bad each of its error codes is."""

    flags: list[str] = field(default_factory=list)
    """Flags of mypy that make it stricter; no others are accepted."""
    severity: dict[str, str] = field(default_factory=dict)
    """mypy's error code -> low, medium or high."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One error of mypy's JSON lines."""

    path: str
    line: int
    code: str
    message: str
    hint: str


class TypesGate:
    """Observes what mypy finds in the product's files."""

    id = "types"
    settings: type[Settings] = TypesSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=(MYPY.distribution,), day=False)

    def observe(self, run: Run) -> Observation:
        """Type-check every product file; raises GateError where mypy did not prove that it read one."""
        settings = run.settings
        if not isinstance(settings, TypesSettings):
            raise GateError(f"types: settings are {type(settings).__name__}, not TypesSettings")
        tool = run.tool(MYPY)
        project = files.read(run.root, run.source, run.test_roots)
        project.require_readable()
        paths = [file.path for file in project.product]
        if not paths:
            raise GateError("no product files: name the product's folders in [tool.failhard] source")
        roots = import_roots(run.root, run.source, paths)
        known = _linked(run, paths, roots)
        problems, report = _mypy(run, known, settings.flags)
        modules = parse_linecount(report)
        missing = sorted({module for _, module in known.values()} - set(modules))
        if missing:
            raise GateError(f"mypy did not check {len(missing)} of {len(paths)} modules, first {missing[0]}")
        unresolved = sum(item.code in UNRESOLVED for item in problems)
        findings = [_finding(run, item, roots, settings.severity) for item in problems]
        findings += unchecked(run.root, paths)
        own = [modules[module] for _, module in known.values()]
        return Observation(
            tool=tool,
            examined=len(known),
            findings=tuple(sorted(findings)),
            measures={
                "errors": len(problems) - unresolved,
                "unresolved_imports": unresolved,
                "files_checked": len(known),
                "untyped_defs": sum(functions - typed for typed, functions in own),
                "suppressions": suppressions(run.root, paths),
            },
        )


def parse_problems(output: bytes, returncode: int) -> tuple[Problem, ...]:
    """Return the errors of `mypy -O json`; raises GateError unless the output is complete."""
    try:
        text = output.decode("utf-8", "strict")
        entries = [json.loads(line) for line in text.split("\n") if line]
        problems = tuple(_problem(entry) for entry in entries if entry["severity"] != "note")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"mypy: unreadable output ({error}): {output[:200]!r}") from None
    if not text.endswith("\n"):
        raise GateError(f"mypy: its output has no end: {output[-200:]!r}")
    if bool(problems) != (returncode == 1):
        raise GateError(f"mypy: exit code {returncode} with {len(problems)} errors contradict")
    return problems


def _problem(entry: Mapping[str, object]) -> Problem:
    path, line, hint = entry["file"], entry["line"], entry["hint"]
    if entry["severity"] != "error" or not isinstance(path, str) or not isinstance(line, int):
        raise TypeError("an entry without severity, file or line")
    return Problem(
        path=path,
        line=max(line, 0),
        code=str(entry["code"] or "misc"),
        message=str(entry["message"]),
        hint=str(hint or ""),
    )


def parse_linecount(report: bytes) -> dict[str, tuple[int, int]]:
    """Return (fully annotated functions, functions) by module; raises GateError unless the totals agree."""
    try:
        lines = report.decode("utf-8", "strict").split("\n")
    except UnicodeDecodeError as error:
        raise GateError(f"mypy: unreadable line count report ({error})") from None
    counted: dict[str, tuple[int, int]] = {}
    for line in lines[:-1]:
        match = _COUNTED.match(line)
        if match is None or match["module"] in counted:
            raise GateError(f"mypy: unreadable line in the line count report: {line[:200]!r}")
        counted[match["module"]] = (int(match["typed"]), int(match["functions"]))
    total = counted.pop("total", None)
    sums = tuple(sum(pair[index] for pair in counted.values()) for index in (0, 1))
    if lines[-1] or total != sums or any(typed > functions for typed, functions in counted.values()):
        raise GateError("mypy: its line count report is incomplete")
    return counted


def unchecked(root: Path, paths: Iterable[str]) -> list[Finding]:
    """Return a finding for each file that switches mypy off as a whole (FO-83)."""
    findings: list[Finding] = []
    for path in paths:
        body = files.parse(root, path).body
        first = min((_first_line(node) for node in body[:1]), default=0)
        for comment in comments(root, path):
            options = _INLINE.search(comment.text)
            above = not first or comment.line < first
            if (options and _UNCHECKED.search(options["options"])) or (
                above and _WHOLE_IGNORE.search(comment.text)
            ):
                findings.append(_unchecked(path, comment.line, comment.text))
    return findings


def _first_line(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
        return node.decorator_list[0].lineno
    return node.lineno


def _unchecked(path: str, line: int, text: str) -> Finding:
    return Finding(
        rule="unchecked-file",
        name="unchecked-file",
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"`{text.strip()}` switches type checking off for the whole file",
        fix="remove the comment and correct what mypy then reports",
    )


def suppressions(root: Path, paths: Iterable[str]) -> int:
    """Return the number of comments that hide something from mypy."""
    return sum(
        bool(_IGNORE.search(item.text) or _INLINE.search(item.text))
        for path in paths
        for item in comments(root, path)
    )


def _linked(run: Run, paths: Sequence[str], roots: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return path and module by the path that mypy is given.

    The import roots are links below the scratch folder, which is also the working directory: a path
    with a blank, comma or colon in it cannot disturb mypy's configuration.
    """
    folder = run.scratch / LINKS
    folder.mkdir()
    for number, root in enumerate(roots):
        (folder / str(number)).symlink_to(run.root / root, target_is_directory=True)
    places = {path: placed(path, roots) for path in paths}
    bases = ":".join(f"{LINKS}/{number}" for number in range(len(roots)))
    (run.scratch / "mypy.ini").write_text(f"[mypy]\nmypy_path = {bases}\n", "utf-8")
    return {f"{LINKS}/{number}/{below}": (path, module) for path, (number, below, module) in places.items()}


def _mypy(run: Run, known: Iterable[str], flags: Sequence[str]) -> tuple[tuple[Problem, ...], bytes]:
    """Return mypy's errors and its line count report."""
    loosening = [flag for flag in flags if not _STRICTER.fullmatch(flag)]
    if loosening:
        raise GateError(f"types: {loosening[0]!r} is not a flag that makes mypy stricter; remove it")
    (run.scratch / "mypy.arguments").write_text("".join(f"{path}\n" for path in known), "utf-8")
    completed = run.python(
        "mypy",
        "--config-file=mypy.ini",
        "--cache-dir=/dev/null",
        "--output=json",
        "--linecount-report=linecount",
        f"--python-executable={run.interpreter}",
        "--explicit-package-bases",
        "--namespace-packages",
        "--no-color-output",
        *flags,
        "@mypy.arguments",
        found=frozenset({1}),
        cwd=run.scratch,
    )
    problems = parse_problems(completed.stdout, completed.returncode)
    try:
        report = (run.scratch / "linecount" / "linecount.txt").read_bytes()
    except OSError as error:
        raise GateError(f"mypy left no line count report, so it did not finish: {error.strerror}") from None
    run.keep("linecount.txt", report)
    return problems, report


def _path(item: Problem, roots: Sequence[str]) -> str:
    """Return the file's path in the project; mypy also reports what the product imports from it."""
    link, _, below = item.path.removeprefix(f"{LINKS}/").partition("/")
    if not item.path.startswith(f"{LINKS}/") or not link.isdigit() or int(link) >= len(roots):
        raise GateError(f"mypy reports {item.path}, which is not in the project")
    return PurePosixPath(roots[int(link)], below).as_posix()


def _finding(run: Run, item: Problem, roots: Sequence[str], severities: Mapping[str, str]) -> Finding:
    path = _path(item, roots)
    text = severities.get(item.code, "medium")
    try:
        severity = Severity[text.upper()]
    except KeyError:
        raise GateError(f"severity: {text!r} is none of low, medium, high") from None
    lines = (run.root / path).read_bytes().splitlines()
    code = lines[item.line - 1].decode("utf-8", "replace").strip() if 0 < item.line <= len(lines) else ""
    return Finding(
        rule=item.code,
        name=item.code,
        path=path,
        line=item.line,
        severity=severity,
        message=item.message,
        fix=item.hint.replace("\n", " ") or "correct the code or its annotation",
        anchor=f"{item.code} {code}",
    )
