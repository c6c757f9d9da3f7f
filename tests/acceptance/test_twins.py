"""The twins: what their texts say of them, and what the gate `integrity` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.gates.integrity.settings import IntegritySettings
from pytest_failhard.model import Observation, Severity
from pytest_failhard.policy import load
from tests.acceptance.twins import lay_out
from tests.acceptance.twins.keywords import OUT_OF, keyword_score
from tests.support import GATES, TODAY, gate_run

INTEGRITY = {
    level: next(rule for rule in load(level, GATES, today=TODAY).rules if rule.gate == "integrity")
    for level in (1, 3)
}
SUITE, WRAPPED, SCORES = "validation_suite.py", "tests/test_validation.py", "before_after.py"


def looked(root: Path, level: int) -> Observation:
    """Return what `integrity` sees of a project at a level, with the severities of its policy."""
    options = INTEGRITY[level].options
    wanted = {name: options[name].value for name in ("severity", "sabotage")}
    settings = IntegritySettings(**wanted)  # type: ignore[arg-type] # as a policy gives them
    gate = IntegrityGate()
    run = gate_run(root, gate, settings=settings, level=level, source=("service.py",), tests=("tests",))
    return gate.observe(run)


def texts(folder: Path) -> dict[str, str]:
    return {place.name: place.read_text() for place in folder.iterdir()}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    return looked(lay_out("fake_validation", tmp_path_factory.mktemp("fake") / "p"), 3)


def test_files_have_their_real_names(tmp_path: Path) -> None:
    folder = lay_out("comments_only", tmp_path / "project")

    assert sorted(place.name for place in folder.iterdir()) == ["Dockerfile", "main.py", "requirements.txt"]


def test_name_nobody_has_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no twin is called 'other'; there are .*comments_only"):
        lay_out("other", tmp_path)


def test_three_files_of_comments_have_more_than_all_points(tmp_path: Path) -> None:
    points = keyword_score(texts(lay_out("comments_only", tmp_path / "p")))

    assert (points, OUT_OF) == (17, 15)
    assert f"{points / OUT_OF:.1%}" == "113.3%"


def test_losing_two_of_the_words_is_the_score_of_a_system_that_cannot_start(tmp_path: Path) -> None:
    files = texts(lay_out("comments_only", tmp_path / "p"))

    assert keyword_score({**files, "main.py": "# flask, gunicorn, /health; app.run\n"}) == 14


def test_no_file_at_all_has_points_for_what_is_not_in_it() -> None:
    assert keyword_score({}) == 2


def test_every_check_of_the_fake_suite_is_named_for_what_it_is(fake: Observation) -> None:
    found = {(each.path, each.rule) for each in fake.findings if each.rule.startswith("FV")}

    assert found >= {
        *((SUITE, rule) for rule in ("FV1", "FV2", "FV3/asserted", "FV4/simulated", "FV5/compared")),
        (WRAPPED, "FV1"),
        (SCORES, "FV5/shown"),
    }
    static = {each.severity for each in fake.findings if each.rule[:3] in {f"FV{n}" for n in range(1, 8)}}
    assert static == {Severity.MEDIUM}


def test_all_four_tests_pass_without_the_service(fake: Observation) -> None:
    survivors = [each for each in fake.findings if each.rule == "FV8"]

    assert [each.message.partition(" ")[0] for each in survivors] == [
        "test_database",
        "test_load",
        "test_pool",
        "test_query",
    ]
    assert {each.severity for each in survivors} == {Severity.HIGH}
    assert (fake.measures["tests_sabotaged"], fake.measures["tests_independent"]) == (4, 1)


def test_honest_neighbour_is_not_named(tmp_path: Path) -> None:
    root = lay_out("fake_validation", tmp_path / "p")
    for name in (SUITE, WRAPPED, SCORES):
        (root / name).unlink()
    seen = looked(lay_out("honest_neighbour", root), 3)

    assert [each for each in seen.findings if each.rule.startswith("FV")] == []
    assert (seen.measures["tests_sabotaged"], seen.measures["tests_independent"]) == (1, 0)


def test_nothing_is_run_where_the_level_does_not_ask(tmp_path: Path) -> None:
    seen = looked(lay_out("fake_validation", tmp_path / "p"), 1)

    assert "tests_sabotaged" not in seen.measures
    assert {each.rule for each in seen.findings} >= {"FV1", "FV2"}
