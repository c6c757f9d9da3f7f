"""Finds what an image is built from and how it is deployed, and reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pytest_failhard.gates.container import documents
from pytest_failhard.gates.container.documents import Table
from pytest_failhard.model import GateError
from pytest_failhard.source.files import role, walk
from pytest_failhard.source.yaml_text import YamlError
from pytest_failhard.system.dockerfile import DockerfileError, Instruction, parse
from pytest_failhard.system.stages import Stage, stages

_DOCKERFILE = re.compile(r"(?:.+\.)?(?:dockerfile|containerfile)(?:[._-].+)?", re.IGNORECASE)
_NOT_DOCKERFILE = (".dockerignore", ".py", ".md", ".sh", ".j2", ".tmpl", ".template")
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[._-].+)?\.ya?ml", re.IGNORECASE)
_DEVELOPMENT = re.compile(
    r"(?:^|[._-])(?:dev|devel|development|devcontainer|local|test|tests|testing|debug|ci|override|e2e|playwright)(?:$|[._-])",
    re.IGNORECASE,
)
_MANIFEST = re.compile(rb"^[ ]*apiVersion:[ ]*\S", re.MULTILINE)
_KIND = re.compile(rb"^[ ]*kind:[ ]*\S", re.MULTILINE)
_YAML = (".yaml", ".yml")
RENDER = "render the templates and name the file under `rendered` in [tool.failhard.container]"
Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A Dockerfile. One for `development` is never deployed: only its secrets are judged."""

    path: str
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    development: bool


@dataclass(frozen=True, kw_only=True)
class Yaml:
    """A YAML file with its documents that are tables."""

    path: str
    documents: tuple[Table, ...]
    development: bool


@dataclass(frozen=True, kw_only=True)
class Files:
    """All that was found and read. `templates` are not read: what they make is, from `manifests`."""

    dockerfiles: tuple[Dockerfile, ...]
    compose: tuple[Yaml, ...]
    manifests: tuple[Yaml, ...]
    templates: tuple[str, ...]
    names: frozenset[str]
    """Every file of the tree."""

    @property
    def deployed(self) -> tuple[Dockerfile, ...]:
        """The Dockerfiles of what is deployed, the main one first: nearest to the root, and plainly named."""
        found = (each for each in self.dockerfiles if not each.development)
        return tuple(sorted(found, key=lambda each: (each.path.count("/"), len(each.path), each.path)))

    @property
    def count(self) -> int:
        """How many files were parsed."""
        return len(self.dockerfiles) + len(self.compose) + len(self.manifests)


class _Reader:
    """Reads texts below a root and collects what cannot be read."""

    def __init__(self, root: Path, most: int) -> None:
        self.root = root
        self.most = most
        self.problems: list[str] = []

    def seems_manifest(self, path: str) -> bool:
        """Tell whether a YAML file says what a manifest says first; what cannot be read may be one."""
        try:
            data = (self.root / path).read_bytes()
        except OSError:
            return True
        return _MANIFEST.search(data) is not None and _KIND.search(data) is not None

    def text(self, path: str) -> str | None:
        """Return a file's text, None where it cannot be read; then the problem is noted."""
        try:
            data = (self.root / path).read_bytes()
            if len(data) <= self.most:
                return data.decode("utf-8-sig")
            self.problems.append(f"{path}: {len(data)} bytes, more than the {self.most} that are read")
        except OSError as error:
            self.problems.append(f"{path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.problems.append(f"{path}: is no UTF-8 text (byte {error.start})")
        return None


def find(root: Path, rendered: Mapping[str, str], most: int) -> Files:
    """Read every Dockerfile, compose file and Kubernetes manifest that is no test's and no example's.

    `rendered` maps templates to what they make; `most` is the largest size in bytes. Raises GateError
    that lists all that cannot be read.
    """
    names = tuple(sorted(set(walk(root, suffix=""))))
    paths = [path for path in names if role(path) not in {"test", "example"}]
    reader = _Reader(root, most)
    dockerfiles = _all(reader, filter(_is_dockerfile, paths), _dockerfile)
    compose = _all(reader, (path for path in paths if _COMPOSE.fullmatch(_name(path))), _yaml)
    manifests, templates = _manifests(reader, paths, rendered)
    if reader.problems:
        raise GateError("unreadable-source: " + "; ".join(reader.problems))
    return Files(
        dockerfiles=tuple(dockerfiles),
        compose=tuple(compose),
        manifests=manifests,
        templates=templates,
        names=frozenset(names),
    )


def _all(reader: _Reader, paths: Iterable[str], read: Callable[[str, str], Read]) -> list[Read]:
    found = []
    for path in paths:
        text = reader.text(path)
        try:
            found += [read(path, text)] if text is not None else []
        except DockerfileError as error:
            reader.problems.append(str(error))
        except YamlError as error:
            reader.problems.append(f"{path}: is no YAML: {error}")
    return found


def _is_dockerfile(path: str) -> bool:
    name = _name(path)
    return _DOCKERFILE.fullmatch(name) is not None and not name.lower().endswith(_NOT_DOCKERFILE)


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _development(path: str) -> bool:
    """Tell whether a file is for development or tests, by its name or the folder that it is in."""
    pure = PurePosixPath(path)
    return any(_DEVELOPMENT.search(part) for part in (pure.name, *pure.parts[-2:-1]))


def _dockerfile(path: str, text: str) -> Dockerfile:
    instructions = parse(text, path)
    return Dockerfile(
        path=path,
        instructions=instructions,
        stages=stages(instructions, path),
        development=_development(path),
    )


def _yaml(path: str, text: str) -> Yaml:
    return Yaml(path=path, documents=documents.read(text), development=_development(path))


def _manifests(
    reader: _Reader, paths: Sequence[str], rendered: Mapping[str, str]
) -> tuple[tuple[Yaml, ...], tuple[str, ...]]:
    """Return the manifests, what templates make included, and the templates."""
    found: list[Yaml] = []
    templates: list[str] = []
    for path in paths:
        is_other = not path.endswith(_YAML) or _COMPOSE.fullmatch(_name(path))
        text = None if is_other or not reader.seems_manifest(path) else reader.text(path)
        if text is None:
            continue
        if any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in rendered):
            templates.append(path)
            continue
        try:
            found.append(_yaml(path, text))
        except YamlError as error:
            reader.problems.append(f"{path}: is no YAML: {error}; {RENDER}")
    made = sorted(set(rendered.values()) - {yaml.path for yaml in found})
    found += _all(reader, made, _yaml)
    empty = [yaml.path for yaml in found if yaml.path in made and not yaml.documents]
    reader.problems += [f"{path}: holds no manifest; {RENDER}" for path in empty]
    return tuple(found), tuple(templates)
