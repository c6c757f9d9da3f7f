"""Tests of the clean installation: real pip, real environments, no network."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system.declaration import System
from pytest_failhard.system.install import Installed, InstallError, install
from tests.support import Kept, gate_run, write
from tests.system.wheels import offline, wheel

LIBRARY = System(kind="library", secrets=())
BACKEND = """
import pathlib, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    pathlib.Path("build").mkdir()
    name = "shop-1.0-py3-none-any.whl"
    info = "shop-1.0.dist-info"
    files = {
        "shop/__init__.py": pathlib.Path("shop/__init__.py").read_text(),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\nRequires-Dist: beta\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": "[console_scripts]\\nshop = shop:main\\n",
    }
    with zipfile.ZipFile(pathlib.Path(directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"]))
    return name
"""
BUILT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

Make = Callable[..., GateRun]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    runs: list[GateRun] = []

    def made(files: Mapping[str, str]) -> GateRun:
        root = tmp_path / f"project-{len(runs)}"
        runs.append(gate_run(write(root, files), LintGate(), scratch=tmp_path / f"scratch-{len(runs)}"))
        return runs[-1]

    yield made
    for run in runs:
        run.close()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    code = "import sys, beta\ndef main():\n    print(sys.prefix, beta.VERSION)\n"
    wheel(folder, "alpha", "1.0", {"alpha.py": code}, requires=["beta"], scripts={"alpha": "alpha:main"})
    wheel(folder, "beta", "1.0")
    return folder


def output(installed: Installed, *argv: str) -> str:
    done = subprocess.run(argv, cwd=installed.bin, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_nothing_but_what_the_manifest_names_is_there_first_fresh_then_from_the_cache_unless_that_was_touched(
    tmp_path: Path, make: Make, wheels: Path
) -> None:
    project = {"requirements.txt": "alpha==1.0\n"}
    environ = offline(tmp_path, wheels)
    first = make(project)
    fresh = install(first, LIBRARY, first.root, environ)
    assert (fresh.cached, fresh.rebuilt, fresh.conflicts) == (False, False, ())
    assert output(fresh, str(fresh.bin / "alpha")) == f"{fresh.bin.parent} 1.0"
    # pip is what fills it, and is not in it; psutil is ours.
    for module in ("pip", "psutil"):
        assert output(fresh, str(fresh.python), "-c", f"import {module}").startswith("ModuleNotFoundError")

    second = make(project)
    again = install(second, LIBRARY, second.root, environ)
    assert (again.cached, again.rebuilt) == (True, False)
    assert output(again, str(again.bin / "alpha")) == f"{again.bin.parent} 1.0"

    (touched,) = (tmp_path / "cache").rglob("site-packages/beta.py")
    touched.write_text("VERSION = 'evil'\n")
    third = make(project)
    rebuilt = install(third, LIBRARY, third.root, environ)
    assert (rebuilt.cached, rebuilt.rebuilt) == (False, True)
    assert output(rebuilt, str(rebuilt.bin / "alpha")) == f"{rebuilt.bin.parent} 1.0"


def test_of_two_installations_at_once_one_builds_and_the_other_copies(
    tmp_path: Path, make: Make, wheels: Path
) -> None:
    runs = [make({"requirements.txt": "beta\n"}) for _ in range(2)]
    made: list[Installed] = []
    threads = [
        threading.Thread(
            target=lambda run: made.append(install(run, LIBRARY, run.root, offline(tmp_path, wheels))),
            args=(run,),
        )
        for run in runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.cached for each in made) == [False, True]
    assert {output(each, str(each.python), "-c", "import beta; print(beta.VERSION)") for each in made} == {
        "1.0"
    }


def test_what_only_a_build_knows_is_installed_with_the_build_and_never_kept(
    tmp_path: Path, make: Make, wheels: Path
) -> None:
    run = make({"pyproject.toml": BUILT, "backend.py": BACKEND, "shop/__init__.py": ""})
    made = install(run, LIBRARY, run.root, offline(tmp_path, wheels))
    assert output(made, str(made.python), "-c", "import beta; print(beta.VERSION)") == "1.0"
    assert not (tmp_path / "cache" / "pytest-failhard").exists()


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index of one folder: no page for what is not there, links to all files for what is."""

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("/")[2]
        files = sorted(Path(self.directory).glob(f"{name}-*.whl")) if self.path.startswith("/simple/") else []
        if not files:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write("".join(f'<a href="/{each.name}">{each.name}</a>' for each in files).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(wheels: Path) -> Iterator[str]:
    wheel(wheels, "pip", "99.0")
    handler = functools.partial(Index, directory=str(wheels))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def online(tmp_path: Path, url: str) -> dict[str, str]:
    """Return the variables of an operator with an index, who does not try again."""
    shared = {
        name: each for name, each in offline(tmp_path, tmp_path).items() if name.startswith(("HOME", "XDG"))
    }
    return {**shared, "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": url, "PIP_RETRIES": "0"}


def test_the_lines_that_name_no_package_are_named_where_the_index_answers(
    tmp_path: Path, make: Make, index: str
) -> None:
    lines = "# made up\nalpha-llm-helpers==1.0  # a model wrote this\nbeta>=9\n"
    run = make({"requirements.txt": "-r needed.txt\n", "needed.txt": lines})
    with pytest.raises(InstallError) as caught:
        install(run, LIBRARY, run.root, online(tmp_path, index))
    assert [(each.rule, each.path, each.line, each.severity.name) for each in caught.value.findings] == [
        ("R1-package-not-found", "needed.txt", 2, "HIGH"),
        ("R1-package-not-found", "needed.txt", 3, "HIGH"),
    ]
    assert "alpha-llm-helpers==1.0`: the index has no package of this name" in str(caught.value)
    assert "beta>=9`: the package has no version that fits" in str(caught.value)
    assert not [*(tmp_path / "cache" / "pytest-failhard").rglob("seal.json")]


def test_a_build_that_fails_is_a_finding_with_its_last_words(
    tmp_path: Path, make: Make, wheels: Path
) -> None:
    project = '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n'
    run = make({"pyproject.toml": BUILT + project, "backend.py": "raise OSError('no compiler')\n"})
    with pytest.raises(InstallError) as caught:
        install(run, LIBRARY, run.root, offline(tmp_path, wheels))
    assert [(each.rule, each.path) for each in caught.value.findings] == [
        ("R1-install-failed", "pyproject.toml")
    ]
    assert isinstance(run.keep, Kept)
    assert b"no compiler" in run.keep.files["install-failed.txt"]


def test_in_the_judged_tree_nothing_is_kept(tmp_path: Path, make: Make, wheels: Path) -> None:
    run = make({"pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n'})
    install(run, LIBRARY, run.root, {**offline(tmp_path, wheels), "XDG_CACHE_HOME": str(run.root / "cache")})
    assert not (run.root / "cache").exists()


def test_an_interpreter_that_does_not_start_is_an_error(tmp_path: Path, make: Make, wheels: Path) -> None:
    run = make({"python": "#!/bin/sh\necho broken >&2\nexit 4\n", "requirements.txt": ""})
    (run.root / "python").chmod(0o755)
    with pytest.raises(GateError, match="exit code 4: broken; correct `python`"):
        install(replace(run, interpreter=run.root / "python"), LIBRARY, run.root, offline(tmp_path, wheels))


def test_a_python_that_the_project_does_not_support_is_an_error(
    tmp_path: Path, make: Make, wheels: Path
) -> None:
    run = make({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = "<3.8"\n'})
    with pytest.raises(GateError, match="python-unsuited: requires-python is '<3"):
        install(run, LIBRARY, run.root, offline(tmp_path, wheels))


def test_a_lock_of_uv_is_installed_by_uv(tmp_path: Path, make: Make, wheels: Path) -> None:
    project = (
        '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
    )
    run = make({"pyproject.toml": f'{project}[tool.uv]\nfind-links = ["{wheels}"]\nno-index = true\n'})
    environ = {**offline(tmp_path, wheels), "UV_OFFLINE": "1"}
    uv = Path(pytest.__file__).parents[4] / "bin" / "uv"
    subprocess.run(
        [uv, "lock", "-q"], cwd=run.root, env={**environ, "PATH": "/usr/bin"}, check=True, timeout=60
    )
    made = install(run, LIBRARY, run.root, environ)
    assert (made.manifest and made.manifest.path, made.cached) == ("uv.lock", False)
    assert output(made, str(made.bin / "alpha")) == f"{made.bin.parent} 1.0"
