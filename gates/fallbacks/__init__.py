"""Fallbacks: nothing pretends to work.

Why:
    A generated system looks finished because it never fails: an `except` returns sample data, a missing
    key means a canned answer, a secret has a default, a component is there by name only. No linter finds
    these; each is a decision to answer wrongly rather than not at all.

Fails when:
    A rule of the catalogue (FH001 to FH505; `failhard explain RULE` says what each looks for) has a hit
    in product code to which the level's `severity` gives `high`. What a product file imports is product,
    wherever it lies. A file that cannot be read or parsed is an error, never a lower count. Measures:
    files, code_lines, excluded_files, findings_per_kloc, unlisted (hits of rules that are off at this
    level), and one for each family of rules: secrets, swallowed, mocks, stubs, waiting, exposure. What
    `exclude` and `roles` let through is reported.

Fix:
    Let it fail: raise what says which dependency or setting is missing, and let the caller answer for it.
    `failhard explain FH101` shows a bad and a good form of each rule.

Waive:
    By finding, with the reason why this place may answer without the real thing. Secrets with a value,
    doubles and made-up results are never accepted: only a wrong finding can be marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.rules.limits import Limits

from pytest_failhard.model import GateError, Observation, Run, Settings
from pytest_failhard.rules.baseline import FILE
from pytest_failhard.rules.exclusion import Role


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
    baseline: str = FILE
    """The file that notes the stock of the rules in `new_severity`."""
    baseline_sha256: str = ""
    """Its digest in hex, empty where none is demanded."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds
    """Processor time of all rules on one file."""


class FallbacksGate:
    """Observes what the product does instead of failing."""

    id = "fallbacks"
    settings: type[Settings] = FallbacksSettings

    def observe(self, run: Run) -> Observation:
        """Return what the rules found in product code; raises GateError where a file cannot be read."""
        settings = run.settings
        if not isinstance(settings, FallbacksSettings):
            raise GateError(f"fallbacks: settings are {type(settings).__name__}, not FallbacksSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.fallbacks.observing import observe

        return observe(run, settings)
