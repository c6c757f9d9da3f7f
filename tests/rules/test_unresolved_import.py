"""FH712: names, submodules and attributes that nobody has, and what looks as if it were one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from tests.rules.trees import checked, tree, written

PRODUCT = "app/service.py"
LIBRARY: Mapping[str, str | bytes] = {
    "os.py": "import sys\nsys.modules['os.path'] = path\n",
    "json/__init__.py": "from .decoder import JSONDecoder\ndef loads(text):\n    global depth\n",
    "json/decoder.py": "class JSONDecoder:\n    pass\n",
    "contextlib.py": "class suppress:\n    pass\n\nclosing = nullcontext = 1\n",
    "stars.py": "from json.decoder import *\n",
    "package/__init__.py": "from .inner import *\nfrom . import other\n",
    "package/inner.py": "__all__ = ['promised']\nfor each in ():\n    pass\n",
    "package/other.py": "from ..package import *\nfrom .inner import *\n",
    "compiled.so": b"\x7fELF",
    "takes.py": "from compiled import *\n",
    "takes_nothing.py": "from absent_module import *\n",
    "dynamic.py": "globals()['x'] = 1\n",
    "newer.py": "match = = 1\n",
    "aliases.py": "if 1:\n    import json as js\nelse:\n    with a as b:\n        pass\ntry:\n    x: int\nexcept E:\n    y = 1\n",
    "lib-dynload/speed.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
}
SITE: Mapping[str, str | bytes] = {
    "lazy/__init__.py": "def __getattr__(name):\n    return name\n",
    "plain/__init__.py": "VERSION = 1\n",
    "plain/models.py": "class Model: ...\n",
    "plain/fast.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    "stubbed.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    "stubbed.pyi": "def quick() -> int: ...\n",
    "space/part/__init__.py": "",
    "native/__init__.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    "more.pth": "# a comment\nimport something\n\nmore\nnowhere\n",
    "more/added.py": "here = 1\n",
    "matched.py": "match x:\n    case 1:\n        found = 1\n",
}


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """Return an interpreter in a virtual environment, with a standard library that is written for the test."""
    base, venv = tmp_path / "base", tmp_path / "venv"
    written(base / "lib/python3.11", LIBRARY)
    written(base / "lib/python3.11/site-packages", {"shared.py": "x = 1\n"})
    written(venv / "lib/python3.11/site-packages", SITE)
    written(base, {"bin/python3": ""})
    written(venv, {"bin/python": "", "pyvenv.cfg": f"home = {base / 'bin'}\nversion = 3.11.7\n"})
    return venv / "bin/python"


def messages(
    interpreter: Path, source: str, files: Mapping[str, str | bytes] | None = None
) -> list[tuple[str, str]]:
    """Return sub and message of what is found in a product file, with further files around it."""
    root = interpreter.parent.parent.parent / "project"
    found = checked(tree(root, {PRODUCT: source, **(files or {})}, interpreter=interpreter), "FH712")
    return [(hit.sub, hit.message) for hit in found]


ABSENT = {
    "name": ("from contextlib import timeout", "unknown-attribute", "contextlib has no `timeout`"),
    "near-name": (
        "from contextlib import suppressing",
        "unknown-attribute",
        "contextlib has no `suppressing`; it has suppress",
    ),
    "submodule": ("import json.fast", "unknown-submodule", "there is no module json.fast"),
    "names-of-one-module": (
        "from json.fast import a, b",
        "unknown-submodule",
        "there is no module json.fast",
    ),
    "called": (
        "import importlib\nimportlib.import_module('json.fast')",
        "unknown-submodule",
        "there is no module json.fast",
    ),
    "attribute": ("import json\njson.parse('')", "unknown-attribute", "json has no `parse`"),
    "attribute-under-an-alias": ("import json as j\nj.parse", "unknown-attribute", "json has no `parse`"),
    "starred": ("from stars import JSONEncoder", "unknown-attribute", "stars has no `JSONEncoder`"),
    "stars-in-a-circle": ("from package import promise_", "unknown-attribute", "package has no `promise_`"),
    "installed-name": ("from plain import RELEASE", "unknown-submodule", "plain has no `RELEASE`"),
    "installed-submodule": (
        "from plain.views import x",
        "unknown-submodule",
        "there is no module plain.views",
    ),
    "stub": ("from stubbed import slow", "unknown-submodule", "stubbed has no `slow`"),
    "added-by-pth": ("from added import there", "unknown-submodule", "added has no `there`"),
    "in-a-function": (
        "def f():\n    from contextlib import timeout",
        "unknown-attribute",
        "contextlib has no `timeout`",
    ),
    "other-exception": (
        "try:\n    from contextlib import timeout\nexcept KeyError:\n    pass",
        "unknown-attribute",
        "contextlib has no `timeout`",
    ),
    "other-condition": (
        "if x:\n    from contextlib import timeout",
        "unknown-attribute",
        "contextlib has no `timeout`",
    ),
    "other-context": (
        "with x():\n    from contextlib import timeout",
        "unknown-attribute",
        "contextlib has no `timeout`",
    ),
    "star-of-nothing": ("from json.fast import *", "unknown-submodule", "there is no module json.fast"),
}


@pytest.mark.parametrize(("source", "sub", "message"), ABSENT.values(), ids=ABSENT.keys())
def test_what_does_not_exist(interpreter: Path, source: str, sub: str, message: str) -> None:
    found = messages(interpreter, source)
    assert [each for each, _ in found] == [sub]
    assert found[0][1].startswith(message)


PRESENT = {
    "names": "from contextlib import suppress, closing, nullcontext",
    "imported-name": "from json import JSONDecoder, loads, depth, decoder",
    "submodule": "import json.decoder\njson.decoder.JSONDecoder",
    "through-a-star": "from stars import JSONDecoder",
    "through-stars": "from package import promised, each, other",
    "branches": "from aliases import js, b, x, y",
    "implicit": "from json import __name__ as n, __file__ as f",
    "future": "from __future__ import annotations",
    "nowhere-at-all": "import nowhere\nfrom nowhere.x import y\nnowhere.z",
    "lazy": "from lazy import anything\nimport lazy.some",
    "compiled": "from compiled import anything",
    "compiled-in-the-library": "from speed import anything",
    "builtin": "from sys import anything\nimport sys\nsys.anything",
    "compiled-submodule": "from plain.fast import anything",
    "compiled-package": "from native import anything\nimport native.inner",
    "star-of-compiled": "from takes import anything",
    "star-of-nothing": "from takes_nothing import anything",
    "dynamic": "from dynamic import anything\nimport dynamic.some",
    "newer-grammar": "from newer import anything",
    "match": "from matched import found",
    "namespace": "import space.other\nfrom space import another",
    "added-by-another": "import os.path\nfrom os.path import join",
    "type-checking": "if TYPE_CHECKING:\n    from contextlib import timeout",
    "exception": "try:\n    from contextlib import timeout\nexcept ImportError:\n    timeout = None",
    "bare-exception": "try:\n    from contextlib import timeout\nexcept:\n    raise",
    "stand-in": "try:\n    import nowhere\nexcept ImportError:\n    from contextlib import timeout",
    "platform": "import sys\nif sys.platform == 'win32':\n    from contextlib import timeout",
    "conditional-expression": "import json, sys\nx = json.parse if hasattr(json, 'parse') else None",
    "conjunction": "import json\nx = hasattr(json, 'parse') and json.parse",
    "suppressed": "from contextlib import suppress\nwith suppress(ImportError):\n    from json import fast",
    "written": "import json\njson.parse = 1\njson.parse",
    "rebound": "import json\njson = load()\njson.parse",
    "argument": "import json\ndef f(json):\n    return json.parse",
    "attribute-of-a-distribution": "import plain\nplain.anything",
    "attribute-of-a-value": "x.parse",
    "generated": "from plain._version import version\nfrom plain import _version",
    "computed": "import importlib\nimportlib.import_module(name)\nimportlib.import_module('.x', 'json')",
    "other-call": "import_module('json.fast')",
    "star": "from json import *",
}


@pytest.mark.parametrize("source", PRESENT.values(), ids=PRESENT.keys())
def test_what_exists_or_is_guarded_or_cannot_be_told(interpreter: Path, source: str) -> None:
    assert messages(interpreter, source) == []


OWN: Mapping[str, str | bytes] = {
    "app/__init__.py": "",
    "app/models.py": "class Order: ...\n",
    "bare/tools.py": "def run(): ...\n",
    "alembic/env.py": "from alembic import op\n",
    "lib/web/views.py": "from .models import Order\n",
}

OWN_ABSENT = {
    "name": ("from app.models import Invoice", "app.models has no `Invoice`"),
    "relative-name": ("from .models import Invoice", "app.models has no `Invoice`"),
    "relative-module": ("from .views import index", "there is no module app.views"),
    "relative-itself": ("from . import views", "app has no `views`"),
    "folder": ("import bare.tools\nfrom bare import wheels", "bare has no `wheels`"),
    "module-of-a-folder": ("import bare.tools\nimport bare.wheels", "there is no module bare.wheels"),
}


@pytest.mark.parametrize(("source", "message"), OWN_ABSENT.values(), ids=OWN_ABSENT.keys())
def test_what_the_project_does_not_have(interpreter: Path, source: str, message: str) -> None:
    files = {**OWN, "lib/web/models.py": "class Order: ...\n"}
    assert messages(interpreter, source, files) == [("unknown-submodule", message)]


OWN_PRESENT = {
    "name": "from app.models import Order\nfrom .models import Order as Other\nfrom . import models",
    "folder": "from bare import tools\nimport bare.tools",
    "elsewhere": "from web.views import Order",
    "beyond-the-root": "from .... import x",
    "itself": "import service.inner",
}


@pytest.mark.parametrize("source", OWN_PRESENT.values(), ids=OWN_PRESENT.keys())
def test_what_the_project_has(interpreter: Path, source: str) -> None:
    files = {**OWN, "lib/web/models.py": "class Order: ...\n"}
    assert messages(interpreter, source, files) == []


def test_a_file_sees_what_lies_beside_it_in_a_folder_that_is_no_package(interpreter: Path) -> None:
    files: dict[str, str | bytes] = {
        "jobs/run.py": "from helper import absent\nimport run.more\n",
        "jobs/helper.py": "",
    }
    assert messages(interpreter, "", files) == [("unknown-submodule", "helper has no `absent`")]


def test_tests_are_not_looked_at(interpreter: Path) -> None:
    assert messages(interpreter, "", {"tests/test_a.py": "from contextlib import timeout\n"}) == []


@pytest.mark.xfail(strict=True, reason="what the product imports is product, wherever it lies")
def test_a_module_that_only_tests_have(interpreter: Path) -> None:
    assert messages(interpreter, "from tests.fakes import Fake", {"tests/fakes.py": "class Fake: ...\n"})


class TestTheInterpreter:
    def test_that_does_not_exist_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(GateError, match="no such interpreter"):
            checked(tree(tmp_path, {PRODUCT: ""}, interpreter=tmp_path / "python"), "FH712")

    def test_without_a_library_is_an_error(self, tmp_path: Path) -> None:
        written(tmp_path, {"bin/python": ""})
        with pytest.raises(GateError, match="no standard library"):
            checked(tree(tmp_path, {PRODUCT: ""}, interpreter=tmp_path / "bin/python"), "FH712")

    def test_of_a_virtual_environment_sees_the_shared_packages_only_if_it_may(
        self, interpreter: Path
    ) -> None:
        config = interpreter.parent.parent / "pyvenv.cfg"
        assert messages(interpreter, "from shared import y") == []
        config.write_text(config.read_text("utf-8") + "include-system-site-packages = true\n", "utf-8")
        assert messages(interpreter, "from shared import y") == [("unknown-submodule", "shared has no `y`")]

    def test_itself_has_its_own_packages(self, interpreter: Path) -> None:
        base = interpreter.parent.parent.parent / "base/bin/python3"
        root = interpreter.parent.parent.parent / "project"
        (hit,) = checked(tree(root, {PRODUCT: "from shared import y"}, interpreter=base), "FH712")
        assert hit.message == "shared has no `y`"

    def test_that_runs_us_has_what_we_import(self, tmp_path: Path) -> None:
        source = "import os.path\nfrom asyncio import timeout\nfrom asyncio import timeouts_\nimport ssl\nssl.PROTOCOL_TLS\n"
        (hit,) = checked(tree(tmp_path, {PRODUCT: source}), "FH712")
        assert hit.line == 3
