"""Projects are grown the same way always, ratios and curves are those of what was measured, and the page says so."""

from __future__ import annotations

import functools
import json
import math
import sys
from pathlib import Path

import pytest

from benchmarks import grown, line_up, scale, tree, whole_run
from benchmarks.kept import keep, lines
from benchmarks.line_up import Project
from benchmarks.pairs import Command, Cost
from tools import speed_pages

PAIRS = [
    (Cost(wall=1.0, cpu=2.0), Cost(wall=4.0, cpu=4.0)),
    (Cost(wall=3.0, cpu=2.0), Cost(wall=4.0, cpu=8.0)),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "out").mkdir()
    return Project(name="2", root=tmp_path / "root", source="grown", lines=2000, out=tmp_path / "out")


def _texts(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in root.rglob("*.py")}


def test_a_project_grows_the_same_way_always(tmp_path: Path) -> None:
    first, second = (grown.grow(tmp_path / name, 1600) for name in ("one", "two"))
    assert _texts(first.root) == _texts(second.root)
    assert (first.packages, first.lines) == (second.packages, second.lines)
    assert first.packages == 2
    assert first.lines == pytest.approx(1600, rel=0.1)
    # Nothing of the template's own names is left, and each package has its own.
    texts = _texts(first.root)
    assert not [path for path, text in texts.items() if "gadget" in text.lower() or "benchmarks" in text]
    assert "class AnnualAnchor:" in texts["grown/annual_anchor/records.py"]


def test_names_do_not_repeat_and_have_an_end(tmp_path: Path) -> None:
    names = list(grown.names())
    assert len(names) == len({*names}) == 900
    with pytest.raises(ValueError, match="names for 900"):
        grown.grow(tmp_path / "much", 1_000_000)


def test_every_peer_runs_the_same_tools(project: Project) -> None:
    program = Path("bin", "program")
    steps = line_up.steps(project)
    line_up.script(project), line_up.pre_commit(project, program), line_up.nox(project, program)
    written = {path.name: path.read_text("utf-8") for path in project.out.iterdir()}
    tools = {step.argv[2] for step in steps}
    assert tools == {
        *("coverage", "ruff", "mypy", "bandit", "detect_secrets", "piplicenses", "cyclonedx_py"),
    }
    for name in ("script.sh", "pre-commit.yaml", "noxfile.py"):
        assert sum(written[name].count(f" {tool} ") + written[name].count(f"'{tool}'") for tool in tools) >= 9
    compile(written["noxfile.py"], "noxfile.py", "exec")
    assert line_up.prospector(project, program).argv[-1] == "grown"
    # What level 3 demands of ruff and mypy, the peers are asked for too.
    assert "--disallow-untyped-defs" in written["script.sh"]
    assert "PLR1704" in written["script.sh"]


def test_each_is_first_in_every_other_pair(project: Project) -> None:
    told: list[str] = []
    first, second = (
        Command(
            name=name,
            argv=[sys.executable, "-I", "-S", "-c", ""],
            cwd=project.out,
            before=functools.partial(told.append, name),
        )
        for name in ("ours", "theirs")
    )
    assert len(list(whole_run.alternating(first, second, 2))) == 2
    assert told == ["ours", "theirs", "theirs", "ours"]


def test_a_line_has_ratio_spread_and_target() -> None:
    assert whole_run.said("20", "script", PAIRS) == (
        "20: whole run / script: wall 0.500 (min 0.250, max 0.750), CPU 0.375 (min 0.250, max 0.500); "
        "least seconds 1.0 and 4.0; wanted: at most 0.55\n"
    )
    for name in whole_run.RE_RUNS:
        assert f"{name} / cold" in whole_run.said("20", name, PAIRS)


def test_what_a_run_took_beyond_its_tests_is_never_less_than_nothing() -> None:
    run, tests = Cost(wall=3.0, cpu=1.5), Cost(wall=2.0, cpu=2.0)
    assert whole_run.beyond(run, tests) == Cost(wall=1.0, cpu=0.0)


@pytest.mark.parametrize(("values", "ratio"), [([5, 14, 104], 1.0), ([5, 14, 194], 2.0), ([5, 50, 95], 0.1)])
def test_growth_leaves_out_what_every_run_costs(values: list[float], ratio: float) -> None:
    assert scale.growth([1, 10, 100], values) == [pytest.approx(ratio)]


def test_what_does_not_grow_first_has_no_ratio() -> None:
    assert math.isnan(scale.growth([1, 2, 3], [5, 5, 6])[0])
    assert scale.shown(math.nan) == "-"
    assert scale.growth([1], [5]) == []


def test_memory_of_all_processes_is_seen(tmp_path: Path) -> None:
    # Each lives until its input ends: the inner one has 40 MB, and says when it has them.
    inner = "held = bytearray(b'x') * (40 << 20); import time; time.sleep(0.6)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', {inner!r}])"
    found = tree.watched([sys.executable, "-I", "-c", outer], tmp_path, tmp_path / "out", {}, frozenset({0}))
    assert found.largest > 40
    assert found.peak > found.largest
    with pytest.raises(SystemExit, match="exit code 3"):
        tree.watched(
            [sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"],
            tmp_path,
            tmp_path / "out",
            {},
            frozenset({0}),
        )


def test_the_page_says_what_was_kept(tmp_path: Path, project: Project) -> None:
    folder = tmp_path / speed_pages.RESULTS
    folder.parent.mkdir()
    ((target, empty),) = speed_pages.pages(tmp_path)
    assert target == tmp_path / "docs" / "speed.md"
    assert empty.count(speed_pages.NOTHING) == 4
    for name in ("script", whole_run.ONE_FILE):
        keep("whole_run", whole_run.record(project, name, PAIRS), {"nox": "1"}, folder)
    keep("whole_run", whole_run.record(project, "script", PAIRS[:1]), {"nox": "1"}, folder)
    idle = {
        "runs": [(0.200, 0.210, 0.214), (0.220, 0.230, 0.233), (0.210, 0.211, 0.213)],
        "instructions": [700_000_000, 770_000_000, 790_000_000],
        "modules": ["pytest_failhard.plugin"],
    }
    keep("inactive", idle, {}, folder)
    run = tree.Watched(code=0, wall=1.0, cpu=2.0, peak=30.0, largest=20.0, largest_is="mypy")
    for size in (1, 2, 3):
        point = scale.Point(size=size, runs=(run,), gates={"lint": 1.0})
        keep("scale", scale.record("code", scale.CURVES["code"], point), {}, folder)
    ((_, text),) = speed_pages.pages(tmp_path)
    assert speed_pages.NOTHING not in text
    assert (
        "| 2 kLOC | 2,000 | script | 3 | 0.25 (0.25 to 0.75) | 0.50 (0.25 to 0.50) | 1.0, 4.0 | 0.55 |"
        in text
    )
    assert "| 2 kLOC | 2,000 | one file changed | 2 |" in text
    assert "our own code: 3.0 (2.0 to 4.0) ms of CPU; least against least 3.0 ms; 20.0 of 770 M inst" in text
    assert "for it: 13.0 (3.0 to 14.0) ms of CPU; least against least 13.0 ms; 90.0 of 700 M inst" in text
    assert "over 3 rounds; a run without takes 200 ms at least" in text
    assert "| code | 3 kLOC | 1 | 1.0 | 2.0 | 30 | mypy, 20 MB | -, -, - |" in text
    assert "nox 1" in text
    kept = json.loads(lines(folder / "scale.jsonl")[0])
    assert kept["versions"]["ruff"]
    assert kept["machine"]["processors"]
