"""Dependencies that differ between the sides: seen after parsing, and an environment from the base's own lock."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.trees import build
from pytest_failhard.gates.performance.trees.dependencies import changed
from pytest_failhard.model import GateError
from tests.gates.performance.repositories import collected, repository, run_of
from tests.support import write
from tests.system.wheels import offline, wheel

UV = 'version = 1\n[[package]]\nname = "app"\nversion = "{own}"\nsource = {{ editable = "." }}\n{rest}'
REGISTRY = '[[package]]\nname = "beta"\nversion = "{}"\nsource = {{ registry = "https://{}.invalid/" }}\n'
FROM_GIT = '[[package]]\nname = "gamma"\nversion = "1"\nsource = {{ git = "https://x.invalid/?rev={}" }}\n'
PROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = [{}]\n'
POETRY = '[tool.poetry]\nname = "app"\n[tool.poetry.dependencies]\nbeta = "{}"\n'
PIN = "beta=={} --hash=sha256:" + "a" * 64 + "\n"
CASES: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, ...]]] = {
    "nothing": ({}, {}, ()),
    "comment": ({"requirements.txt": "beta==1\n"}, {"requirements.txt": "# why\nbeta == 1\n"}, ()),
    "requirement": ({"requirements.txt": "beta==1\n"}, {"requirements.txt": "beta==2\n"}, ("beta",)),
    "included": (
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "beta\n"},
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "beta<2\n"},
        ("beta",),
    ),
    "pinned": ({"requirements.txt": PIN.format(1)}, {"requirements.txt": PIN.format(2)}, ("beta",)),
    "of tests": ({"requirements-dev.txt": PIN.format(1)}, {"requirements-dev.txt": PIN.format(2)}, ()),
    "named": (
        {"pyproject.toml": '[tool.failhard.dependencies]\nlocks = ["dev.txt"]\n', "dev.txt": PIN.format(1)},
        {"pyproject.toml": '[tool.failhard.dependencies]\nlocks = ["dev.txt"]\n', "dev.txt": PIN.format(2)},
        ("beta",),
    ),
    "own version": ({"uv.lock": UV.format(own=1, rest="")}, {"uv.lock": UV.format(own=2, rest="")}, ("app",)),
    "declared": (
        {"pyproject.toml": PROJECT.format('"beta >=1,<3"')},
        {"pyproject.toml": PROJECT.format('"Beta<3,>=1", "x; python_version > \'3\'"')},
        ("x",),
    ),
    "declared otherwise and locked as before": (
        {"pyproject.toml": PROJECT.format(""), "uv.lock": UV.format(own=1, rest=REGISTRY.format(1, "one"))},
        {
            "pyproject.toml": PROJECT.format('"beta>=1"'),
            "uv.lock": UV.format(own=1, rest=REGISTRY.format(1, "one")),
        },
        (),
    ),
    "poetry": ({"pyproject.toml": POETRY.format("^1")}, {"pyproject.toml": POETRY.format("^2")}, ("beta",)),
    "registry": (
        {"uv.lock": UV.format(own=1, rest=REGISTRY.format(1, "one"))},
        {"uv.lock": UV.format(own=1, rest=REGISTRY.format(1, "two"))},
        (),
    ),
    "another commit": (
        {"pyproject.toml": PROJECT.format(""), "uv.lock": UV.format(own=1, rest=FROM_GIT.format("a"))},
        {"pyproject.toml": PROJECT.format(""), "uv.lock": UV.format(own=2, rest=FROM_GIT.format("b"))},
        ("gamma",),
    ),
    "no requirement": ({"requirements.txt": "???\n"}, {}, ("???",)),
}
WHICH = "from importlib.metadata import version\nimport beta\n\ndef test_benchmark():\n    print('has', beta.VERSION, beta.__file__)\n"


@pytest.mark.parametrize("case", CASES)
def test_what_is_needed_is_compared_after_parsing(tmp_path: Path, case: str) -> None:
    before, now, names = CASES[case]
    base, head = write(tmp_path / "base", {"x": "", **before}), write(tmp_path / "head", {"x": "", **now})
    assert changed(base, head) == changed(head, base) == names


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    project = {"pyproject.toml": PROJECT.format("1")}
    with pytest.raises(GateError, match="baseline-environment: what is needed cannot be read: pyproject"):
        changed(write(tmp_path, project), tmp_path)


def test_base_runs_on_what_its_own_lock_says_with_the_tools_of_heads_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0"):
        wheel(tmp_path / "wheels", "beta", version)
    for name, value in offline(tmp_path, tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    # What the project finds of itself by its metadata is head's.
    tests = f"{WHICH}    print('own', version('pytest-failhard'))\n"
    project = '[project]\nname = "pytest-failhard"\n'
    base = {"app.py": "", "tests/test_speed.py": tests, "requirements.txt": "beta==1.0\n"}
    base["pyproject.toml"] = project
    root = repository(tmp_path / "project", base, {"requirements.txt": "beta==2.0\n"})
    run = run_of(root, source=("app.py",))
    trees = build(run, PerformanceSettings())
    assert (trees.same_environment, trees.identical) == (False, False)
    assert trees.notes == ("the ratio contains changed dependencies: beta",)
    assert trees.base.python != trees.head.python == run.interpreter
    done = collected(trees.base)
    prefix = trees.base.python.parent.parent
    assert f"has 1.0 {prefix}/lib" in done.stdout, done.stdout + done.stderr
    assert "own 0.1.0" in done.stdout
    # Of what is installed beside the tests, the base sees what its tests need, and nothing else.
    for module, code in (("pluggy", 0), ("click", 1)):
        found = subprocess.run(
            [trees.base.python, "-P", "-s", "-c", f"import {module}"], check=False, capture_output=True
        )
        assert found.returncode == code, found.stderr


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "there is no lock for `python -m pip install -r requirements.txt`; lock what is installed"),
        ({"requirements.txt": "beta\n"}, "there is no lock for `python -m pip install -r requirements.txt`"),
        ({"uv.lock": "version = 1\n", "pylock.toml": 'lock-version = "1.0"\n'}, "manifest-ambiguous"),
        ({"requirements.txt": "beta==9\n"}, "`python -m pip install -r requirements.txt` does not install"),
        ({"uv.lock": "version = 1\n"}, "`uv sync --locked --no-dev --no-install-project` "),
        (
            {"requirements.txt": "beta==1.0\n", "pyproject.toml": '[project]\nrequires-python = ">=99"\n'},
            "`python -m pip install -r requirements.txt` could not be tried: python-unsuited: ",
        ),
    ],
    ids=["none", "unpinned", "two", "absent", "uv", "unsuited"],
)
def test_base_whose_environment_cannot_be_built_is_an_error_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], error: str
) -> None:
    wheel(tmp_path / "wheels", "beta")
    for name, value in offline(tmp_path, tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    from pytest_failhard.gates.performance.trees.dependencies import environment

    root = write(tmp_path / "project", {"app.py": "", "pyproject.toml": PROJECT.format(""), **files})
    run = run_of(root, source=("app.py",))
    with pytest.raises(GateError) as caught:
        environment(run, root, ("beta",), run.scratch / "own")
    assert str(caught.value).startswith(
        "baseline-environment: the dependencies of the base differ (beta), and it needs an environment of its "
        f"own: {error}"
    )
