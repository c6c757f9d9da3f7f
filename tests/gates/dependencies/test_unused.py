"""Direct dependencies that nothing seems to use, and all that counts as use."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.gates.dependencies.support import Place

SCRIPT = {
    "server/__init__.py": b"",
    "server-1.0.dist-info/entry_points.txt": b"[console_scripts]\nserve-it = server:x\n",
}


def test_a_dependency_without_any_use_is_low(project: Place) -> None:
    project.declares("server", "used")
    project.has("server", files=SCRIPT)
    project.has("used")
    project.writes({"app/a.py": "import used\n", "Dockerfile": "CMD observer\n"})
    (finding,) = project.seen().findings
    assert (finding.rule, finding.severity.name, finding.line) == ("unused-dependency", "LOW", 5)


@pytest.mark.parametrize(
    "files",
    [
        {"app/a.py": "import server.deep\n"},
        {"app/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import server\n"},
        {"app/a.py": "URL = 'postgresql+server://host/name'\n"},
        {"app/a.py": "RUN = ['serve-it', '--port']\n"},
        {"scripts/run.py": "import server\n"},
        {"Dockerfile": 'CMD ["serve-it"]\n'},
        {"deploy/Dockerfile.web": "CMD serve-it\n"},
        {"Procfile": "web: serve-it app\n"},
        {"Makefile": "run:\n\tserve-it\n"},
        {"compose.yaml": "services: {web: {command: serve-it}}\n"},
        {".github/workflows/ci.yml": "run: serve-it\n"},
        {"settings.ini": "[x]\nengine = server\n"},
    ],
    ids=lambda files: repr(next(iter(files.items()))),
)
def test_what_counts_as_use(project: Place, files: Mapping[str, str]) -> None:
    project.declares("server")
    project.has("server", files=SCRIPT)
    project.writes(files)
    assert project.found() == []


def test_a_script_of_the_project_counts_and_its_declarations_do_not(project: Place) -> None:
    project.declares(
        "server", "other", more='[project.scripts]\nrun = "server.cli:main"\n[tool.x]\ny = ["z"]\n'
    )
    project.has("server", files=SCRIPT)
    project.has("other")
    assert project.found() == [("unused-dependency", "low", "other")]


def test_a_plugin_or_an_optional_part_of_a_used_one_counts(project: Place) -> None:
    project.declares("pytest", "pytest-thing", "web", "web-part", "devtool", "broken")
    plugin = {"thing.py": b"", "pytest_thing-1.0.dist-info/entry_points.txt": b"[pytest11]\nthing = thing\n"}
    project.has("pytest")
    project.has("pytest-thing", files=plugin)
    project.has(
        "web", requires=("web-part ; extra == 'full'", "devtool ; extra == 'dev'"), extras=("full", "dev")
    )
    project.has("web-part")
    project.has("devtool")
    project.has("broken", files={"broken.py": b"", "broken-1.0.dist-info/entry_points.txt": b"no section\n"})
    project.writes({"app/a.py": "import pytest, web\n"})
    assert project.found() == [
        ("unused-dependency", "low", "broken"),
        ("unused-dependency", "low", "devtool"),
    ]


def test_a_distribution_without_modules_is_not_asked_for_imports(project: Place) -> None:
    project.declares("stubs")
    project.has("stubs", files={"thing-stubs/__init__.pyi": b""})
    assert project.found() == []
