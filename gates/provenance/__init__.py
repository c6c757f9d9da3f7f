"""Provenance: what was built is built from this tree, named by its digest, and attested by somebody.

Why:
    A green report says nothing of the wheel that is shipped: it may be of last week, of another branch,
    or changed afterwards. A statement that names tree, wheel and dependencies by their digests ties them
    together; a signature says who stands behind it.

Fails when:
    A built distribution bears another name or version than the project (`foreign-artifact`), holds a
    module that the tree has otherwise (`stale-artifact`), or has other bytes after it was written down
    than before (`digest-mismatch`); the tree has changes, or no commit (`dirty-tree`); a member of the
    runtime closure has no digest (`undigested-dependency`); or `attestable` is 0: neither a key of the
    policy signs the statements, nor does a workflow of the merge base attest them after the gate, with
    its actions pinned by commit and its permissions `id-token: write`, `attestations: write` and
    `contents: read` alone (`not-attestable` says of each workflow what it lacks). No built distribution
    at all is an error.

Fix:
    Build from the committed tree as the last step before the gate (`python -m build`), lock with hashes,
    and let a workflow attest. Unsigned statements are level 1 of SLSA at the very most.

Waive:
    By finding, with a reason that names who rebuilds or pins and when; `digest-mismatch` never.
"""

from __future__ import annotations

from pytest_failhard.gates.provenance.settings import ProvenanceSettings
from pytest_failhard.model import GateError, Observation, Run, Settings

SUBJECTS = "subjects.json"


class ProvenanceGate:
    """Observes what was built, and who attests it."""

    id = "provenance"
    settings: type[Settings] = ProvenanceSettings

    def observe(self, run: Run) -> Observation:
        """Hold what was built against the tree; raises GateError where nothing was built."""
        settings = run.settings
        if not isinstance(settings, ProvenanceSettings):
            raise GateError(f"provenance: settings are {type(settings).__name__}, not ProvenanceSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.provenance.observing import observe

        return observe(run, settings)
