"""Where a run comes from: never a credential, never a place on a machine."""

from __future__ import annotations

import pytest

from pytest_failhard.distributions.attest.origin import LOCAL_BUILDER, Origin, moment, of, without_credentials
from pytest_failhard.model import GateError

COMMIT = "c" * 40
MANIFEST = "d" * 64
CI = {
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "shop/shop",
    "GITHUB_WORKFLOW_REF": "shop/shop/.github/workflows/release.yml@refs/tags/v1",
    "GITHUB_RUN_ID": "17",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_REF": "refs/tags/v1",
}


def origin(
    environment: dict[str, str] | None = None, *, remote: str = "", commit: str = COMMIT, clean: bool = True
) -> Origin:
    return of(
        environment or {},
        remote=remote,
        ref="refs/heads/main" if commit else "",
        commit=commit,
        is_clean=clean,
        manifest=MANIFEST,
    )


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://git.example/shop/shop.git", "https://git.example/shop/shop.git"),
        ("https://user:ghp_token@git.example/shop", "https://git.example/shop"),
        ("https://ghp_token@git.example:8443/shop/", "https://git.example:8443/shop"),
        ("https://git.example/shop?private_token=x#y", "https://git.example/shop"),
        ("git@git.example:shop/shop.git", "ssh://git.example/shop/shop.git"),
        ("git.example:/shop.git", "ssh://git.example/shop.git"),
        ("ssh://git:secret@git.example:22/shop", "ssh://git.example:22/shop"),
        ("/home/jane/shop", ""),
        ("../shop", ""),
        ("file:///home/jane/shop", ""),
        ("C:/Users/jane/shop", ""),
        ("https://git.example:port/shop", ""),
        ("https:///shop", ""),
        ("", ""),
    ],
)
def test_a_remote_is_named_without_what_opens_it(remote: str, expected: str) -> None:
    assert without_credentials(remote) == expected


def test_a_clean_tree_is_its_commit() -> None:
    found = origin(remote="https://token@git.example/shop.git")
    assert found.described() == {
        "name": "source",
        "uri": "git+https://git.example/shop.git@refs/heads/main",
        "digest": {"gitCommit": COMMIT},
    }
    assert (found.builder, found.invocation, found.started) == (LOCAL_BUILDER, "", "")


def test_a_changed_tree_is_not_its_commit() -> None:
    assert origin(clean=False).described() == {
        "name": "source",
        "digest": {"sha256": MANIFEST},
        "annotations": {"changed_since": COMMIT},
    }


def test_a_tree_outside_git_is_its_files() -> None:
    found = origin(commit="", clean=True)
    assert found.described() == {"name": "source", "digest": {"sha256": MANIFEST}}
    assert found.resource == ""


def test_in_ci_the_builder_is_the_workflow() -> None:
    found = origin(CI, remote="https://x-access-token:t@github.example/fork/shop")
    assert found.builder == "https://github.example/shop/shop/.github/workflows/release.yml@refs/tags/v1"
    assert found.invocation == "https://github.example/shop/shop/actions/runs/17/attempts/2"
    assert found.resource == "git+https://github.example/shop/shop@refs/tags/v1"


def test_a_run_without_number_has_no_name() -> None:
    assert origin({**CI, "GITHUB_RUN_ID": ""}).invocation == ""
    first = {name: value for name, value in CI.items() if name != "GITHUB_RUN_ATTEMPT"}
    assert origin(first).invocation.endswith("/runs/17/attempts/1")


def test_no_clock_but_the_one_that_is_given() -> None:
    assert origin({"SOURCE_DATE_EPOCH": "1767323045"}).started == "2026-01-02T03:04:05Z"
    assert moment("") == ""
    for text in ("today", "9" * 30):
        with pytest.raises(GateError, match=f"SOURCE_DATE_EPOCH is '{text}', no count of seconds"):
            moment(text)
