"""The proof that each side ran its own code, and what the trees say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.trees import proof
from pytest_failhard.model import GateError

FILES: Mapping[SideName, Mapping[str, str]] = {
    "base": {"app/a.py": "a0", "app/same.py": "s", "tests/test_a.py": "t", "tests/data.json": "d"},
    "head": {"app/a.py": "a1", "app/same.py": "s", "tests/test_a.py": "t", "tests/data.json": "d"},
}
HARNESS = {"tests/test_a.py": "t", "tests/data.json": "d"}
Proof = dict[str, object]


def side(name: SideName) -> Side:
    return Side(
        name=name,
        tree=Path("/trees", name),
        python=Path("/python"),
        config=Path("/trees", f"{name}.ini"),
        environment={},
        roots=(),
        packages=("app",),
        files=FILES[name],
        arguments=(),
    )


TREES = Trees(base=side("base"), head=side("head"), original=None, commit="c", chosen="", harness=HARNESS)


def said(name: SideName) -> Proof:
    files = FILES[name]
    modules = {
        "app.a": ["app/a.py", files["app/a.py"]],
        "app.same": ["app/same.py", "s"],
        "test_a": ["tests/test_a.py", "t"],
    }
    return {
        "modules": modules,
        "python": "3.11",
        "flags": {"safe_path": 1},
        "seed": "7",
        "affinity": [0],
        "path": ["/trees"],
        "distributions": "0",
        "harness": {"tests/test_a.py": "t"},
    }


def modules(proof_of: Proof) -> dict[str, object]:
    found = proof_of["modules"]
    assert isinstance(found, dict)
    return found


def test_right_proofs_pass() -> None:
    proof.check(TREES, said("base"), said("head"))


def test_file_that_could_not_be_imported_on_the_base_is_no_difference() -> None:
    base = said("base")
    del modules(base)["test_a"]
    base["harness"] = {}
    proof.check(TREES, base, said("head"))


def elsewhere(base: Proof) -> None:
    modules(base)["app.a"] = ["/site-packages/app/a.py", "a0"]


def heads(base: Proof) -> None:
    modules(base)["app.a"] = ["app/a.py", "a1"]


def unknown(base: Proof) -> None:
    modules(base)["app.new"] = ["app/new.py", "n"]


def other_test(base: Proof) -> None:
    base["harness"] = {"tests/test_a.py": "other"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (elsewhere, "wrong-code: base loaded the module app.a not from its own tree"),
        (heads, "tree-changed: app/a.py of base was written after its tree was made"),
        (unknown, "tree-changed: app/new.py of base"),
        (other_test, "harness-differs: tests/test_a.py belongs to the tests"),
        (lambda base: base.update(python="3.12"), "environment-differs: the interpreter differed"),
        (lambda base: base.update(flags={}), "environment-differs: its flags differed"),
        (lambda base: base.update(seed="8"), "environment-differs: the hash seed differed"),
        (lambda base: base.update(affinity=[1]), "environment-differs: the processors that it may use"),
        (lambda base: base.update(distributions="1"), "environment-differs: the installed distributions"),
        (lambda base: base.pop("seed"), "environment-differs: the hash seed was not told by both sides"),
        (lambda base: base.pop("modules"), "worker-died: the worker of base does not say which code"),
        (lambda base: base.update(harness=[]), "worker-died: the worker of base does not say which"),
        (lambda base: base.update(modules={"app": "app.py"}), "worker-died: the worker of base does not"),
    ],
)
def test_what_proves_nothing_is_an_error_with_its_name(change: Callable[[Proof], object], error: str) -> None:
    base = said("base")
    change(base)
    with pytest.raises(GateError) as caught:
        proof.check(TREES, base, said("head"))
    assert str(caught.value).startswith(error)


def test_each_proof_catches_the_wrong_code_that_the_one_before_lets_through() -> None:
    """The base ran head's file, in a tree that was written over."""
    trees = replace(TREES, base=replace(TREES.base, files={**FILES["base"]}))
    base = said("base")
    heads(base)
    seen = (proof.loaded(trees.base, base), proof.loaded(trees.head, said("head")))
    proof.own_code(seen[0])
    with pytest.raises(GateError, match=r"tree-changed: app/a\.py"):
        proof.unchanged(seen[0])
    with pytest.raises(GateError, match=r"same-code: app/a\.py differs between the base and head"):
        proof.other_code(*seen)


def test_harness_must_be_equal_in_the_trees_too() -> None:
    files = {**FILES["base"], "tests/data.json": "other"}
    trees = replace(TREES, base=replace(TREES.base, files=files))
    with pytest.raises(GateError, match=r"harness-differs: tests/data\.json"):
        proof.check(trees, said("base"), said("head"))


def test_with_an_environment_of_its_own_the_distributions_may_differ_and_nothing_else() -> None:
    trees = replace(TREES, same_environment=False)
    base = {**said("base"), "distributions": "1"}
    proof.check(trees, base, said("head"))
    with pytest.raises(GateError, match="environment-differs: the hash seed"):
        proof.check(trees, {**base, "seed": "8"}, said("head"))
