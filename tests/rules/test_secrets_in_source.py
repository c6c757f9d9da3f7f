"""FH002 to FH004: texts bound to secrets' names, defaults of look-ups, settings that nobody demands."""

from __future__ import annotations

import pytest

from tests.rules.support import hits, subs

RANDOM = "q8Zr2mV6tX0bN4kJ"
VALUE = "hunter22-and-more"


@pytest.mark.parametrize(
    ("source", "sub"),
    [
        pytest.param(
            'class S(BaseSettings):\n    secret_key: str = "change-me"', "placeholder", id="placeholder"
        ),
        pytest.param('class S(BaseSettings):\n    password: str = "password"', "placeholder", id="weak word"),
        pytest.param('class S(BaseModel):\n    api_key: str = Field("abcdef")', "class-default", id="Field"),
        pytest.param('class S:\n    api_key = Field(default="sk-abc")', "class-default", id="Field by name"),
        pytest.param(
            'class S(BaseSettings):\n    api_key = SecretStr("abcdef")', "class-default", id="SecretStr"
        ),
        pytest.param(
            'class S(BaseSettings):\n    k_token: str = Field(default=SecretStr("abcdef"))',
            "class-default",
            id="Field of SecretStr",
        ),
        pytest.param(
            'from dataclasses import dataclass\n@dataclass\nclass A:\n    token: str = "abcdef"',
            "class-default",
            id="dataclass",
        ),
        pytest.param('class AppConfig:\n    jwt_secret = "abcdef"', "class-default", id="Config"),
        pytest.param(f'class A:\n    token = "{RANDOM}"', "class-default", id="drawn value, any class"),
        pytest.param('config["jwt_secret"] = "abcdef"', "config-item", id="item"),
        pytest.param('config["password"] = "12QWerty!#$"', "config-item", id="odd characters"),
        pytest.param('app.config["SECRET_KEY"] = "abcdef"', "config-item", id="item of app.config"),
        pytest.param('x["settings"]["token"] = "abcdef"', "config-item", id="item of an item"),
        pytest.param('settings.token = "abcdef"', "config-item", id="attribute of settings"),
        pytest.param('DB_CONFIG = {"user": "me", "password": "abcdef"}', "config-item", id="display"),
        pytest.param('C: dict = {"a": AppConfig(password="abcdef")}', "config-item", id="constructor"),
        pytest.param('config.load({"password": "abcdef"})', "config-item", id="given to a configuration"),
        pytest.param('app.config.update(SECRET_KEY="abcdef")', "config-item", id="update"),
        pytest.param('def f(api_key="abcdef"): ...', "param-default", id="parameter"),
        pytest.param('def f(*, api_key: str = "abcdef"): ...', "param-default", id="keyword parameter"),
        pytest.param('f = lambda token="abcdef": token', "param-default", id="lambda"),
        pytest.param('api_key = "sk-abcdef"', "literal", id="prefix"),
        pytest.param(f'api_key = "{RANDOM}"', "literal", id="drawn"),
        pytest.param('self.dsn = "postgres://me:pw@db/x"', "literal", id="URL with a login"),
        pytest.param('user, password = "me", "changeme"', "placeholder", id="pair"),
        pytest.param('f(x={"token": "sk-abcdef"})', "literal", id="display elsewhere"),
        # Evasions.
        pytest.param('config["token"] = "change" + "-me"', "placeholder", id="sum"),
        pytest.param('config["token"] = "".join(["change", "-me"])', "placeholder", id="join"),
        pytest.param('config["token"] = b"abcdef"', "config-item", id="bytes"),
        pytest.param('config["token"] = b"abcdef".decode()', "config-item", id="decode"),
        pytest.param(
            'import base64\nconfig["token"] = base64.b64decode("Y2hhbmdlbWU=").decode()',
            "placeholder",
            id="base64",
        ),
        pytest.param(
            'from base64 import urlsafe_b64decode as d\nconfig["token"] = d("-_-_YWJj")',
            "config-item",
            id="URL-safe",
        ),
        pytest.param(
            'import base64\nconfig["token"] = base64.b64decode("abcde")', "config-item", id="no base64"
        ),
        pytest.param(
            'class S(BaseSettings):\n    model_config = SettingsConfigDict(secret_key="abcdef")',
            "config-item",
            id="model_config",
        ),
        pytest.param('setattr(cfg, "secret_key", "abcdef")', "config-item", id="setattr"),
        pytest.param('CONFIG = dict(secret_key="abcdef")', "config-item", id="dict"),
        pytest.param('dict(secret_key="sk-abcdef")', "literal", id="dict elsewhere"),
        pytest.param('class S(BaseSettings):\n    openaiApiKey = "abcdef"', "class-default", id="camelCase"),
        pytest.param('K = "token"\nconfig[K] = "abcdef"', "config-item", id="constant key"),
    ],
)
def test_a_secret_in_the_source_is_found(source: str, sub: str) -> None:
    assert subs(source, "FH002") == [sub]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "<your-key-here>",
            "redacted",
            "***REDACTED***",
            "token",
            "bearer",
            "oauth2",
            "https://x.example/token",
        ),
        *("/run/secrets/token", "{token}", "${TOKEN}", "%(token)s", "API_KEY", "token.txt", "two words here"),
        *("^[A-Za-z0-9]{20,}$", r"sk\\w{20,60}", "[a-z0-9]{20,60}"),
        *("********", "access_token", "ab", ""),
    ],
)
def test_a_word_for_the_thing_or_a_reference_is_no_value(value: str) -> None:
    assert subs(f'class Settings:\n    secret: str = "{value}"', "FH002") == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("class S(BaseSettings):\n    secret_key: SecretStr", id="required"),
        pytest.param(
            "class S(BaseSettings):\n    secret_key: SecretStr = Field(...)", id="Field without default"
        ),
        pytest.param('token = "abcdef"', id="plain name without evidence"),
        pytest.param('password = "password"', id="word in a plain name"),
        pytest.param('request["password"] = "abcdef"', id="item of something else"),
        pytest.param(f'password_seed = "{RANDOM}"', id="seed by name"),
        pytest.param(f'config["token_seed"] = hashlib.sha256(b"{RANDOM}")', id="hash"),
        pytest.param(f'dict(token=seed("{RANDOM}"))', id="seed by call"),
        pytest.param('def f(end_token="!end"): ...', id="token of a grammar"),
        pytest.param('class C(BaseModel):\n    mask_token: str = "[MASK]"', id="token of a vocabulary"),
        pytest.param('class T(BaseModel):\n    token_type: str = "bearer"', id="token_type"),
        pytest.param(f'from enum import Enum\nclass T(str, Enum):\n    TOKEN = "{RANDOM}"', id="enumeration"),
        pytest.param(
            'import os\ntoken = os.getenv("TOKEN")\nif not token:\n    token = "changeme"', id="told by FH001"
        ),
        pytest.param(
            'def f(self):\n    config["password"] = self.password\nclass C:\n    password = "abcdef"',
            id="a reference to another",
        ),
        pytest.param('KINDS = {"Access Key": "provider-access-key-value"}', id="words"),
        pytest.param("config[name()] = 'abcdef'\nsetattr(x, y, 'abcdef')\nf(1)", id="unknown name"),
        pytest.param("import base64\napi_key = base64.b64decode(given)", id="decoded"),
        pytest.param("api_key = compute()\nconfig['token'] = str(x)", id="computed"),
    ],
)
def test_what_is_no_secret_in_the_source_is_not(source: str) -> None:
    assert subs(source, "FH002") == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('cfg.get("jwt_secret", "supersecret")', id="get"),
        pytest.param('cfg.get("jwt_secret", default="abc")', id="by name"),
        pytest.param('getattr(settings, "jwt_secret", "abc")', id="getattr"),
        # Evasions.
        pytest.param('cfg.pop("jwt_secret", "abc")', id="pop"),
        pytest.param('cfg.setdefault("jwt_secret", "abc")', id="setdefault"),
        pytest.param('cfg.get("jwt_secret") or "abc"', id="or"),
        pytest.param(
            'from collections import defaultdict\nc = defaultdict(lambda: "abc")\nc["token"]',
            id="defaultdict",
        ),
        pytest.param(
            'from operator import itemgetter\ng = itemgetter("token")\n'
            'try:\n    k = g(cfg)\nexcept KeyError:\n    k = "abc"',
            id="itemgetter",
        ),
        pytest.param('try:\n    k = cfg["token"]\nexcept KeyError:\n    k = "abc"', id="KeyError"),
        pytest.param('K = "jwt_secret"\ncfg.get(K, "abc")', id="constant key"),
        pytest.param('cfg.get("password", "password")', id="weak word"),
    ],
)
def test_a_default_of_a_look_up_is_found(source: str) -> None:
    assert subs(source, "FH003") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('cfg["jwt_secret"]', id="required"),
        pytest.param('cfg.get("jwt_secret")', id="no default"),
        pytest.param('cfg.get("jwt_secret", "")', id="empty"),
        pytest.param('cfg.get("jwt_secret", other)', id="computed"),
        pytest.param('REDACTED.get("password", "abc")', id="redaction table"),
        pytest.param('row.get("password", "***REDACTED***")', id="redacted value"),
        pytest.param('row.get("token", "/etc/token")', id="path"),
        pytest.param('import os\nos.environ.get("token", "abc")', id="environment"),
        pytest.param('cfg.get("colour", "red")\nget("token", "abc")\ncfg.get(f(), "abc")', id="no secret"),
        pytest.param('cfg.get("token") and "abc"', id="and"),
        pytest.param('x or cfg.get("token")', id="last of or"),
        pytest.param(
            'from collections import defaultdict\nc = defaultdict(list)\nc["token"]\nd["token"]', id="list"
        ),
        pytest.param('try:\n    k = g(x)(cfg)\nexcept KeyError:\n    k = "abc"', id="no getter"),
    ],
)
def test_what_is_no_default_of_a_look_up_is_not(source: str) -> None:
    assert subs(source, "FH003") == []


USE = "\ndef f(settings):\n    call(settings.api_key)\n"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("class S(BaseSettings):\n    api_key: str | None = None" + USE, id="None"),
        # Evasions.
        pytest.param(
            "class S(BaseSettings):\n    api_key: str | None = Field(default=None)" + USE, id="Field"
        ),
        pytest.param("class AppConfig:\n    api_key: SecretStr | None = None" + USE, id="SecretStr"),
        pytest.param('import os\nAPI_KEY = os.getenv("K")\ncall(API_KEY)', id="module name"),
        pytest.param(
            "class S(BaseSettings):\n    api_key: str | None = None\n"
            "    @field_validator('api_key')\n    def check(cls, v):\n        if not v:\n            log.error('none')\n"
            + USE,
            id="validator that only logs",
        ),
    ],
)
def test_a_setting_that_nobody_demands_is_found(source: str) -> None:
    assert subs(source, "FH004") == [""]


FIELD = "class S(BaseSettings):\n    api_key: str | None = None\n" + USE


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("class S(BaseSettings):\n    api_key: str" + USE, id="required"),
        pytest.param("class S(BaseSettings):\n    api_key: str | None = None", id="nobody reads it"),
        pytest.param("class S(BaseModel):\n    api_key: str | None = None" + USE, id="a message"),
        pytest.param(
            "class S(BaseSettings):\n    tokens_used: int | None = None\nx.tokens_used", id="a number"
        ),
        pytest.param(
            "class S(BaseSettings):\n    api_key: str | None = Field(min_length=3)" + USE, id="Field"
        ),
        pytest.param("class S(BaseSettings):\n    api_key: str | None = make(None)" + USE, id="made"),
        pytest.param(FIELD + "    if not settings.api_key:\n        raise ValueError", id="raise"),
        pytest.param(FIELD + "    if not settings.api_key:\n        sys.exit(1)", id="exit"),
        pytest.param(FIELD + "    assert settings.api_key", id="assert"),
        pytest.param(
            FIELD + "    key = settings.api_key\n    if not key:\n        raise ValueError", id="by a name"
        ),
        pytest.param(
            FIELD
            + "    for name in ('api_key', 'x'):\n        if not getattr(settings, name):\n            raise E",
            id="list of names",
        ),
        pytest.param(
            FIELD + "@field_validator('api_key')\ndef check(v):\n    while not v:\n        raise E",
            id="validator",
        ),
        pytest.param(
            FIELD + "def check(s):\n    if not any([s.api_key, s.other_api_key]):\n        raise E",
            id="at least one",
        ),
        pytest.param(
            'import os\nAPI_KEY = os.getenv("K")\nif API_KEY:\n    call(API_KEY)', id="module name tested"
        ),
        pytest.param('import os\nAPI_KEY = os.environ["K"]\ncall(API_KEY)', id="module name required"),
    ],
)
def test_a_setting_that_is_demanded_or_unused_is_not(source: str) -> None:
    assert subs(source, "FH004") == []


def test_a_setting_may_be_demanded_in_another_file() -> None:
    files: dict[str, str | bytes] = {
        "app/settings.py": "class S(BaseSettings):\n    api_key: str | None = None\n",
        "app/start.py": "def check(s):\n    if s.api_key is None:\n        raise KeyError('API_KEY')\n",
    }
    assert hits(files, "FH004") == []
    files["app/start.py"] = "def check(s):\n    call(s.api_key)\n"
    assert [hit.path for hit in hits(files, "FH004")] == ["app/settings.py"]


@pytest.mark.parametrize("code", ["FH002", "FH003"])
def test_no_part_of_a_hit_shows_the_value(code: str) -> None:
    source = f'config["token"] = "{VALUE}"\nDB_CONFIG = {{"password": "{VALUE}"}}\n'
    source += f'setattr(config, "token", "{VALUE}")\ndef f(token="{VALUE}"): ...\n'
    source += f'class S(BaseSettings):\n    api_key: str = Field("{VALUE}")\n'
    source += f'cfg.get("token", "{VALUE}")\ncfg.get("token") or "{VALUE}"\n'
    source += f'try:\n    k = cfg["token"]\nexcept KeyError:\n    k = "{VALUE}"\n'
    found = hits(source, code)
    assert len(found) >= 3
    assert VALUE not in repr(found)


@pytest.mark.parametrize("code", ["FH002", "FH003"])
def test_another_value_is_another_finding(code: str) -> None:
    sources = [
        f'config["token"] = "{value}"\nconfig.get("token", "{value}")' for value in ("abcdef", "abcdeg")
    ]
    assert len({hits(source, code)[0].canonical for source in sources}) == len(sources)


def test_the_message_names_the_name_and_the_length() -> None:
    assert hits('class S(BaseSettings):\n    secret_key: str = "change-me"', "FH002")[0].message == (
        "S gives secret_key a 9-character value in the source"
    )
