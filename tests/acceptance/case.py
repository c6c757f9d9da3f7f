"""What one entry of the fail-open list demands, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.harness import EXIT, Ask, Expected, Mode, Outcome, check_agreement
from tests.acceptance.project import Files, write
from tests.acceptance.scratch import Fault
from tests.size import FULL

VERDICTS = {Expected.MISSING: "error", Expected.WATCHDOG: "error"}

Change = Callable[[Path], None]


def _unchanged(root: Path) -> None:
    del root


def _nothing_more(outcome: Outcome) -> None:
    del outcome


@dataclass(frozen=True, kw_only=True)
class Case:
    """One situation of the fail-open list: a fault put into the green project, and what must be said.

    `author` and `supervised` are what the two modes must say; None where nothing is promised. `twin` are the
    files of the green twin, which differs from the case in the fault alone; empty: the green project
    itself is the twin. `author_code` stands where pytest's own exit code is not rewritten.
    """

    id: str
    gate: str
    author: Expected | None
    supervised: Expected | None
    phrase: str
    name: str = ""
    files: Files = field(default_factory=dict)
    change: Change = _unchanged
    ask: Ask = field(default_factory=Ask)
    twin: Files | None = None
    twin_ask: Ask | None = None
    twin_change: Change = _unchanged
    rule: str = ""
    workers: bool = False
    always: bool = False
    author_code: int | None = None
    spread_code: int | None = None
    """As `author_code`, where workers share the tests."""
    phrases: Mapping[Mode, str] = field(default_factory=dict)
    tool: str = ""
    """The tool that obeys `fault`, or `gate` for a foreign gate; empty for the real ones."""
    fault: Fault = field(default_factory=dict)
    unwritten: bool = False
    """The run ends with no report on the disk: what is wrong is printed alone."""
    also: Callable[[Outcome], None] = _nothing_more

    @property
    def label(self) -> str:
        """Return the id, with what tells variants apart."""
        return f"{self.id}-{self.name}" if self.name else self.id

    @property
    def plain_ask(self) -> Ask:
        """Return what the twin is asked for: the same gate and level, none of the options of the fault."""
        return self.twin_ask or Ask(only=self.ask.only, level=self.ask.level)

    def expected(self, mode: Mode) -> Expected | None:
        """Return the column of a mode."""
        return self.author if mode is Mode.AUTHOR else self.supervised

    def modes(self) -> tuple[Mode, ...]:
        """Return the modes to run: all that promise something, or the most telling one."""
        promised = tuple(mode for mode in Mode if self.expected(mode) is not None)
        if FULL or self.always:
            return promised
        red = tuple(mode for mode in promised if self.expected(mode) is not Expected.PASS) or promised
        # Odd ids in one mode, even ones in the other: both are seen in every section of the list.
        return (red[int(self.id.removeprefix("FO-")) % len(red)],)

    def change_project(self, root: Path) -> None:
        """Put the fault into a copy of the green project."""
        write(root, self.files)
        self.change(root)

    def check(self, outcome: Outcome) -> None:
        """Compare a run with what is demanded: exit code, verdict, gate, key phrase, all agreeing."""
        expected = self.expected(outcome.mode)
        assert expected is not None
        code = EXIT[outcome.mode][expected]
        if outcome.mode is Mode.AUTHOR and self.author_code is not None:
            code = self.author_code
        assert outcome.code == code, f"{self.label}: expected {expected.value} ({code})\n{outcome}"
        check_agreement(outcome)
        phrase = self.phrases.get(outcome.mode, self.phrase)
        if expected is Expected.REFUSE or self.unwritten:
            assert outcome.report is None, f"{self.label}: a report without a run\n{outcome}"
            assert phrase in outcome.output, f"{self.label}: {phrase!r} is not said\n{outcome}"
            return
        self._check_gate(outcome, expected, phrase)
        self.also(outcome)

    def _check_gate(self, outcome: Outcome, expected: Expected, phrase: str) -> None:
        gate = outcome.gate(self.gate)
        verdict = VERDICTS.get(expected, expected.value)
        assert gate["verdict"] == verdict, f"{self.label}: {self.gate} should be {verdict}\n{outcome}"
        messages = [finding["message"] for finding in gate["findings"]]
        said = "\n".join([*gate["because"], *messages])
        if expected is not Expected.PASS:
            assert phrase in said, f"{self.label}: {phrase!r} is not in:\n{said}\n{outcome}"
        if self.rule and expected is Expected.FAIL:
            rules = {finding["rule"] for finding in gate["findings"]}
            assert self.rule in rules, f"{self.label}: no finding {self.rule} in {rules}\n{outcome}"
