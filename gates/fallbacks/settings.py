"""What a project and a policy may say to the gate `fallbacks`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.model import BASELINE_FILE, Settings
from pytest_failhard.rules.exclusion import Role
from pytest_failhard.rules.limits import Limits


@dataclass(frozen=True, kw_only=True)
class FallbacksSettings(Settings):
    """How bad each rule is, what describes the project, and what is let through."""

    severity: dict[str, str] = field(default_factory=dict)
    """Rule or rule with sub -> off, low, medium or high."""
    new_severity: dict[str, str] = field(default_factory=dict)
    """Rule -> what a place counts that the change adds, where the stock counts less."""
    environment_variables: tuple[str, ...] = ()
    """Names of variables that say in which environment the system runs, beside the usual ones."""
    production_values: tuple[str, ...] = ("production", "prod")
    approved_fallbacks: list[dict[str, str]] = field(default_factory=list)
    """Each with from, to, on, owner, reason, attribution."""
    allow_test_libraries: list[dict[str, str]] = field(default_factory=list)
    """Each with module, owner, reason."""
    public_test_doubles: list[dict[str, str]] = field(default_factory=list)
    """Each with name (a glob over qualified names), owner, reason."""
    component_bases: tuple[str, ...] = ()
    required_methods: tuple[str, ...] = ()
    optional_hooks: tuple[str, ...] = ()
    confession_languages: tuple[str, ...] = ("en",)
    exclude: tuple[str, ...] = ()
    """Globs of files that are not judged."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Glob -> role of the files that it means, where their paths say otherwise."""
    baseline: str = BASELINE_FILE
    """The file that notes the stock of the rules in `new_severity`."""
    baseline_sha256: str = ""
    """Its digest in hex, empty where none is demanded."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds
    """Processor time of all rules on one file."""
