"""Imports: each is answered by what is declared, and who is to blame is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.gates.dependencies import DependenciesGate
from pytest_failhard.model import GateError, Settings
from tests.gates.dependencies.support import ALL, Place, place
from tests.support import gate_run, write

ORACLE = """
import jinja2
import httpx
import openai
import requests
import yaml

import fastapi_auth_plus


def check():
    import h2
    import pytest
"""


def oracle(project: Place, *, with_tools: bool) -> None:
    """Write the project that declares three distributions and imports nine modules."""
    project.declares("openai", "pyyaml", "httpx[http2]")
    project.writes({"app/client.py": ORACLE})
    project.modules("openai", "openai/__init__.py", requires=("httpx",))
    project.modules("PyYAML", "yaml/__init__.py")
    project.has("httpx", extras=("http2",), requires=("h2 ; extra == 'http2'",))
    project.has("h2")
    if with_tools:
        project.has("pip-audit", requires=("requests",))
        project.has("requests")
        project.has("pytest")


def test_the_oracle_in_an_environment_with_our_tools(project: Place) -> None:
    oracle(project, with_tools=True)
    assert project.found() == [
        ("missing-import", "high", "fastapi_auth_plus"),
        ("missing-import", "high", "jinja2"),
        ("transitive-import", "medium", "h2"),
        ("undeclared-import", "high", "pytest"),
        ("undeclared-import", "high", "requests"),
    ]


def test_the_oracle_without_our_tools_undeclared_becomes_missing_and_nothing_else(project: Place) -> None:
    oracle(project, with_tools=False)
    assert project.found() == [
        ("missing-import", "high", "fastapi_auth_plus"),
        ("missing-import", "high", "jinja2"),
        ("missing-import", "high", "pytest"),
        ("missing-import", "high", "requests"),
        ("transitive-import", "medium", "h2"),
    ]


def test_the_messages_say_whose_a_module_is(project: Place) -> None:
    oracle(project, with_tools=True)
    said = {each.anchor: each.message for each in project.seen().findings}
    assert said["fastapi_auth_plus"] == (
        "`fastapi_auth_plus`: no such module is installed, no declared distribution provides it"
    )
    assert said["requests"] == (
        "`requests`: is brought by requests, which is installed only as a dependency of pip-audit"
    )
    assert said["pytest"].endswith("which is installed, but required by nothing that is declared")
    assert said["h2"].endswith("which only another requirement needs (httpx -> h2)")


def test_measures_and_evidence(project: Place) -> None:
    oracle(project, with_tools=True)
    seen = project.seen()
    assert {name: seen.measures[name] for name in ("missing", "undeclared", "transitive")} == {
        "missing": 2,
        "undeclared": 2,
        "transitive": 1,
    }
    assert (seen.examined, seen.measures["closure_size"], seen.measures["installed"]) == (3 + 8, 4, 7)
    graph = json.loads(project.kept.files["closure.json"])
    assert graph["nodes"] == {"h2": "1.0", "httpx": "1.0", "openai": "1.0", "pyyaml": "1.0"}
    assert ["openai", "httpx"] in graph["edges"]
    answers = {each["module"]: each for each in json.loads(project.kept.files["imports.json"])}
    assert answers["yaml"]["distributions"] == ["pyyaml"]
    assert answers["jinja2"] == {
        "module": "jinja2",
        "source": "nobody",
        "distributions": [],
        "places": ["app/client.py:2"],
    }


def test_one_finding_a_module_and_file_at_its_first_line_that_nothing_guards(project: Place) -> None:
    hidden = "try:\n    import nowhere\nexcept ImportError:\n    pass\n"
    project.writes(
        {"app/a.py": f"{hidden}import nowhere.deep\nimport nowhere\n", "app/b.py": "import nowhere\n"}
    )
    found = [(each.path, each.line, each.severity.name) for each in project.seen().findings]
    assert found == [("app/a.py", 5, "HIGH"), ("app/b.py", 1, "HIGH")]


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n",
        "try:\n    import nowhere\nexcept (OSError, ModuleNotFoundError):\n    nowhere = None\n",
        "try:\n    from nowhere import x\nexcept Exception:\n    x = None\n",
        "try:\n    import nowhere\nexcept:\n    pass\n",
        "from contextlib import suppress\nwith suppress(ImportError):\n    import nowhere\n",
        "import importlib.util\nif importlib.util.find_spec('nowhere'):\n    import nowhere\n",
    ],
)
def test_hidden_by_a_handler_is_medium_and_says_so(project: Place, code: str) -> None:
    project.writes({"app/a.py": code})
    (finding,) = project.seen().findings
    assert (finding.rule, finding.severity.name) == ("missing-import", "MEDIUM")
    assert finding.message.endswith("; hidden by try/except")


def test_an_undeclared_one_that_is_hidden_is_medium(project: Place) -> None:
    project.has("orjson")
    project.writes({"app/a.py": "try:\n    import orjson\nexcept ImportError:\n    import json as orjson\n"})
    assert project.found() == [("undeclared-import", "medium", "orjson")]


@pytest.mark.parametrize(
    "code",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere\n",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import nowhere\n",
        "try:\n    import tomllib\nexcept ImportError:\n    import tomli as tomllib\n",
        "try:\n    from urllib2 import urlopen\nexcept ImportError:\n    from urllib.request import urlopen\n",
        "import sys\nif sys.version_info < (3, 11):\n    import tomli\n",
        "from app import service_pb2\nimport service_pb2_grpc\n",
        "import app, os.path, __main__\nfrom . import a\n",
    ],
)
def test_what_is_no_import_at_run_time_here_is_not_judged(project: Place, code: str) -> None:
    project.writes({"app/a.py": code})
    assert project.found() == []


def test_a_flag_of_its_own_proves_nothing(project: Place) -> None:
    project.writes({"app/a.py": "TYPE_CHECKING: bool = True\nif TYPE_CHECKING:\n    import nowhere\n"})
    assert project.found() == [("missing-import", "high", "nowhere")]


@pytest.mark.parametrize(
    "code",
    [
        "import importlib\nnowhere = importlib.import_module('nowhere.deep')\n",
        "from importlib import import_module as load\n\n\ndef f(x=load('nowhere')): ...\n",
        "with __import__('nowhere').x: ...\n",
    ],
)
def test_a_module_that_is_loaded_by_its_name(project: Place, code: str) -> None:
    project.writes({"app/a.py": code})
    assert project.found() == [("missing-import", "high", "nowhere")]


@pytest.mark.parametrize("python", ["3.12.4", "3.13.0a1"])
def test_what_this_python_no_longer_has(project: Place, python: str) -> None:
    project.writes({"app/a.py": "import sys\nif sys.version_info >= (3, 12):\n    import urllib2\n"})
    (finding,) = project.seen(python_full_version=python).findings
    assert finding.message.startswith("`urllib2`: is no module of the standard library of Python 3.12")


def test_a_distribution_that_is_declared_and_absent_is_one_finding_at_its_declaration(project: Place) -> None:
    project.declares("PyYAML>=6", "google-cloud-storage", "python-dotenv", "redis-py", "there")
    project.has("there")
    code = "import yaml\nfrom google.cloud import storage\nimport dotenv, redis, there\n"
    project.writes({"app/a.py": code, "app/b.py": code})
    seen = project.seen()
    assert {each.rule for each in seen.findings} == {"missing-distribution"}
    assert [(each.path, each.line) for each in seen.findings] == [
        ("pyproject.toml", at) for at in (5, 6, 7, 8)
    ]


def test_nothing_installed_is_an_error_with_the_remedy(project: Place) -> None:
    project.declares("flask", "openai")
    project.writes({"app/a.py": "import flask\nimport openai\n"})
    with pytest.raises(GateError, match=r"none of the 2 distributions .* `python` in \[tool.failhard\]"):
        project.seen()


def test_an_extra_is_declared_and_a_group_for_development_is_not(project: Place) -> None:
    more = (
        '[project.optional-dependencies]\ncache = ["redis"]\n[dependency-groups]\ndev = ["faker", "absent"]\n'
    )
    project.declares(more=more)
    project.has("faker")
    project.has("redis")
    project.writes({"app/a.py": "import redis\nimport faker\nimport absent\n"})
    said = {each.anchor: each.message for each in project.seen().findings}
    assert said == {
        "absent": "`absent`: is brought by absent, which is declared for development only",
        "faker": "`faker`: is brought by faker, which is declared for development only",
    }


def test_tests_may_import_what_groups_and_files_for_development_declare(project: Place) -> None:
    project.declares("web", more='[dependency-groups]\ndev = ["faker"]\n')
    project.writes({"requirements-dev.txt": "responses>=1\n"})
    for name in ("faker", "responses", "stranger"):
        project.has(name)
    project.has("web", requires=("below",))
    project.has("below")
    project.writes(
        {
            "tests/helper.py": "",
            "tests/test_a.py": "import faker, responses, web, helper, app\nimport stranger, below, nowhere\n",
        }
    )
    assert project.found() == [
        ("missing-import", "high", "nowhere"),
        ("transitive-import", "low", "below"),
        ("undeclared-import", "low", "stranger"),
        ("unused-dependency", "low", "web"),
    ]


def test_tests_run_on_the_interpreter_that_runs_us(project: Place) -> None:
    project.declares(more='[dependency-groups]\ndev = ["pytest"]\n')
    project.writes({"tests/test_a.py": "import pytest\nimport hypothesis\n"})
    assert project.found() == [("undeclared-import", "low", "hypothesis")]


def test_an_import_that_must_fail_is_right_to(project: Place) -> None:
    code = "import pytest\n\n\ndef test_a():\n    with pytest.raises(ImportError):\n        import nowhere\n"
    project.declares(more='[dependency-groups]\ndev = ["pytest"]\n')
    project.writes({"tests/test_a.py": code})
    assert project.found() == []


def test_a_distribution_without_modules_stands_for_what_it_requires(project: Place) -> None:
    project.declares("bundle")
    project.has("bundle", requires=("bundle-slim",), files={})
    project.modules("bundle-slim", "bundle/__init__.py")
    project.writes({"app/a.py": "import bundle\n"})
    assert project.found() == []


def test_a_name_that_several_share_is_resolved_by_its_longest_part(project: Place) -> None:
    project.declares("google-cloud-storage")
    project.modules(
        "google-cloud-storage", "google/cloud/storage/__init__.py", "google/cloud/storage/blob.py"
    )
    project.modules("google-genai", "google/genai/__init__.py")
    code = (
        "from google.cloud import storage\nfrom google.cloud.storage.blob import Blob\nimport google\n"
        "from google import genai\nfrom google.cloud import bigquery\nimport google.cloud.nothing.deep\n"
    )
    project.writes({"app/a.py": code})
    assert project.found() == [
        ("missing-import", "high", "google.cloud.bigquery"),
        ("missing-import", "high", "google.cloud.nothing"),
        ("undeclared-import", "high", "google.genai"),
    ]


def test_a_compiled_module_and_one_that_lies_about(project: Place) -> None:
    project.declares("fast")
    project.modules("fast", "_fast.cpython-312-x86_64-linux-gnu.so", "fast/__init__.py")
    (project.site / "stray.py").write_text("")
    (project.site / "stray_too.cpython-312-x86_64-linux-gnu.so").write_text("")
    project.writes({"app/a.py": "import fast, _fast\nimport stray\nimport stray_too\n"})
    assert project.found() == [
        ("undeclared-import", "high", "stray"),
        ("undeclared-import", "high", "stray_too"),
    ]


def test_a_list_that_is_empty_and_explicit_is_examined(project: Place) -> None:
    seen = project.seen(ALL)
    assert (seen.findings, seen.examined) == ((), 1)
    assert json.loads(project.kept.files["closure.json"])["is_explicit"] is True


def test_a_list_that_is_empty_and_one_foreign_import_fail(project: Place) -> None:
    project.writes({"app/a.py": "import flask\n"})
    assert project.found() == [("missing-import", "high", "flask")]


def test_no_declaration_at_all_is_an_error(project: Place) -> None:
    project.writes({"pyproject.toml": "[tool.other]\n"})
    with pytest.raises(GateError, match="no dependency declaration found"):
        project.seen()


def test_a_file_that_does_not_parse_is_an_error_that_names_all(project: Place) -> None:
    project.writes({"app/a.py": "def f(:\n", "app/b.py": "x = (\n"})
    with pytest.raises(GateError, match=r"unreadable-source: app/a\.py.*app/b\.py"):
        project.seen()


def test_a_neighbour_inside_a_package_comes_after_what_is_installed(project: Place) -> None:
    project.declares("openai")
    project.has("openai")
    project.writes({"app/a.py": "import openai\nimport helper\n", "app/openai.py": "", "app/helper.py": ""})
    seen = project.seen()
    answers = {each["module"]: each["source"] for each in json.loads(project.kept.files["imports.json"])}
    assert (seen.findings, answers) == ((), {"openai": "installed", "helper": "project"})


def test_whose_a_module_is_that_no_record_names(project: Place) -> None:
    library, worked = project.root.parent / "library", project.root.parent / "worked"
    project.searched += [library, worked, project.root / "vendored"]
    for path in (library / "os.py", library / "internal.py", worked / "inside.py"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    project.declares("inside")
    project.has("inside", files={}, direct_url={"url": worked.as_uri(), "dir_info": {"editable": True}})
    project.writes({"app/a.py": "import internal, inside, extra\n", "vendored/extra.py": ""})
    project.seen()
    answers = {each["module"]: each["source"] for each in json.loads(project.kept.files["imports.json"])}
    assert answers == {"internal": "standard library", "inside": "installed", "extra": "project"}


def test_an_environment_below_the_project_is_no_part_of_it(tmp_path: Path) -> None:
    project = place(tmp_path)
    project.site = project.root / "env" / "site-packages"
    write(project.site, {"stray.py": ""})
    write(project.site.parent, {"pyvenv.cfg": ""})
    project.writes({"app/a.py": "import stray\n"})
    assert project.found() == [("undeclared-import", "high", "stray")]


def test_settings_of_another_gate_are_an_error(project: Place) -> None:
    run = gate_run(project.root, DependenciesGate(), settings=Settings())
    with pytest.raises(GateError, match="settings are Settings, not DependenciesSettings"):
        DependenciesGate().observe(run)


def test_the_evidence_is_the_same_in_two_runs_and_names_no_place(project: Place) -> None:
    oracle(project, with_tools=True)
    project.seen()
    first = dict(project.kept.files)
    project.seen()
    assert project.kept.files == first
    assert str(project.root.parent).encode() not in b"".join(first.values())
