"""Performance: a change makes nothing more than 15 % slower than the commit it started from.

Why:
    Stored times fail identical code now and then and miss what is slower, so people switch them off.
    Here both versions run in the same job, on the same processor, in turns, in fresh pairs of processes,
    and a decision is made only where the pairs agree.

Fails when:
    A benchmark is slower than the limit, in work or in waiting, on all calls or on some; when one was
    removed, or cannot be compared. It is an error where no benchmark exists, where one was not measured or
    could not be decided, where a side ran the other side's code, and where the machine cannot measure: the
    base is then slower than itself.

Fix:
    The report names the benchmark, the ratio with its interval and the clock that saw it. Undecided says
    what would settle it.

Waive:
    By benchmark, with a reason. An error cannot be waived.
"""

from __future__ import annotations

from pytest_failhard.model import GateError, Observation, Phase, Run, Settings


class PerformanceGate:
    """Observes how the working tree performs beside the merge base."""

    id = "performance"
    phase = Phase.QUIET

    @property
    def settings(self) -> type[Settings]:
        """The type of its options; the worker's marker lies in this package and is read without them."""
        from pytest_failhard.gates.performance.settings import PerformanceSettings

        return PerformanceSettings

    def observe(self, run: Run) -> Observation:
        """Measure both trees in pairs; raises GateError for what cannot be measured."""
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.performance.observing import observe
        from pytest_failhard.gates.performance.settings import PerformanceSettings

        settings = run.settings
        if not isinstance(settings, PerformanceSettings):
            raise GateError(f"performance: settings are {type(settings).__name__}, not PerformanceSettings")
        return observe(run, settings)
