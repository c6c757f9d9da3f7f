"""Tests of how both sides are started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.routes import sites
from pytest_failhard.gates.performance.routes.processors import Placement
from pytest_failhard.model import GateError
from pytest_failhard.system import declared
from tests.gates.performance.sided import WORK, Project

OWN = """
[[tool.failhard.system.dependencies]]
name = "db"
url_env = "DATABASE_URL"
provide = { start = ["PYTHON", "-I", "-S", "server.py"], port_env = "PORT" }
"""


def test_each_pair_has_a_hash_seed_of_its_own_and_two_runs_have_the_same() -> None:
    seeds = [sites.seed(0, number) for number in range(10)]
    assert len({*seeds}) == 10
    assert seeds == [sites.seed(0, number) for number in range(10)]
    assert all(0 <= each < 2**32 for each in seeds)


def test_each_side_has_its_own_tree_state_and_dependencies(tmp_path: Path) -> None:
    project = Project(tmp_path, base={}, head={}, routes=OWN.replace("PYTHON", sys.executable) + WORK)
    system = declared.read(project.run.root)
    assert system is not None
    assert system.routes
    try:
        with sites.opened(project.run, system, project.trees) as both:
            base, head = both.places["base"], both.places["head"]
            assert base.variables["DATABASE_URL"] != head.variables["DATABASE_URL"]
            assert len(str(base.site.scratch)) == len(str(head.site.scratch))
            with both.pair(1, Placement(), "head") as instances:
                assert instances["base"].port != instances["head"].port
                assert instances["head"].send(system.routes[0], within=5).status == 200
                assert (project.run.scratch / "servers" / "pair" / "base" / "data").is_dir()
            assert not (project.run.scratch / "servers" / "pair").exists()
            assert [each.process.poll() is None for each in instances.values()] == [False, False]
    finally:
        project.run.close()


def test_the_base_is_started_as_it_says_itself_and_asked_what_head_declares(tmp_path: Path) -> None:
    project = Project(tmp_path, base={}, head={}, base_routes="")
    old = project.trees.base.tree / "pyproject.toml"
    old.write_text(old.read_text("utf-8").replace('"/health"', '"/ready"'), "utf-8")
    system = declared.read(project.run.root)
    assert system is not None
    with sites.opened(project.run, system, project.trees) as both:
        assert [both.places[side].system.ready for side in sites.SIDES] == ["/ready", "/health"]
        assert both.places["base"].system.routes == system.routes
        assert both.is_own
    assert sites.declared_routes(project.trees.base) == frozenset()
    assert sites.declared_routes(project.trees.head) == {"work"}


def test_one_that_does_not_become_ready_says_which_side_it_is() -> None:
    assert str(sites.NotReadyError("base", "it ended")) == "no-baseline: base: it ended"
    assert isinstance(sites.NotReadyError("head", "x"), GateError)
    with pytest.raises(GateError, match="not-measured: head: x"):
        raise sites.NotReadyError("head", "x")
