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
    level), declared_fallbacks (entries of `approved_fallbacks`, also said in the last line of the report),
    and one for each family of rules: secrets, swallowed, mocks, stubs, waiting, exposure. What `exclude`
    and `roles` let through is reported.

Fix:
    Let it fail: raise what says which dependency or setting is missing, and let the caller answer for it.
    `failhard explain FH101` shows a bad and a good form of each rule.

Waive:
    By finding, with the reason why this place may answer without the real thing. Secrets with a value,
    doubles and made-up results are never accepted: only a wrong finding can be marked.
"""

from __future__ import annotations

from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class FallbacksGate:
    """Observes what the product does instead of failing."""

    id = "fallbacks"
    settings: type[Settings] = FallbacksSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse()

    def observe(self, run: Run) -> Observation:
        """Return what the rules found in product code; raises GateError where a file cannot be read."""
        settings = run.settings
        if not isinstance(settings, FallbacksSettings):
            raise GateError(f"fallbacks: settings are {type(settings).__name__}, not FallbacksSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.fallbacks.observing import observe

        return observe(run, settings)
