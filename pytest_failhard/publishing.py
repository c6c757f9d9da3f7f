"""Judges what a run saw, and publishes its report beside the evidence that it rests on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard import attestation, engine, memory, report, showing
from pytest_failhard.model import GateError
from pytest_failhard.report import models, stock, waivers
from pytest_failhard.report import observation as codec
from pytest_failhard.source import state
from pytest_failhard.store import REPORT

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_failhard.attestation import Attestation
    from pytest_failhard.model import Flow, Option, Report
    from pytest_failhard.plan import Plan
    from pytest_failhard.redact import Redactor
    from pytest_failhard.store import Store

TREE_DIGEST = "tree_sha256"
"""The setting that names the judged files of a tree without a commit, or with changes."""


def prepare() -> None:
    """Load what a report is made with, while there is nothing to do but wait."""
    report.prepare()


class Publisher:
    """The way of one run to its report: `before` are the judged files' digests when it `started`."""

    def __init__(
        self,
        resolved: Plan,
        store: Store,
        redactor: Redactor,
        *,
        started: datetime,
        tree: str,
        before: Mapping[str, str],
        notes: Sequence[str] = (),
        flow: Flow | None = None,
    ) -> None:
        self.plan = resolved
        self.store = store
        self.redactor = redactor
        self.started = started
        self.tree = tree
        self.before = before
        self.notes = notes
        self.flow = flow
        self.waivers_sha256 = ""
        self.baseline_sha256 = ""
        self.models: tuple[str, ...] = ()
        self.is_published = False

    def publish(
        self, outcomes: Mapping[str, engine.Outcome], doubts: Sequence[str], *, complete: bool
    ) -> Report:
        """Judge, write the report and its evidence, and return it; it says where they cannot be written."""
        try:
            kept = {name: self._with_observation(outcome) for name, outcome in outcomes.items()}
            listed = self.store.keep("run", "waivers.json", waivers.dump(self.plan.waivers))
            self.waivers_sha256 = listed.sha256
            frozen = self.store.keep("run", "baseline.json", stock.dump(self.plan.stock))
            self.baseline_sha256 = frozen.sha256
            self.models = self._models()
            attested, problems = self._attestation()
            made = self._concluded(kept, [*doubts, *problems], complete=complete)
            recalled = self._recalled(made, disturbed=bool(doubts), finished=complete)
            made = recalled.report
            exhibits = showing.gather(made, self.store.staging, self.plan.request.root, self.redactor)
            files, copies = report.render_all(made, exhibits), report.copies(made, self.store.staging.kept)
            if attested is not None:
                files |= attested.files(files[REPORT], copies, self.store)
            self.store.publish(files, copies)
            self.is_published = True
        except GateError as error:
            # The text is still printed; without its evidence on disk no verdict may be a pass.
            return self._concluded(outcomes, [*doubts, str(error)], complete=complete)
        unkept = memory.record(self.store.folder, recalled)
        return replace(made, notes=(*made.notes, unkept)) if unkept else made

    def _recalled(self, made: Report, *, disturbed: bool, finished: bool) -> memory.Recalled:
        """Return the report with what earlier runs left; of one that was not finished nothing is kept."""
        from pytest_failhard.report import document

        if not finished:
            return memory.Recalled(report=made)
        policy = self.plan.policy
        facts = memory.Facts(
            rules=policy.rules,
            max_days=policy.waivers.max_days,
            tree=self.tree,
            packages=state.packages_digest(),
            report=document.build(made).digest,
            undisturbed=not disturbed,
        )
        root, clean = self.plan.request.root, self.redactor.text
        recalled = memory.recall(
            self.store.folder, made, facts, lambda path: clean(state.last_author(root, path))
        )
        told = recalled.report
        # What stands in the folder may have been written by anybody.
        shown = replace(
            told,
            notes=self.redactor.value(told.notes),
            stuck=self.redactor.value(told.stuck),
            decisions=self.redactor.value(told.decisions),
            quarantined=self.redactor.value(told.quarantined),
        )
        return replace(recalled, report=shown)

    def _attestation(self) -> tuple[Attestation | None, Sequence[str]]:
        """Return what the statements of the run rest on, and what takes its verdict away."""
        if not attestation.is_due(self.plan):
            return None, ()
        try:
            attested = attestation.prepare(self.plan, os.environ, self.before, self.store)
        except GateError as error:
            return None, [f"not-attested: {error}"]
        return attested, attested.doubts

    def _concluded(
        self, outcomes: Mapping[str, engine.Outcome], doubts: Sequence[str], *, complete: bool
    ) -> Report:
        made = engine.conclude(
            self.plan,
            outcomes,
            started=self.started,
            settings={
                "waivers_sha256": self.waivers_sha256,
                "baseline_sha256": self.baseline_sha256,
                **self._tree(),
            },
            models=self.models,
            doubts=doubts,
            notes=self.notes,
            complete=complete,
            flow=self.flow,
        )
        # Reasons, waivers and notes, and the observations where they could not be kept.
        return self.redactor.value(made)

    def _tree(self) -> dict[str, Option]:
        """Return the digest of a tree that its commit does not name."""
        facts = self.plan.facts
        return {} if facts.commit and not facts.dirty else {TREE_DIGEST: attestation.manifest(self.before)}

    def _models(self) -> tuple[str, ...]:
        """Return the models that the gate `llm` saw asked, none where it did not look."""
        kept = self.store.staging.folder / models.GATE / models.EVIDENCE
        return models.named(kept.read_bytes()) if kept.is_file() else ()

    def _with_observation(self, outcome: engine.Outcome) -> engine.Outcome:
        """Keep the exact observation as evidence, from which `failhard verify` judges again."""
        if outcome.observation is None:
            return replace(outcome, error=self.redactor.text(outcome.error))
        observation = self.redactor.value(outcome.observation)
        equal, unequal = codec.parted(observation)
        kept = [self.store.keep(outcome.gate, codec.OBSERVATION, equal)]
        if unequal is not None:
            clocked = self.store.keep(outcome.gate, codec.VOLATILE, unequal)
            kept.append(replace(clocked, volatile=True))
        seen = replace(observation, evidence=(*observation.evidence, *kept, *outcome.evidence))
        return replace(outcome, observation=seen)
