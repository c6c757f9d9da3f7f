"""Finds the merge base in git, reads files there, and says which lines of the tree it lacks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import Completed, GateError

TIMEOUT_SECONDS = 120
FIRST_PARENT = "first parent of HEAD"
EMPTY_TREE = "the empty tree: HEAD is the first commit"
DEEPEN = "fetch the whole history (`git fetch --unshallow`; in GitHub Actions `fetch-depth: 0`)"
HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
# Python ends a line at a lone carriage return too, git does not.
LINE_END = re.compile(rb"\r\n|\r|\n")
LONE_RETURN = re.compile(rb"\r(?!\n)")
ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class BaseError(GateError):
    """There is no merge base to compare with; the message says why and what to do."""


class GitBase:
    """The merge base's tree, as `model.Base`. Paths are relative to the project's root."""

    def __init__(self, root: Path, commit: str, chosen: str) -> None:
        self.root = root
        self.commit = commit
        self.chosen = chosen

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes at the base, None where it has no such file; follows the tree's links."""
        if not self.commit:
            return None
        for name in dict.fromkeys((path, _real(self.root, path))):
            entry = _git(self.root, "ls-tree", "-z", "--end-of-options", self.commit, f"./{name}").stdout
            mode, _, rest = entry.partition(b" ")
            kind, _, rest = rest.partition(b" ")
            if kind == b"blob" and mode != b"120000":
                identity = rest.partition(b"\t")[0].decode("ascii")
                return _git(self.root, "cat-file", "blob", identity).stdout
        return None

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        """Return the lines of the working tree that the base lacks, by path.

        Committed, staged, unstaged and untracked changes count, ignored files do not. A file that the
        index hides from `git diff` (assume-unchanged, skip-worktree) counts as wholly changed.
        """
        return self._changed

    def differing(self) -> frozenset[str]:
        """Return the paths of the base that the tree has otherwise or not at all; a renamed file is gone.

        `changed_lines` has no file that only lost lines, because nothing in it is new.
        """
        if not self.commit:
            return frozenset()
        arguments = ("--name-only", "--diff-filter=DMT", "--no-renames", "--relative", "-z")
        names = _git(self.root, "diff", *arguments, "--end-of-options", self.commit, "--").stdout
        return frozenset(_text(name) for name in names.split(b"\0") if name)

    @functools.cached_property
    def _changed(self) -> Mapping[str, frozenset[int]]:
        changed: dict[str, frozenset[int]] = {}
        whole = set(_listed(self.root, "--others", "--exclude-standard"))
        if self.commit:
            arguments = (
                "--unified=0",
                "--no-color",
                "--no-renames",
                "--relative",
                "--ita-invisible-in-index",
            )
            prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
            diff = _git(
                self.root, "diff", *arguments, *prefixes, "--end-of-options", self.commit, "--"
            ).stdout
            changed.update(_added(diff))
            whole.update(_hidden(self.root))
            whole.update(name for name in changed if _counts_otherwise(self.root / name))
        else:
            whole.update(_listed(self.root, "--cached"))
        changed.update({name: _all_lines(self.root / name) for name in whole})
        return {name: changed[name] for name in sorted(changed) if changed[name]}


def resolve(root: Path, wanted: str | None, github_base_ref: str = "") -> GitBase:
    """Return the base that every gate compares with.

    `wanted` is the command line's or the project's choice, `github_base_ref` the value of
    GITHUB_BASE_REF; without both, `origin/HEAD`, and without a remote HEAD itself. A base that is HEAD
    gives way to HEAD's first parent. Raises BaseError.
    """
    _check_repository(root)
    head = _commit(root, "HEAD")
    if not head:
        raise BaseError(f"{_place(root)} has no commit yet; make a first commit (`git commit`)")
    name, commit, source = _choice(root, wanted, github_base_ref, head)
    merge_base = head if commit == head else _merge_base(root, name, commit, head)
    if merge_base != head:
        return GitBase(root, merge_base, f"merge base with {name} ({source})")
    return _before(root, head, f"{name} ({source}) is HEAD")


def _check_repository(root: Path) -> None:
    completed = _run(root, "rev-parse", "--is-inside-work-tree")
    if completed.returncode == 0 and completed.stdout.strip() == b"true":
        return
    said = completed.stderr.decode("utf-8", "replace")
    if "dubious ownership" in said:
        raise BaseError(
            f"git refuses {_place(root)}: another user owns it (dubious ownership); "
            'run `git config --global --add safe.directory "$PWD"` in the folder that holds `.git`'
        )
    if "not a git repository" in said or completed.returncode == 0:
        raise BaseError(
            f"{_place(root)} is in no git working tree; run `git init` and make a first commit, "
            "or check out the project with git"
        )
    raise BaseError(f"git cannot read {_place(root)}: {_last(completed)}; run `git fsck`")


def _place(root: Path) -> str:
    # The name alone: a report is the same wherever the tree lies.
    return f"the folder {root.name}"


def _choice(root: Path, wanted: str | None, github: str, head: str) -> tuple[str, str, str]:
    if wanted:
        return (wanted, _named(root, (wanted,), f"base {wanted}"), "chosen")
    if github:
        names = (f"refs/remotes/origin/{github}", f"refs/heads/{github}")
        return (f"origin/{github}", _named(root, names, f"GITHUB_BASE_REF {github}"), "GITHUB_BASE_REF")
    default = _commit(root, "refs/remotes/origin/HEAD")
    return ("origin/HEAD", default, "default branch") if default else ("HEAD", head, "no remote branch")


def _named(root: Path, names: tuple[str, ...], called: str) -> str:
    for name in names:
        if commit := _commit(root, name):
            return commit
    raise BaseError(
        f"{called}: git knows no such commit; fetch it (`git fetch origin`; in GitHub Actions "
        "`fetch-depth: 0`) or correct the name"
    )


def _commit(root: Path, name: str) -> str:
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    completed = _run(root, *arguments)
    return completed.stdout.decode("ascii", "replace").strip() if completed.returncode == 0 else ""


def _merge_base(root: Path, name: str, commit: str, head: str) -> str:
    completed = _run(root, "merge-base", commit, head)
    found = completed.stdout.decode("ascii", "replace").strip()
    if completed.returncode == 0 and found and _commit(root, found):
        return found
    if _is_shallow(root):
        raise BaseError(f"the clone is shallow and lacks the merge base with {name}; {DEEPEN}")
    if completed.returncode == 1:
        raise BaseError(f"HEAD and {name} have no common commit; choose another base")
    raise BaseError(
        f"git finds no merge base with {name}: {_last(completed)}; run `git fsck`, then fetch again"
    )


def _before(root: Path, head: str, why: str) -> GitBase:
    if parent := _commit(root, f"{head}^1"):
        return GitBase(root, parent, f"{FIRST_PARENT}, because {why}")
    if _is_shallow(root):
        raise BaseError(f"{why}, and the clone is too shallow for its parent; {DEEPEN}")
    header = _git(root, "cat-file", "commit", head).stdout.partition(b"\n\n")[0]
    if any(line.startswith(b"parent ") for line in header.splitlines()):
        raise BaseError(f"the parent of HEAD is missing in the repository; {DEEPEN}")
    return GitBase(root, "", EMPTY_TREE)


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() != b"false"


def _run(root: Path, *arguments: str) -> Completed:
    try:
        return proc.git(root, *arguments, timeout=TIMEOUT_SECONDS)
    except proc.ProcError as error:
        raise BaseError(str(error)) from None


def _git(root: Path, *arguments: str) -> Completed:
    completed = _run(root, *arguments)
    if completed.returncode != 0:
        raise BaseError(
            f"`git {arguments[0]}` ended with {completed.returncode}: {_last(completed)}; "
            f"where objects are missing, {DEEPEN}"
        )
    return completed


def _last(completed: Completed) -> str:
    lines = completed.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _real(root: Path, path: str) -> str:
    """Return where a path leads through the links of the tree, the path itself where it leaves it."""
    real = (root / path).resolve()
    return real.relative_to(root.resolve()).as_posix() if real.is_relative_to(root.resolve()) else path


def _listed(root: Path, *arguments: str) -> list[str]:
    names = _git(root, "ls-files", "-z", *arguments).stdout.split(b"\0")
    return [_text(name) for name in names if name]


def _hidden(root: Path) -> Iterator[str]:
    for entry in _git(root, "ls-files", "-z", "-v", "--cached").stdout.split(b"\0"):
        flag, _, name = entry.partition(b" ")
        if flag == b"S" or flag.islower():
            yield _text(name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _counts_otherwise(path: Path) -> bool:
    return path.is_file() and LONE_RETURN.search(path.read_bytes()) is not None


def _all_lines(path: Path) -> frozenset[int]:
    if path.is_symlink() or not path.is_file():
        return frozenset()
    data = path.read_bytes()
    ends = len(LINE_END.findall(data))
    return frozenset(range(1, ends + (1 if data and data[-1:] not in b"\r\n" else 0) + 1))


def _added(diff: bytes) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield the added lines by file. Bodies are skipped by count, so that no content looks like a header."""
    lines = iter(diff.split(b"\n"))
    name, added = "", set[int]()
    for line in lines:
        if line.startswith(b"diff --git "):
            if name:
                yield name, frozenset(added)
            name, added = "", set()
        elif line.startswith(b"+++ "):
            name = _target(line[4:])
        elif hunk := HUNK.match(line):
            removed, first, count = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            added.update(range(first, first + count))
            _skip(lines, removed + count)
    if name:
        yield name, frozenset(added)


def _skip(lines: Iterator[bytes], count: int) -> None:
    while count:
        # "\ No newline at end of file" comes on top of the count.
        count -= not next(lines).startswith(b"\\")


def _target(header: bytes) -> str:
    """Return the path in a `+++` line, empty for a deleted file."""
    if header.startswith(b'"'):
        header = ESCAPE.sub(lambda match: _unescape(match[1]), header[1 : header.rindex(b'"')])
    else:
        # Git ends a name with a space in it by a tab.
        header = header.removesuffix(b"\t")
    return _text(header.removeprefix(b"b/")) if header != b"/dev/null" else ""


def _unescape(code: bytes) -> bytes:
    return bytes([int(code, 8)]) if code.isdigit() else ESCAPED.get(code, code)
