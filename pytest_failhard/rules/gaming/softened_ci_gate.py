"""FH708: a gate in CI whose failure has no consequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError
from pytest_failhard.rules.data import ci as data
from pytest_failhard.rules.gate_runs import GateRun, GateRuns
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.rules.workflow import MalformedError, Script, Softener, scripts
from pytest_failhard.rules.wrappers import Wrappers

if TYPE_CHECKING:
    from pytest_failhard.model import Base, Option
    from pytest_failhard.rules.tree import Tree

FIX = "let the tool's failure fail the job; what must be accepted is a waiver"


class SoftenedCiGate(StaticRule):
    """A CI job runs a gate tool in such a way that its failure changes nothing.

    Finds:
        In the CI files (workflows and composite actions of GitHub, `.gitlab-ci.yml`, `azure-pipelines.yml`)
        a command that runs a gate tool and is followed by `|| true`, `|| echo`, `|| exit 0`, `|| :` or
        `; true`, has `--exit-zero` or `--exit-code 0`, or stands under `set +e`; and a job, a step or an
        action under `continue-on-error: true`, `allow_failure: true` or a condition that is never true.
        Shells within shells, targets of make, environments of tox, sessions of nox and shell scripts are
        followed one hop. A file that does not parse, so that nothing in it runs. Against the merge base:
        a job that ran gate tools and whose name now runs none.
    Why:
        The job is green whatever the tool finds, and everybody reads the green.
    Bad:
        # file: .github/workflows/ci.yml
        jobs:
          audit:
            runs-on: ubuntu-latest
            steps:
              - run: pip-audit || true
    Good:
        # file: .github/workflows/ci.yml
        jobs:
          audit:
            runs-on: ubuntu-latest
            steps:
              - run: pip-audit
              - run: cp coverage.xml out/ || true
    Exempt:
        Lines that name a tool without running it; mutation tests; commands that only report, combine, show
        a version or install stubs; a report that is written beside a strict run of the same tool in the
        same job, or that the same script reads and can fail on; a status that is kept and used (`rc=$?`, a
        step whose outcome a later step turns into a failure); `continue-on-error` by an expression over
        the matrix.
    Evasions:
        `|| :`, `; true`, `|| { echo; }`, `bash -c '... || true'`, a wrapper script, a Makefile with a
        leading `-`, `ignore_outcome`, `if: ${{ always() && false }}`, a matrix that excludes every
        combination, a merge key or `extends` that softens a step. Not seen: a job that is renamed
        and kept (GitHub then waits for the check of the old name for ever), wrappers within wrappers.
    Measured:
        22 verdicts: 20 true, 2 false and exempt since (in-sample). Now 20 hits in 7 of 41 projects.
    """

    code = "FH708"
    name = "softened-ci-gate"
    gate = "integrity"
    family = "gaming"
    roles = EVERY
    tree = True


def check(tree: Tree) -> Iterator[Hit]:
    """Yield the softened gates of a tree; raises GateError for a CI file that cannot be read.

    One that is read and does not parse is a finding: what runs CI refuses it, and every gate in it is off.
    """
    more = _names(tree.options, "gate_tools")
    runs = GateRuns(Wrappers(tree.root), more)
    seen: set[tuple[str, int, str]] = set()
    for path in ci_files(tree.root, _names(tree.options, "ci_files")):
        for hit in _of_file(path, _text(tree.root, path), runs, tree.base):
            if (key := (hit.path, hit.line, hit.canonical)) not in seen:
                seen.add(key)
                yield hit


def _of_file(path: str, text: str, runs: GateRuns, base: Base | None) -> Iterator[Hit]:
    try:
        found = scripts(path, text)
    except MalformedError as error:
        message = f"{path} does not parse as YAML ({error}): nothing in it runs"
        yield _hit(path, error.line, "", message, f"does not parse: {error}")
        return
    yield from _softened(found, runs)
    yield from _hollowed(path, found, runs, base)


def _names(options: Mapping[str, Option], key: str) -> tuple[str, ...]:
    value = options.get(key)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def ci_files(root: Path, more: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the CI files of a project, sorted; `more` are globs."""
    found = {path for pattern in (*data.WORKFLOWS, *more) for path in root.glob(pattern) if path.is_file()}
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))


def _text(root: Path, path: str) -> str:
    try:
        return (root / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GateError(f"{path}: cannot be read: {error}") from None


def _softened(found: Sequence[Script], runs: GateRuns) -> Iterator[Hit]:
    by_key: dict[tuple[str, Softener], list[str]] = {}
    by_job: dict[str, list[GateRun]] = {}
    for script in found:
        if any(data.MUTATION.search(label) for label in script.labels):
            continue
        ran = tuple(_runs(script, runs))
        by_job.setdefault(script.job, []).extend(ran)
        for softener in _effective(script) if ran else ():
            by_key.setdefault((script.job, softener), []).extend(run.tool for run in ran)
    for (job, softener), tools in by_key.items():
        yield _by_key(found[0].path, job, softener, tools)
    for job, ran_there in by_job.items():
        yield from (
            _by_command(job, run) for run in ran_there if run.softener and not _beside(run, ran_there)
        )


def _runs(script: Script, runs: GateRuns) -> Iterator[GateRun]:
    if not script.is_action:
        yield from runs.of(script.path, script.line, script.text, exact=script.exact, folder=script.folder)
        return
    named = script.text.rpartition("@")[0] or script.text
    words = set(data.WORD_BREAK.split(named.rpartition("/")[2].lower()))
    action = named.rpartition("/")[2].lower()
    for tool in sorted(data.ACTION_TOOLS):
        if tool in words or ("-" in tool and tool in action):
            yield GateRun(path=script.path, line=script.line, tool=tool, command=script.text)


def _effective(script: Script) -> Iterator[Softener]:
    """Yield the softeners around a script, but not that of a step whose outcome another step judges."""
    for softener in script.softeners:
        if script.step not in script.ids or not softener.text.startswith("continue-on-error"):
            yield softener


def _beside(run: GateRun, others: Iterable[GateRun]) -> bool:
    """Tell whether a run only writes a report, and the same tool runs strictly in the same job."""
    return run.is_report and any(
        each.tool == run.tool and not each.softener and not each.is_report for each in others
    )


def _by_key(path: str, job: str, softener: Softener, tools: Iterable[str]) -> Hit:
    names = ", ".join(sorted(set(tools)))
    message = f"job {job}: `{softener.text}` lets {names} fail without consequence"
    return _hit(path, softener.line, job, message, f"{softener.text} {names}")


def _by_command(job: str, run: GateRun) -> Hit:
    message = f"job {job}: {run.softener} lets {run.tool} fail without consequence"
    return _hit(run.path, run.line, job, message, f"{run.softener} {run.command}")


def _hit(path: str, line: int, job: str, message: str, canonical: str) -> Hit:
    return Hit(
        path=path,
        line=line,
        code=SoftenedCiGate.code,
        name=SoftenedCiGate.name,
        sub="",
        qualname=job,
        message=message,
        fix=FIX,
        canonical=" ".join(canonical.split()),
    )


def _hollowed(path: str, found: Sequence[Script], runs: GateRuns, base: Base | None) -> Iterator[Hit]:
    """Yield the jobs that ran gate tools at the merge base and run none under the same name now."""
    before = base.read(path) if base is not None else None
    if before is None:
        return
    try:
        old = scripts(path, before.decode("utf-8", "replace"))
    except MalformedError:
        # What did not parse at the base ran nothing there.
        return
    now = _tools(found, runs)
    for job, tools in _tools(old, runs).items():
        if tools and job in now and not now[job]:
            names = ", ".join(sorted(tools))
            message = f"job {job} ran {names} at the merge base and runs no gate tool now"
            line = next(script.line for script in found if script.job == job)
            yield _hit(path, line, job, message, f"no gate tool {names}")


def _tools(found: Iterable[Script], runs: GateRuns) -> Mapping[str, set[str]]:
    tools: dict[str, set[str]] = {}
    for script in found:
        tools.setdefault(script.job, set()).update(run.tool for run in _runs(script, runs))
    return tools
