"""FH201 to FH203: libraries for tests, doubles and mock modes in product code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.model import Option
from pytest_failhard.rules.scan import scan_project
from tests.rules.support import hits, subs

Files = Mapping[str, str | bytes]


class TestTestLibraries:
    @pytest.mark.parametrize(
        "source",
        [
            "import unittest.mock\n",
            "from unittest import mock\n",
            "from unittest.mock import MagicMock as Client\n",
            "import unittest\nclient = unittest.mock.MagicMock()\n",
            "import pytest\n",
            "import pytest_httpx\n",
            "from faker import Faker\n",
            "import importlib\nm = importlib.import_module('unittest.mock')\n",
            "m = __import__('responses')\n",
            "NAME = 'unittest' + '.mock'\nfrom importlib import import_module as load\nm = load(NAME)\n",
            "def data():\n    from hypothesis import strategies\n    return strategies\n",
        ],
    )
    def test_each_form_of_an_import_is_found(self, source: str) -> None:
        assert len(hits(source, "FH201")) == 1

    def test_to_ask_whether_a_library_is_installed_is_no_use_of_it(self) -> None:
        asking = "def ready():\n    try:\n        import pytest\n        return pytest.__version__\n    except ImportError:\n        return ''\n"
        assert hits(asking, "FH201") == []
        assert hits(asking.replace("pytest.__version__", "pytest.main()"), "FH201")

    def test_a_module_that_re_exports_is_found_where_it_imports(self) -> None:
        files: Files = {
            "app/compat.py": "from unittest.mock import MagicMock\n",
            "app/a.py": "from app.compat import MagicMock\n",
        }
        assert [hit.path for hit in hits(files, "FH201")] == ["app/compat.py"]

    @pytest.mark.parametrize(
        "files",
        [
            {"tests/test_a.py": "import pytest\n"},
            {"app/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest\n"},
            {"app/a.py": "from .mock import thing\n", "app/mock.py": "thing = 1\n"},
            {"app/a.py": "import responses\n", "app/responses.py": "OK = 200\n"},
            {"app/a.py": "import unittest\nimport mocking\nx = self.mock\n"},
        ],
        ids=["test", "types-only", "relative", "own-module", "other"],
    )
    def test_what_is_no_library_for_tests_is_left_alone(self, files: Files) -> None:
        assert hits(files, "FH201") == []

    def test_a_library_may_be_allowed(self) -> None:
        allowed: list[Option] = [{"module": "faker", "owner": "ana", "reason": "makes synthetic data"}]
        source = "from faker import Faker\nimport mimesis\n"
        assert [hit.line for hit in hits(source, "FH201", {"allow_test_libraries": allowed})] == [2]

    @pytest.mark.parametrize("entry", [{"module": "vcr"}, {"module": "fake"}, {}])
    def test_an_allowance_for_nothing_is_found(self, entry: dict[str, Option]) -> None:
        found = hits("from faker import Faker\n", "FH201", {"allow_test_libraries": [entry]})
        assert [hit.path for hit in found] == ["app/service.py", "pyproject.toml"]
        assert "in allow_test_libraries matches nothing" in found[1].message

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("pyproject.toml", "[project.entry-points.pytest11]\nmine = 'app.plugin'\n"),
            ("pyproject.toml", "[tool.poetry.plugins.pytest11]\nmine = 'app.plugin'\n"),
            ("setup.cfg", "[options.entry_points]\npytest11 =\n    mine = app.plugin\n"),
            ("README.md", "pytest11"),
        ],
    )
    def test_a_plugin_of_pytest_may_import_pytest(self, tmp_path: Path, name: str, text: str) -> None:
        root = tmp_path
        (root / name).write_text(text)
        (root / "app").mkdir()
        (root / "app" / "plugin.py").write_text("import pytest\nfrom _pytest import main\nimport faker\n")
        scan = scan_project(root, ("app",), ())
        found = scan.rules["FH201"].settle([hit for hit in scan.hits if hit.code == "FH201"], scan.index, {})
        assert sorted(hit.line for hit in found) == ([1, 2, 3] if name == "README.md" else [3])


class TestDoubles:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("class MockClient:\n    x = 1\n", ["unreferenced"]),
            ("class MockClient:\n    x = 1\nclient = MockClient()\n", ["referenced"]),
            ("class ClientStub:\n    def f(self): return MockClient()\n", ["unreferenced"]),
            ("def get_sample_data(): return [1]\n", ["unreferenced"]),
            ("def get_sample_data(): return [1]\ndef f(): return get_sample_data()\n", ["referenced"]),
            ("def _run_mock_llm(): return 1\n", ["unreferenced"]),
            ("async def fake_reply(): return 1\n", ["unreferenced"]),
            ("def run_stub(): return 1\n", ["unreferenced"]),
            ("def get_stub_rows(): return 1\n", ["unreferenced"]),
            ("Mock = type('X', (), {})\n", ["unreferenced"]),
            ("client = type('FakeClient', (), {})()\n", ["unreferenced"]),
            ("class MockClient:\n    def f(self): return fake_it()\n    def get_dummy_rows(self): ...\n", ["unreferenced"]),
            ("if __name__ == '__main__':\n    MockA()\nclass MockA:\n    x = 1\n", ["unreferenced"]),
        ],
    )  # fmt: skip
    def test_each_double_is_found_once_with_its_reach(self, source: str, expected: list[str]) -> None:
        assert subs(source, "FH202") == expected

    @pytest.mark.parametrize(
        "source",
        [
            "class Mockup: pass\n",
            "class MockDetector: pass\n",
            "class FakeFinder: pass\n",
            "class MockError(Exception): pass\n",
            "import httpx\ntransport = httpx.MockTransport(handler)\n",
            "class MockTransport: pass\n",
            "def is_mock_client(x): return x\n",
            "def detect_fake_rows(x): return x\n",
            "def write_row_stub_sync(row): return row\n",
            "def read_audio_sample_rate(x): return x\n",
            "class StubClient:\n    def send(self, x):\n        raise NotConnected(x)\n",
            "class StubClient:\n    def __getattr__(self, name):\n        def fail():\n            raise NotConnected\n        return fail\n",
            "def fake_send():\n    raise NotConnected\n",
            "class MockPrompt:\n    'A type.'\n    name: str\ndef f(p: MockPrompt) -> 'MockPrompt': return p\n",
            "class MockFlag(BaseRule):\n    x = 1\n",
            "made = type(x)\nother = type('Client', (), {})\n",
        ],
    )  # fmt: skip
    def test_what_is_no_double_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH202") == []

    def test_a_type_without_body_that_is_made_is_a_double(self) -> None:
        assert subs("class MockPrompt: ...\np = MockPrompt()\n", "FH202") == ["referenced"]

    def test_a_mock_module_that_is_imported_lazily_is_found(self) -> None:
        files: Files = {
            "app/mocks/client.py": "class Client:\n    x = 1\n",
            "app/service.py": "def client():\n    from app.mocks.client import Client\n    return Client()\n",
            "app/other.py": "import mocks.absent\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.mocks.client\n",
        }  # fmt: skip
        assert [(hit.path, hit.sub) for hit in hits(files, "FH202")] == [("app/service.py", "referenced")]

    def test_a_double_is_told_where_it_is_defined_not_where_it_is_imported(self) -> None:
        files: Files = {
            "app/mocks.py": "class MockClient:\n    x = 1\n",
            "app/service.py": "from app.mocks import MockClient\nclient = MockClient()\n",
        }
        assert [(hit.path, hit.line) for hit in hits(files, "FH202")] == [("app/mocks.py", 1)]

    def test_published_doubles_are_let_through(self) -> None:
        public: list[Option] = [
            {"name": "app.service.MockClient", "owner": "ana", "reason": "for users' tests"}
        ]
        source = "class MockClient:\n    x = 1\nclass MockServer:\n    x = 1\n"
        assert [hit.line for hit in hits(source, "FH202", {"public_test_doubles": public})] == [3]
        glob: list[Option] = [{"name": "app.*.Mock*"}]
        assert hits(source, "FH202", {"public_test_doubles": glob}) == []

    def test_a_published_double_that_is_nowhere_is_found(self) -> None:
        public: list[Option] = [{"name": "app.doubles.MockClient"}]
        found = hits("x = 1\n", "FH202", {"public_test_doubles": public})
        assert [(hit.path, hit.sub) for hit in found] == [("pyproject.toml", "unreferenced")]

    def test_a_double_outside_of_product_code_names_who_imports_it(self, tmp_path: Path) -> None:
        root = tmp_path
        for path, text in {
            "app/main.py": "from examples.doubles import FakeModel\nmodel = FakeModel()\n",
            "examples/doubles.py": "class FakeModel:\n    answer = 1\n",
            "examples/other.py": "class FakeOther:\n    answer = 1\n",
        }.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(text)
        scan = scan_project(root, ("app",), ())
        mine = [hit for hit in scan.hits if hit.code == "FH202"]
        found = list(scan.rules["FH202"].settle(mine, scan.index, {}))
        assert [hit.path for hit in found] == ["examples/doubles.py"]
        assert "app/main.py imports" in found[0].message


class TestMockModes:
    @pytest.mark.parametrize(
        "source",
        [
            "USE_MOCK = True\n",
            "import os\nUSE_MOCK = os.getenv('USE_MOCK_LLM', 'true') == 'true'\n",
            "import os\nif os.getenv('DEMO_MODE'): pass\n",
            "import os\nx = os.environ['USE_MOCK']\n",
            "class S:\n    mock_mode: bool = False\n",
            "class S:\n    test_mode: bool\n",
            "from pydantic import Field\nclass S:\n    demo_mode = Field(default=False)\n",
            "def f(x, use_mock=False): return x\n",
            "def f(x, *, use_mock: bool): return x\n",
            "async def f(fallback_mode=True): return 1\n",
            "import typer\ndef f(demo_mode=typer.Option(False, help='x')): return 1\n",
            "class A:\n    def f(self, use_mock): self.use_mock = use_mock or not self.key\n",
            "class A:\n    def f(self): self.demo_active = True\n",
            "def f(state): state['mock_enabled'] = True\n",
            "MODE = 'mock'\nif MODE == 'mock': pass\n",
            "if settings.env == 'demo': pass\n",
            "if os.getenv('APP_ENV').lower() == 'demo': pass\n",
            "if config['mode'] in ('mock', 'demo'): pass\n",
            "if settings.mode == Mode.MOCK: pass\n",
            "match settings.mode:\n    case Mode.MOCK: pass\n",
            "match settings.mode:\n    case 'demo': pass\n    case 'live': pass\n",
            "parser.add_argument('--mock', action='store_true')\n",
            "parser.add_argument('-d', '--demo')\n",
            "import click\n@click.option('--offline', is_flag=True)\ndef f(offline): return offline\n",
            "if flags['use_mock']: pass\n",
            "if flags.is_enabled('use_mock'): pass\n",
            "DEFAULTS = {'use_mock': True, 'retries': 3}\n",
            "offline_mode = a if b else True\n",
            "class A:\n    def f(self, llm): self.mock_mode = not llm or llm.provider == 'mock'\n",
            "if flags['use_mock'] or settings.verbose: pass\n",
            "use_mock = settings.debug\n",
        ],
    )
    def test_each_switch_is_found_once(self, source: str) -> None:
        assert len(hits(source, "FH203")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "mock_mode = 'strict'\n",
            "mock_mode = Mode.STRICT\n",
            "mock_client = Client()\n",
            "mock_responses = True\n",
            "mock_data = {'a': 1}\n",
            "def f(dry_run=False): return dry_run\n",
            "def f(test_mode='x'): return test_mode\n",
            "def f(mock_llm): return mock_llm\n",
            "demo_mode = settings.demo_mode\n",
            "if kind == 'mock': pass\n",
            "def f(x): return {'answer': x, 'fallback_mode': True}\n",
            "if mode == 'live': pass\n",
            "parser.add_argument('--model', default=0)\ndemo.add_argument()\n",
            "x = table['mocked']\n",
            "demo_active = True\n",
        ],
    )
    def test_what_is_no_switch_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH203") == []
