"""The pages for people: the tutorial works when pasted, and every fixture is there with an example that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from pytest_failhard import fixtures
from tests.llm.inner import PLAIN
from tests.size import in_full

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = (DOCS / "llm-tutorial.md").read_text("utf-8")
FIXTURES = (DOCS / "llm-fixtures.md").read_text("utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^```sh\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
OPTIONS = ("--inject-failures", "--failhard-seed", "--failhard-llm-deadline")
EXAMPLES = """
import os, re, subprocess, sys
import pytest
from openai import OpenAI
from pytest_failhard.llm.settings import FixtureSettings


def summarise(text, **options):
    with OpenAI(timeout=2, **options) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    [choice] = answer.choices
    if choice.finish_reason != "stop" or not choice.message.content or choice.message.refusal:
        raise ValueError("no choices with finish_reason stop and content")
    return choice.message.content


def cached(question):
    return {"known question": "known answer"}[question]


def create_app():
    def app(environ, start_response):
        try:
            body = summarise("text").encode()
            start_response("200 OK", [])
        except Exception as error:
            start_response("502 Bad Gateway", [])
            body = b'{"error": {"type": "llm_failed", "cause": "%s"}}' % type(error).__name__.encode()
        return [body]
    return app
"""
JOB = """
import sys
sys.path.insert(0, {folder!r})
from test_examples import summarise
print(summarise("text"))
"""


def test_every_fixture_marker_and_option_is_there() -> None:
    defined = [
        name
        for name, value in vars(fixtures).items()
        if type(value).__name__ == "FixtureFunctionDefinition" and "llm_" in name
    ]
    markers = [marker.partition("(")[0] for marker in fixtures.MARKERS if marker.startswith("failhard_fault")]
    assert len(defined) > 10
    assert [name for name in (*defined, *markers, *OPTIONS) if f"`{name}" not in FIXTURES] == []


def test_every_example_of_a_fixture_runs(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    job = JOB.format(folder=str(folder))
    pytester.mkpydir("app").joinpath("job.py").write_text(job)
    program = folder / "run-it"
    program.write_text(f"#!{sys.executable}\n{job}")
    program.chmod(0o755)
    examples = PYTHON.findall(FIXTURES)
    pytester.makepyfile(test_examples="\n\n".join([EXAMPLES, *examples]))
    named = sum(example.count("def test_") for example in examples)
    done = pytester.runpytest_subprocess(*PLAIN, "-q")
    counts = done.parseoutcomes()
    assert set(counts) == {"passed"}
    assert counts["passed"] >= named > 8


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each block to paste, with the lines that its output must hold."""
    yield from ((match[1], (match[2] or "").splitlines()) for match in STEP.finditer(TUTORIAL))


@in_full
def test_the_tutorial_works_when_pasted(tmp_path: Path) -> None:
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # Our own settings, such as a spec to inject failures by, are not the reader's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    folder = tmp_path
    for code, expected in steps():
        script = f"{code}\npwd >{tmp_path}/folder\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={**environment, "PATH": search},
            capture_output=True,
            text=True,
            check=False,
        )
        folder = Path((tmp_path / "folder").read_text().strip())
        printed = done.stdout.splitlines()
        assert [line for line in expected if not shown(line, printed)] == [], done.stdout + done.stderr


def shown(expected: str, printed: list[str]) -> bool:
    """Tell whether a line was printed, at least as a part of one; `...` stands for anything."""
    pattern = re.sub(r"([\[\]?*])", r"[\1]", expected).replace("...", "*")
    return any(fnmatchcase(line, f"*{pattern}*") for line in printed)


def test_the_tutorial_has_output_to_compare() -> None:
    assert sum(bool(expected) for _, expected in steps()) >= 4
