"""What a project and a policy may say to the gate `integrity`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.gates.integrity.budget import unknown
from pytest_failhard.model import BASELINE_FILE, Settings
from pytest_failhard.rules.exclusion import Role
from pytest_failhard.rules.limits import Limits


@dataclass(frozen=True, kw_only=True)
class IntegritySettings(Settings):
    """How bad each rule is, for what was there and for what is new."""

    severity: dict[str, str] = field(default_factory=dict)
    """Rule or rule with sub -> off, low, medium or high."""
    new_severity: dict[str, str] = field(default_factory=dict)
    """Rule -> what a place counts that the change adds, where the stock counts less."""
    ci_files: tuple[str, ...] = ()
    """Globs of files that run checks, beside the usual ones."""
    gate_tools: tuple[str, ...] = ()
    """Names of checks beside the usual ones."""
    exclude: tuple[str, ...] = ()
    """Globs of files that are not judged."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Glob -> role of the files that it means, where their paths say otherwise."""
    suppression_budget: dict[str, int] = field(default_factory=dict)
    """Kind of suppression, or `kind/rule` -> how many of it are admitted."""
    baseline: str = BASELINE_FILE
    """The file that notes the stock of the rules in `new_severity`."""
    baseline_sha256: str = ""
    """Its digest in hex, empty where none is demanded."""
    sabotage: dict[str, str] = field(default_factory=dict)
    """`survives-sabotage` -> what a test named as validation counts that passes without the system."""
    sabotage_seconds: int = 45
    """So long such tests may run without it."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds
    """Processor time of all rules on one file."""

    def __post_init__(self) -> None:
        """Refuse a budget of something that is no kind of suppression."""
        if wrong := unknown(self.suppression_budget):
            raise ValueError(f"suppression_budget: {wrong}")
