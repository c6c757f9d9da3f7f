"""Brings together what is known of a system for its readiness score, which decides nothing."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.gates.system.score import MEASURE, SCORECARD, Known, score
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.source import pyproject
from pytest_failhard.system import stages
from pytest_failhard.system.declaration import LLM, System
from pytest_failhard.system.derive.derived import dependencies
from pytest_failhard.system.dockerfile import DockerfileError, parse

DOCKERFILE = "Dockerfile"


def scored(stage: Stage, seen: Seen) -> Seen:
    """Return the measure, and keep the scorecard; a library, which does nothing by itself, has none."""
    system = stage.system
    if system.kind == "library":
        return Seen()
    found = score(
        Known(proved={**seen.proved, **_container(stage)}, traits=_traits(system), absent=_absent(stage))
    )
    stage.run.keep(SCORECARD, found.scorecard())
    return Seen(measures={MEASURE: found.value})


def _traits(system: System) -> frozenset[str]:
    has = {
        "secrets": bool(system.secrets),
        "dependencies": bool(system.dependencies),
        "llm": any(LLM in route.needs for route in system.routes or ()),
    }
    return frozenset(name for name, held in has.items() if held)


def _absent(stage: Stage) -> dict[str, str]:
    """Return what the system was shown not to have: it is not declared, and no code speaks of it."""
    system, derived = stage.system, stage.derived
    shown = {
        "secrets": not system.secrets and not derived.secrets,
        "dependencies": not system.dependencies and not dependencies(derived),
        "llm": not any(LLM in route.needs for route in system.routes or ()),
    }
    return {
        name: "none is declared, and none was found in the code" for name, absent in shown.items() if absent
    }


def _container(stage: Stage) -> dict[str, bool]:
    """Return what the final stage of the Dockerfile proves; nothing where none can be read.

    How it is judged in full, the gate `container` says.
    """
    path = stage.tree / DOCKERFILE
    if not path.is_file():
        return {}
    target = container_target(stage.run.root)
    try:
        found = stages.stages(parse(path.read_text("utf-8", "replace"), DOCKERFILE), DOCKERFILE)
        image = stages.built(found, target, DOCKERFILE)
    except DockerfileError:
        return {}
    is_exec = _is_exec(image)
    is_clean = _is_unprivileged(image) and _is_checked(image) and _is_tagged(image)
    return {"G4": is_exec, "D1": is_exec and is_clean}


def container_target(root: Path) -> str:
    """Return the stage that is deployed, empty for the last one."""
    table: object = pyproject(root)
    for name in ("tool", "failhard", "container", "target"):
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, str) else ""


def _is_exec(image: stages.Image) -> bool:
    started = [each for each in (image.entrypoint, image.command) if each is not None]
    return bool(started) and all(each.words is not None for each in started)


def _is_unprivileged(image: stages.Image) -> bool:
    user = image.value(image.user.text)[0].partition(":")[0] if image.user is not None else ""
    return user.isdigit() and int(user) > 0


def _is_checked(image: stages.Image) -> bool:
    return image.healthcheck is not None and image.healthcheck.text != "NONE"


def _is_tagged(image: stages.Image) -> bool:
    _, _, tag = image.base.rpartition("/")[2].partition(":")
    return bool(tag) and tag != "latest"
