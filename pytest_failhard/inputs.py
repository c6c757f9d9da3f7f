"""Names all that a run's answers depend on, each part with its SHA-256."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import os
import platform
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_failhard import proc, stamps
from pytest_failhard.distributions import target
from pytest_failhard.model import GateError
from pytest_failhard.relinked import Known
from pytest_failhard.source.files import UNREAD_FOLDERS
from pytest_failhard.source.text_files import TEXT_SUFFIXES
from pytest_failhard.stamps import Listed, Memo, Stamp
from pytest_failhard.system import index

if TYPE_CHECKING:
    from pytest_failhard.model import Rule
    from pytest_failhard.plan import Plan

READ_SUFFIXES = TEXT_SUFFIXES | {".pyi", ".lock", ".in", ".pth", ".yaml", ""}
"""Files with these endings count where git ignores them too: some gates ask for them by their name."""
READ_BY_NAME = ("dockerfile", "containerfile", ".env", "requirements")
GIT_FILES = ("config", "config.worktree", "info/exclude", "info/attributes", "shallow")
VARIABLES = ("SOURCE_DATE_EPOCH", "GITHUB_BASE_REF", "SYSTEMROOT")
OWN = "our own code"
PACKAGES = "packages in "
INSTALLED = ("bin", "etc", "share", "Scripts")
"""Where installers put files outside the packages; without a virtual environment, beside much else."""
UNIMPORTABLE = frozenset(name for name in UNREAD_FOLDERS if name.startswith("."))
"""What an installation for editing has beside its code: caches, reports, environments of other tools."""
OF_PROJECT = frozenset(
    {
        "names of ignored files",
        *("commit", "commit time", "merge base", "git index", "git settings"),
        *("project", "roots"),
    }
)
"""The parts that say which project is judged, beside those of its files."""
COMPILED = frozenset({"__pycache__"})
"""Python writes into it whenever it first imports something, from what is listed."""


NOTHING_KNOWN: Mapping[Path, Known] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What answers depend on: the SHA-256 of each part by its name, which is fit for a message.

    `witness` is equal in two readings only where no file was written between them; `files` and `folders` are
    what was read. `obstacles` say why an answer may depend on more: then nothing may be reused.
    """

    parts: Mapping[str, str]
    witness: str = ""
    files: frozenset[str] = frozenset()
    folders: tuple[Path, ...] = ()
    installed: Mapping[str, Known] = field(default_factory=dict, compare=False)
    """What is remembered of each folder of packages, by its path."""
    obstacles: tuple[str, ...] = ()
    editable: frozenset[str] = frozenset()
    """The parts that are the project's own code once more: it is installed for editing."""

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of all parts."""
        return stamps.joined(self.parts)

    @functools.cached_property
    def around(self) -> str:
        """The SHA-256 of all parts but those of the project: what stays while somebody works on it."""
        left_out = self.files | OF_PROJECT | self.editable
        return stamps.joined({name: part for name, part in self.parts.items() if name not in left_out})

    def differing(self, others: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the parts that are others, new or gone; sorted."""
        names = {*self.parts, *others}
        return tuple(sorted(name for name in names if self.parts.get(name) != others.get(name)))


def ahead() -> dict[Path, Known]:
    """Return what is installed for this interpreter, for `of_run`: this takes long and needs no plan."""
    with contextlib.suppress(OSError):  # whoever needs the folder looks again, and says so
        return {folder: Known.of(package_files(folder)) for folder in _folders((), ()) if folder.is_dir()}
    return {}


def of_run(
    plan: Plan,
    memo: Memo,
    folders: Sequence[Path] | None = None,
    looked: Mapping[Path, Known] = NOTHING_KNOWN,
) -> Inputs:
    """Return what every answer of a run depends on, to be asked in an isolated process of ours.

    `folders` hold what is installed: by default for this interpreter and for the judged one; `looked` is what
    `ahead` found in some of them before any gate looked. Raises GateError where a file cannot be read, or
    changes while it is read.
    """
    try:
        folders = installed(plan) if folders is None else folders
        ours = own_folders()
        there = [folder for folder in folders if folder.is_dir()]
        known = {str(each): looked.get(each) or Known.of(package_files(each)) for each in there}
        packages = {f"{PACKAGES}{each}": known[str(each)].digest for each in there}
        gone = {f"{PACKAGES}{each}": _packages(each) for each in folders if each not in there}
        packages |= gone | {OWN: stamps.digest([_packages(folder) for folder in ours])}
        return _with_tree(plan, memo, packages, (*ours, *folders), known)
    except OSError as error:
        raise GateError(f"cannot-read: {error}; what the answers depend on is not known") from None


def again(plan: Plan, memo: Memo, before: Inputs) -> Inputs:
    """Return the same once more; raises GateError.

    What is installed is not looked at: it is known by times of change, which never come back. An answer that
    rests on a change there is kept under a name that no later run asks for.
    """
    packages = {name: part for name, part in before.parts.items() if name == OWN or name.startswith(PACKAGES)}
    try:
        return _with_tree(plan, memo, packages, before.folders, before.installed)
    except OSError as error:
        raise GateError(f"cannot-read: {error}; what the answers depend on is not known") from None


def _with_tree(
    plan: Plan,
    memo: Memo,
    packages: Mapping[str, str],
    folders: tuple[Path, ...],
    known: Mapping[str, Known],
) -> Inputs:
    tree = _Tree(plan, memo)
    return Inputs(
        parts={**tree.parts, **packages, **_git(plan), **_facts(plan)},
        witness=tree.witness,
        files=frozenset(tree.parts),
        folders=folders,
        installed=known,
        obstacles=tuple(tree.obstacles),
        editable=frozenset(f"{PACKAGES}{each}" for each in folders if _is_own(plan.request.root, each)),
    )


def _is_own(root: Path, folder: Path) -> bool:
    """Tell whether a folder of packages is the project's, and no environment that lies in it."""
    within = [each for each in (folder, *folder.parents) if each.is_relative_to(root)]
    return bool(within) and not any((each / stamps.ENVIRONMENT).is_file() for each in within)


def of_gate(plan: Plan, rule: Rule, tools: Iterable[str], *, day: bool) -> dict[str, str]:
    """Return what the answer of one gate depends on besides.

    Raises GateError where a file that its settings name cannot be read.
    """
    settings = plan.settings[rule.gate]
    named = sorted({*_texts(dataclasses.asdict(settings)), *_texts([o.value for o in rule.options.values()])})
    try:
        files = {f"file {name}": _named(plan.request.root, name) for name in named}
    except OSError as error:
        raise GateError(f"cannot-read: {error}; the settings of {rule.gate} name it") from None
    return {
        "gate": stamps.digest(rule.gate),
        f"policy rule {rule.gate}": stamps.digest(_plain(rule)),
        f"settings {rule.gate}": stamps.digest([type(settings).__name__, _plain(settings)]),
        **{f"tool {tool}": stamps.digest(_version(tool)) for tool in tools},
        **({"day": stamps.digest(plan.today.isoformat())} if day else {}),
        **{name: digest for name, digest in files.items() if digest},
    }


class _Tree:
    """The files of the project, as far as a gate may read them."""

    def __init__(self, plan: Plan, memo: Memo) -> None:
        self.root = plan.request.root
        self.ignored = _ignored(self.root)
        self.inside: dict[str, bool] = {}
        self.obstacles: list[str] = []
        self.parts: dict[str, str] = {}
        self.memo = memo
        seen: list[Listed] = []
        names: list[str] = []
        for file in self._files((*plan.source, *plan.test_roots)):
            if self._counts(file.path):
                seen.append(file)
                self.parts[file.path] = self._digest(file)
            else:
                names.append(file.path)
        self.parts["names of ignored files"] = stamps.digest(sorted(names))
        self.witness = stamps.digest([(file.path, *file.stamp) for file in seen])

    def _files(self, roots: Iterable[str]) -> list[Listed]:
        found = {file.path: file for file in stamps.listed(self.root, UNREAD_FOLDERS)}
        for root in roots:
            # A root may lie in a folder that is not entered otherwise.
            place = self.root / root
            if place.is_dir() and not self._is_entered(root):
                within = stamps.listed(place, UNREAD_FOLDERS, f"{root}/")
                found.update({each.path: each for each in within})
        return [found[path] for path in sorted(found)]

    def _is_entered(self, folder: str) -> bool:
        parts = PurePosixPath(folder).parts
        return ".." not in parts and not UNREAD_FOLDERS.intersection(parts)

    def _counts(self, path: str) -> bool:
        if not self.ignored or not self._is_ignored(path):
            return True
        name = PurePosixPath(path.lower())
        return name.suffix in READ_SUFFIXES or name.name.startswith(READ_BY_NAME)

    def _is_ignored(self, path: str) -> bool:
        return path in self.ignored or self._is_in_ignored(path.rpartition("/")[0])

    def _is_in_ignored(self, folder: str) -> bool:
        if not folder:
            return False
        if folder not in self.inside:
            above = folder.rpartition("/")[0]
            self.inside[folder] = f"{folder}/" in self.ignored or self._is_in_ignored(above)
        return self.inside[folder]

    def _digest(self, file: Listed) -> str:
        digest = self.memo.digest(self.root, file)
        if stat.S_ISLNK(file.stamp.mode):
            digest += self._behind(file.path)
        return hashlib.sha256(f"{digest} {file.stamp.mode:o}".encode()).hexdigest()

    def _behind(self, path: str) -> str:
        """Return what a link leads to: a file's content; a folder must be one that is read anyway."""
        place = self.root / path
        if place.is_file():
            return _content(place)
        if place.is_dir() and not self._is_unread(place) and not self._is_known(place.resolve()):
            self.obstacles.append(f"{path} is a link to a folder outside the project")
        return ""

    def _is_unread(self, folder: Path) -> bool:
        return folder.name in UNREAD_FOLDERS or (folder / stamps.ENVIRONMENT).exists()

    def _is_known(self, folder: Path) -> bool:
        root = self.root.resolve()
        return folder.is_relative_to(root) and self._is_entered(folder.relative_to(root).as_posix())


def _content(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _ignored(root: Path) -> frozenset[str]:
    """Return what git ignores and does not track; a folder ends with a slash. Outside git: nothing."""
    if _git_folder(root) is None:
        return frozenset()
    arguments = ("--others", "--ignored", "--exclude-standard", "--directory")
    listed = proc.git(root, "ls-files", "-z", *arguments, timeout=60)
    names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    # A project that lies in a folder which an outer repository ignores is read all the same.
    return frozenset() if listed.returncode or "./" in names else frozenset(names)


def _git_folder(root: Path) -> Path | None:
    above = (root.resolve(), *root.resolve().parents)
    return next((folder / ".git" for folder in above if (folder / ".git").exists()), None)


def _git(plan: Plan) -> dict[str, str]:
    """Return the state of the repository: what HEAD and the base are, how the index marks files."""
    base = plan.base
    said = {
        "commit": stamps.digest(plan.facts.commit),
        "merge base": stamps.digest([base.commit, base.chosen] if base is not None else plan.base_missing),
    }
    folder = _git_folder(plan.request.root)
    if folder is None:
        return said
    listed = proc.git(plan.request.root, "ls-files", "-z", "-v", "--stage", timeout=60)
    settings = {
        name: _content(place)
        for each in _git_folders(folder)
        for name in GIT_FILES
        if (place := each / name).is_file()
    }
    return {
        **said,
        "git index": hashlib.sha256(listed.stdout).hexdigest(),
        "git settings": stamps.digest(settings),
    }


def _git_folders(folder: Path) -> Iterator[Path]:
    """Yield where a repository's settings lie: a work tree's own folder, and the one that it shares."""
    if folder.is_file():
        told = folder.read_text("utf-8", "surrogateescape").partition("gitdir:")[2].strip()
        folder = folder.parent / told
    yield folder
    common = folder / "commondir"
    if common.is_file():
        yield folder / common.read_text("utf-8", "surrogateescape").strip()


def _facts(plan: Plan) -> dict[str, str]:
    """Return what the run itself was asked for and found."""
    request = plan.request
    handed = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {
        "level": stamps.digest(plan.level),
        "mode": stamps.digest(request.mode.value),
        "seed": stamps.digest(request.seed),
        "root": stamps.digest(str(request.root)),
        "policy": stamps.digest([plan.policy.name, plan.policy.sha256]),
        "project": stamps.digest(_plain(plan.facts)),
        "configuration": stamps.digest(_plain(plan.project)),
        "roots": stamps.digest([plan.source, plan.test_roots]),
        "clarifications": stamps.digest([_plain(each) for each in plan.clarifications]),
        "commit time": stamps.digest(str(plan.committed)),
        "platform": stamps.digest([*_system(), sys.version, sys.executable, os.cpu_count()]),
        "environment": stamps.digest([handed, dict(index.operator(os.environ).variables)]),
        "version": stamps.digest(importlib.metadata.version("pytest-failhard")),
    }


def _system() -> tuple[str, ...]:
    # Not `platform.platform()`: that starts a process to ask for the processor.
    return platform.system(), platform.release(), platform.version(), platform.machine()


def installed(plan: Plan) -> list[Path]:
    """Return the folders of packages of the tools and of the judged interpreter, without Python's own.

    A virtual environment is one folder: what is installed lies beside its packages too.
    """
    if str(plan.interpreter) == sys.executable:
        return _folders((), ())
    prefix, others = _searched(str(plan.interpreter), _stamp(plan.interpreter))
    return _folders(others, (prefix,))


def _folders(more: Iterable[Path], other_prefixes: Iterable[Path]) -> list[Path]:
    """Return the folders of packages of this interpreter, and of another one's search path and prefix."""
    searched, prefixes = [*map(Path, sys.path), *more], [Path(sys.prefix), *other_prefixes]
    whole = {prefix for prefix in prefixes if (prefix / stamps.ENVIRONMENT).is_file()}
    beside = [prefix / name for prefix in prefixes if prefix not in whole for name in INSTALLED]
    apart = {folder for folder in (*searched, *beside) if not whole.intersection((folder, *folder.parents))}
    return sorted(whole | {folder for folder in apart if not _is_standard(folder)})


def _is_standard(folder: Path) -> bool:
    """Tell whether a folder is a part of Python itself, which its version stands for."""
    return folder.suffix == ".zip" or folder.name == "lib-dynload" or (folder / "asyncio").is_dir()


@functools.lru_cache(maxsize=4)
def _searched(interpreter: str, state: Stamp) -> tuple[Path, tuple[Path, ...]]:
    """Return the prefix of another interpreter, and where it looks for packages."""
    del state
    said = proc.run(
        [interpreter, "-I", "-X", "utf8", "-c", target.PROBE],
        cwd=Path(sys.prefix),
        timeout=target.SECONDS,
        environment={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
    )
    try:
        found = target.parsed(said.stdout)
    except ValueError as error:
        raise GateError(f"{interpreter}: gives no description of itself ({error})") from None
    return found.prefix, found.paths


def _stamp(path: Path) -> Stamp:
    return stamps.stamp_of(path.stat())


def package_files(folder: Path) -> list[Listed]:
    """Return the files of a folder of packages; raises OSError where it cannot be read."""
    return stamps.listed(folder, COMPILED | UNIMPORTABLE)


def _packages(folder: Path) -> str:
    return stamps.folder_digest(folder, COMPILED | UNIMPORTABLE)


def own_folders() -> tuple[Path, ...]:
    """Return where our own code is: an installation for editing changes without its version."""
    package = Path(__file__).parent
    # In a checkout some of our folders are links.
    return (package, *(each.resolve() for each in package.iterdir() if each.is_symlink() and each.is_dir()))


def _version(tool: str) -> str:
    """Return the installed version; a tool that is not there has none, and its gate will say so."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _named(root: Path, name: str) -> str:
    """Return the digest of a file or folder that a setting names, empty where it names none."""
    if not name or "\n" in name or "\0" in name or len(name) > os.pathconf("/", "PC_NAME_MAX"):
        return ""
    place = root / name
    if place.is_file():
        beside = Path(f"{place}.sha256")
        return stamps.digest([_content(place), _content(beside) if beside.is_file() else ""])
    known = place.resolve().is_relative_to(root.resolve()) and not (place / ".git").exists()
    return _packages(place) if place.is_dir() and not known and place.resolve() != root.resolve() else ""


def _texts(value: object) -> Iterator[str]:
    """Yield every text in plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)


def _plain(value: object) -> object:
    """Return a frozen value of the vocabulary as plain ones in a fixed order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(vars(value)[field.name]) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            str(name): _plain(item) for name, item in sorted(value.items(), key=lambda each: str(each[0]))
        }
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(item)) for item in value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | str | None) else str(value)
