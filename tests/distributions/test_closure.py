"""The runtime closure: what the declarations reach, and all that is wrong on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.distributions.closure import Closure, compute, unreached
from pytest_failhard.distributions.declared import Declaration, Declared, Project
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.pyproject import parsed
from pytest_failhard.distributions.settings import SupplySettings
from tests.distributions.fake_site import closure_of, package, problems, pyproject, target


def declaration(text: str, scope: str = "runtime") -> Declaration:
    return Declaration(text=text, requirement=parsed(text), path="pyproject.toml", line=1, scope=scope)


def declaring(
    *texts: str, name: str = "app", python: str = "", constraints: tuple[str, ...] = ()
) -> Declared:
    return Declared(
        project=Project(name=name, requires_python=python),
        roots=tuple(map(declaration, texts)),
        constraints=tuple(map(declaration, constraints)),
    )


def distribution(
    name: str, *requires: str, version: str = "1.0", extras: tuple[str, ...] = (), python: str = ""
) -> Distribution:
    headers = [("Requires-Dist", each) for each in requires]
    headers += [("Provides-Extra", each) for each in extras]
    headers += [("Requires-Python", python)] if python else []
    return Distribution(
        name=name,
        raw_name=name,
        version=version,
        folder=Path(f"{name}-{version}.dist-info"),
        headers=tuple(headers),
    )


def walked(declared: Declared, *distributions: Distribution, **markers: str) -> Closure:
    return compute(declared, {each.name: each for each in distributions}, target(**markers))


def test_members_edges_and_nothing_else() -> None:
    found = walked(
        declaring("A>=1", "b"),
        distribution("a", "c (>=1)", "B"),
        distribution("b"),
        distribution("c", "a"),
        distribution("tool", "helper"),
        distribution("helper"),
    )
    assert list(found.nodes) == ["a", "b", "c"]
    assert found.edges == {("", "a"), ("", "b"), ("a", "c"), ("a", "b"), ("c", "a")}
    assert found.problems == ()


def test_the_shortest_chain_names_who_brought_a_member() -> None:
    found = walked(
        declaring("a", "b"),
        distribution("a", "c"),
        distribution("b", "d"),
        distribution("c", "d"),
        distribution("d", "e"),
        distribution("e"),
    )
    assert found.chain("e") == ("b", "d", "e")
    assert found.chain("a") == ("a",)
    assert found.chain("stranger") == ()
    assert unreached(found, ["a", "d", "stranger"]) == ("a", "stranger")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (declaring("nosuch-pkg>=1"), ("missing", "", "nosuch-pkg")),
        (declaring("a<1"), ("unsatisfied", "", "a")),
        (declaring("a[nosuch]"), ("unknown-extra", "", "a")),
        (declaring("a @ https://example.org/a.tar.gz"), ("direct-mismatch", "", "a")),
        (declaring("a", python=">=3.13"), ("python-version", "", "app")),
        (declaring("a", python="three"), ("invalid", "", "app")),
        (declaring("app[nosuch]"), ("unknown-extra", "", "app")),
        (declaring("a", constraints=("a<1",)), ("unsatisfied", "", "a")),
        (declaring("lacks"), ("missing", "lacks", "other")),
        (declaring("narrow"), ("unsatisfied", "narrow", "a")),
        (declaring("invalid"), ("invalid", "invalid", "invalid")),
        (declaring("future"), ("python-version", "future", "future")),
        (declaring("unversioned>=1"), ("unsatisfied", "", "unversioned")),
        (declaring("undefined"), ("invalid", "undefined", "a")),
    ],
)
def test_each_problem_is_one(declared: Declared, expected: tuple[str, str, str]) -> None:
    found = walked(
        declared,
        distribution("a"),
        distribution("lacks", "other>=2"),
        distribution("narrow", "a>=2"),
        distribution("invalid", "a (>= one"),
        distribution("future", python=">=4"),
        distribution("unversioned", version="not a version"),
        distribution("undefined", "a; python_version ~= 'three'"),
    )
    assert problems(found) == {expected}


def test_what_is_fine_is_no_problem() -> None:
    found = walked(
        declaring(
            "a>=1", "unversioned", constraints=("a<2", "absent<1", "a<1; os_name == 'nt'"), python=">=3.8"
        ),
        distribution("a", version="1.1rc1", python=">=3.9"),
        distribution("unversioned", version="odd"),
    )
    assert found.problems == ()
    assert list(found.nodes) == ["a", "unversioned"]


def test_texts_that_are_no_requirement() -> None:
    found = walked(declaring("two words", constraints=("a b c",)), distribution("a"))
    assert [(each.kind, each.text) for each in found.problems] == [
        ("invalid", "a b c"),
        ("invalid", "two words"),
    ]


def test_markers_mean_what_they_mean_in_the_target() -> None:
    declared = declaring("a; sys_platform == 'win32'", "b; python_version < '3.13'")
    linux = walked(declared, distribution("a"), distribution("b"))
    windows = walked(
        declared, distribution("a"), distribution("b"), sys_platform="win32", python_version="3.13"
    )
    assert (list(linux.nodes), list(windows.nodes)) == (["b"], ["a"])
    assert linux.problems == windows.problems == ()


def test_an_extra_asked_for_late_adds_its_requirements() -> None:
    found = walked(
        declaring("a", "b"),
        distribution("a", "base", "extra-one; extra == 'One_x'", extras=("One_x",)),
        distribution("b", "c"),
        distribution("c", "a[one-X]"),
        distribution("base"),
        distribution("extra-one"),
    )
    assert list(found.nodes) == ["a", "b", "base", "c", "extra-one"]
    assert found.problems == ()


def test_an_extra_of_an_extra() -> None:
    found = walked(
        declaring("a[all]"),
        distribution("a", "a[web]; extra == 'all'", "flask; extra == 'web'", extras=("all", "web")),
        distribution("flask"),
    )
    assert list(found.nodes) == ["a", "flask"]
    assert ("a", "a") in found.edges
    assert found.chain("flask") == ("a", "flask")


def test_a_requirement_of_an_extra_of_built_metadata() -> None:
    declared = replace(declaring(), roots=(declaration("flask; extra == 'web'", "extra:web"),))
    assert list(walked(declared, distribution("flask")).nodes) == ["flask"]


def test_two_of_a_name_matter_in_the_closure_alone(tmp_path: Path) -> None:
    for name in ("a", "tool"):
        package(tmp_path / "site", name, "1")
        package(tmp_path / "site", name, "2")
    found = closure_of(pyproject(tmp_path / "app", ["a"]), target(tmp_path / "site"))
    assert [(each.kind, each.name, each.text) for each in found.problems] == [
        ("duplicate", "a", "a-1.dist-info, a-2.dist-info")
    ]


def test_namespace_packages_are_distributions_of_their_own(tmp_path: Path) -> None:
    package(tmp_path / "site", "azure-core", files={"azure/core/__init__.py": b""})
    package(
        tmp_path / "site",
        "azure-identity",
        requires=["azure-core"],
        files={"azure/identity/__init__.py": b""},
    )
    found = closure_of(pyproject(tmp_path / "app", ["azure.identity"]), target(tmp_path / "site"))
    assert list(found.nodes) == ["azure-core", "azure-identity"]


def test_a_project_that_is_installed_editable_is_no_member_of_itself(tmp_path: Path) -> None:
    root = pyproject(
        tmp_path / "app",
        ["a"],
        '[project.optional-dependencies]\nall = ["app[web]"]\nweb = ["flask"]\n',
    )
    site = tmp_path / "site"
    package(
        site, "app", direct_url={"url": root.as_uri(), "dir_info": {"editable": True}}, requires=["stale"]
    )
    package(site, "a")
    package(site, "flask")
    found = closure_of(root, target(site), SupplySettings(extras=("all",)))
    assert list(found.nodes) == ["a", "flask"]
    assert found.problems == ()


NAMES = st.sampled_from([f"p{number}" for number in range(8)])
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4), min_size=1)


@given(graph=GRAPHS, roots=st.lists(NAMES, min_size=1, unique=True), data=st.data())
@settings(max_examples=40)
def test_the_order_of_declarations_changes_nothing(
    graph: Mapping[str, list[str]], roots: list[str], data: st.DataObject
) -> None:
    present = [distribution(name, *requires) for name, requires in graph.items()]
    other = data.draw(st.permutations(roots))
    shuffled = data.draw(st.permutations(present))
    one, two = walked(declaring(*roots), *present), walked(declaring(*other), *shuffled)
    assert one == two
    assert list(one.nodes) == list(two.nodes)
    assert [one.chain(name) for name in one.nodes] == [two.chain(name) for name in two.nodes]


@given(graph=GRAPHS, roots=st.lists(NAMES, min_size=1, unique=True), needs=st.lists(NAMES))
@settings(max_examples=40)
def test_a_distribution_that_nothing_reaches_changes_nothing(
    graph: Mapping[str, list[str]], roots: list[str], needs: list[str]
) -> None:
    present = [distribution(name, *requires) for name, requires in graph.items()]
    stranger = distribution("stranger", *needs, "never-installed", "not a requirement")
    assert walked(declaring(*roots), *present) == walked(declaring(*roots), *present, stranger)


@given(graph=GRAPHS, roots=st.lists(NAMES, min_size=1, unique=True))
@settings(max_examples=12)
def test_every_end_of_an_edge_is_a_member_or_missing(
    graph: Mapping[str, list[str]], roots: list[str]
) -> None:
    found = walked(declaring(*roots), *(distribution(name, *needs) for name, needs in graph.items()))
    missing = {each.name for each in found.problems if each.kind == "missing"}
    assert {child for _, child in found.edges} == found.nodes.keys() | missing
    assert all(found.chain(name)[-1] == name and found.chain(name)[0] in roots for name in found.nodes)
    assert not missing & graph.keys()
    with tempfile.TemporaryDirectory() as folder:
        # The same through real metadata files.
        site, root = Path(folder, "site"), pyproject(Path(folder, "app"), roots)
        site.mkdir()
        for name, needs in graph.items():
            package(site, name, requires=needs)
        again = closure_of(root, target(site))
    assert (list(again.nodes), again.edges, again.problems) == (
        list(found.nodes),
        found.edges,
        found.problems,
    )
