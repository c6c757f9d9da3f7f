"""Security: bandit finds no dangerous call in the product's files.

Why:
    Generated code runs shell commands built from strings, loads pickles and unverified YAML, switches
    certificate checks off and binds to every interface. bandit knows these calls; here it runs without
    the project's `.bandit`, and `# nosec` has no effect.

Fails when:
    A finding reaches the level's `fail_at`, or a measure (`high`, `medium`, `low`, `suppressions`) is
    out of bounds. The severity is bandit's own. Its confidence is shown and changes nothing: severity
    says how bad a finding is if it is true, and the place to say that it is not true is a waiver, which
    has a reason and an end; the measures thereby stay the figures that bandit itself prints.

Fix:
    Follow the page that the finding names (`more_info`).

Waive:
    By finding, with a reason that says why no foreign input reaches this call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failhard.model import Finding, GateError, Observation, Reuse, Run, Settings, Severity, Tool
from pytest_failhard.source import files
from pytest_failhard.source.readable import Readable

KIND = "security/1"
"""The form of what is left for a later run."""
BANDIT = Tool(module="bandit", distribution="bandit", lowest="1.8")
ARGUMENT_BYTES = 60_000
"""Far below every system's limit for a command line; bandit reads no argument file."""
_NOSEC = re.compile(r"#\s*nosec\b", re.IGNORECASE)
SEVERITIES = {severity.name: severity for severity in Severity}


@dataclass(frozen=True, kw_only=True)
class SecuritySettings(Settings):
    """Which of bandit's tests matter more than bandit says."""

    severity: dict[str, str] = field(default_factory=dict)
    """bandit's test id or name -> low, medium or high; never less than bandit's own."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result of bandit's JSON."""

    path: str
    line: int
    code: str
    name: str
    severity: str
    confidence: str
    message: str
    page: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What bandit said: its results, and the lines of code that it counted in each file it was given."""

    hits: tuple[Hit, ...]
    lines: Mapping[str, int]


class SecurityGate:
    """Observes what bandit finds in the product's files."""

    id = "security"
    settings: type[Settings] = SecuritySettings
    waits_for_tool = True

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=(BANDIT.distribution,), day=False)

    def observe(self, run: Run) -> Observation:
        """Scan every product file; raises GateError where bandit did not account for one."""
        settings = run.settings
        if not isinstance(settings, SecuritySettings):
            raise GateError(f"security: settings are {type(settings).__name__}, not SecuritySettings")
        tool = run.tool(BANDIT)
        project = files.read(run.root, run.source, run.test_roots)
        texts = Readable(project, KIND, run.recall(), _NOSEC)
        paths = [file.path for file in project.product]
        if not paths:
            raise GateError("no product files: name the product's folders in [tool.failhard] source")
        # However much is known of them: that bandit works is shown in every run.
        report = _report(run, [path for path in paths if path not in texts.said] or paths[:1])
        lines = {**{path: texts.said[path] for path in paths if path in texts.said}, **report.lines}
        run.keep("lines.json", json.dumps(lines, indent=1, sort_keys=True).encode() + b"\n")
        run.remember(texts.left(_clean(project, report.hits, lines)))
        return Observation(
            tool=tool,
            examined=len(lines),
            findings=tuple(sorted(_finding(run.root, hit, settings.severity) for hit in report.hits)),
            measures={
                **{name.lower(): sum(hit.severity == name for hit in report.hits) for name in SEVERITIES},
                "suppressions": sum(texts.counts[path] for path in paths),
            },
        )


def chunks(root: Path, paths: Sequence[str]) -> Iterator[list[str]]:
    """Yield the paths in lists whose command line stays below the limit."""
    chunk: list[str] = []
    size = 0
    for path in paths:
        length = len(str(root / path).encode()) + 1
        if chunk and size + length > ARGUMENT_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(path)
        size += length
    if chunk:
        yield chunk


def parse(output: bytes, returncode: int, loc_expected: Mapping[str, bool]) -> Report:
    """Return what bandit said; raises GateError unless every expected file is accounted for.

    `loc_expected` says of each file, by the path that bandit was given, whether it holds any code.
    """
    try:
        document = json.loads(output.decode("utf-8", "strict"))
        errors, metrics, results = document["errors"], document["metrics"], document["results"]
        hits = tuple(_hit(entry) for entry in results)
        totals = {name: int(metrics["_totals"][f"SEVERITY.{name}"]) for name in SEVERITIES}
        lines = {path: int(entry["loc"]) for path, entry in metrics.items() if path != "_totals"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise GateError(f"bandit: unreadable output ({error}): {output[:200]!r}") from None
    if errors != []:
        raise GateError(f"bandit: it could not examine a file: {errors!r:.300}")
    _agree(hits, totals, returncode)
    missing = [path for path in loc_expected if path not in lines]
    strangers = [path for path in [*lines, *(hit.path for hit in hits)] if path not in loc_expected]
    empty = [path for path, has_code in loc_expected.items() if has_code and not lines.get(path)]
    if missing or strangers or empty:
        named = [*missing, *strangers, *empty][0]
        raise GateError(f"bandit: examined {len(lines)} files of {len(loc_expected)}; look at {named}")
    return Report(hits=hits, lines=lines)


def _agree(hits: Sequence[Hit], totals: Mapping[str, int], returncode: int) -> None:
    counted = {name: sum(hit.severity == name for hit in hits) for name in SEVERITIES}
    if counted != totals or bool(hits) != (returncode == 1):
        raise GateError(
            f"bandit: exit code {returncode}, {len(hits)} results and its own totals {totals} contradict"
        )


def _hit(entry: Mapping[str, object]) -> Hit:
    line = entry["line_number"]
    texts = {
        key: entry[key] for key in ("filename", "test_id", "test_name", "issue_text", "issue_confidence")
    }
    if not isinstance(line, int) or not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a result without file, line or test")
    if entry["issue_severity"] not in SEVERITIES:
        raise ValueError(f"severity {entry['issue_severity']!r}")
    return Hit(
        path=str(texts["filename"]),
        line=line,
        code=str(texts["test_id"]),
        name=str(texts["test_name"]).replace("_", "-"),
        severity=str(entry["issue_severity"]),
        confidence=str(texts["issue_confidence"]),
        message=str(texts["issue_text"]),
        page=str(entry.get("more_info") or ""),
    )


def _clean(project: files.Project, hits: Iterable[Hit], lines: Mapping[str, int]) -> dict[str, int]:
    """Return the lines of each file of which there is nothing to say; 0 for one that bandit was not given."""
    found = {hit.path for hit in hits}
    return {file.path: lines.get(file.path, 0) for file in project.files if file.path not in found}


def _report(run: Run, paths: Sequence[str]) -> Report:
    (run.scratch / "bandit.ini").write_text("[bandit]\n", "utf-8")
    reports = [_bandit(run, chunk) for chunk in chunks(run.root, paths)]
    return Report(
        hits=tuple(hit for report in reports for hit in report.hits),
        lines={path: count for report in reports for path, count in report.lines.items()},
    )


def _bandit(run: Run, paths: Sequence[str]) -> Report:
    known = {str(run.root / path): path for path in paths}
    completed = run.python(
        "bandit",
        "--quiet",
        "--recursive",
        "--format=json",
        f"--ini={run.scratch / 'bandit.ini'}",
        # bandit's default leaves out each path with `.svn`, `CVS` or `.egg` anywhere in it.
        f"--exclude={run.scratch / 'nothing'}",
        "--ignore-nosec",
        "--",
        *known,
        found=frozenset({1}),
        # In a later run it is given fewer files.
        volatile=True,
    )
    has_code = {given: bool(files.parse(run.root, path).body) for given, path in known.items()}
    report = parse(completed.stdout, completed.returncode, has_code)
    return Report(
        hits=tuple(replace(hit, path=known[hit.path]) for hit in report.hits),
        lines={known[path]: count for path, count in report.lines.items()},
    )


def _finding(root: Path, hit: Hit, severities: Mapping[str, str]) -> Finding:
    texts = [hit.severity, *(severities[key].upper() for key in (hit.code, hit.name) if key in severities)]
    unknown = [text for text in texts if text not in SEVERITIES]
    if unknown:
        raise GateError(f"severity: {unknown[0]!r} is none of LOW, MEDIUM, HIGH")
    lines = (root / hit.path).read_bytes().splitlines()
    code = lines[hit.line - 1].decode("utf-8", "replace").strip() if 0 < hit.line <= len(lines) else ""
    return Finding(
        rule=hit.code,
        name=hit.name,
        path=hit.path,
        line=hit.line,
        severity=max(SEVERITIES[text] for text in texts),
        message=f"{hit.message} ({hit.confidence.lower()} confidence)",
        fix=f"see {hit.page}" if hit.page else "replace the call",
        anchor=f"{hit.code} {code}",
    )
