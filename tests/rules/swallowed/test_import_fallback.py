"""FH105: imports that may fail, and whose module it is."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from pytest_failhard.rules.own_modules import OwnModules, distributions
from pytest_failhard.rules.scan import scan_project
from tests.rules.support import hits, scanned, subs

DECLARED = frozenset({"openai", "pyyaml", "pillow", "google-genai", "python-dotenv"})


def fallback(tried: str, handled: str, clause: str = "ImportError") -> str:
    return (
        "try:\n"
        + textwrap.indent(textwrap.dedent(tried).strip(), "    ")
        + f"\nexcept {clause}:\n"
        + textwrap.indent(textwrap.dedent(handled).strip(), "    ")
        + "\n"
    )


FOREIGN = {
    "class": (fallback("from acme import Client", "class Client: ..."), "stub"),
    "function": (fallback("from acme import ask", "def ask(text): return 'ok'"), "stub"),
    "async function": (fallback("from acme import ask", "async def ask(text): return 'ok'"), "stub"),
    "lambda": (fallback("from acme import ask", "ask = lambda text: 'ok'"), "stub"),
    "type()": (fallback("from acme import Client", "Client = type('Client', (), {})"), "stub"),
    "namespace": (
        "from types import SimpleNamespace\n" + fallback("import acme", "acme = SimpleNamespace(ask=print)"),
        "stub",
    ),
    "mock": ("from unittest.mock import Mock\n" + fallback("import acme", "acme = Mock()"), "stub"),
    "sys.modules": ("import sys\n" + fallback("import acme", "sys.modules['acme'] = FAKE"), "stub"),
    "own class by name": ("class Fake: ...\n" + fallback("from acme import Client", "Client = Fake"), "stub"),
    "conditional class": (fallback("import acme", "if DEBUG:\n    class acme: ..."), "stub"),
    "defined before": ("class Client: ...\n" + fallback("from acme import Client", "pass"), "stub"),
    "module not found": (fallback("import acme", "class acme: ...", "ModuleNotFoundError"), "stub"),
    "broad": (fallback("import acme", "class acme: ...", "Exception"), "stub"),
    "bare": (fallback("import acme", "class acme: ...", ""), "stub"),
    "among others": (fallback("import acme", "class acme: ...", "(OSError, ImportError)"), "stub"),
    "broad and a log line": (
        fallback("import acme\nlog.info('x')", "acme = type('A', (), {})", "Exception"),
        "stub",
    ),
    "broad and a statement": (fallback("import acme\nx = start()", "class acme: ...", "Exception"), "stub"),
    "import_module": (
        "import importlib\n" + fallback("acme = importlib.import_module('acme')", "class acme: ..."),
        "stub",
    ),
    "__import__": (fallback("ask = getattr(__import__('acme'), 'ask')", "def ask(): ..."), "stub"),
    "attribute of import_module": (
        "from importlib import import_module as load\n"
        "import importlib\n" + fallback("ask = importlib.import_module('acme').ask", "def ask(): ..."),
        "stub",
    ),
    "find_spec is None": (
        "from importlib.util import find_spec\nif find_spec('acme') is None:\n    class acme: ...\n",
        "stub",
    ),
    "not find_spec": (
        "import importlib.util as u\nif not u.find_spec('acme'):\n    acme = None\nelse:\n    import acme\n",
        "extra",
    ),
    "else of find_spec": (
        "import importlib.util as u\nif u.find_spec('acme'):\n    import acme\nelse:\n    class acme: ...\n",
        "stub",
    ),
    "spec in a name": (
        "import importlib.util as u\nspec = u.find_spec('acme')\nif spec is None:\n    class acme: ...\n",
        "stub",
    ),
    "None": (fallback("import acme", "acme = None"), "extra"),
    "flag": (fallback("import acme\nHAS_ACME = True", "HAS_ACME = False"), "extra"),
    "logged": (fallback("import acme", "log.warning('no acme')"), "extra"),
    "error class only": (fallback("from acme import AcmeError", "class AcmeError(Exception): ..."), "extra"),
}


@pytest.mark.parametrize(("source", "sub"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_modules(source: str, sub: str) -> None:
    assert subs(source, "FH105") == [sub]


DECLARED_ONES = {
    "by its name": "import openai",
    "a part of it": "from openai.types import Chat",
    "another name": "import yaml",
    "pillow": "from PIL import Image",
    "namespace": "from google.genai import Client",
    "dotenv with its call": "from dotenv import load_dotenv\nload_dotenv()",
    "among others": "import acme\nimport openai",
}


@pytest.mark.parametrize("tried", DECLARED_ONES.values(), ids=DECLARED_ONES)
def test_declared_distributions_are_there(tried: str) -> None:
    assert subs(fallback(tried, "X = None"), "FH105", declared=DECLARED) == ["declared"]


def test_a_stand_in_for_a_declared_distribution_is_one() -> None:
    source = fallback("from openai.resilience import Policy", "class Policy: ...")
    assert subs(source, "FH105", declared=DECLARED) == ["stub"]


def test_a_declared_distribution_needs_no_alternative() -> None:
    assert subs(fallback("import openai", "import acme as openai"), "FH105", declared=DECLARED) == [
        "declared"
    ]


EXEMPT = {
    "alternative": fallback("import tomllib", "import tomli as tomllib"),
    "alternative by import_module": "import importlib\n"
    + fallback("import cjson as json", "json = importlib.import_module('json')"),
    "relative and absolute": fallback("from .config import X", "from config import X"),
    "raised": fallback("import acme", "raise RuntimeError('install acme') from None"),
    "exit": "import sys\n" + fallback("import acme", "sys.exit('install acme')"),
    "stand-in that raises": fallback(
        "from acme import ask", "def ask(*args):\n    raise ImportError('acme')"
    ),
    "class that raises": fallback(
        "from acme import Client",
        "class Client:\n    def __init__(self):\n        raise ImportError('acme')",
    ),
    "stand-in that exits": fallback(
        "from acme import main", "def main():\n    import sys\n    print('install acme')\n    sys.exit(1)"
    ),
    "user raises": fallback("import acme", "acme = None")
    + "def ask():\n    if acme is None:\n        raise RuntimeError('install acme')\n",
    "flag of which the user raises": fallback("import acme\nHAS = True", "HAS = False")
    + "def ask():\n    if not HAS:\n        raise RuntimeError('install acme')\n",
    "narrow error": fallback("import acme", "acme = None", "AttributeError"),
    "more than imports": fallback("import acme\nstart()\nrun()", "acme = None"),
    "broad around what uses it": fallback("import acme\nacme.run()", "pass", "Exception"),
    "loop": fallback("import acme\nfor each in acme.all: run(each)", "pass"),
    "no import": fallback("acme = load()", "acme = None"),
    "version guard": "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    tomllib = None\n",
    "find_spec that raises": "from importlib.util import find_spec\nif find_spec('acme') is None:\n    raise X\n",
    "find_spec of no text": "from importlib.util import find_spec\nif find_spec(name) is None:\n    x = 1\n",
    "find_spec that logs": "from importlib.util import find_spec\nif not find_spec('acme'):\n    log('no')\n",
    "another test": "if acme is None:\n    class acme: ...\n",
    "module of no text": "import importlib\n"
    + fallback("acme = importlib.import_module(name)", "acme = None"),
}


@pytest.mark.parametrize("source", EXEMPT.values(), ids=EXEMPT)
def test_exempt_forms_are_left_alone(source: str) -> None:
    assert subs(source, "FH105", declared=DECLARED) == []


OWN = {
    "absolute": ("from app.store import Store", "Store = None", "local"),
    "module": ("import app.store", "app = None", "local"),
    "relative": ("from .store import Store", "Store = None", "local"),
    "relative module": ("from . import store", "store = None", "local"),
    "one that does not exist": ("from app.prompts import TEXT", "TEXT = 'x'", "local"),
    "relative that does not exist": ("from .missing import Store", "Store = None", "local"),
    "stand-in": ("from app.store import Store", "class Store: ...", "stub-local"),
    "relative stand-in": ("from .store import Store", "class Store: ...", "stub-local"),
}


@pytest.mark.parametrize(("tried", "handled", "sub"), OWN.values(), ids=OWN)
@pytest.mark.parametrize("below", ["", "src/", "backend/"])
def test_own_modules_are_there(tried: str, handled: str, sub: str, below: str) -> None:
    files: dict[str, str | bytes] = {
        f"{below}app/__init__.py": "",
        f"{below}app/store.py": "class Store: ...",
        f"{below}app/user.py": "import app.store",
        f"{below}app/service.py": fallback(tried, handled),
    }
    assert subs(files, "FH105") == [sub]


def test_the_message_names_the_own_modules_only() -> None:
    files: dict[str, str | bytes] = {
        "app/store.py": "",
        "app/service.py": fallback("import acme\nfrom app.store import Store", "Store = None"),
    }
    (hit,) = hits(files, "FH105")
    assert hit.message == "the project's own app.store is treated as if it might be missing"


def test_a_version_that_is_made_when_the_project_is_built_may_be_missing() -> None:
    source = fallback("from ._version import version", "version = 'unknown'")
    assert subs({"app/__init__.py": source}, "FH105") == ["extra"]


def test_own_alternatives_are_left_alone() -> None:
    files: dict[str, str | bytes] = {
        "app/store.py": "",
        "app/service.py": fallback("from app.store import Store", "from store import Store"),
    }
    assert subs(files, "FH105") == []


@pytest.mark.parametrize("package", ["clients/__init__.py", "clients/http.py", "redis/configure.py"])
def test_a_file_of_the_same_stem_makes_no_distribution_local(package: str) -> None:
    files: dict[str, str | bytes] = {
        package: "",
        "clients/redis.py": "",
        "clients/cache.py": fallback("import redis", "redis = None"),
    }
    assert subs(files, "FH105") == ["extra"]
    assert subs(files, "FH105", declared=frozenset({"redis"})) == ["declared"]


class TestOwnModules:
    def test_they_are_found_below_every_import_root(self) -> None:
        own = OwnModules(
            scanned(
                {
                    "main.py": "import app.store",
                    "src/app/store.py": "",
                    "api-server/web/views.py": "",
                    "backend/core/db.py": "",
                    "backend/run.py": "from core.db import connect",
                    "jobs/nightly.py": "import helpers\nimport mail",
                    "jobs/helpers.py": "",
                    "jobs/mail.py": "",
                }
            ).index
        )
        known = ("main", "app", "app.store", "web.views", "core.db", "backend.core.db", "run", "helpers")
        assert [name for name in known if name in own] == list(known)
        foreign = ("store", "db", "views", "openai", "app.missing")
        assert [name for name in foreign if name in own] == []

    def test_a_package_is_no_import_root(self) -> None:
        files: dict[str, str | bytes] = {
            "app/__init__.py": "",
            "app/a.py": "import b, c",
            "app/b.py": "",
            "app/c.py": "",
        }
        assert "b" not in OwnModules(scanned(files).index)


@pytest.mark.parametrize(
    ("module", "distribution"),
    [("PIL.Image", "pillow"), ("google.genai.types", "google-genai"), ("zope.interface", "zope-interface")],
)
def test_distributions_go_by_other_names(module: str, distribution: str) -> None:
    assert distribution in distributions(module)


def test_what_is_installed_beside_us_tells_its_distribution() -> None:
    assert "pytest" in distributions("_pytest.config")


def test_a_scan_knows_what_the_project_declares(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["openai>=1"]\n')
    (tmp_path / "app.py").write_text(fallback("import openai", "openai = None"))
    scan = scan_project(tmp_path, ("app.py",), ())
    found = scan.rules["FH105"].settle([hit for hit in scan.hits if hit.code == "FH105"], scan.index, {})
    assert [hit.sub for hit in found] == ["declared"]
