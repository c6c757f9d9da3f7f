"""The merge base: how it is found, what it holds, which lines the working tree adds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_failhard.source.base import EMPTY_TREE, BaseError, GitBase, resolve

IDENTITY = dict.fromkeys(
    ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "test"
)
DEEPEN = "fetch the whole history (`git fetch --unshallow`; in GitHub Actions `fetch-depth: 0`)"


def git(root: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment | IDENTITY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path, **files: str) -> str:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text, "utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "change")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "tree"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    return path


@pytest.fixture
def branched(root: Path) -> str:
    """A branch `work` one commit ahead of `main`; returns the commit of `main`."""
    first = commit(root, a="one\ntwo\nthree\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, a="one\nTWO\nthree\nfour\n")
    return first


def refused(root: Path, wanted: str | None = None, github: str = "") -> str:
    with pytest.raises(BaseError) as caught:
        resolve(root, wanted, github)
    return str(caught.value)


def lines(base: GitBase) -> dict[str, list[int]]:
    return {name: sorted(numbers) for name, numbers in base.changed_lines().items()}


def test_branch(root: Path, branched: str) -> None:
    base = resolve(root, "main")
    assert (base.commit, base.chosen) == (branched, "merge base with main (chosen)")
    assert lines(base) == {"a.py": [2, 4]}
    assert base.read("a.py") == b"one\ntwo\nthree\n"
    assert base.read("absent.py") is None


def test_main_that_went_on_is_not_the_base(root: Path, branched: str) -> None:
    git(root, "checkout", "-q", "main")
    commit(root, b="other\n")
    git(root, "checkout", "-q", "work")
    base = resolve(root, "main")
    assert base.commit == branched
    assert lines(base) == {"a.py": [2, 4]}


def test_merge_base_that_is_head_gives_way_to_the_parent(root: Path, branched: str) -> None:
    base = resolve(root, None)
    assert base.commit == branched
    assert base.chosen == "first parent of HEAD, because HEAD (no remote branch) is HEAD"


def test_detached_head(root: Path, branched: str) -> None:
    git(root, "checkout", "-q", "--detach", "work")
    assert resolve(root, "main").commit == branched


def test_proven_root_commit_has_the_empty_tree(root: Path) -> None:
    commit(root, a="one\ntwo\n")
    (root / "new.py").write_text("1\n", "utf-8")
    base = resolve(root, None)
    assert (base.commit, base.chosen) == ("", EMPTY_TREE)
    assert base.read("a.py") is None
    assert lines(base) == {"a.py": [1, 2], "new.py": [1]}


def test_github_base_ref_names_a_remote_branch(root: Path, branched: str, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    base = resolve(clone, None, "main")
    assert (base.commit, base.chosen) == (branched, "merge base with origin/main (GITHUB_BASE_REF)")


def test_default_branch_of_the_remote(root: Path, branched: str, tmp_path: Path) -> None:
    git(root, "checkout", "-q", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    git(clone, "checkout", "-q", "work")
    base = resolve(clone, None)
    assert (base.commit, base.chosen) == (branched, "merge base with origin/HEAD (default branch)")


def test_chosen_base_goes_before_github_base_ref(root: Path, branched: str) -> None:
    assert resolve(root, "main", "absent").commit == branched


def test_unknown_base(root: Path, branched: str) -> None:
    fix = (
        "git knows no such commit; fetch it (`git fetch origin`; in GitHub Actions `fetch-depth: 0`) "
        "or correct the name"
    )
    assert refused(root, "absent") == f"base absent: {fix}"
    assert refused(root, None, "absent") == f"GITHUB_BASE_REF absent: {fix}"
    assert refused(root, "--all") == f"base --all: {fix}"


def test_no_git(tmp_path: Path) -> None:
    assert refused(tmp_path, "main") == (
        f"the folder {tmp_path.name} is in no git working tree; run `git init` and make a first commit, "
        "or check out the project with git"
    )


def test_git_is_not_installed(root: Path, branched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert refused(root) == "git is not installed or not on PATH; install it"


def test_no_commit(root: Path) -> None:
    assert refused(root) == "the folder tree has no commit yet; make a first commit (`git commit`)"


def test_shallow_clone_without_the_parent_fo_136(root: Path, branched: str, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", str(clone))
    assert refused(clone) == (
        f"origin/HEAD (default branch) is HEAD, and the clone is too shallow for its parent; {DEEPEN}"
    )


def test_shallow_clone_without_the_merge_base_fo_136(root: Path, branched: str, tmp_path: Path) -> None:
    git(root, "checkout", "-q", "main")
    commit(root, b="other\n")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{root}", str(clone))
    git(clone, "checkout", "-q", "work")
    assert refused(clone, "origin/main") == (
        f"the clone is shallow and lacks the merge base with origin/main; {DEEPEN}"
    )


def test_unrelated_histories(root: Path, branched: str) -> None:
    git(root, "checkout", "-q", "--orphan", "other")
    commit(root, a="other\n")
    assert refused(root, "main") == "HEAD and main have no common commit; choose another base"


def test_missing_objects(root: Path, branched: str) -> None:
    (root / ".git" / "objects" / branched[:2] / branched[2:]).unlink()
    assert refused(root, None) == f"the parent of HEAD is missing in the repository; {DEEPEN}"


def test_missing_file_content_is_an_error_not_an_absent_file(root: Path, branched: str) -> None:
    base = resolve(root, "main")
    blob = git(root, "rev-parse", "main:a.py")
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(
        BaseError, match=r"^`git cat-file` ended with 128: .*; where objects are missing, fetch"
    ):
        base.read("a.py")


def test_committed_staged_unstaged_and_untracked_changes(root: Path) -> None:
    commit(root, committed="1\n", staged="1\n", unstaged="1\n", same="1\n", gone="1\n", ignored="1\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, committed="1\n2\n")
    (root / "staged.py").write_text("0\n1\n", "utf-8")
    git(root, "add", "staged.py")
    (root / "unstaged.py").write_text("1\n2\n3", "utf-8")
    (root / "untracked.py").write_text("1\n2\n", "utf-8")
    (root / "intended.py").write_text("1\n", "utf-8")
    git(root, "add", "-N", "intended.py")
    (root / "gone.py").unlink()
    (root / ".gitignore").write_text("*.log\n", "utf-8")
    (root / "x.log").write_text("1\n", "utf-8")
    assert lines(resolve(root, "main")) == {
        ".gitignore": [1],
        "committed.py": [2],
        "intended.py": [1],
        "staged.py": [1],
        "unstaged.py": [2, 3],
        "untracked.py": [1, 2],
    }


@pytest.mark.parametrize(
    "name", ["with space.py", "ünï.py", 'quote".py', "tab\t.py", "back\\slash.py", "b/deep.py", "-dash.py"]
)
def test_names(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("1\n2\n", "utf-8")
    commit(root)
    (root / name).write_text("1\n2\n3\n", "utf-8")
    git(root, "checkout", "-q", "-b", "work")
    commit(root)
    base = resolve(root, "main")
    assert lines(base) == {name: [3]}
    assert base.read(name) == b"1\n2\n"


def test_content_that_looks_like_a_diff(root: Path) -> None:
    commit(root, a="-- a\n1\n", b="1\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, a="++ b/b.py\n@@ -1 +9 @@\ndiff --git a/b.py b/b.py\n1\n", b="1\n2")
    assert lines(resolve(root, "main")) == {"a.py": [1, 2, 3], "b.py": [2]}


def test_no_newline_at_the_end(root: Path) -> None:
    commit(root, a="1\n2", b="1\n2\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, a="1\n2\n3", b="1\n2")
    assert lines(resolve(root, "main")) == {"a.py": [2, 3], "b.py": [2]}


def test_binary_attributes_do_not_hide_a_change(root: Path) -> None:
    (root / ".gitattributes").write_text("*.py binary\n", "utf-8")
    commit(root, a="1\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, a="1\n2\n")
    assert lines(resolve(root, "main")) == {"a.py": [2]}


def test_renamed_file_is_new(root: Path) -> None:
    commit(root, a="1\n2\n")
    git(root, "checkout", "-q", "-b", "work")
    git(root, "mv", "a.py", "b.py")
    commit(root)
    assert lines(resolve(root, "main")) == {"b.py": [1, 2]}


@pytest.mark.parametrize("bit", ["--assume-unchanged", "--skip-worktree"])
def test_index_cannot_hide_a_change(root: Path, branched: str, bit: str) -> None:
    (root / "a.py").write_text("new\nlines\n", "utf-8")
    git(root, "update-index", bit, "a.py")
    assert lines(resolve(root, "main")) == {"a.py": [1, 2]}


def test_lone_carriage_returns_are_line_ends_for_python(root: Path) -> None:
    (root / "a.py").write_bytes(b"1\r2\r3\n")
    commit(root)
    git(root, "checkout", "-q", "-b", "work")
    (root / "a.py").write_bytes(b"1\r2\r4\n")
    assert lines(resolve(root, "main")) == {"a.py": [1, 2, 3]}


def test_root_below_the_repository(root: Path) -> None:
    project = root / "sub"
    project.mkdir()
    commit(root, a="1\n")
    commit(project, b="1\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root, a="1\n2\n")
    commit(project, b="0\n1\n")
    (project / "new.py").write_text("1\n", "utf-8")
    base = resolve(project, "main")
    assert lines(base) == {"b.py": [1], "new.py": [1]}
    assert base.read("b.py") == b"1\n"
    assert base.read("a.py") is None


def test_linked_folder_is_read_at_its_real_place(root: Path) -> None:
    for name in ("real", "package"):
        (root / name).mkdir()
    (root / "package" / "link").symlink_to("../real")
    commit(root / "real", a="1\n")
    git(root, "checkout", "-q", "-b", "work")
    commit(root / "real", a="2\n")
    base = resolve(root, "main")
    assert base.read("package/link/a.py") == b"1\n"
    assert lines(base) == {"real/a.py": [1]}


def test_a_file_that_only_lost_lines_and_one_that_is_gone_differ(root: Path) -> None:
    first = commit(root, a="one\ntwo\n", b="one\n", c="one\n")
    commit(root, a="one\n", d="new\n")
    (root / "b.py").unlink()
    base = resolve(root, first)
    assert base.differing() == {"a.py", "b.py"}
    assert lines(base) == {"d.py": [1]}


def test_at_the_first_commit_nothing_differs_that_was_there(root: Path) -> None:
    commit(root, a="one\n")
    assert resolve(root, None).differing() == frozenset()
