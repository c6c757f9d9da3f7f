"""Reads how the system is started and probed from Dockerfile, Procfile, compose and Kubernetes files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pytest_failhard.model import GateError
from pytest_failhard.source import yaml_text
from pytest_failhard.source.yaml_text import YamlError
from pytest_failhard.system import commands, dockerfile, stages
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.facts import Place, Probe, Start

UNREAD = frozenset(
    {"node_modules", "site-packages", "vendor", "test", "tests", "testing", "examples", "docs"}
)
"""Folders whose deployment files are not the system's."""
DEPTH = 2
"""So far below the root a system keeps its Dockerfile."""
COMPOSE = re.compile(r"(docker-)?compose\.ya?ml")
URL = re.compile(r"https?://[^\s'\")\],;|]+")
LOCAL = re.compile(r"localhost|127\.0\.0\.1|0\.0\.0\.0|::1")
PROCESS = re.compile(r"(?P<name>[A-Za-z0-9_-]+):[ \t]*(?P<command>\S.*)")


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How the files say that the system runs. `manifests` are the Dockerfiles and others that were read.

    `problems` are files that do not parse: what they say is not known.
    """

    starts: tuple[Start, ...] = ()
    probes: tuple[Probe, ...] = ()
    exposed: tuple[Place, ...] = ()
    grace_s: int | None = None
    read: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def deployment(root: Path, target: str = "") -> Deployment:
    """Return what the files say; `target` is the stage of the Dockerfile that is built, else the last."""
    parts = []
    for path in _files(root):
        name = PurePosixPath(path).name
        try:
            text = (root / path).read_text("utf-8", "replace")
            if name == "Dockerfile":
                parts.append(_docker(root, path, text, target))
            elif name == "Procfile":
                parts.append(_procfile(path, text))
            else:
                parts.append(_yaml(root, path, text))
        except (dockerfile.DockerfileError, OSError, GateError) as error:
            parts.append(Deployment(problems=(str(error),)))
    return _joined(parts, _files(root))


def _files(root: Path) -> tuple[str, ...]:
    """Return the files that tell of a deployment: of each kind the nearest to the root, and all YAML."""
    found: list[str] = []
    for kind in ("Dockerfile", "Procfile"):
        same = [path for path in _below(root, DEPTH) if PurePosixPath(path).name == kind]
        found += sorted(same, key=lambda path: (path.count("/"), path))[:1]
    found += [
        path
        for path in _below(root, DEPTH + 1)
        if PurePosixPath(path).suffix in {".yml", ".yaml"} and _is_deployment(path)
    ]
    return tuple(found)


def _is_deployment(path: str) -> bool:
    if COMPOSE.fullmatch(PurePosixPath(path).name):
        return True
    folders = {part.lower() for part in PurePosixPath(path).parts[:-1]}
    return bool(folders & {"k8s", "kubernetes", "kube", "deploy", "deployment", "manifests"})


def _below(root: Path, depth: int, above: str = "") -> Iterator[str]:
    for entry in sorted((root / above).iterdir()):
        path = f"{above}/{entry.name}" if above else entry.name
        if entry.is_file():
            yield path
        elif depth and entry.is_dir() and not entry.is_symlink() and not _is_unread(entry):
            yield from _below(root, depth - 1, path)


def _is_unread(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in UNREAD or (folder / "pyvenv.cfg").exists()


def _joined(parts: Sequence[Deployment], read: tuple[str, ...]) -> Deployment:
    graces = [part.grace_s for part in parts if part.grace_s is not None]
    return Deployment(
        starts=tuple(start for part in parts for start in part.starts),
        probes=tuple(probe for part in parts for probe in part.probes),
        exposed=tuple(place for part in parts for place in part.exposed),
        grace_s=min(graces, default=None),
        read=read,
        problems=tuple(problem for part in parts for problem in part.problems),
    )


def _docker(root: Path, path: str, text: str, target: str) -> Deployment:
    image = stages.built(stages.stages(dockerfile.parse(text, path), path), target, path)
    argv, line = _image_command(image)
    starts = []
    resolved = through_script(root, PurePosixPath(path).parent.as_posix(), argv)
    if resolved:
        starts.append(Start(source="docker", argv=resolved, place=Place(path=path, line=line)))
    check = image.healthcheck
    asked = () if check is None else urls(" ".join(check.words or (check.text,)))
    return Deployment(
        starts=tuple(starts),
        probes=tuple(
            Probe(kind="ready", path=asks, place=Place(path=path, line=check.line if check else 0))
            for asks in asked
        ),
        exposed=tuple(Place(path=path, line=each.line) for each in image.exposed),
    )


def _image_command(image: stages.Image) -> tuple[tuple[str, ...], int]:
    """Return what the image runs: ENTRYPOINT and CMD; the shell form of ENTRYPOINT takes no CMD."""
    entry, command = image.entrypoint, image.command
    line = max((each.line for each in (entry, command) if each is not None), default=0)
    if entry is None:
        return (() if command is None else _form(command)), line
    if entry.words is None:
        return _form(entry), line
    rest = () if command is None else _form(command)
    return (*entry.words, *rest), line


def _form(instruction: dockerfile.Instruction) -> tuple[str, ...]:
    return instruction.words if instruction.words is not None else ("sh", "-c", instruction.text)


def through_script(root: Path, folder: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return what a command starts at last: behind shells, wrappers, and a script of the project's."""
    words = commands.words_of(argv)
    if words and PurePosixPath(words[0]).name in commands.SHELLS and len(words) > 1:
        words = words[1:]
    script = next((place for place in _scripts(root, folder, words[:1]) if place.is_file()), None)
    if script is None:
        return words
    lines = commands.split(_plain(script.read_text("utf-8", "replace")))
    resolved = [told for line in lines if (told := _unflagged(commands.words_of(line)))]
    started = [told for told in resolved if _starts(told)]
    last = (started or resolved or [()])[-1]
    if last[:1] == ("$@",):
        return commands.words_of(words[1:])
    program = ("python",) if last[:1] and last[0].endswith(".py") else ()
    return (*program, *(word for word in last if word != "$@"))


def _unflagged(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without what `uv run` and its like are told before it."""
    while words[:1] and words[0].startswith("-"):
        words = words[1:]
    return words


def _starts(words: Sequence[str]) -> bool:
    name = commands.comparable(words)[0]
    if name == "python":
        return len(words) > 1 and words[1] not in data.NO_START
    return name in {*data.PROGRAMS, "$@"} or name.endswith(".py")


def _scripts(root: Path, folder: str, words: Sequence[str]) -> Iterator[Path]:
    """Yield where a script of the image may lie in the tree: the image's folders are another."""
    for word in words:
        if word.endswith(".sh") or "entrypoint" in word:
            name = PurePosixPath(word).name
            yield from (root / folder / word.lstrip("/"), root / folder / name, root / name)
            yield from (root / each / name for each in ("docker", "scripts", "backend", "deploy"))


def _plain(script: str) -> str:
    """Return a script without comments, with continued lines joined."""
    lines = script.replace("\\\n", " ").splitlines()
    kept = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return "\n".join(line for line in kept if line.strip() not in {"fi", "done", "esac", "}", ";;"})


def _procfile(path: str, text: str) -> Deployment:
    starts = []
    for number, line in enumerate(text.splitlines(), 1):
        match = PROCESS.fullmatch(line.strip())
        words = commands.words_of(("sh", "-c", match["command"])) if match else ()
        if match and words:
            place = Place(path=path, line=number)
            starts.append(Start(source="procfile", argv=words, place=place, process=match["name"]))
    return Deployment(starts=tuple(starts), read=(path,))


def urls(text: str) -> tuple[str, ...]:
    """Return the paths of the local addresses in a command."""
    found = []
    for url in URL.findall(text):
        # A port may stand there as `${PORT}`, which is no number.
        parts = urlsplit(re.sub(r":\$\{?\w+(:-\d+)?\}?", "", url))
        if parts.hostname is None or LOCAL.fullmatch(parts.hostname):
            found.append(parts.path or "/")
    return tuple(dict.fromkeys(found))


def _yaml(root: Path, path: str, text: str) -> Deployment:
    try:
        documents = yaml_text.values(text)
    except YamlError as error:
        raise GateError(f"{path}: is no YAML: {error}") from None
    tables = [document for document in documents if isinstance(document, dict)]
    if COMPOSE.fullmatch(PurePosixPath(path).name):
        return _joined([_compose(root, path, table) for table in tables], ())
    return _joined([_kubernetes(path, table) for table in tables], ())


def _compose(root: Path, path: str, document: Mapping[str, object]) -> Deployment:
    """Return what the services say that are built here: one from an image is somebody else's system."""
    services = document.get("services")
    starts, probes = [], []
    place = Place(path=path)
    for name, service in services.items() if isinstance(services, dict) else ():
        if not isinstance(service, dict) or "build" not in service:
            continue
        argv = (*_command(service.get("entrypoint")), *_command(service.get("command")))
        words = through_script(root, PurePosixPath(path).parent.as_posix(), argv)
        if words:
            starts.append(Start(source="compose", argv=words, place=place, process=str(name)))
        check = service.get("healthcheck")
        test = check.get("test") if isinstance(check, dict) else None
        written = test if isinstance(test, str) else " ".join(map(str, test or ()))
        probes += [Probe(kind="ready", path=asks, place=place) for asks in urls(written)]
    return Deployment(starts=tuple(starts), probes=tuple(probes))


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("sh", "-c", value)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _kubernetes(path: str, document: Mapping[str, object]) -> Deployment:
    """Return the probes and the grace of what runs containers."""
    probes: list[Probe] = []
    graces: list[int] = []
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            probes += _probes(value, Place(path=path))
            grace = value.get("terminationGracePeriodSeconds")
            graces += [grace] if isinstance(grace, int) else []
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return Deployment(probes=tuple(sorted(probes)), grace_s=min(graces, default=None))


def _probes(table: Mapping[str, object], place: Place) -> Iterator[Probe]:
    if "kind" in table and table["kind"] not in {"Deployment", "StatefulSet", "DaemonSet", "Pod", "List"}:
        return
    for key, kind in (("readinessProbe", "ready"), ("livenessProbe", "live")):
        probe = table.get(key)
        asked = probe.get("httpGet") if isinstance(probe, dict) else None
        path = asked.get("path") if isinstance(asked, dict) else None
        if isinstance(path, str):
            yield Probe(kind="ready" if kind == "ready" else "live", path=path, place=place)
