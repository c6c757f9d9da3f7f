"""A workflow attests only what came through the gate, with pinned actions and no more rights than needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.attest.workflow import MOST_BYTES, attests, parse
from tests.distributions.attest.samples import ATTESTING, COMMIT, PLACE

NEEDS = "    permissions:\n      contents: read\n      id-token: write\n      attestations: write\n"
TWO_JOBS = f"""\
on: {{release: {{types: [published]}}}}
jobs:
  judge:
    steps:
      - run: python -m pytest --failhard-level=4
  between:
    needs: judge
    steps: [{{run: echo}}]
  attest:
    needs: [between]
{NEEDS}    steps:
      - uses: actions/attest-build-provenance@{COMMIT}
        with: {{subject-path: dist/*}}
"""
CALLED = TWO_JOBS.replace("on: {release: {types: [published]}}", "on: workflow_call")
CALLER = f"""\
on: [push]
jobs:
  all:
    uses: ./.github/workflows/inner.yml
{NEEDS}"""
OWN = Path(__file__).parents[3] / ".github" / "workflows"
FOREIGN = "platform/gates/.github/workflows/failhard.yml"


def said(text: str, *, others: dict[str, str] | None = None, trusted: tuple[str, ...] = ()) -> str:
    known = {path: parse(path, data.encode()) for path, data in (others or {}).items()}
    return "; ".join(attests(parse(PLACE, text.encode()), known, trusted))


@pytest.mark.parametrize(
    "text",
    [
        ATTESTING,
        TWO_JOBS,
        ATTESTING.replace("permissions: {}", NEEDS.replace("    perm", "perm")).replace(NEEDS, ""),
        TWO_JOBS.replace("needs: [between]", "needs: judge").replace("contents: read", "contents: write"),
        ATTESTING.replace(f"actions/checkout@{COMMIT}", "./.github/actions/set-up"),
        TWO_JOBS + "  other:\n    steps:\n      - uses: actions/attest@v4\n",
    ],
    ids=["one job", "two jobs", "rights of the workflow", "needs a name", "own action", "one of two jobs"],
)
def test_a_workflow_that_attests(text: str) -> None:
    assert said(text) == ""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("      attestations: write\n", "", "permissions lack `attestations: write`"),
        ("id-token: write", "id-token: read", "permissions lack `id-token: write`"),
        ("      contents: read\n", "", "permissions lack `contents: read`"),
        (NEEDS, "    permissions: write-all\n", "permissions lack `id-token: write`"),
        (f"actions/attest@{COMMIT}", "actions/attest@v4", "actions/attest@v4 is not pinned"),
        (f"actions/attest@{COMMIT}", f"actions/attest@{COMMIT[:12]}", "is not pinned by a full commit id"),
        (f"checkout@{COMMIT}", "checkout@main", "actions/checkout@main is not pinned"),
        ("failhard check --level 4", "make all", "before or without the gate"),
        ("      - run: failhard check --level 4\n", "", "before or without the gate"),
        ("failhard check --level 4", "failhard check\n        continue-on-error: true", "without the gate"),
        ("          subject-path: dist/*\n      - uses", "          x: y\n      - uses", "no step attests"),
        ("subject-path: dist/*\n", "subject-path: dist/*\n          predicate: x\n", "no step attests"),
        ("    runs-on", "    if: false\n    runs-on", "never holds"),
        ("    runs-on", "    if: ${{ false }}\n    runs-on", "never holds"),
        ("    runs-on", "    if: always()\n    runs-on", "even where the gate failed (`if: always()`)"),
        ("        with:", "        continue-on-error: true\n        with:", "may fail to attest"),
        ("actions/attest", "actions/cache", "attests nothing"),
        (ATTESTING, "jobs: [", "is no YAML"),
        (ATTESTING, "[" * 500, "is no YAML"),
        (ATTESTING, "# " * MOST_BYTES, "more than 262144 bytes"),
        (ATTESTING, "on: push\n", "attests nothing"),
        (ATTESTING, "- a list\n", "attests nothing"),
        (ATTESTING, "on: push\njobs: {a: {steps: 7}, b: 8}\n", "attests nothing"),
        ('on:\n  push:\n    tags: ["*"]', "on: workflow_call", "only where another workflow calls it"),
    ],
)
def test_a_workflow_that_does_not(before: str, after: str, expected: str) -> None:
    assert before in ATTESTING
    assert expected in said(ATTESTING.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    needs: [between]\n", ""),
        ("    needs: judge\n", "    needs: gone\n"),
        ("    needs: judge\n", "    needs: attest\n"),
        ("  judge:\n", "  judge:\n    continue-on-error: true\n"),
    ],
    ids=["waits for nobody", "waits for no job", "waits in a circle", "judge may fail"],
)
def test_a_job_that_does_not_wait_for_the_gate(before: str, after: str) -> None:
    assert "before or without the gate" in said(TWO_JOBS.replace(before, after))


def test_a_workflow_of_the_repository_that_is_called() -> None:
    inner = ".github/workflows/inner.yml"
    assert said(CALLER, others={inner: CALLED}) == ""
    assert "attestations" in said(CALLER.replace("attestations: write", "a: b"), others={inner: CALLED})
    assert "not pinned" in said(CALLER, others={inner: CALLED.replace(COMMIT, "v4")})
    assert "attests nothing" in said(
        CALLER, others={inner: "on: workflow_call\njobs: {a: {uses: ./b.yml}}\n"}
    )
    assert "attests nothing" in said(CALLER)


def test_a_workflow_of_another_repository_counts_where_the_policy_trusts_it() -> None:
    caller = CALLER.replace("./.github/workflows/inner.yml", f"{FOREIGN}@{COMMIT}")
    assert said(caller, trusted=(FOREIGN,)) == ""
    assert "attests nothing" in said(caller)
    assert "not pinned" in said(caller.replace(COMMIT, "v1"), trusted=(FOREIGN,))
    assert "id-token" in said(caller.replace("id-token: write", "id-token: none"), trusted=(FOREIGN,))


def test_our_own_release_is_attested_after_the_gate() -> None:
    known = {path.name: parse(path.name, path.read_bytes()) for path in OWN.iterdir()}
    assert attests(known["release.yml"], known, ()) == ()
    # What others call attests too, once something calls it.
    path = ".github/workflows/inner.yml"
    assert said(CALLER, others={path: (OWN / "failhard.yml").read_text()}) == ""
