"""Requirements by address against what was really installed."""

from __future__ import annotations

import pytest

from pytest_failhard.distributions.direct import archive_hashes, fits, revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = "git+https://example.org/a/b.git"
HERE = "https://example.org/a/b.git"
ARCHIVE = "https://example.org/b-1.tar.gz"


def git(url: str = HERE, commit: str = COMMIT, requested: str = "") -> dict[str, object]:
    asked = {"requested_revision": requested} if requested else {}
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": commit, **asked}}


def archive(url: str = ARCHIVE, **info: object) -> dict[str, object]:
    return {"url": url, "archive_info": info}


@pytest.mark.parametrize(
    ("url", "installed"),
    [
        (f"{GIT}@{COMMIT}", git()),
        (f"{GIT}@{COMMIT.upper()}#egg=b", git(url="https://mirror.example.org/b")),
        (f"{GIT}@main", git(requested="main")),
        (f"{GIT}@feature/x", git(requested="feature/x")),
        (GIT, git()),
        ("git+ssh://git@example.org/a/b", git(url="ssh://git@example.org/a/b.git")),
        (f"{ARCHIVE}#sha256=AB", archive(hashes={"sha256": "ab"})),
        (f"{ARCHIVE}#sha256=ab", archive("https://mirror.example.org/b-1.tar.gz", hash="sha256=ab")),
        (f"{ARCHIVE}#egg=b", archive()),
        ("file:///src/my%20b/", {"url": "file:///src/my b", "dir_info": {}}),
    ],
)
def test_what_was_asked_for(url: str, installed: dict[str, object]) -> None:
    assert fits(url, installed)


@pytest.mark.parametrize(
    ("url", "installed"),
    [
        (f"{GIT}@{COMMIT}", git(commit="f" * 40)),
        (f"{GIT}@{COMMIT}", {}),
        (f"{GIT}@{COMMIT}", archive(hash="sha256=ab")),
        (f"{GIT}@main", git(requested="dev")),
        (f"{GIT}@main", git(url="https://example.org/else/b", requested="main")),
        (GIT, git(requested="main")),
        (f"{ARCHIVE}#sha256=ab", archive(hashes={"sha256": "cd"})),
        (f"{ARCHIVE}#sha256=ab", archive()),
        (f"{ARCHIVE}#sha256=ab", archive(hashes={"sha512": "ab"})),
        (f"{ARCHIVE}#sha256=ab", {}),
        (ARCHIVE, archive("https://example.org/b-2.tar.gz")),
        (ARCHIVE, {}),
    ],
)
def test_what_was_not(url: str, installed: dict[str, object]) -> None:
    assert not fits(url, installed)


def test_the_revision_of_an_address() -> None:
    assert revision(f"{GIT}@v1.0#egg=b") == "v1.0"
    assert revision(GIT) == ""
    assert revision("git+ssh://git@example.org/a/b") == ""


def test_hashes_of_the_newer_form_count_first() -> None:
    both = archive(hash="sha256=old", hashes={"sha256": "new"})
    assert archive_hashes(both) == {"sha256": "new"}
    assert archive_hashes({}) == {}
