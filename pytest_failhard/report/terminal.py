"""The report as text for a person: what is wrong, where, and what to do next."""

from __future__ import annotations

import itertools
import re
import textwrap
from typing import TYPE_CHECKING

from pytest_failhard.figures import decimal_text
from pytest_failhard.model import DECLARED_FALLBACKS, FALSE_POSITIVE, Severity, Verdict
from pytest_failhard.report import steps
from pytest_failhard.report.text import first_step, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_failhard.model import Finding, Report, Result

COUNTED = re.compile(r"(\d+ findings? at [^:]+:) ")
NAMED_RULE = re.compile(r"^(\d+ findings? at [^:]+): ")
MAX_FINDINGS = 10
MAX_LINES = 36
"""Of the findings of one gate: with its reasons and ways out they fill a screen."""
MAX_REASON = 100
MAX_MESSAGE = 300
"""Characters of one finding's message here; the other forms of the report have all."""
MIN_ROOM = 40
"""A terminal that is narrower than that is treated as this wide: words alone do not fit in it."""
DIGEST_DIGITS = 12
ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
BOLD = "1"
NEXT = "1;36"
COLOURS = {Verdict.PASS: "1;32", Verdict.FAIL: "1;31", Verdict.ERROR: "1;35"}
SEVERITIES = {Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "2"}
LABELS = ("fix:", "ways out:", "evidence:", "measured:")


def render(
    report: Report,
    colour: bool = False,
    folder: str = ".failhard",
    width: int = 0,
    brief: bool = False,
) -> str:
    """Return the text, without a last line break; `folder` is where the report files lie, empty without any.

    What a reader needs first stands last, where a terminal is when a run ends: each gate with one next step,
    and the verdict. `width` is that of a terminal, 0 for a file: its lines are not broken. A `brief` text
    leaves out the details of each gate.
    """
    details = () if brief else (_painted(result, colour, folder, width) for result in _standing(report))
    lines = [
        *_header(report),
        *(line for each in details for line in ("", *each)),
        "",
        *_table(report, colour, width),
        *_closing(report),
        *_steps(report),
        "",
        _last(report, colour, folder),
    ]
    return "\n".join(lines)


def gate_text(result: Result, colour: bool = False, folder: str = ".failhard") -> str:
    """Return the text of one gate: why, where, the ways out, the evidence."""
    return "\n".join(_painted(result, colour, folder))


def _header(report: Report) -> Iterator[str]:
    policy = f"{report.policy_name} {report.policy_sha256[:DIGEST_DIGITS]}"
    yield _plain(f"failhard level {report.level}, policy {policy}")
    project = report.project
    commit = f"commit {project.commit[:DIGEST_DIGITS]}" if project.commit else "no commit"
    changed = " with uncommitted changes" if project.dirty else ""
    mode = report.settings.get("mode")
    suffix = f", mode {mode}" if mode else ""
    yield _plain(f"{' '.join(filter(None, (project.name, project.version)))}, {commit}{changed}{suffix}")


def _table(report: Report, colour: bool, width: int) -> Iterator[str]:
    """Yield a line for each gate, the worst first; below one that did not pass, what to do first."""
    names = max((len(_plain(result.gate)) for result in report.results), default=0)
    room = max(width - names - len("  error  "), MIN_ROOM) if width else MAX_REASON
    for result in _worst_first(report.results):
        word = _word(result.verdict, colour, width=5)
        reused = " [reused]" if result.gate in report.reused else ""
        yield f"{_plain(result.gate):{names}}  {word}  {_plain(_short(result, room))}{reused}"
        step = first_step(result.options) if result.verdict is not Verdict.PASS else ""
        if step:
            label = paint("next:", NEXT, colour)
            yield f"{'':{names}}  {label} {_plain(_cut(step, room + len('error  ') - len('next: ')))}"
    if not report.results:
        yield "no gate was judged"


def _waived(result: Result) -> str:
    """Return the counts of what is accepted, marked as wrong, and frozen: the three are not the same."""
    marked = sum(each.waiver.kind == FALSE_POSITIVE for each in result.waived)
    counts = {
        "waived": len(result.waived) - marked,
        "marked as wrong": marked,
        "baselined": len(result.baselined),
    }
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f" [{said}]" if said else ""


def _short(result: Result, room: int) -> str:
    """Return the weightiest reason on one line; the details have all of them whole."""
    if not result.because:
        return _waived(result).strip()
    more = f" (and {len(result.because) - 1} more)" if len(result.because) > 1 else ""
    after = f"{more}{_waived(result)}"
    reason = NAMED_RULE.sub(r"\1, first ", result.because[0])
    return _cut(reason, max(room - len(after), MIN_ROOM // 2)) + after


def _cut(text: str, most: int) -> str:
    """Return as much of a text as fits, on one line; an address is cut as well as a word."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 4].rstrip()} ..."


def _worst_first(results: Iterable[Result]) -> list[Result]:
    """Return all of them, errors first: they hide what else is wrong."""
    return sorted(results, key=lambda result: ORDER.index(result.verdict))


def _standing(report: Report) -> list[Result]:
    return [result for result in _worst_first(report.results) if result.verdict is not Verdict.PASS]


def _painted(result: Result, colour: bool, folder: str, width: int = 0) -> Iterator[str]:
    """Yield the details, broken for a terminal; colours come last, so that they have no width."""
    severities = {_plain(finding.rule): finding.severity for finding in reversed(result.findings)}
    for number, line in enumerate(_details(result, folder)):
        first, *more = _broken(line, width)
        yield _in_colour(first, result.verdict, severities, number == 0) if colour else first
        yield from more


def _broken(line: str, width: int) -> list[str]:
    """Return the line in pieces that fit; one to copy, and one that a tool printed, stay whole."""
    if not width or len(line) <= width or "{gate: " in line or line.startswith("  | "):
        return [line]
    indent = len(line) - len(line.lstrip(" -"))
    return textwrap.wrap(
        line,
        max(width, MIN_ROOM),
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [line]


def _in_colour(line: str, verdict: Verdict, severities: Mapping[str, Severity], heading: bool) -> str:
    if heading:
        gate, _, word = line.rpartition(": ")
        return f"{paint(gate, BOLD, True)}: {paint(word, COLOURS[verdict], True)}"
    indent, text = line[: len(line) - len(line.lstrip())], line.lstrip()
    for label in LABELS:
        if text.startswith(label):
            return f"{indent}{paint(label, NEXT, True)}{text[len(label) :]}"
    rule = next((word for word in text.split(" ")[:2] if word in severities), "")
    return line.replace(rule, paint(rule, SEVERITIES[severities[rule]], True), 1) if rule else line


def _details(result: Result, folder: str) -> Iterator[str]:
    yield f"{_plain(result.gate)}: {result.verdict.value}"
    for reason in result.because:
        # The findings themselves follow, one a line.
        counted = COUNTED.match(reason)
        first, *more = (counted.group(1) if counted else reason).split("\n")
        yield f"  {_plain(first)}"
        # A table to paste stays one; the bar keeps whatever a tool printed from passing for our words.
        yield from (f"  | {_plain(line)}" for line in more[:MAX_LINES])
    if result.volatile:
        yield f"  measured: {_plain(_measured(result))}"
    yield from _findings(result, folder)
    if result.options:
        yield "  ways out:"
    for option in result.options:
        yield f"    - {_plain(option)}"
    if result.evidence and folder:
        yield f"  evidence: {_plain(f'{folder}/evidence/{result.gate}/{_first_to_open(result)}')}"


def _measured(result: Result) -> str:
    """Return what a clock gave: the reasons name the bound alone, so that two reports are equal."""
    values = {name: decimal_text(result.measures[name], up=True) for name in sorted(result.volatile)}
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _findings(result: Result, folder: str) -> Iterator[str]:
    # A measure out of bounds stands as a finding too; the reasons above have said it.
    findings = [finding for finding in result.findings if finding.message not in result.because]
    rules: dict[str, list[Finding]] = {}
    for finding in findings:
        rules.setdefault(finding.rule, []).append(finding)
    if len(rules) == 1 or len(findings) <= MAX_FINDINGS:
        yield from _listed(findings[:MAX_FINDINGS])
        hidden = len(findings) - MAX_FINDINGS
    else:
        yield from _by_rule([*rules.values()])
        hidden = sum(max(0, len(alike) - max(1, _places(len(rules)))) for alike in rules.values())
    if hidden > 0:
        yield f"  and {hidden} more{f' in {_plain(folder)}/report.json' if folder else ''}"


def _listed(findings: Iterable[Finding]) -> Iterator[str]:
    # One repair for neighbours stands once, below the last of them.
    for fix, alike in itertools.groupby(findings, key=lambda finding: finding.fix):
        for finding in alike:
            yield _line(finding)
        if fix:
            yield f"    fix: {_plain(fix)}"


def _places(rules: int) -> int:
    """Return how many places of each rule fit: each with its repair, and a line on the others; 0 for none."""
    return next((places for places in (2, 1) if rules * (2 * places + 1) <= MAX_LINES), 0)


def _by_rule(rules: Sequence[Sequence[Finding]]) -> Iterator[str]:
    """Yield every rule, the worst first: the more there are, the less of each."""
    places = _places(len(rules))
    for alike in rules[:MAX_LINES]:
        more = f"and {len(alike) - max(1, places)} more" if len(alike) > max(1, places) else ""
        if not places:
            yield f"{_line(alike[0])}{more and f' ({more})'}"
            continue
        yield from _listed(alike[:places])
        if more:
            yield f"    {more} {_plain(alike[0].rule)}"
    others = ", ".join(f"{_plain(alike[0].rule)} ({len(alike)})" for alike in rules[MAX_LINES:])
    if others:
        yield f"  also {others}"


def _line(finding: Finding) -> str:
    message = finding.message
    cut = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]} ..."
    return f"  {_plain(_place(finding))}{_plain(finding.rule)} {_plain(cut)}"


def _first_to_open(result: Result) -> str:
    """Return the tool's own output where there is some; our observation says no more than the report."""
    names = sorted(kept.name for kept in result.evidence)
    return next((name for name in names if name != "observation.json"), names[0])


def _place(finding: Finding) -> str:
    if not finding.path:
        return ""
    return f"{finding.path}:{finding.line} " if finding.line else f"{finding.path} "


def _closing(report: Report) -> Iterator[str]:
    notes = [f"note: {_plain(note)}" for note in report.notes]
    if not report.complete:
        notes.append(_partial(report))
    if notes:
        yield ""
        yield from notes


def _steps(report: Report) -> Iterator[str]:
    """Yield what earlier runs left: attempts, decisions, and what only a person goes on with."""
    told = [_plain(line) for line in steps.lines(report)]
    if told:
        yield ""
        yield from told


def _partial(report: Report) -> str:
    demanded = report.settings.get("gates_demanded")
    of = f" of {demanded}" if isinstance(demanded, int) else ""
    return f"partial: {len(report.results)}{of} gates; `failhard verify` refuses a partial report"


def _last(report: Report, colour: bool, folder: str) -> str:
    counts = [
        f"{sum(result.verdict is verdict for result in report.results)} {verdict.value}"
        for verdict in (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
    ]
    declared = _declared(report)
    counts += [f"{declared} declared fallback{'s'[: declared - 1]}"] if declared else []
    partial = "" if report.complete else ", partial"
    word = _word(report.verdict, colour)
    where = f"report in {_plain(folder)}/report.html" if folder else "no report was written"
    return f"failhard: {word} ({', '.join(counts)}{partial}), {where}"


def _declared(report: Report) -> int:
    """Return how many fallbacks the project has declared: what passes with one is no plain pass."""
    return sum(int(result.measures.get(DECLARED_FALLBACKS, 0)) for result in report.results)


def _word(verdict: Verdict, colour: bool, width: int = 0) -> str:
    return paint(f"{verdict.value:{width}}", COLOURS[verdict], colour)


def paint(text: str, code: str, colour: bool) -> str:
    """Return the text as a terminal shows it in a colour; the text alone where none is asked for."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour and text else text


def _plain(text: str) -> str:
    """Return one line that a terminal shows as it is: what a tool printed paints no verdict of its own."""
    return visible(text)
