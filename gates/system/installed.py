"""R1: the system installs from its own manifest into an empty environment, and imports there."""

from __future__ import annotations

import json
import shutil

from pytest_failhard.gates.system import imported
from pytest_failhard.gates.system.imported import Imported
from pytest_failhard.gates.system.seen import DECLARATION, Seen, finding
from pytest_failhard.gates.system.stage import Stage, altered
from pytest_failhard.model import Finding, Run
from pytest_failhard.system import importing, start_target
from pytest_failhard.system.importing import Raised
from pytest_failhard.system.install import Installed, InstallError, install
from pytest_failhard.system.start_target import Target

CONFLICT, FAILS, PROGRAM = "R1-conflict", "R1-import-fails", "R1-no-such-command"
LOG = "install.log"


def check(stage: Stage) -> Seen:
    """Install the system, and look whether all that it imports is there; `stage` gets the environment.

    Whether all is pinned and hashed, the gate `dependencies` says. Raises GateError where nothing could be
    installed for a reason outside the project.
    """
    run, system = stage.run, stage.system
    try:
        made = install(run, system, stage.tree)
    except InstallError as error:
        run.keep(LOG, error.log.encode(), volatile=True)
        return Seen(findings=error.findings, measures={"installs": 0}, examined=1, proved={"S1": False})
    stage.installed = made
    stage.python = made.python
    run.keep(LOG, made.log.encode(), volatile=True)
    looked = imported.look(run, stage.tree, made, is_library=system.kind == "library")
    stage.imported = looked
    _keep(run, made, looked)
    found = [*map(_conflict, made.conflicts), *looked.findings]
    return Seen(
        findings=tuple(found),
        # What the cache had says nothing about the system: it is there for whoever wonders about the time.
        measures={"installs": 1, "environments_rebuilt": int(made.rebuilt)},
        volatile=frozenset({"environments_rebuilt"}),
        examined=1 + looked.examined,
        proved={"S1": not found},
    )


def _conflict(line: str) -> Finding:
    return finding(
        CONFLICT,
        f"what the manifest installs does not fit together: {line}",
        "choose versions that fit: `pip check` in a fresh environment says whether they do",
        basis=line,
    )


def start(stage: Stage) -> Seen:
    """Import what the start command imports: as in development, with all that the system needs.

    The secrets open nothing. Where only a start can tell what is imported, nothing is.
    """
    if absent := _absent_program(stage):
        return Seen(findings=(absent,), examined=1)
    target = start_target.read(stage.system.start, stage.tree)
    looked = stage.imported
    if target is None or looked is None:
        return Seen()
    system = stage.system
    changes = {}
    if system.environment_env is not None and system.development is not None:
        changes = {system.environment_env: system.development}
    environment = altered(stage.prepare().variables, changes)
    raised = importing.start(
        stage.run, stage.python, stage.tree, target, roots=looked.roots, environment=environment
    )
    if raised is None:
        return Seen(examined=1)
    stage.run.keep("import.log", raised.log.encode(), volatile=True)
    if raised.type == "ModuleNotFoundError" and raised.name in looked.missing:
        return Seen(examined=1)  # said already, with the line
    return Seen(findings=(_fails(target, raised),), examined=1)


def _absent_program(stage: Stage) -> Finding | None:
    """Return a finding where the start command is nowhere: a manifest may forget the server itself."""
    program = next(iter(stage.system.start), "")
    if not program:
        return None
    path = stage.prepare().variables["PATH"]
    place = str(stage.tree / program) if "/" in program else program
    if shutil.which(place, path=path) is not None:
        return None
    return finding(
        PROGRAM,
        f"the start command {program} is nowhere in the environment that the manifest gives",
        "declare the distribution that brings it, or correct the command",
        basis=program,
    )


def _fails(target: Target, raised: Raised) -> Finding:
    what = f"{raised.type}: {raised.name}" if raised.name else raised.type
    how = f"ends with {what}" if raised.has_ended else "does not end"
    return finding(
        FAILS,
        f"importing {target.shown}, as the start does, {how}",
        "import it so in a fresh environment; what it wrote is in import.log",
        at=(raised.path, raised.line) if raised.path else (DECLARATION, 0),
        basis=what,
    )


def _keep(run: Run, made: Installed, looked: Imported) -> None:
    manifest = made.manifest
    record = {
        "manifest": None if manifest is None else {"path": manifest.path, "sha256": manifest.sha256},
        "built": made.is_built,
        "installer": made.tool,
        "interpreter": {name: each for name, each in made.interpreter.items() if name != "base"},
        "imports": looked.examined,
    }
    run.keep("install.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")
    places = {"indexes": made.indexes, "cached": made.cached, "rebuilt": made.rebuilt}
    run.keep("install-places.json", json.dumps(places, indent=1).encode() + b"\n", volatile=True)
