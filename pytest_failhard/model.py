"""The vocabulary: frozen types and the protocols a gate meets."""

from __future__ import annotations

import enum
import hashlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import date, datetime
    from fractions import Fraction
    from pathlib import Path

    from pytest_failhard.remembered import Decision, Quarantined, Stuck

Option = bool | int | str | list["Option"] | dict[str, "Option"] | None
"""A value as it stands in a policy or in `[tool.failhard.<gate>]`."""

NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})
LEVELS = (1, 2, 3, 4)
"""How mature a system is: proof of concept, development, pre-production, production."""
FINGERPRINT_DIGITS = 16
BASELINE_FILE = "failhard-baseline.json"
"""The file at a project's root that holds its stock: `baseline` reads it."""
SOURCE_DATE = "SOURCE_DATE_EPOCH"
GITHUB_BASE = "GITHUB_BASE_REF"
SIGNING_KEY = "FAILHARD_SIGNING_KEY"
RUN_VARIABLES = (SOURCE_DATE, GITHUB_BASE, SIGNING_KEY)
"""What a run takes from the environment: whoever has a part of it done elsewhere hands them on."""
MEMORY_MB = 8192
DECLARED_FALLBACKS = "declared_fallbacks"
"""The measure that tells a pass with a fallback from a plain one: how many the project has declared."""
FALSE_POSITIVE = "false-positive"
"""The kind of a waiver that says: the finding is wrong, nothing is accepted."""


class Severity(enum.IntEnum):
    """How bad a finding is; a rule fails at a severity and above."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Verdict(enum.Enum):
    """What the judge says. There is no skip: what is not proven is an error."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    ERROR = "error"


class Phase(enum.Enum):
    """When a gate can observe."""

    STATIC = "static"
    """Needs the tree alone: starts at once, beside the tests."""
    TESTS = "tests"
    """Needs the records of the test run."""
    QUIET = "quiet"
    """Measures what runs: after all others, and alone."""


class Mode(enum.Enum):
    """Who owns the process that judges."""

    AUTHOR = "author"
    """`pytest --failhard-level=N`: the project's conftest shares our process."""
    SUPERVISED = "supervised"
    """`failhard check`: the tests run in a child, the parent judges."""


class GateError(Exception):
    """The gate could not do its work: never a pass, never waivable.

    `external` is true where nothing in the project can mend it (a service did not answer).
    """

    def __init__(self, message: str, *, external: bool = False) -> None:
        super().__init__(message)
        self.external = external


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One thing that is wrong, where it is, and the repair in one clause.

    `rule` is the code where there is one (`FH101/true`), else the kebab-case name; `name` is always
    the name. `path` is relative to the root in POSIX form, empty where no file is meant; `line` is 0
    where no line is meant. `anchor` is what does not move when the file is edited elsewhere
    (canonical code, node id, package and advisory); empty means the message.
    """

    rule: str
    name: str
    path: str
    line: int
    severity: Severity
    message: str
    fix: str
    anchor: str = ""
    other_anchors: tuple[str, ...] = ()
    """Further names of the same thing (the aliases of an advisory): a waiver by one of them fits too."""
    fixed_in: str = ""
    """The version of a package that mends it; empty where there is none, or none is meant."""

    @property
    def fingerprint(self) -> str:
        """Return the identity that survives unrelated edits: never the line."""
        return self._fingerprint(self.anchor or self.message)

    @property
    def fingerprints(self) -> frozenset[str]:
        """Return the identities by all of its names."""
        return frozenset({self.fingerprint, *map(self._fingerprint, self.other_anchors)})

    def _fingerprint(self, anchor: str) -> str:
        identity = "\0".join((self.name, self.path, anchor))
        return hashlib.sha256(identity.encode()).hexdigest()[:FINGERPRINT_DIGITS]


@dataclass(frozen=True, kw_only=True, order=True)
class Evidence:
    """A kept file: its name below `evidence/<gate>/`, the SHA-256 of its stored bytes, its type.

    A `volatile` one differs between two runs on the same commit (it holds times): the report names it
    apart from what must be equal.
    """

    name: str
    sha256: str
    media_type: str
    volatile: bool = False


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a gate saw. It holds no threshold and no verdict.

    `examined` counts the things looked at (files, tests, packages); 0 is an error. A measure is exact:
    an integer, or a Fraction built from its two counts, never from a rounded figure. `applies` is
    false only under a rule's `when`, with the proof in `evidence`. `allows` are the waivers that stand
    in the judged files themselves, each bound to a finding. `traits` say what kind of thing was seen, for
    a rule's `only_for`; `volatile` names the measures that a clock gave: they differ between two runs.
    `cut_short` says that what was found kept the gate from looking at the rest (a system that does not
    start is not put under load): the findings must then fail, or what is missing is an error after all.
    `fleeting` says that it rests on more than files (code of the project ran): it holds for this run alone.
    """

    tool: str
    examined: int
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, int | Fraction] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    applies: bool = True
    allows: tuple[Waiver, ...] = ()
    traits: frozenset[str] = frozenset()
    volatile: frozenset[str] = frozenset()
    cut_short: bool = False
    fleeting: bool = False


@dataclass(frozen=True, kw_only=True)
class Waivable:
    """Which findings and measures of a rule a waiver can cover: all but `all_but`, or none.

    Of those that it cannot, the ones in `false_positive` can be marked as wrong, by two people.
    """

    any: bool = True
    all_but: frozenset[str] = frozenset()
    false_positive: frozenset[str] = frozenset()

    def covers(self, finding: Finding) -> bool:
        """Tell whether a waiver may cover this finding."""
        return self.any and not _names(finding) & self.all_but

    def marks(self, finding: Finding) -> bool:
        """Tell whether this finding, which no waiver covers, may be marked as wrong."""
        return self.any and bool(_names(finding) & self.false_positive)

    def admits(self, finding: Finding, waiver: Waiver) -> bool:
        """Tell whether this waiver may cover this finding, by what it is and who stands behind it."""
        if self.covers(finding):
            return True
        seconded = waiver.approved_by not in {"", waiver.owner}
        return self.marks(finding) and waiver.kind == FALSE_POSITIVE and seconded


def _names(finding: Finding) -> frozenset[str]:
    return frozenset({finding.rule, finding.rule.partition("/")[0], finding.name})


@dataclass(frozen=True, kw_only=True)
class PolicyOption:
    """An option's value in a policy and who may change it.

    `kind` is `fixed`, `tighten`, `project` (describes the tree) or `accept` (lets something through).
    `stricter` says which direction is the stricter one: `lower`, `higher`, `superset`, `subset`,
    `severity` (a mapping of names to severities), `budget` (of names to numbers), `demand` (a word, empty
    for nothing demanded), `choice` where none is, and a policy file may take another; `none` where values
    cannot be compared.
    """

    value: Option
    kind: str
    stricter: str = "none"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one level demands of one gate. `timeout` is in seconds; `fail_at` None means no severity fails.

    `memory_mb` is what its processes may hold together, in megabytes; as with `timeout`, going over it is an
    error. A measure in `only_for` is demanded only of what has one of its traits.
    """

    gate: str
    fail_at: Severity | None
    timeout: int
    memory_mb: int = MEMORY_MB
    at_least: Mapping[str, int | Fraction] = field(default_factory=dict)
    at_most: Mapping[str, int | Fraction] = field(default_factory=dict)
    only_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    when: str | None = None
    waivable: Waivable = Waivable()
    starts: date | None = None
    options: Mapping[str, PolicyOption] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WaiverTerms:
    """What a level demands of waivers. Days are calendar days."""

    max_days: int
    warn_days: int
    required: frozenset[str]
    stale: Severity
    """The severity of an expired, unused or no longer matching waiver, and of one too many."""
    most: int
    """How many findings may be waived at once."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A level's rules, its waiver terms, and the digest of the file they stand in."""

    name: str
    level: int
    rules: tuple[Rule, ...]
    waivers: WaiverTerms
    budget_seconds: int
    tests_timeout: int
    plugins: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, kw_only=True, order=True)
class Waiver:
    """A person's consent to one finding until a day. `value` is the worst accepted measure."""

    gate: str
    rule: str
    path: str
    fingerprint: str
    reason: str
    owner: str
    expires: date
    kind: str = "accepted-risk"
    ref: str = ""
    approved_by: str = ""
    value: int | Fraction | None = None
    until_fixed: bool = False
    """It lapses as soon as a version is known that mends the finding."""

    @property
    def place(self) -> str:
        """What it speaks of, for a reader."""
        return " ".join(part for part in (self.gate, self.rule, self.path) if part)

    def binds(self, finding: Finding) -> bool:
        """Tell whether it was given for this very finding, and still holds."""
        return self.fingerprint in finding.fingerprints and not self.has_lapsed(finding)

    def has_lapsed(self, finding: Finding) -> bool:
        """Tell whether it was to hold until a fix exists, and one does."""
        return self.until_fixed and bool(finding.fixed_in)


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A finding that was there when a project began, and may stay until it is mended.

    `value` is the worst admitted measure: a floor, or with `ceiling` a ceiling; None for a plain finding.
    `date` is the day on which it was frozen.
    """

    gate: str
    rule: str
    path: str
    fingerprint: str
    reason: str
    owner: str
    date: date
    value: int | Fraction | None = None
    ceiling: bool = False


@dataclass(frozen=True, kw_only=True)
class Stock:
    """The baseline of a run: what is let through; and at level 4, which has none, what is not."""

    frozen: tuple[Frozen, ...] = ()
    refused: tuple[Frozen, ...] = ()


@dataclass(frozen=True, kw_only=True, order=True)
class Clarification:
    """A person's reading of a licence that metadata does not determine, bound to what was read.

    `package` is canonical; `files` are paths below its `.dist-info` with their SHA-256. It has no end,
    because another version or another text voids it.
    """

    package: str
    version: str
    expression: str
    files: tuple[tuple[str, str], ...]
    reason: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """A verdict for one gate, with what it rests on.

    `because` says why in the order of weight; `options` lists the ways out a person has; `fixable`
    is `code`, `waiver`, `outside`, or empty for a pass.
    """

    gate: str
    verdict: Verdict
    because: tuple[str, ...]
    tool: str = ""
    examined: int = 0
    measures: Mapping[str, int | Fraction] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()
    options: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    applies: bool = True
    fixable: str = ""
    volatile: frozenset[str] = frozenset()
    """The names of the measures that differ between two runs on the same commit."""
    baselined: tuple[Finding, ...] = ()
    """What the baseline lets through: it stays in the report."""


@dataclass(frozen=True, kw_only=True, order=True)
class Waived:
    """A finding that a waiver covers: it stays in the report."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, kw_only=True)
class ProjectFacts:
    """Which tree was judged. `commit` is empty outside git."""

    name: str
    version: str
    commit: str
    dirty: bool


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How the gates of a run went through: counts, and how many ran at once at most.

    Where a run was interrupted, `in_flight` names what ran then. No more than `allowed` may run at once.
    """

    submitted: int
    completed: int
    in_flight: tuple[str, ...]
    peak: int
    allowed: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """All results of a run; its verdict is the worst of them.

    `settings` are what the run was asked for (seed, mode, base, ...), as text. What follows `results`
    is volatile: it differs between two runs on the same commit.
    """

    level: int
    policy_name: str
    policy_sha256: str
    project: ProjectFacts
    settings: Mapping[str, Option]
    complete: bool
    results: tuple[Result, ...]
    started_at: str
    judged_on: date
    seconds: Mapping[str, float]
    host: str
    notes: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    """The gates whose observation was made in an earlier run from the same inputs."""
    models: tuple[str, ...] = ()
    """Which models the system asked at the wire, as `dialect:model`: not volatile."""
    attempts: Mapping[str, int] = field(default_factory=dict)
    """Fix attempts made at each gate that does not pass, and under `run` those at all of them."""
    attempts_left: Mapping[str, int] = field(default_factory=dict)
    stuck: tuple[Stuck, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """What people decided since everything passed, as far as it holds."""
    quarantined: tuple[Quarantined, ...] = ()
    flow: Flow | None = None

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict; a report without results proves nothing and is an error."""
        verdicts = {result.verdict for result in self.results}
        if not verdicts or Verdict.ERROR in verdicts:
            return Verdict.ERROR
        return Verdict.FAIL if Verdict.FAIL in verdicts else Verdict.PASS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of a gate; a gate's own type derives from it, frozen, with one field an option.

    Every field needs a default, which stands where neither policy nor project names the option.
    The attribute below makes pydantic refuse unknown keys and silent conversions.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An external Python tool: how it is started and installed, and which versions are right."""

    module: str
    distribution: str
    lowest: str
    known_bad: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """What an observation depends on besides the tree, the environment, its rule and its settings.

    `tools` are distributions; `day` says that the gate looks at the date; `hours` is how long an observation
    is kept at most.
    """

    tools: tuple[str, ...] = ()
    day: bool = True
    hours: int = 30 * 24


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A process that ended by itself with an allowed exit code. Output is raw bytes.

    `is_plain` says that its output was kept as it is: nothing secret, no place of ours, no time stood in it.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    is_plain: bool = False


@dataclass(frozen=True, kw_only=True)
class TestRecord:
    """The outcome of one phase of one test.

    `when` is `setup`, `call`, `teardown`, `collect`, or `???` (a worker died); `outcome` is `passed`,
    `failed`, `skipped` or `rerun`. `raised` is the type name of the exception the phase really
    raised, empty for none: it is recorded apart from the outcome, so that a forged outcome shows.
    """

    nodeid: str
    when: str
    outcome: str
    raised: str
    reason: str = ""
    xfail: bool = False
    xfail_strict: bool = False
    path: str = ""
    line: int = 0
    seconds: float = 0.0
    message: str = ""
    markers: str = ""
    """Of a setup: the names of the test's markers, sorted, blanks between them."""


@dataclass(frozen=True, kw_only=True, order=True)
class ProjectHook:
    """A pytest hook that a file of the project implements. `path` is relative to the root."""

    hook: str
    path: str
    line: int


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """The records of the test run, as the gates `tests` and `coverage` see them.

    `collected` are all node ids seen at collection, before anything was deselected; `selected` those
    that were to run. `exit_status` is pytest's own, before any correction of ours.
    """

    collected: tuple[str, ...]
    selected: tuple[str, ...]
    deselected: tuple[str, ...]
    records: tuple[TestRecord, ...]
    hooks: tuple[ProjectHook, ...]
    lost_workers: tuple[str, ...]
    exit_status: int
    interrupted: bool
    inipath: str
    arguments: tuple[str, ...]
    environment_options: str
    """The content of PYTEST_ADDOPTS."""
    coverage_data: Path | None
    """The folder with our coverage data files, or None where nothing was measured."""


class Base(Protocol):
    """The merge base's tree. A proven root commit has the empty tree."""

    @property
    def commit(self) -> str:
        """The commit id, empty for the empty tree."""

    @property
    def chosen(self) -> str:
        """How the base was chosen, for the report."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes at the base, None where it has no such file."""

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        """Return the lines of the working tree that the base lacks, by path, untracked files included."""

    def differing(self) -> frozenset[str]:
        """Return the paths of the base whose text there is another, files that are gone included."""


class Process(Protocol):
    """A long-running child of a gate. It and all that it started are ended with the gate at the latest."""

    @property
    def pid(self) -> int:
        """The process id."""

    @property
    def stdout(self) -> str:
        """What it has written to standard output so far."""

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs.

        Raises GateError where it wrote more than is read.
        """

    def family(self) -> tuple[int, ...]:
        """Return the ids of what lives of it and of all that it started, itself first."""

    def wait(self, timeout: float) -> int | None:
        """Return the exit code, or None after `timeout` seconds.

        Raises GateError where the gate's time is over, or the process wrote more than is read.
        """

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process alone, as whoever operates it does; one that has ended gets none."""

    def kill(self) -> None:
        """End it and all that it started; raises GateError where something survives."""


class Run(Protocol):
    """All that a gate may touch."""

    @property
    def root(self) -> Path:
        """The project's root folder."""

    @property
    def level(self) -> int:
        """The effective level."""

    @property
    def source(self) -> tuple[str, ...]:
        """Product roots, relative to the root: folders or modules."""

    @property
    def test_roots(self) -> tuple[str, ...]:
        """Test roots, relative to the root."""

    @property
    def interpreter(self) -> Path:
        """The interpreter whose packages the system runs on."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The folders in which the distributions of the tools are looked up."""

    @property
    def settings(self) -> Settings:
        """An instance of the gate's own `settings` type: policy values with the project's on top."""

    @property
    def options(self) -> Mapping[str, Option]:
        """The rule's option values as the policy states them."""

    @property
    def base(self) -> Base | None:
        """The merge base, or None; then `base_missing` says why."""

    @property
    def base_missing(self) -> str:
        """Why there is no merge base and what to do, empty where there is one."""

    @property
    def clarifications(self) -> tuple[Clarification, ...]:
        """What the project's people read of licences; of the merge base where that was named."""

    @property
    def seed(self) -> int:
        """The seed of everything random."""

    @property
    def perf_prove(self) -> bool:
        """Whether it was asked that every benchmark be shown to turn red when it is slowed down."""

    @property
    def today(self) -> date:
        """The day of the run."""

    @property
    def facts(self) -> ProjectFacts:
        """Which tree is judged: its name and version, its commit, whether anything is not committed."""

    @property
    def signing_key(self) -> Path | None:
        """The file with the private key of whoever runs this, where one is named."""

    @property
    def committed(self) -> datetime | None:
        """The time of what is judged: SOURCE_DATE_EPOCH, else HEAD's commit time; None without both."""

    @property
    def scratch(self) -> Path:
        """A fresh empty folder of this gate, outside the tree."""

    @property
    def tests(self) -> TestRun:
        """The records of the test run; raises GateError where there are none."""

    def tool(self, tool: Tool) -> str:
        """Return `name version`; raises GateError where it is absent or its version is not allowed."""

    def python(
        self,
        module: str,
        *args: str,
        ok: frozenset[int] = frozenset({0}),
        found: frozenset[int] = frozenset(),
        cwd: Path | None = None,
        environment: Mapping[str, str] = NO_VARIABLES,
        volatile: bool = False,
        earlier: Completed | None = None,
    ) -> Completed:
        """Run `python -I -X utf8 -m module args` and keep its output as evidence.

        `cwd` is the scratch folder unless given; `environment` stands beside the few variables that
        every tool gets. What a `volatile` tool writes differs between two runs. Where an `earlier` run of it
        is given, that one's output is kept in the same way, and nothing is started. Raises GateError for a
        timeout, a signal, an exit code outside `ok` and `found`, output over the cap, or a crash report
        on stderr.
        """

    def remaining(self) -> float:
        """Return the seconds that the gate has left, 0 where its time is over."""

    def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        pass_fds: Sequence[int] = (),
        kept: bool = False,
    ) -> Process:
        """Start a process in a session of its own; its output goes to files in the scratch folder.

        `environment` is complete: nothing is added but a variable of a random name, by which strays are
        found. One that is `kept` leaves nothing behind even where we are killed, and takes some milliseconds
        more to start. Raises GateError where it cannot be started or the gate's time is over.
        """

    def keep(self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
        """Store bytes, redacted, below `evidence/<gate>/` and return where and what they are.

        With `has_contacts` e-mail addresses stay: for a file whose purpose is to say whom to write to.
        """

    def recall(self) -> bytes | None:
        """Return what this gate remembered in an earlier run, None where there is nothing to go by.

        All but the project was the same in that run: the packages, the tools, our own code, the rule of the
        policy, the settings, the level, the root. Nothing is known of the project's files: whoever uses a
        piece of it must have bound it to the SHA-256 of each file that it rests on.
        """

    def lent(self) -> bytes | None:
        """Return what a gate that reads the same files alike remembered, as `recall` does of this one's."""

    def remember(self, data: bytes) -> None:
        """Leave bytes for `recall` in a later run. They are dropped where the tree changed meanwhile.

        They are stored as they are, for their owner alone to read: nothing secret may be in them.
        """


@dataclass
class Memory:
    """What a gate left in an earlier run, what another one left there, and what it leaves for a later one."""

    earlier: bytes | None = None
    lent: bytes | None = None
    left: bytes | None = None


class Gate(Protocol):
    """Observes one concern and decides nothing."""

    @property
    def id(self) -> str:
        """The noun for the thing guarded."""

    @property
    def settings(self) -> type[Settings]:
        """The frozen type of its options, which is also its `[tool.failhard.<id>]` table."""

    def observe(self, run: Run) -> Observation:
        """Return what was seen; raises GateError where it could not look."""


@runtime_checkable
class PhasedGate(Gate, Protocol):
    """A gate that says when it can observe; the others are static."""

    @property
    def phase(self) -> Phase:
        """When it can observe."""


@runtime_checkable
class EarlyGate(Gate, Protocol):
    """A gate that needs the tests, and can do a part of its work before they have ended."""

    def begin(self, run: Run) -> Callable[[Run], Observation]:
        """Read what no test decides, and return what is left to do once the tests are there.

        `run` has no tests yet, and no time limit: no tool is to be started. Raises GateError as `observe`
        does, which comes to the same as both one after the other.
        """


@runtime_checkable
class ToolGate(Gate, Protocol):
    """A gate that mostly waits for a tool: meanwhile another one gets on in our process."""

    waits_for_tool: bool


@runtime_checkable
class ReusableGate(Gate, Protocol):
    """A gate whose observation is a function of files, environment, rule and settings alone."""

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what else it depends on, None where these settings make it depend on the outside."""


@runtime_checkable
class RememberingGate(Gate, Protocol):
    """A gate that looks anew in each run, and may use what it remembered of single files."""

    def memory(self, settings: Settings) -> Reuse:
        """Return what that depends on besides the environment, its rule and its settings."""
