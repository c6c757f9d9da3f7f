"""Dependencies: what is imported, declared, installed and locked is the same.

Why:
    A language model imports packages that sound right. About one suggested name in five does not exist, and
    those names repeat: whoever registers one gets his code run. An import that resolves only because a
    development tool brought the package along works in CI and fails in production. And what no lock holds
    is another system tomorrow. So it is no proof that a name resolves: the closure of what is declared,
    computed from the installed metadata with the interpreter's own markers, the lock and the age of its
    files together are.

Fails when:
    A finding reaches the level's `fail_at`. High: `missing-import` (nothing installed has the module),
    `undeclared-import` (present only because something undeclared brought it), `missing-distribution`,
    `unsatisfied-requirement`, `invalid-requirement`, `python-version`, `direct-mismatch`, `index-override`
    and, where `verify_files` says so, `modified-file`. Medium: `transitive-import`, the two about imports
    where try/except hides them, `unknown-extra`, `duplicate-distribution`, `declarations-disagree`,
    `wrong-name`, `tool-in-runtime`, `direct-reference`; with `lock: required` `no-lock`, `unpinned` and
    `drifted`; with `hashes: required` `unhashed`, with `editable: forbidden` `editable-install`, with
    `min_age_days` `too-young`. Low: `unused-dependency`, and what only tests import without declaring it.
    Test code may import what groups and extras for development declare. Imports for type checkers alone are
    not judged, nor is the branch of another platform or version. No declaration at all is an error, as is a
    project of which nothing is installed for the interpreter that `python` in [tool.failhard] names.

Fix:
    Declare what you import, remove what does not exist, install the project into the environment that is
    judged, commit a lock with hashes (`uv lock`, or `uv pip compile --generate-hashes`).

Waive:
    By finding, with a reason that says why the import cannot be reached, or who looked at the distribution.
    A file that was changed after its installation cannot be waived.
"""

from __future__ import annotations

from pytest_failhard.gates.dependencies.settings import DependenciesSettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class DependenciesGate:
    """Observes what is declared, imported, installed and locked."""

    id = "dependencies"
    settings: type[Settings] = DependenciesSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse()

    def observe(self, run: Run) -> Observation:
        """Compare the four; raises GateError where one of them cannot be known."""
        settings = run.settings
        if not isinstance(settings, DependenciesSettings):
            raise GateError(f"dependencies: settings are {type(settings).__name__}, not DependenciesSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.dependencies.observing import observe

        return observe(run, settings)
