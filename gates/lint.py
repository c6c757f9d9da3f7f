"""Lint: the code is formatted and free of the defects that ruff knows.

Why:
    Generated code carries unused imports, blind exception handlers, mutable defaults and functions
    that nobody can follow, and hides what a linter says behind `# noqa` or an `ignore` list. Here
    ruff runs with the policy's selection alone: the project's configuration and its suppressions have
    no effect, only its target version and layout (line length, indent, `src`, first party) count.

Fails when:
    A violation reaches the level's `fail_at` (`severity` maps codes, prefixes and names; otherwise
    medium), a file is `unformatted`, a function exceeds `max_complexity` (`complex-structure`), a
    package imports what `forbidden_imports` bars (`forbidden-import`), or a measure (`violations`,
    `unformatted`, `max_complexity`, `suppressions`) is out of bounds.

Fix:
    python -m ruff check --fix . && python -m ruff format .

Waive:
    By finding, with a reason that says why this place is right as it stands.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pytest_failhard.model import (
    Completed,
    Finding,
    GateError,
    Observation,
    Reuse,
    Run,
    Settings,
    Severity,
    Tool,
)
from pytest_failhard.source import files
from pytest_failhard.source.readable import Readable
from pytest_failhard.source.ruff_layout import layout, target_version

KIND = "lint/1"
"""The form of what is left for a later run."""
RUFF = Tool(module="ruff", distribution="ruff", lowest="0.14")
BROKEN = frozenset({"E902", "invalid-syntax", "io-error"})
COMPLEX = "C901"
ALWAYS = ("E902", COMPLEX)
_COMPLEXITY = re.compile(r"\((\d{1,9}) > 0\)$")
_UNFORMATTED = re.compile(r"^(?:Would reformat: (?P<plain>.+)|\s*--> (?P<full>.+):\d+:\d+)$")
_SUMMARY = re.compile(
    r"^(?:(?P<bad>\d{1,9}) files? would be reformatted)?(?:, )?"
    r"(?:(?P<good>\d{1,9}) files? already formatted)?$"
)
# What would hide something from ruff or a formatter.
_SUPPRESSION = re.compile(
    r"#\s*(?:noqa\b|(?:flake8|ruff)\s*[:=]\s*(?:noqa|disable|enable|ignore|file-ignore)"
    r"|isort\s*:\s*(?:skip|off)|fmt\s*:\s*(?:off|skip)|yapf\s*:\s*disable)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class LintSettings(Settings):
    """What is selected, how bad it is, and which structure is allowed."""

    select: list[str] = field(default_factory=lambda: ["E4", "E7", "E9", "F"])
    test_select: list[str] = field(default_factory=lambda: ["E4", "E7", "E9", "F"])
    severity: dict[str, str] = field(default_factory=dict)
    """Rule code, code prefix or rule name -> low, medium or high; the gravest match counts."""
    max_complexity: int | None = None
    forbidden_imports: dict[str, list[str]] = field(default_factory=dict)
    """Glob over the importing module's dotted name -> prefixes of modules that it must not import."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One entry of ruff's JSON. `path` is as ruff names it."""

    code: str
    name: str
    path: str
    line: int
    message: str
    fix: str

    @property
    def complexity(self) -> int | None:
        """The function's complexity, None for every other rule."""
        match = _COMPLEXITY.search(self.message) if self.code == COMPLEX else None
        return int(match.group(1)) if match else None


class LintGate:
    """Observes what ruff finds, and nothing of what the project tells it to overlook."""

    id = "lint"
    settings: type[Settings] = LintSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=(RUFF.distribution,), day=False)

    def observe(self, run: Run) -> Observation:
        """Lint and format-check every first-party file; raises GateError where one was not examined."""
        settings = run.settings
        if not isinstance(settings, LintSettings):
            raise GateError(f"lint: settings are {type(settings).__name__}, not LintSettings")
        tool = run.tool(RUFF)
        project = files.read(run.root, run.source, run.test_roots)
        texts = Readable(project, KIND, run.recall(), _SUPPRESSION)
        product = [file.path for file in project.product]
        tests = [file.path for file in project.tests]
        if not product:
            raise GateError("no product files: name the product's folders in [tool.failhard] source")
        _prove_listed(run, [*product, *tests])
        found = _check(run, product, settings.select)
        complexities = [(item, item.complexity or 0) for item in found if item.code == COMPLEX]
        violations = [
            item for item in [*found, *_check(run, tests, settings.test_select)] if item.code != COMPLEX
        ]
        limit = settings.max_complexity
        violations += [item for item, value in complexities if limit is not None and value > limit]
        unformatted = _format(run, [*product, *tests])
        findings = [_finding(run, item, settings) for item in violations]
        findings += [_unformatted(path, settings) for path in unformatted]
        findings += forbidden(run.root, run.source, product, settings)
        run.remember(texts.left(dict.fromkeys(texts.counts, 0)))
        return Observation(
            tool=tool,
            examined=len(project.files),
            findings=tuple(sorted(findings)),
            measures={
                "violations": len(findings) - len(unformatted),
                "unformatted": len(unformatted),
                "max_complexity": max((value for _, value in complexities), default=0),
                "suppressions": sum(texts.counts.values()),
            },
        )


def severity(mapping: Mapping[str, str], code: str, name: str) -> Severity:
    """Return the gravest severity whose key is the name or a prefix of the code; medium where none is.

    The gravest, not the longest key's: what a project adds to the policy's mapping can thus only tighten.
    """
    texts = [text for key, text in mapping.items() if key == name or code.startswith(key)]
    try:
        return max((Severity[text.upper()] for text in texts), default=Severity.MEDIUM)
    except KeyError as error:
        raise GateError(f"severity: {error} is none of LOW, MEDIUM, HIGH") from None


def parse_check(output: bytes, returncode: int) -> tuple[Violation, ...]:
    """Return what `ruff check --output-format json` reports; raises GateError unless it is complete."""
    try:
        entries = json.loads(output.decode("utf-8", "strict"))
        violations = tuple(_violation(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise GateError(f"ruff check: unreadable output ({error}): {output[:200]!r}") from None
    if not isinstance(entries, list) or bool(violations) != (returncode == 1):
        raise GateError(f"ruff check: exit code {returncode} with {len(violations)} violations contradict")
    broken = [item for item in violations if BROKEN & {item.code, item.name}]
    if broken:
        raise GateError(f"ruff check: {broken[0].path}:{broken[0].line}: {broken[0].message}")
    if any(item.code == COMPLEX and item.complexity is None for item in violations):
        raise GateError("ruff check: a complexity without its number; this version of ruff is not understood")
    return violations


def _violation(entry: dict[str, object]) -> Violation:
    code, fix, location, path = entry["code"], entry["fix"], entry["location"], entry["filename"]
    name = entry.get("name") or str(entry.get("url") or "").rstrip("/").rpartition("/")[2] or code
    if not isinstance(name, str) or not isinstance(path, str) or not isinstance(location, dict):
        raise TypeError("an entry without name, file or place")
    advice = fix.get("message") if isinstance(fix, dict) else None
    return Violation(
        code=str(code or name),
        name=name,
        path=path,
        line=int(location["row"]),
        message=str(entry["message"]),
        fix=str(advice or ""),
    )


def parse_format(output: bytes, returncode: int, expected: int) -> tuple[str, ...]:
    """Return the paths that `ruff format --check` would change; raises GateError unless all were examined."""
    try:
        lines = output.decode("utf-8", "strict").split("\n")
    except UnicodeDecodeError as error:
        raise GateError(f"ruff format: unreadable output ({error}): {output[:200]!r}") from None
    summary = _SUMMARY.match(lines[-2]) if len(lines) > 1 and not lines[-1] else None
    if summary is None:
        raise GateError(f"ruff format: the summary is missing at the end of its output: {output[:200]!r}")
    paths = tuple(match["plain"] or match["full"] for line in lines if (match := _UNFORMATTED.match(line)))
    bad, good = int(summary["bad"] or 0), int(summary["good"] or 0)
    if bad + good != expected:
        raise GateError(f"ruff format: examined {bad + good} files of {expected}")
    if len(set(paths)) != bad or bool(bad) != (returncode == 1):
        raise GateError(
            f"ruff format: exit code {returncode}, {len(paths)} paths and {bad} counted contradict"
        )
    return paths


def forbidden(
    root: Path, source: Sequence[str], paths: Iterable[str], settings: LintSettings
) -> list[Finding]:
    """Return a finding for each import that `forbidden_imports` bars."""
    findings: list[Finding] = []
    for path in paths:
        module = module_name(source, path)
        for glob, prefixes in settings.forbidden_imports.items():
            if not fnmatchcase(module, glob):
                continue
            for line, imported in imports(files.parse(root, path), module, path.endswith("__init__.py")):
                barred = [each for each in prefixes if imported == each or imported.startswith(f"{each}.")]
                if barred:
                    findings.append(_forbidden(path, line, module, imported, settings))
    return findings


def _forbidden(path: str, line: int, module: str, imported: str, settings: LintSettings) -> Finding:
    return Finding(
        rule="forbidden-import",
        name="forbidden-import",
        path=path,
        line=line,
        severity=severity(settings.severity, "forbidden-import", "forbidden-import"),
        message=f"{module} imports {imported}, which `forbidden_imports` bars",
        fix="move the code, or hand the dependency in from a package that may import it",
    )


def module_name(source: Sequence[str], path: str) -> str:
    """Return the dotted name of a file: below `src` and other plain folders that name is the path itself."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    for root in source:
        above = PurePosixPath(root).parent.parts
        if above and tuple(parts[: len(above)]) == above:
            parts = parts[len(above) :]
            break
    if parts[0] == "src":
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module, module: str, is_package: bool) -> list[tuple[int, str]]:
    """Return line and absolute dotted name of everything a module imports, names included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = (
                module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            )
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def _prove_listed(run: Run, paths: Sequence[str]) -> None:
    completed = _ruff(run, "check", paths, "--show-files")
    listed = set(completed.stdout.decode("utf-8", "replace").splitlines())
    missing = [path for path in paths if str(run.root / path) not in listed]
    if missing:
        raise GateError(f"ruff does not examine {len(missing)} of {len(paths)} files, first {missing[0]}")


def _check(run: Run, paths: Sequence[str], select: Sequence[str]) -> list[Violation]:
    if not paths:
        return []
    completed = _ruff(
        run,
        "check",
        paths,
        "--ignore-noqa",
        "--output-format=json",
        f"--select={','.join([*select, *ALWAYS])}",
        "--config=lint.mccabe.max-complexity=0",
    )
    known = {str(run.root / path): path for path in paths}
    violations = parse_check(completed.stdout, completed.returncode)
    strangers = [item.path for item in violations if item.path not in known]
    if strangers:
        raise GateError(f"ruff check: reports {strangers[0]}, which it was not given")
    # Proof of work: with a limit of 0 every function is reported, so a file with one cannot stay silent.
    seen = {known[item.path] for item in violations if item.code == COMPLEX}
    silent = [path for path in paths if path not in seen and _has_function(files.parse(run.root, path))]
    if silent:
        raise GateError(f"ruff check: {len(silent)} files were not examined, first {silent[0]}")
    return list(violations)


def _has_function(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)


def _format(run: Run, paths: Sequence[str]) -> list[str]:
    completed = _ruff(run, "format", paths, "--check")
    known = {str(run.root / path): path for path in paths}
    unformatted = parse_format(completed.stdout, completed.returncode, len(paths))
    strangers = [path for path in unformatted if path not in known]
    if strangers:
        raise GateError(f"ruff format: reports {strangers[0]}, which it was not given")
    return [known[path] for path in unformatted]


def _ruff(run: Run, command: str, paths: Sequence[str], *options: str) -> Completed:
    """Run ruff on files that stand in an argument file: a command line has a limit."""
    if any("\n" in path or "\r" in path for path in (*paths, str(run.root))):
        raise GateError("a path with a line break cannot be handed to ruff; rename it")
    arguments = run.scratch / f"ruff-{command}.arguments"
    arguments.write_text("".join(f"{run.root / path}\n" for path in paths), "utf-8")
    completed = run.python(
        "ruff",
        command,
        "--isolated",
        "--no-cache",
        f"--target-version={target_version(run.root)}",
        *(f"--config={key}={value}" for key, value in layout(run.root).items()),
        *options,
        f"@{arguments}",
        found=frozenset({1}),
    )
    require_obeyed(command, completed.stderr)
    return completed


def require_obeyed(command: str, warnings: bytes) -> None:
    """Raise GateError where ruff left out a file or a selected rule: it only warns, with exit code 0."""
    if b"Failed to " in warnings or b"has no effect" in warnings:
        raise GateError(
            f"ruff {command}: {warnings.decode('utf-8', 'replace').strip()[:400]}; correct the policy's "
            "selection (a preview rule is never run), or the file that is named"
        )


def _finding(run: Run, item: Violation, settings: LintSettings) -> Finding:
    path = Path(item.path).relative_to(run.root).as_posix()
    lines = (run.root / path).read_bytes().splitlines()
    text = lines[item.line - 1].decode("utf-8", "replace").strip() if 0 < item.line <= len(lines) else ""
    message, fix = item.message, item.fix or f"python -m ruff rule {item.code}"
    if item.complexity is not None:
        message = _COMPLEXITY.sub(f"({item.complexity} > {settings.max_complexity})", message)
        fix = "split the function"
    return Finding(
        rule=item.code,
        name=item.name,
        path=path,
        line=item.line,
        severity=severity(settings.severity, item.code, item.name),
        message=message,
        fix=fix,
        anchor=f"{item.code} {text}",
    )


def _unformatted(path: str, settings: LintSettings) -> Finding:
    return Finding(
        rule="unformatted",
        name="unformatted",
        path=path,
        line=0,
        severity=severity(settings.severity, "unformatted", "unformatted"),
        message="the file is not formatted",
        fix=f"python -m ruff format '{path}'",
    )
