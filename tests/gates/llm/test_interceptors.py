"""Tests of the search for fakes of the provider that cannot see the SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.llm.installed import Installed
from pytest_failhard.gates.llm.interceptors import look
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.source import read
from tests.support import write


def made(version: str, *requires: str) -> Installed:
    return Installed(version=version, requires=frozenset(requires))


OPENAI_3 = {"openai": made("3.51.0", "httpx2"), "httpx2": made("2.16.2")}
OPENAI_2 = {"openai": made("2.54.0", "httpx"), "httpx": made("0.28.1")}
MODEL = {"app/__init__.py": "", "app/model.py": "import openai\n"}
FIXTURE = "from app.model import ask\n\ndef test_it(httpx_mock):\n    ask()\n"


def search(
    tmp_path: Path,
    files: dict[str, str],
    known: dict[str, Installed] | None = None,
    declared: frozenset[str] = frozenset(),
    source: str = "app",
) -> tuple[Finding, ...]:
    root = write(tmp_path / "p", {**MODEL, "tests/test_none.py": "", **files})
    return look(read(root, (source,), ("tests",)), (source,), known or OPENAI_3, declared)


def said(tmp_path: Path, files: dict[str, str], known: dict[str, Installed] | None = None) -> str:
    with pytest.raises(GateError) as caught:
        search(tmp_path, files, known)
    return str(caught.value)


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ("httpx_mock", FIXTURE),
        ("respx_mock", "import app.model\n\ndef test_it(respx_mock): ...\n"),
        ("respx", "import respx\nfrom app import model\n"),
        ("respx", "import app.model, respx\n\n@respx.mock(using='httpcore')\ndef test_it(): ...\n"),
        ("pytest_httpx", "from pytest_httpx import HTTPXMock\nimport openai\n"),
        (
            "@pytest.mark.respx",
            "import pytest, app.model\n\n@pytest.mark.respx(base_url='x')\ndef test_it(): ...\n",
        ),
        ("@pytest.mark.httpx_mock", "import pytest, openai\npytestmark = pytest.mark.httpx_mock(a=1)\n"),
        ("httpx_mock", "import pytest, openai\npytestmark = pytest.mark.usefixtures('httpx_mock')\n"),
    ],
)
def test_a_test_that_relies_on_a_blind_fake_is_an_error(tmp_path: Path, by: str, code: str) -> None:
    assert said(tmp_path, {"tests/test_x.py": code}) == (
        f"interceptor-cannot-see-client: tests/test_x.py uses {by}, but openai 3.51.0 talks through httpx2: "
        "its calls reach the real network. Use llm_faults, or pytest-httpx2"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"tests/conftest.py": "from tests.support import x\n", "tests/support.py": "import app.other\n"},
        {"tests/conftest.py": "from support import x\n", "tests/support.py": "from app import other\n"},
        {"conftest.py": "import app.other\n"},
    ],
)
def test_the_sdk_is_found_by_way_of_the_project_s_own_modules(tmp_path: Path, files: dict[str, str]) -> None:
    code = {"app/other.py": "from . import model\n", "tests/test_x.py": "def test_it(httpx_mock): ...\n"}
    assert "tests/test_x.py uses httpx_mock" in said(tmp_path, {**code, **files})


def test_a_package_below_src_is_followed_too(tmp_path: Path) -> None:
    files = {"src/shop/__init__.py": "from .model import ask\n", "src/shop/model.py": "from . import inner\n"}
    files |= {
        "src/shop/inner.py": "import openai\n",
        "tests/test_x.py": "import shop\ndef test_it(httpx_mock): ...\n",
    }
    with pytest.raises(GateError, match=r"tests/test_x\.py uses httpx_mock"):
        search(tmp_path, files, source="src/shop")


@pytest.mark.parametrize(
    ("module", "known", "named"),
    [
        ("anthropic", {"anthropic": made("2.10", "httpx2")}, "anthropic 2.10"),
        ("google.genai", {"google-genai": made("3.3", "httpx2")}, "google-genai 3.3"),
        ("mistralai", {"mistralai": made("3.7", "httpx2")}, "mistralai 3.7"),
        ("langchain_openai", {"langchain-openai": made("1.7", "openai"), **OPENAI_3}, "langchain-openai 1.7"),
        ("pydantic_ai", {"pydantic-ai-slim": made("2.68", "httpx2")}, "pydantic-ai-slim 2.68"),
    ],
)
def test_metadata_decides_which_sdk_it_is(
    tmp_path: Path, module: str, known: dict[str, Installed], named: str
) -> None:
    code = f"import {module}\n\ndef test_it(httpx_mock): ...\n"
    assert f"but {named} talks through httpx2" in said(tmp_path, {"tests/test_x.py": code}, known)


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({"tests/test_x.py": FIXTURE}, OPENAI_2),
        ({"tests/test_x.py": "import app.model\n\ndef test_it(httpx2_mock): ...\n"}, OPENAI_3),
        ({"tests/test_x.py": "import app.model, respx\nr = respx.mock(using='httpcore2')\n"}, OPENAI_3),
        ({"tests/test_x.py": "def test_weather(httpx_mock): ...\n"}, OPENAI_3),
        ({"tests/test_x.py": "import app.model\n"}, OPENAI_3),
        (
            {
                "conftest.py": "import httpx2\nhttpx2.alias_httpx()\nimport httpx\n",
                "tests/test_x.py": FIXTURE,
            },
            OPENAI_3,
        ),
    ],
)
def test_what_is_no_error(tmp_path: Path, files: dict[str, str], known: dict[str, Installed]) -> None:
    assert search(tmp_path, files, known) == ()


@pytest.mark.parametrize(
    "code",
    [
        "import httpx\nimport httpx2\nhttpx2.alias_httpx()\n",
        "import app\nimport httpx2\nhttpx2.alias_httpx()\n",
        "f()()\n",
    ],
)
def test_an_alias_that_comes_too_late_or_never_does_not_help(tmp_path: Path, code: str) -> None:
    assert "uses httpx_mock" in said(tmp_path, {"conftest.py": code, "tests/test_x.py": FIXTURE})


def test_a_fake_that_is_declared_and_not_used_is_a_finding(tmp_path: Path) -> None:
    [finding] = search(tmp_path, {}, declared=frozenset({"respx", "httpx"}))
    assert (finding.rule, finding.severity) == ("blind-interceptor", Severity.MEDIUM)
    assert finding.message == "respx is declared, and cannot see openai 3.51.0, which uses httpx2"
    weather = {"tests/test_x.py": "def test_weather(respx_mock): ...\n"}
    assert search(tmp_path / "weather", weather, declared=frozenset({"respx"})) == ()
    assert search(tmp_path / "old", {}, OPENAI_2, declared=frozenset({"respx"})) == ()
