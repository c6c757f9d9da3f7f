"""Integrity: nothing in the tree makes the checks look away, or makes a verdict look better than it is.

Why:
    Whoever is judged by a check learns to satisfy the check: a test process that ends itself with 0, a
    hook that calls a failed test passed, an object that equals everything, code that behaves while it is
    watched, a tool told to skip the file, a gate in CI followed by `|| true`. Each was seen, each ends
    green with every other gate.

Fails when:
    A rule of the catalogue (FH000, FH701 to FH712, FV1 to FV7; `failhard explain RULE` says what each
    looks for) has a hit anywhere in the tree to which the level's `severity` gives `high`;
    `new_severity` says what a place counts that the change adds, beside the stock of the merge base or
    of `failhard-baseline.json`.
    From level 3 so does FV8 (`survives-sabotage`): a test in a file named as validation that passes
    although no module of the product can be imported and its start command ends with 1. Such tests are
    run once more for it, in a copy; a file that imports the product when it is loaded needs no run. It
    named the 4 fake tests of a suite written for it and none in 27 such files of 30 repositories: 20
    import the product, 7 were run, of which 4 tests could be loaded here. Nor did it name any in the
    362 test files of 14 hand-written projects, taken as if they had such names: 358 import the product,
    4 were run, 9 tests. No result of such a run counts as one of the suite.
    So does a `failhard: allow` that is written wrongly (`malformed-allow`), a tool whose files are not
    those that were installed (`modified-tool`), a kind of suppression of which there are more than
    `suppression_budget` admits. Reported only: tests that could not be run so (`sabotage-unfinished`),
    `nested-project`, `ratchet-slack`, what `exclude` and `roles` let through (`paths-exclude`,
    `paths-roles`, `unmatched-option`), code that runs at every start of Python and that no package
    brought (`start-up-line`), a tool without hashes to compare with (`unproven-tool`), from level 3 a
    waiver that comes with the change of its file (`added-waiver`), entries that the change adds to
    `failhard-baseline.json` (`grown-baseline`). A file that cannot be read or parsed
    is an error, never a lower count. Measures: files, excluded_files, unlisted, suppressions and each
    kind of it (`suppressions_ruff`, ...), suppressions_blanket, suppressions_reasonless,
    coverage_exclusions, inline_allows; where tests were run without the product, tests_sabotaged and
    the share tests_independent; against the merge base suppressions_added and changed_together.

Fix:
    Remove what the finding names. A suppression that must be gets the one rule that it means, and a
    reason of two words or more behind it.

Waive:
    By finding in `failhard-waivers.yaml`, never by a comment in the code. A forged outcome, a forced exit
    and a patched checker are nobody's accepted risk: only a wrong finding can be marked.
"""

from __future__ import annotations

from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class IntegrityGate:
    """Observes what in the tree would change the outcome of a check without mending anything."""

    id = "integrity"
    settings: type[Settings] = IntegritySettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse()

    def observe(self, run: Run) -> Observation:
        """Return what the rules found in all files; raises GateError where one cannot be read."""
        settings = run.settings
        if not isinstance(settings, IntegritySettings):
            raise GateError(f"integrity: settings are {type(settings).__name__}, not IntegritySettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.integrity.observing import observe

        return observe(run, settings)
