"""Tests of R1 on whole systems: what is installed clean, what is imported there, what is said of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.system import SystemGate
from pytest_failhard.gates.system.agreement import agreed
from pytest_failhard.gates.system.installed import check, start
from pytest_failhard.gates.system.observing import observe
from pytest_failhard.gates.system.seen import Seen, joined
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import NO_VARIABLES, GateError
from pytest_failhard.run import GateRun
from tests.acceptance.twins import missing_parts, text_perfect
from tests.acceptance.twins.keywords import OUT_OF, keyword_score
from tests.support import Kept, gate_run, write
from tests.system.wheels import installed, offline, wheel

FASTAPI = """
class FastAPI:
    def __init__(self, **_): pass
"""
ALL = ("main.py", "components", "twinfactory", "app", "shop", "src")

Project = Callable[..., GateRun]
Look = Callable[..., tuple[Seen, Stage]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return where packages come from: wheels of real ones and of stand-ins, and one cache for all tests."""
    folder = tmp_path_factory.mktemp("shelf")
    wheels = folder / "wheels"
    installed(wheels, "flask", "gunicorn")
    wheel(wheels, "psycopg2_binary", "2.9.10", {"psycopg2.py": text_perfect.PSYCOPG2})
    wheel(wheels, "fastapi", "0.115.6", {"fastapi.py": FASTAPI})
    wheel(wheels, "uvicorn", "0.34.0")
    return offline(folder, wheels)


@pytest.fixture
def project(tmp_path: Path, shelf: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    runs: list[GateRun] = []
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "FAILHARD_"))]:
        monkeypatch.delenv(name)

    def made(files: Mapping[str, str], environ: Mapping[str, str] = NO_VARIABLES) -> GateRun:
        for name, value in {**shelf, **environ}.items():
            monkeypatch.setenv(name, value)
        root = write(tmp_path / "project", files)
        source = tuple(name for name in ALL if (root / name).exists())
        runs.append(gate_run(root, SystemGate(), scratch=tmp_path / "scratch", source=source))
        return runs[-1]

    yield made
    for run in runs:
        run.close()


@pytest.fixture
def look(project: Project) -> Look:
    def looked(files: Mapping[str, str], environ: Mapping[str, str] = NO_VARIABLES) -> tuple[Seen, Stage]:
        run = project(files, environ)
        stage = Stage(
            run=run,
            settings=SystemSettings(),
            system=agreed(run, SystemSettings())[0],
            tree=run.root,
            python=run.interpreter,
        )
        return joined([check(stage), *([start(stage)] if stage.installed else [])]), stage

    return looked


def rows(seen: Seen) -> list[tuple[str, str, int]]:
    return sorted((each.rule, each.path, each.line) for each in seen.findings)


def kept(stage: Stage) -> dict[str, bytes]:
    run = stage.run
    assert isinstance(run, GateRun)
    assert isinstance(run.keep, Kept)
    return run.keep.files


def line(text: str, part: str) -> int:
    return next(number for number, each in enumerate(text.splitlines(), 1) if part in each)


def test_the_text_of_the_perfect_twin_is_worth_its_keywords() -> None:
    assert (keyword_score(text_perfect.FILES), OUT_OF) == (14, 15)


def test_the_perfect_twin_lacks_a_package_in_two_places(look: Look) -> None:
    seen, stage = look(text_perfect.FILES)
    assert rows(seen) == [
        ("R1-import-unresolved", "components/store.py", line(text_perfect.STORE, "from twinfactory")),
        ("R1-import-unresolved", "main.py", line(text_perfect.MAIN, "from twinfactory")),
    ]
    assert seen.proved == {"S1": False}
    assert stage.installed is not None
    assert stage.python == stage.installed.python
    record = json.loads(kept(stage)["install.json"])
    assert (record["manifest"]["path"], record["built"]) == ("requirements.txt", False)


def test_with_the_package_beside_it_an_undefined_name_stops_it(look: Look) -> None:
    seen, stage = look(text_perfect.VENDORED)
    assert rows(seen) == [("R1-import-fails", "main.py", line(text_perfect.MAIN, "system_name"))]
    assert "NameError: system_name" in seen.findings[0].message
    assert b"NameError" in kept(stage)["import.log"]


def test_what_is_importable_where_the_gates_run_is_not_so_in_the_clean_environment(look: Look) -> None:
    import anyio

    assert anyio
    seen, _ = look(text_perfect.UNDECLARED)
    store = text_perfect.UNDECLARED["components/store.py"]
    assert rows(seen) == [("R1-import-unresolved", "components/store.py", line(store, "import anyio"))]


def test_the_absent_package_of_the_template_is_named_with_its_line_and_nothing_is_started_elsewhere(
    project: Project,
) -> None:
    run = project(missing_parts.FILES)
    observation = observe(run, SystemSettings(enforce=("R1", "R2", "R6")))
    assert [(each.rule, each.path, each.line) for each in observation.findings] == [
        ("R1-package-not-found", "requirements.txt", missing_parts.LINE)
    ]
    assert missing_parts.ABSENT in observation.findings[0].message
    assert observation.cut_short
    assert "starts" not in observation.measures


def test_with_the_index_down_the_same_template_is_nobodys_fault(look: Look) -> None:
    closed = {
        "PIP_NO_INDEX": "0",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
    }
    with pytest.raises(GateError, match="index-down") as caught:
        look(missing_parts.FILES, closed)
    assert caught.value.external


def test_without_that_line_three_modules_of_the_template_are_not_there(look: Look) -> None:
    seen, _ = look(missing_parts.INSTALLABLE)
    names = ("app.api.v1.health_router", "app.core.logging_config", "app.core.middleware")
    found = [each for each in rows(seen) if each[0] != "R1-no-such-command"]
    assert found == [("R1-import-unresolved", "main.py", line(missing_parts.MAIN, name)) for name in names]


def test_a_manifest_that_forgets_the_server_itself_is_found(look: Look) -> None:
    """The stand-in for uvicorn that the tests install brings no command."""
    seen, _ = look(missing_parts.INSTALLABLE)
    assert ("R1-no-such-command", "pyproject.toml", 0) in rows(seen)


DECLARED = '[tool.failhard.system]\nkind = "{kind}"\nsecrets = []\n{more}'
BACKEND = """
import pathlib, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    pathlib.Path("build").mkdir()
    name = "shop-1.0-py3-none-any.whl"
    info = "shop-1.0.dist-info"
    files = {
        "shop/__init__.py": pathlib.Path("shop/__init__.py").read_text(),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\nRequires-Dist: flask\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    with zipfile.ZipFile(pathlib.Path(directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"]))
    return name
"""
LIBRARY = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n'
    + DECLARED.format(kind="library", more=""),
    "backend.py": BACKEND,
    "shop/__init__.py": "import shop.forgotten\n",
    "shop/forgotten.py": "",
}


def test_a_library_is_judged_by_what_its_wheel_brings(look: Look) -> None:
    seen, stage = look(LIBRARY)
    assert rows(seen) == [
        ("R1-conflict", "pyproject.toml", 0),
        ("R1-import-unresolved", "shop/__init__.py", 1),
    ]
    assert "shop 1.0 requires flask, which is not installed." in seen.findings[0].message
    assert not (stage.tree / "build").exists()
    assert json.loads(kept(stage)["install.json"])["built"] is True


CODE = """\
import json, os.path, helper
from typing import TYPE_CHECKING
import rich.text
from . import nothing_here
import requests
from .absent import thing
from .present import other
try:
    import ujson
except ImportError:
    ujson = json
try:
    from .optional import faster
except ImportError:
    faster = None
if TYPE_CHECKING:
    import mypy_boto3
    from .stubs import Kind
def later():
    import requests.sessions
    import helper.deeper
if __name__ == "__main__":
    raise SystemExit(1)
"""


def test_without_a_manifest_what_is_imported_is_named_once(look: Look) -> None:
    declared = DECLARED.format(kind="job", more='start = ["python", "src/job.py"]\noutputs = ["out.json"]\n')
    files = {"pyproject.toml": declared, "src/job.py": CODE, "src/helper.py": "", "src/present.py": ""}
    seen, _ = look(files)
    assert rows(seen) == [
        ("R1-import-unresolved", "src/job.py", 6),
        ("R1-import-unresolved", "src/job.py", 21),
        ("R1-no-manifest", "src/job.py", 3),
    ]
    named = {each.rule: each.message for each in seen.findings}
    assert named["R1-no-manifest"].endswith("its code imports requests, rich")
    assert seen.measures == {"installs": 1, "environments_rebuilt": 0}
