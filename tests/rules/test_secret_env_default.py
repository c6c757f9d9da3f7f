"""FH001: what counts as a default of a secret, under which tests of the environment, and what does not."""

from __future__ import annotations

import pytest

from pytest_failhard.model import Option
from tests.rules.support import hits, subs

CODE = "FH001"
PRODUCTION: dict[str, Option] = {"production_values": ["production", "prod"]}
VALUE = "hunter22-and-more"


def found(source: str) -> list[str]:
    return subs("import os\n" + source, CODE, PRODUCTION)


@pytest.mark.parametrize(
    ("source", "sub"),
    [
        pytest.param('os.getenv("API_SECRET_KEY", "dev-secret-key")', "default", id="getenv"),
        pytest.param('os.getenv("API_KEY", default="x1")', "default", id="by name"),
        pytest.param('os.environ.get("openaiApiKey", "x1")', "default", id="camelCase"),
        pytest.param('os.environ.setdefault("JWT_SECRET", "x1")', "default", id="setdefault"),
        pytest.param('os.environ.pop("JWT_SECRET", "x1")', "default", id="pop"),
        pytest.param('dict(os.environ).get("JWT_SECRET", "x1")', "default", id="copy by dict"),
        pytest.param('env = os.environ.copy()\nenv.get("JWT_SECRET", "x1")', "default", id="copy"),
        pytest.param('from decouple import config\nconfig("API_KEY", default="x")', "default", id="decouple"),
        pytest.param('from environs import Env\ne = Env()\ne("API_KEY", "x")', "default", id="environs"),
        pytest.param('env.str("API_KEY", "x")', "default", id="env.str"),
        pytest.param('env("API_KEY", default="x")', "default", id="env"),
        pytest.param('settings.get_env("API_KEY", "x")', "default", id="get_env"),
        pytest.param('os.getenv("API_KEY", "")', "empty", id="empty"),
        pytest.param('os.getenv("API_KEY") or ""', "empty", id="or empty"),
        pytest.param("import secrets\nos.getenv('JWT_SECRET', secrets.token_hex(32))", "random", id="token"),
        pytest.param("import uuid\nk = os.getenv('JWT_SECRET') or str(uuid.uuid4())", "random", id="uuid"),
        pytest.param('os.getenv("DATABASE_URL", "postgres://me:pw@db/x")', "url-credentials", id="URL"),
        pytest.param('key = os.getenv("OPENAI_API_KEY") or "x1"', "or-literal", id="or"),
        pytest.param('key = os.getenv("OPENAI_API_KEY", "").strip() or "x1"', "or-literal", id="or stripped"),
        pytest.param('k = os.getenv("API_KEY")\nuse(k or "x1")', "or-literal", id="or, by a name"),
        pytest.param('use((k := os.getenv("API_KEY")) or "x1")', "or-literal", id="or, walrus"),
        pytest.param(
            'k = os.getenv("API_KEY")\nuse(k if k else "x1")', "or-literal", id="conditional, by a name"
        ),
        pytest.param('api_key = os.getenv("OPENAI") or "x1"', "or-literal", id="or, target's name"),
        pytest.param('k = os.environ["API_KEY"] if x else "x1"', "or-literal", id="conditional"),
        pytest.param('k = "x1" if not x else os.environ["API_KEY"]', "or-literal", id="conditional turned"),
        pytest.param('k = os.getenv("API_KEY")\nif not k:\n    k = "x1"', "or-literal", id="if not"),
        pytest.param('k = os.getenv("API_KEY")\nif k is None:\n    k = "x1"', "or-literal", id="if None"),
        pytest.param(
            'if "API_KEY" not in os.environ:\n    os.environ["API_KEY"] = "x1"',
            "or-literal",
            id="set if absent",
        ),
        pytest.param(
            'k = os.getenv("API_KEY")\nif not k:\n    if x:\n        log()\n    else:\n        k = "x1"',
            "or-literal",
            id="if not, nested",
        ),
        # Evasions.
        pytest.param('e = os.environ | {"JWT_SECRET": "x1"}', "default", id="union"),
        pytest.param('D = {"JWT_SECRET": "x1"}\n{**D, **os.environ}["JWT_SECRET"]', "default", id="spread"),
        pytest.param('{"JWT_SECRET": "x1", **os.environ}', "default", id="display"),
        pytest.param(
            'from collections import ChainMap\nD = dict(JWT_SECRET="x1")\nChainMap(os.environ, D)',
            "default",
            id="ChainMap",
        ),
        pytest.param('dict({"JWT_SECRET": "x1"}, **os.environ)', "default", id="dict"),
        pytest.param(
            'try:\n    k = os.environ["API_KEY"]\nexcept KeyError:\n    k = "x1"', "default", id="KeyError"
        ),
        pytest.param(
            'def f():\n    try:\n        return os.environ["API_KEY"]\n    except LookupError:\n        return "x1"',
            "default",
            id="LookupError",
        ),
        pytest.param('D = "x1"\nos.getenv("API_KEY", D)', "default", id="constant default"),
        pytest.param(
            'class S:\n    D: str = "x1"\n    def f(self):\n        return os.getenv("API_KEY", self.D)',
            "default",
            id="default of the class",
        ),
        pytest.param(
            'class S:\n    D = "x1"\nos.getenv("API_KEY", S.D)', "default", id="attribute of a class"
        ),
        pytest.param('K = "API_KEY"\nos.getenv(K, "x1")', "default", id="constant key"),
        pytest.param('os.getenv(f"{vendor}_API_KEY", "x1")', "default", id="f-string key"),
        pytest.param('os.getenv(vendor + "_API_KEY", "x1")', "default", id="sum key"),
        pytest.param('from os import getenv as g\ng("API_KEY", "x1")', "default", id="imported alias"),
        pytest.param('g = os.getenv\ng("API_KEY", "x1")', "default", id="assigned alias"),
        pytest.param('from os import environ as e\ne.get("API_KEY", "x1")', "default", id="environ alias"),
        pytest.param(
            'def setting(k, d=None):\n    return os.getenv(k, d)\nsetting("API_KEY", "x1")',
            "default",
            id="wrapper",
        ),
        pytest.param(
            "class C:\n"
            "    def read(self, k, default):\n        return os.environ.get(k, default)\n"
            '    def key(self):\n        return self.read("API_KEY", default="x1")',
            "default",
            id="wrapping method",
        ),
    ],
)
def test_a_default_is_found(source: str, sub: str) -> None:
    assert found(source) == [sub]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('os.environ["API_SECRET_KEY"]', id="required"),
        pytest.param('os.getenv("API_KEY")', id="no default"),
        pytest.param('os.getenv("API_KEY", None)', id="None"),
        pytest.param('os.getenv("TOKEN_URL", "https://x.example")', id="TOKEN_URL"),
        pytest.param('os.getenv("MAX_TOKENS", "100")', id="MAX_TOKENS"),
        pytest.param('os.getenv("API_KEY_HEADER", "X-Key")', id="API_KEY_HEADER"),
        pytest.param('os.getenv("DATABASE_URL", "sqlite:///x.db")', id="URL without a login"),
        pytest.param('os.getenv("API_KEY", other)', id="computed default"),
        pytest.param('os.getenv("A") or "x1"', id="or, no secret"),
        pytest.param('k = os.getenv("API_KEY")\nif not k:\n    raise KeyError("API_KEY")', id="demanded"),
        pytest.param('lookup("API_KEY", "x1")', id="unknown function"),
        pytest.param('def lookup(k, d):\n    return table[k]\nlookup("API_KEY", "x1")', id="no wrapper"),
        pytest.param(
            'from unittest.mock import patch\npatch.dict(os.environ, {"API_KEY": "x"})', id="patch.dict"
        ),
        pytest.param("getenv()\nos.getenv(**given)", id="no argument"),
        pytest.param('env = 1\ndict()("API_KEY", "x")\ndict().get("API_KEY", "x")', id="no environment"),
        pytest.param('env = dict(env)\ndict(env).get("API_KEY", "x")', id="a copy of itself"),
        pytest.param(
            'try:\n    k = os.environ["API_KEY"]\nexcept KeyError:\n    raise SystemExit from None',
            id="raises",
        ),
        pytest.param(
            'try:\n    k = os.environ["API_KEY"]\nexcept KeyError:\n    k = compute()', id="computed answer"
        ),
    ],
)
def test_what_is_no_default_is_not(source: str) -> None:
    assert found(source) == []


@pytest.mark.xfail(strict=True, reason="files that are no Python are read by the gate that looks for secrets")
def test_a_committed_environment_file_is_found() -> None:
    assert found('from dotenv import load_dotenv\nload_dotenv(".env")')


def test_a_wrapper_in_another_file_is_found() -> None:
    files: dict[str, str | bytes] = {
        "app/settings.py": "import os\n\ndef setting(key, default=None):\n    return os.getenv(key, default)\n",
        "app/main.py": 'from app.settings import setting\n\nKEY = setting("API_KEY", "x1")\n',
        "app/other.py": 'from lib import setting\n\nKEY = setting("API_KEY", "x1")\n',
    }
    assert [(hit.path, hit.sub) for hit in hits(files, CODE)] == [("app/main.py", "default")]


OPEN = [
    pytest.param('os.getenv("ENVIRONMENT") == "production"', id="unset is no production"),
    pytest.param('os.getenv("APP_ENV", "development") == "production"', id="development by default"),
    pytest.param("settings.is_production", id="not known"),
    pytest.param('os.getenv("ENV", "dev").lower() in ("prod", "production")', id="changed in case"),
    pytest.param('not os.getenv("DEBUG", "1")', id="not"),
    pytest.param('os.getenv("ENV", "x") < "y"', id="another comparison"),
    pytest.param('x or os.getenv("ENV", "x") in other', id="another container"),
    pytest.param('os.getenv("A", "") and os.getenv("ENV", "")', id="and"),
]
CLOSED = [
    pytest.param('os.getenv("ENVIRONMENT", "production") == "production"', id="production by default"),
    pytest.param('os.environ["ENVIRONMENT"] == "production"', id="demanded"),
    pytest.param('os.getenv("ENV", "prod").upper() != "DEV"', id="all but one"),
    pytest.param('os.getenv("ENV", "prod") not in ["dev", "test"]', id="not in"),
    pytest.param('not os.getenv("DEBUG")', id="debug is off"),
    pytest.param('not os.getenv("DEBUG") or os.getenv("ENV") == "prod"', id="or"),
    pytest.param('os.getenv("ENV", "prod") in "production"', id="within a text"),
    pytest.param('settings.live or os.getenv("ENV", "prod")', id="or, decided"),
    pytest.param('is_it(os.getenv("ENV", "prod"))', id="a function of production"),
    pytest.param('MODE == "prod" or os.environ["ENV"]', id="fails"),
]


@pytest.mark.parametrize("test", OPEN)
def test_a_guard_that_an_empty_environment_passes_is_open(test: str) -> None:
    source = f'if {test}:\n    k = os.environ["API_KEY"]\nelse:\n    k = os.getenv("API_KEY", "x1")'
    assert found(source) == ["env-aware-open"]


@pytest.mark.parametrize("test", CLOSED)
def test_a_guard_that_takes_an_empty_environment_for_production_is_closed(test: str) -> None:
    source = f'if {test}:\n    k = os.environ["API_KEY"]\nelse:\n    k = os.getenv("API_KEY", "x1")'
    assert found(source) == ["env-aware-closed"]


def test_a_guard_is_found_through_a_name_and_around_a_conditional_expression() -> None:
    assert found(
        'env = os.getenv("ENVIRONMENT", "production")\n'
        'k = os.environ["API_KEY"] if env == "production" else "x1"'
    ) == ["env-aware-closed"]
    assert found('k = os.getenv("API_KEY", "x1" if DEBUG else "y1")') == ["env-aware-open"] * 2


def test_a_guard_outside_the_function_and_a_test_of_something_else_are_none() -> None:
    assert found('if settings.debug:\n    def f():\n        return os.getenv("API_KEY", "x1")') == ["default"]
    assert found('x = not x\nif x:\n    k = os.getenv("API_KEY", "x1")') == ["default"]
    assert found('if x < 1 < y:\n    k = os.getenv("API_KEY", "x1")') == ["default"]


def test_a_development_value_under_the_absent_one_is_environment_aware() -> None:
    source = 'k = os.getenv("API_KEY")\nif not k:\n    if ENVIRONMENT == "production":\n        raise E\n'
    assert found(source + '    else:\n        k = "x1"') == ["env-aware-open"]


def test_the_project_names_its_environment_and_what_production_is() -> None:
    source = 'import os\nif os.getenv("TIER", "live") == tier():\n    k = os.getenv("API_KEY", "x1")'
    assert subs(source, CODE) == ["default"]
    assert subs(source, CODE, {"environment_variables": ["TIER"]}) == ["env-aware-open"]
    options: dict[str, Option] = {"environment_variables": ["TIER"], "production_values": ["live"]}
    assert subs(source, CODE, options) == ["env-aware-closed"]


def test_no_part_of_a_hit_shows_the_value() -> None:
    source = f'import os\nif os.getenv("ENV") == "x":\n    k = os.getenv("API_KEY", "{VALUE}")\n'
    source += f'u = os.getenv("DB_URL", "postgres://me:{VALUE}@db/x") or "{VALUE}"\n'
    source += f'e = os.environ | {{"API_KEY": "{VALUE}"}}\n'
    source += f'try:\n    k = os.environ["API_KEY"]\nexcept KeyError:\n    k = "{VALUE}"'
    found = hits(source, CODE)
    assert len(found) == 4
    assert VALUE not in repr(found)


def test_another_value_is_another_finding_and_another_line_is_not() -> None:
    one, moved, other = (
        hits(f"import os\n{before}k = os.getenv('API_KEY', '{value}')", CODE)[0].canonical
        for before, value in (("", "x1"), ("\n\n", "x1"), ("", "x2"))
    )
    assert one == moved
    assert one != other


def test_the_message_names_key_and_length() -> None:
    source = 'import os\ndef login():\n    return os.getenv("API_SECRET_KEY", "dev-secret-key")'
    assert hits(source, CODE)[0].message == (
        "login reads API_SECRET_KEY with a 14-character default in the source"
    )
