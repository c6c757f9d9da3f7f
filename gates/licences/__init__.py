"""Licences: every distribution that the product runs on is under a licence that the policy allows.

Why:
    Generated code takes whatever package solves the task. A licence that forbids the use, or that binds the
    product itself, is found by somebody else, late. Tools that compare names let most of it pass: here each
    member of the runtime closure is resolved to one SPDX expression, or it is undetermined. What decides, in
    this order: `License-Expression`; the field `License` where it is an expression or a known name and no
    classifier says otherwise; classifiers; the licence texts where a classifier is ambiguous; the texts
    alone. Two of them that contradict each other determine nothing. pip-licenses must have read the same
    fields of every member.

Fails when:
    A member's expression is not allowed (`licence-not-allowed`: OR asks for one allowed side, AND for all),
    its licence is undetermined or it is not installed (`licence-undetermined`), a clarification has no effect
    (`clarification-lapsed`), the project itself names no licence (`own-licence-missing`: any SPDX expression
    will do, `LicenseRef-Proprietary` too) or brings no licence text (`own-licence-file-missing`). A member
    that pip-licenses does not list, or lists with other fields, is an error: then nobody knows what was read.

Fix:
    Replace the distribution. Where its licence is undetermined, read its licence text and settle it under
    `clarifications` in `failhard-waivers.yaml`: `package`, `version`, `expression`, `reason`, `owner`, and
    `files` with `path` (below its `.dist-info`) and `sha256`, which stand in the evidence `licences.json`.
    It holds until the version or a text changes, and overrules nothing that is determined. Name your own
    licence as `license = "..."` in `[project]`, its text in `license-files`.

Waive:
    By finding, for that one package, with the reason why its terms are kept.
"""

from __future__ import annotations

from pytest_failhard.gates.licences.settings import LicencesSettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class LicencesGate:
    """Observes under which licences the runtime closure stands, and the project itself."""

    id = "licences"
    settings: type[Settings] = LicencesSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=("pip-licenses",), day=False)

    def observe(self, run: Run) -> Observation:
        """Resolve every member; raises GateError where one cannot be read, or pip-licenses read otherwise."""
        settings = run.settings
        if not isinstance(settings, LicencesSettings):
            raise GateError(f"licences: settings are {type(settings).__name__}, not LicencesSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.licences.observing import observe

        return observe(run, settings)
