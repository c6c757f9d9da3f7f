"""What the rules share: the tree, the declaration, and the image that is deployed from a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pytest_failhard.gates.container.files import Dockerfile, Files
from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.settings import ContainerSettings
from pytest_failhard.system.commands import shell_text, split
from pytest_failhard.system.declaration import System
from pytest_failhard.system.dockerfile import Instruction, substituted
from pytest_failhard.system.stages import Image, built

DEFAULT_SHELL = ("/bin/sh", "-c")
_NUMBER = re.compile(r"\d+")
_BINDS = re.compile(r"(?:^|[\s=])(?:-b|-p|--bind|--port)(?:[ =])(?:[^\s:]*:)?(?P<port>\d+)(?=\s|$)")


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The judged tree. `system` is None where none is declared."""

    root: Path
    files: Files
    settings: ContainerSettings
    system: System | None
    product: tuple[str, ...] = ()
    """The product's Python files."""
    tests: tuple[str, ...] = ()
    """Test roots."""

    @property
    def kind(self) -> str:
        """The declared kind, empty where none is."""
        return self.system.kind if self.system is not None else ""

    @property
    def serves(self) -> bool:
        """Whether it answers requests, as far as is declared."""
        return self.kind in {"", "http"}

    def read(self, path: str) -> str:
        """Return the text of a file of the tree, whatever bytes stand in it."""
        return (self.root / path).read_text("utf-8", errors="replace")

    def named(self, name: str, folder: str = "") -> str:
        """Return the file of the tree that an image has under a name, empty where none can be told.

        The one in the folder of the Dockerfile goes before those elsewhere.
        """
        last = PurePosixPath(name).name
        found = [path for path in self.files.names if PurePosixPath(path).name == last]
        parts = PurePosixPath(name.lstrip("/")).parts
        # The longer the common end of both paths, the likelier it is the one.
        return max(found, key=lambda path: (_common(parts, path), path.startswith(folder), path), default="")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A deployed Dockerfile with its image. `main` is true for the one that the declaration speaks of."""

    tree: Tree
    file: Dockerfile
    image: Image
    main: bool

    @property
    def folder(self) -> str:
        """The folder of the Dockerfile, empty for the root."""
        folder = PurePosixPath(self.file.path).parent.as_posix()
        return "" if folder == "." else folder

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that the image sets."""
        return self.image.last.environment

    @cached_property
    def argv(self) -> tuple[str, ...]:
        """The command that a container starts with, empty for the one of the base image."""
        entry, command = self.image.entrypoint, self.image.command
        given = _words(command) if command is not None else ()
        if entry is None:
            return given
        return (*_words(entry), *given) if entry.words is not None else _words(entry)

    @cached_property
    def started(self) -> tuple[str, ...]:
        """The command that remains when the script has run which the container starts with."""
        return _past_script(self.tree, self.argv, self.folder)

    @cached_property
    def ports(self) -> frozenset[int]:
        """The ports that the system listens on: as the image sets the declared variable, or the command."""
        system = self.tree.system
        name = system.port_env if system is not None else None
        value = self.environment.get(name, "") if name is not None else ""
        if value.isdecimal():
            return frozenset({int(value)})
        text = substituted(" ".join(self.started), self.environment)[0]
        return frozenset(int(match["port"]) for match in _BINDS.finditer(text))

    @cached_property
    def exposed(self) -> Mapping[int, int]:
        """The ports that the image exposes, with their lines; ranges are left out."""
        words = [
            (word, each.line)
            for each in self.image.exposed
            for word in substituted(each.text, self.image.last.variables)[0].split()
        ]
        ports = ((word.partition("/")[0], line) for word, line in words)
        return {int(port): line for port, line in ports if _NUMBER.fullmatch(port)}

    def hit(self, rule: str, line: int, message: str, fix: str, basis: str = "") -> Hit:
        """Return what is wrong with this Dockerfile."""
        return Hit(rule=rule, path=self.file.path, line=line, message=message, fix=fix, basis=basis or rule)


def images(tree: Tree) -> tuple[Judged, ...]:
    """Return every deployed Dockerfile with its image; raises DockerfileError for no such target."""
    deployed = tree.files.deployed
    target = tree.settings.target
    having = [file for file in deployed if target and _has(file, target)]
    if target and deployed and not having:
        built(deployed[0].stages, target, deployed[0].path)
    return tuple(
        Judged(
            tree=tree,
            file=file,
            image=built(file.stages, target if file in having else "", file.path),
            main=file is (having or deployed)[0],
        )
        for file in deployed
    )


def _has(file: Dockerfile, target: str) -> bool:
    numbers = {str(stage.number) for stage in file.stages}
    return target.lower() in {stage.name for stage in file.stages} or target in numbers


def _words(instruction: Instruction) -> tuple[str, ...]:
    return (*DEFAULT_SHELL, instruction.text) if instruction.words is None else instruction.words


def _past_script(tree: Tree, argv: tuple[str, ...], folder: str) -> tuple[str, ...]:
    script, rest = script_of(tree, argv, folder)
    lines = [line.strip() for line in tree.read(script).split("\n")] if script else []
    last = next((line for line in reversed(lines) if line.startswith("exec ")), "")
    if not last:
        return argv
    if re.search(r"\"?\$[@*]\"?", last):
        return rest
    return split(last)[-1][1:] or argv


def script_of(tree: Tree, argv: tuple[str, ...], folder: str) -> tuple[str, tuple[str, ...]]:
    """Return the script of the tree that a command starts with, and the words behind it."""
    words = argv
    if shell_text(words) is None and words and PurePosixPath(words[0]).name in {"sh", "bash"}:
        words = words[1:]
    is_script = bool(words) and words[0].endswith((".sh", ".bash"))
    path = tree.named(words[0], folder) if is_script else ""
    return path, words[1:] if path else argv


def _common(parts: tuple[str, ...], path: str) -> int:
    count = 0
    for one, other in zip(reversed(parts), reversed(PurePosixPath(path).parts), strict=False):
        if one != other:
            break
        count += 1
    return count
