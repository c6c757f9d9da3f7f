"""System: the generated system installs clean, starts, refuses, serves, survives and stops.

Why:
    Text that looks ready for production says nothing about what happens when it is started. Systems
    that scored above nine of ten by their keywords import a package that no manifest names, serve with
    a secret that everybody knows, or answer every request with an error. Only behaviour counts: the
    system is installed from its own manifest into an empty environment, started, asked, loaded,
    fed with nonsense, cut off from what it needs, and told to stop.

Fails when:
    A finding reaches the level's `fail_at`, or a measure is out of bounds. What each level demands is
    in its policy under `enforce`; what it only reports, under `report`. It is an error where no system is
    declared, where something that the declaration names cannot be provided, and where a demanded
    check examined nothing.

Fix:
    Each finding names what was done, what the system did, and what is expected instead. The output of
    every start is kept as evidence.

Waive:
    By finding, with a reason. That a system starts without its secrets, or that a secret is out, is
    nobody's accepted risk.
"""

from __future__ import annotations

from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import GateError, Observation, Phase, Run, Settings


class SystemGate:
    """Observes the running system."""

    id = "system"
    settings: type[Settings] = SystemSettings
    phase = Phase.QUIET

    def observe(self, run: Run) -> Observation:
        """Install, start and try the declared system; raises GateError for what cannot be judged."""
        settings = run.settings
        if not isinstance(settings, SystemSettings):
            raise GateError(f"system: settings are {type(settings).__name__}, not SystemSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.system.observing import observe

        return observe(run, settings)
