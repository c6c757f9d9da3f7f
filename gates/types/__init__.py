"""Types: mypy finds no type error in the product's files, and has really read each of them.

Why:
    Generated code calls functions that do not exist, passes None where a value is needed and returns
    what the caller does not expect; tests with mocks let all of it through. mypy runs with the policy's
    flags alone: `mypy.ini`, plugins and `ignore_errors` of the project have no effect. What it found in
    an earlier run stands for files with the very same bytes (SHA-256), as far as nothing changed that they
    import; `--no-cache` has it look at all of them again.

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pytest_failhard.gates.types import facts, memory, tree
from pytest_failhard.gates.types.checking import LINKS, check, linked, require_stricter, seed
from pytest_failhard.gates.types.facts import Facts
from pytest_failhard.gates.types.output import UNRESOLVED, Problem
from pytest_failhard.model import Finding, GateError, Observation, Reuse, Run, Settings, Severity, Tool
from pytest_failhard.source import files
from pytest_failhard.source.import_roots import roots_of

FIX = "correct the code or its annotation"
UNRESOLVED_FIX = "install the package, or stubs for it, or correct its name"
MYPY = Tool(module="mypy", distribution="mypy", lowest="1.19")


@dataclass(frozen=True, kw_only=True)
class TypesSettings(Settings):
    """How strict mypy is, and how bad each of its error codes is."""

    flags: list[str] = field(default_factory=list)
    """Flags of mypy that make it stricter; no others are accepted."""
    severity: dict[str, str] = field(default_factory=dict)
    """mypy's error code -> low, medium or high."""


class TypesGate:
    """Observes what mypy finds in the product's files."""

    id = "types"
    settings: type[Settings] = TypesSettings
    waits_for_tool = True

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=(MYPY.distribution,), day=False)

    def observe(self, run: Run) -> Observation:
        """Type-check every product file; raises GateError where mypy did not prove that it read one."""
        settings = run.settings
        if not isinstance(settings, TypesSettings):
            raise GateError(f"types: settings are {type(settings).__name__}, not TypesSettings")
        require_stricter(settings.flags)
        tool = run.tool(MYPY)
        earlier = memory.load(run.recall())
        sources = _sources(run, earlier)
        roots = roots_of(run.root, run.source, sources.imports)
        places = linked(run, sorted(sources.facts), roots)
        terms = (tool, str(run.interpreter), *roots, "with", *settings.flags)
        now = tree.look(run.root, roots, sources.digests)
        is_seeded = now is not None and earlier.terms == terms and seed(run, earlier, now, roots)
        checked = check(run, places, settings.flags, is_seeded=is_seeded)
        problems = checked.problems
        findings = [_finding(run, item, roots, settings.severity) for item in problems]
        findings += unchecked(sources.facts)
        if now is not None:
            left = memory.Memory(
                terms=terms, tree=now, stores=checked.stores, sources=sources.digests, facts=sources.facts
            )
            run.remember(memory.dump(left))
        unresolved = sum(item.code in UNRESOLVED for item in problems)
        return Observation(
            tool=tool,
            examined=len(places),
            findings=tuple(sorted(findings)),
            measures={
                "errors": len(problems) - unresolved,
                "unresolved_imports": unresolved,
                "files_checked": len(places),
                "untyped_defs": sum(each.untyped for each in sources.facts.values()),
                "suppressions": sum(each.suppressions for each in sources.facts.values()),
            },
        )


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """The project's files: the digests of all that parse, and the facts of the product's."""

    digests: Mapping[str, str]
    facts: Mapping[str, Facts]

    @property
    def imports(self) -> frozenset[str]:
        """The top-level names that the product imports."""
        return frozenset(name for each in self.facts.values() for name in each.imports)


def _sources(run: Run, earlier: memory.Memory) -> _Sources:
    """Read the project; what an earlier run read stands for the very same bytes."""
    project = files.read(run.root, run.source, run.test_roots)
    product = {file.path for file in project.product}
    digests: dict[str, str] = {}
    known: dict[str, Facts] = {}
    problems: list[str] = []
    for path in (file.path for file in project.files):
        digests[path] = _digest(run, path)
        is_same = earlier.sources.get(path) == digests[path]
        try:
            if path in product:
                kept = earlier.facts.get(path) if is_same else None
                known[path] = kept or facts.read(run.root, path)
            elif not is_same:
                files.parse(run.root, path)
        except GateError as error:
            problems.append(str(error))
    if problems:
        raise GateError("unreadable-source: " + "; ".join(problems))
    if not product:
        raise GateError("no product files: name the product's folders in [tool.failhard] source")
    return _Sources(digests=digests, facts=known)


def _digest(run: Run, path: str) -> str:
    """Return the SHA-256 of a file, empty where it cannot be read: parsing it says why."""
    try:
        return tree.digest(run.root / path)
    except OSError:
        return ""


def unchecked(known: Mapping[str, Facts]) -> list[Finding]:
    """Return a finding for each comment that switches mypy off for a whole file (FO-83)."""
    return [_unchecked(path, line, text) for path, each in known.items() for line, text in each.unchecked]


def _unchecked(path: str, line: int, text: str) -> Finding:
    return Finding(
        rule="unchecked-file",
        name="unchecked-file",
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"`{text}` switches type checking off for the whole file",
        fix="remove the comment and correct what mypy then reports",
    )


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
        fix=item.hint or (UNRESOLVED_FIX if item.code in UNRESOLVED else FIX),
        anchor=f"{item.code} {code}",
    )
