"""R0: whether the declaration agrees with the code, the image, the processes and the README."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from fractions import Fraction

from pytest_failhard.figures import bound_text
from pytest_failhard.gates.system.documents import absent, documents
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, Severity
from pytest_failhard.system.declaration import System
from pytest_failhard.system.derive import data, fenced
from pytest_failhard.system.derive.derived import (
    Derived,
    covers,
    declared_names,
    dependencies,
    http_servers,
    is_platform,
    is_secret,
)
from pytest_failhard.system.derive.facts import Place, Read, Start

EVIDENCE = "declaration.json"
MANIFESTS = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
README = "README.md"


def check(stage: Stage) -> Seen:
    """Compare what is declared with what the files say; nothing is started."""
    found: list[Finding] = []
    for part, look in PARTS:
        if stage.runs(part):
            found += stage.weighed(part, look(stage))
    stage.run.keep(EVIDENCE, _evidence(stage))
    return Seen(findings=tuple(found), examined=stage.derived.examined + _declared(stage.system))


def _declared(system: System) -> int:
    """Count what is declared."""
    return sum(
        len(value) if isinstance(value, tuple) else 1
        for value in (getattr(system, each.name) for each in dataclasses.fields(system))
        if value is not None
    )


def _evidence(stage: Stage) -> bytes:
    """Return the declaration as it was understood, and what was found beside it; no secret's value."""
    derived = stage.derived
    found = {
        "examined": derived.examined,
        "servers": [f"{each.package} ({each.means}) {each.place}" for each in derived.servers],
        "clients": [f"{each.package} ({each.means}) {each.place}" for each in derived.clients],
        "starts": [{"argv": each.argv, "place": str(each.place)} for each in derived.starts],
        "probes": [f"{each.kind} {each.path} {each.place}" for each in derived.deployment.probes],
        "reads": {each.name: str(each.place) for each in derived.reads},
        "documents": documents(stage.run.root),
        "problems": derived.problems,
    }
    document = {"declared": dataclasses.asdict(stage.system), "found": found}
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _at(place: Place) -> tuple[str, int]:
    return place.path, place.line


def _kind(stage: Stage) -> Iterator[Finding]:
    """Yield what serves although the declared kind does not."""
    kind, derived = stage.system.kind, stage.derived
    serving = {"library": derived.servers, "job": tuple(http_servers(derived))}.get(kind, ())
    for package in sorted({each.package for each in serving}):
        place = next(each.place for each in serving if each.package == package)
        yield finding(
            "R0-kind-mismatch",
            f"declared as {kind}, and the product serves with {package}",
            "declare the kind that it is, or take the server out of the product",
            at=_at(place),
            basis=package,
        )
    for place in derived.deployment.exposed if kind in {"library", "job"} else ():
        yield finding(
            "R0-kind-mismatch",
            f"declared as {kind}, and its image exposes a port",
            "declare the kind that it is, or take the EXPOSE out",
            at=_at(place),
            basis="EXPOSE",
        )


def _secrets(stage: Stage) -> Iterator[Finding]:
    """Yield the secrets that code reads and nobody declares."""
    known = declared_names(stage.system)
    for read in stage.derived.secrets:
        if read.name not in known:
            yield finding(
                "R0-secret-undeclared",
                f"{read.name} is read, and it is no declared secret: nobody tries what happens without it",
                f'add {{ name = "{read.name}" }} to secrets',
                at=_at(read.place),
                basis=read.name,
            )


def _required_files(stage: Stage) -> Iterator[Finding]:
    """Yield a README and a manifest that are not there."""
    root, system = stage.run.root, stage.system
    if not stage.derived.readme:
        yield finding(
            "R0-no-readme", "there is no README", "say in one how the system is started", at=(README, 0)
        )
    named = [system.manifest] if system.manifest is not None else [*MANIFESTS]
    if not any((root / name).is_file() for name in named):
        yield finding(
            "R0-no-manifest",
            f"there is none of {', '.join(named)}: nobody knows what the system needs",
            "write down what it needs",
            basis=" ".join(named),
        )


def _settings(stage: Stage) -> Iterator[Finding]:
    """Yield variables that are read and not declared, and those that are declared and not read."""
    system, derived = stage.system, stage.derived
    known = declared_names(system)
    undeclared = [each for each in derived.reads if each.name not in known and not is_platform(each.name)]
    for read in undeclared:
        if is_secret(read):
            continue
        place = _is_environment(read) and system.environment_env is None
        yield finding(
            "R0-environment-undeclared" if place else "R0-setting-undeclared",
            f"{read.name} is read, and it is not declared"
            + (": it seems to say where the system runs" if place else ""),
            f'declare environment_env = "{read.name}"'
            if place
            else f'add {{ name = "{read.name}" }} to settings',
            at=_at(read.place),
            basis=read.name,
        )
    names = [each.name for each in system.settings or ()]
    for name in [*names, *([system.environment_env] if system.environment_env else [])]:
        if not _is_read(name, system, derived):
            yield finding(
                "R0-setting-unread",
                f"{name} is declared, and nothing in the product reads it",
                "read it, or take it out of the declaration",
                basis=name,
            )


def _is_environment(read: Read) -> bool:
    named = read.name in data.ENVIRONMENT_VARIABLES or data.ENVIRONMENT_SUFFIX.search(read.name) is not None
    return named and read.name not in data.NO_ENVIRONMENT


def _is_read(name: str, system: System, derived: Derived) -> bool:
    if name in derived.texts or any(read.name == name for read in derived.reads):
        return True
    return data.LIBRARY_READ.match(name) is not None or any(name in word for word in system.start)


def _starts(stage: Stage) -> Iterator[Finding]:
    """Yield the command of the Procfile, and those of the README, where none is the declared one."""
    derived = stage.derived
    process = {"http": "web", "worker": "worker"}.get(stage.system.kind, "")
    for start in derived.deployment.starts:
        if start.source == "procfile" and start.process == process and _differs(stage, start):
            yield _start_differs(stage, start, "the Procfile")
    told = [start for start in derived.readme_starts if stage.system.start]
    if told and all(_differs(stage, start) for start in told):
        yield _start_differs(stage, told[0], "the README")


def _docker(stage: Stage) -> Iterator[Finding]:
    """Yield the command of the image where it is another one, and files of a deployment that do not parse."""
    for start in stage.derived.deployment.starts:
        if start.source == "docker" and stage.system.start and _differs(stage, start):
            yield _start_differs(stage, start, "the image")
    for problem in stage.derived.deployment.problems:
        yield finding("R0-unread", f"cannot be compared: {problem}", "correct the file", basis=problem)


def _differs(stage: Stage, start: Start) -> bool:
    derived = stage.derived
    declared = derived.command(stage.system.start)
    said = derived.command(start.argv)
    if start.source == "readme":
        said = tuple(word for word in said if word not in data.DEVELOPMENT_FLAGS)
    return len(said) != len(declared) or not all(map(_alike, said, declared))


def _alike(one: str, other: str) -> bool:
    """Tell whether two words are one, seen from two folders: an image has `main.py` for `backend/main.py`."""
    return one == other or any(
        long.endswith(mark + short) for mark in "/." for long, short in ((one, other), (other, one))
    )


def _start_differs(stage: Stage, start: Start, who: str) -> Finding:
    return finding(
        "R0-start-differs",
        f"{who} starts `{' '.join(start.argv)}`, declared is `{' '.join(stage.system.start)}`",
        "start the same everywhere: what is judged is what runs",
        at=_at(start.place),
        basis=" ".join(stage.derived.command(start.argv)),
    )


def _ready(stage: Stage) -> Iterator[Finding]:
    """Yield where something else is asked than the declared path."""
    for probe in stage.derived.deployment.probes:
        if probe.kind == "ready" and stage.system.ready is not None and probe.path != stage.system.ready:
            yield finding(
                "R0-ready-differs",
                f"{probe.path} is asked to see whether the system is ready, declared is {stage.system.ready}",
                "ask the same path everywhere",
                at=_at(probe.place),
                basis=probe.path,
            )


def _dependencies(stage: Stage) -> Iterator[Finding]:
    """Yield the client libraries that the product imports without a declared dependency."""
    declared = [f"{each.name} {each.url_env}" for each in stage.system.dependencies or ()]
    for name, (client, _) in dependencies(stage.derived).items():
        if not any(covers(each, name) for each in declared):
            yield finding(
                "R0-dependency-undeclared",
                f"{client.package} is imported, and no dependency on {name} is declared",
                "declare it: what happens without it has to be tried",
                at=_at(client.place),
                basis=name,
            )


def _slo(stage: Stage) -> Iterator[Finding]:
    """Yield promises that are below what the level demands."""
    slo, settings = stage.system.slo, stage.settings
    if slo is None:
        return
    if settings.slo_p95_ms and slo.p95_ms is not None and slo.p95_ms > settings.slo_p95_ms:
        yield _loosened("p95_ms", f"{slo.p95_ms}", f"{settings.slo_p95_ms}")
    if settings.slo_success_per_thousand is None or slo.success_rate is None:
        return
    least = Fraction(settings.slo_success_per_thousand, 1000)
    # As written: a float in between would be another number.
    if Fraction(str(slo.success_rate)) < least:
        yield _loosened("success_rate", str(slo.success_rate), bound_text(least))


def _loosened(key: str, promised: str, bound: str) -> Finding:
    return finding(
        "R6-slo-loosened",
        f"slo.{key} = {promised} promises less than the level's {bound}",
        "promise what the level demands, or have the exception approved",
        basis=key,
    )


def _readme(stage: Stage) -> Iterator[Finding]:
    """Yield the commands of the README that nobody can run."""
    path = stage.derived.readme
    text = (stage.run.root / path).read_text("utf-8", "replace") if path else ""
    lines = text.splitlines()
    for each in fenced.unusable(text):
        yield finding(
            "R0-readme",
            f"a command of the README {each.why}",
            "write the command as it has to be typed",
            at=(path, each.line),
            basis=lines[each.line - 1].strip(),
        )


def _dirty(stage: Stage) -> Iterator[Finding]:
    """Yield that what is judged is in no commit."""
    if stage.run.facts.dirty:
        yield finding(
            "R0-dirty",
            "the tree holds changes that are in no commit: nobody can build again what is judged",
            "commit them, or take them away",
            at=("", 0),
        )


def _documents(stage: Stage) -> Iterator[Finding]:
    """Yield documents that are not there: said, and nothing decided by it, for a text proves nothing."""
    # Whoever runs a library has documents of his own.
    wanted = () if stage.system.kind == "library" else stage.settings.documents
    for kind, usual in absent(stage.run.root, wanted):
        yield dataclasses.replace(
            finding("R0-no-document", f"there is no {kind}", f"write one, such as {usual}", at=(usual, 0)),
            severity=Severity.LOW,
        )


PARTS: tuple[tuple[str, Callable[[Stage], Iterator[Finding]]], ...] = (
    ("R0", _kind),
    ("R0", _secrets),
    ("R0", _required_files),
    ("R0/settings", _settings),
    ("R0/start", _starts),
    ("R0/readme", _readme),
    ("R0/dependencies", _dependencies),
    ("R0/docker", _docker),
    ("R0/ready", _ready),
    ("R0/slo", _slo),
    ("R0/documents", _documents),
    ("R0/dirty", _dirty),
)
"""What a policy can name, and what is looked at then. The routes are looked at once the system can run."""
