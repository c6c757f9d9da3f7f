"""Keys, tokens, private keys and URLs with a password are found by their form, wherever they stand."""

from __future__ import annotations

import pytest

from tests.gates.secrets.reading import drawn, encoded, private_key, provider_key, read, seen, web_token

KEYS = {
    "openai": provider_key(),
    "anthropic": "sk-" + "ant-" + "api03-" + drawn(60),
    "aws": "AKIA" + drawn(16, alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ234567").upper(),
    "google": "AIza" + drawn(35),
    "github": "ghp_" + drawn(36),
    "gitlab": "glpat-" + drawn(20),
    "slack": "xoxb-" + drawn(24, alphabet="0123456789abcdef"),
    "hugging face": "hf_" + drawn(34),
    "stripe": "sk_" + "live_" + drawn(24),
    "npm": "npm_" + drawn(36),
    "pypi": "pypi-" + drawn(80),
}
PLACES = [
    "app/main.py",
    "web/app.ts",
    "README.md",
    "tests/test_app.py",
    ".env.example",
    "notes.txt",
    "poetry.lock",
]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_providers_key_is_high_wherever_it_stands(path: str, key: str) -> None:
    assert seen(path, f"# nothing\nclient = Client('{key}')\n") == [("provider-key", 2, "high")]


@pytest.mark.parametrize(
    "key",
    [
        "AKIAIOSFODNN7" + "EXAMPLE",
        "sk-" + "x" * 24,
        "sk-test-" + drawn(24),
        "sk-" + "abcdefghijklmnopqrstuvwxyz",
        "sk-" + "1234567890" * 3,
        "ghp_" + "a" * 36,
        "sk-proj-" + "your-key-goes-here-please",
        "ta" + "sk-" + drawn(30),
        "sk-" + "this-is-a-long-css-class-name",
    ],
)
def test_what_only_has_the_form_of_a_key_is_silent(key: str) -> None:
    assert seen("app/main.py", f"KEY = '{key}'\n") == []


def test_a_key_is_named_after_what_it_is_bound_to() -> None:
    (finding,) = read("app/main.py", f"openai_api_key: str = '{provider_key()}'\n")
    assert finding.message == "openai_api_key holds a provider's key (56 characters)"
    (finding,) = read("app/main.py", f"'{provider_key()}'\n")
    assert finding.message == "here stands a provider's key (56 characters)"


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("deploy/server.key", "high"),
        ("app/keys.py", "high"),
        ("docs/tls.md", "medium"),
        ("tests/key.pem", "low"),
    ],
)
@pytest.mark.parametrize(
    "kind", ["RSA PRIVATE", "PRIVATE", "OPENSSH PRIVATE", "EC PRIVATE", "ENCRYPTED PRIVATE"]
)
def test_a_private_key(path: str, severity: str, kind: str) -> None:
    assert seen(path, "first\n" + private_key(kind=kind)) == [("private-key", 2, severity)]


def test_a_private_key_in_one_line_of_json() -> None:
    line = private_key().replace("\n", "\\n")
    assert seen("service.json", f'{{"type": 1,\n"private_key": "{line}"}}')[0] == ("private-key", 2, "high")


@pytest.mark.parametrize(
    "text",
    [
        private_key(kind="PUBLIC"),
        private_key(kind="RSA PRIVATE").replace("PRIVATE KEY", "CERTIFICATE"),
        "if text.startswith('-----BEGIN PRIVATE KEY-----'):\n",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + drawn(300) + " ana@host\n",
    ],
    ids=["public key", "certificate", "only its first line", "ssh public key"],
)
def test_what_is_public_is_silent(text: str) -> None:
    assert seen("app/keys.py", text) == []


@pytest.mark.parametrize(
    ("path", "severity"),
    [("app/main.py", "high"), (".env", "high"), ("README.md", "low"), ("tests/t.py", "low")],
)
def test_a_web_token(path: str, severity: str) -> None:
    token = web_token({"role": "service_role", "sub": "42"})
    assert seen(path, f"SERVICE={token}\n") == [("bearer-token", 1, severity)]


@pytest.mark.parametrize(
    "token",
    [
        web_token({"sub": "1234567890", "name": "John Doe"}),
        web_token({"sub": "1"}).rpartition(".")[0] + ".",
        web_token({"sub": "1"}).rpartition(".")[0] + ".short",
        "eyJ" + "not-base64" + "." + drawn(20) + "." + drawn(43),
        web_token({"sub": "1"}).rpartition(".")[0] + "." + "fake-signature-" * 3,
    ],
)
def test_the_web_token_of_every_manual_is_silent(token: str) -> None:
    assert seen("app/main.py", f"TOKEN = '{token}'\n") == []


def test_a_token_in_a_header() -> None:
    header = f"Authorization: Bearer {drawn(40)}\n"
    assert seen("scripts/call.sh", f"curl -H '{header}'") == [("bearer-token", 1, "high")]
    assert seen("scripts/call.sh", "curl -H 'Authorization: Bearer your-access-token-here'") == []


URL = "postgresql://{user}:{password}@db:5432/app"


@pytest.mark.parametrize(
    ("path", "user", "password", "severity"),
    [
        ("app/db.py", "app", drawn(20), "high"),
        ("app/db.py", "app", "Post.1828", "high"),
        ("app/db.py", "app", "postgres", "medium"),
        ("app/db.py", "app", "app", "medium"),
        ("config/app.ini", "app", "changeme", "medium"),
        ("docker-compose.yml", "user", "pass", "high"),
        ("k8s/app.yaml", "postgres", "test123", "high"),
        (".env", "", drawn(20), "high"),
        (".github/workflows/ci.yml", "app", drawn(20), "high"),
        (".github/workflows/ci.yml", "app", "Post.1828", "medium"),
        (".github/workflows/ci.yml", "app", "app", "low"),
        ("uv.lock", "app", "Post.1828", "high"),
        ("README.md", "app", "Post.1828", "low"),
        ("README.md", "app", drawn(20), "medium"),
        ("tests/test_db.py", "app", drawn(20), "low"),
    ],
)
def test_a_password_in_a_url(path: str, user: str, password: str, severity: str) -> None:
    text = "DATABASE_URL: " + URL.format(user=user, password=password) + "\n"
    assert [each for each in seen(path, text) if each[0] == "url-credentials"] == [
        ("url-credentials", 1, severity)
    ]


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("app/db.py", "postgresql://user:pass@host/db"),
        ("app/db.py", "postgresql://app:{password}@host/db"),
        ("app/db.py", "postgresql://app:${PASSWORD}@host/db"),
        ("app/db.py", "postgresql://app:$PASSWORD@host/db"),
        ("app/db.go", "postgresql://app:%s@host/db"),
        ("app/db.py", "postgresql://app:<password>@host/db"),
        ("app/db.py", "http://host:8080/a@b"),
        ("alembic.ini", "driver://user:pass@localhost/dbname"),
        ("README.md", "redis://:secret@localhost"),
        ("tests/test_db.py", "postgresql://test:test@localhost/test"),
    ],
)
def test_a_url_without_one(path: str, url: str) -> None:
    assert seen(path, f"url = {url}\n") == []


def test_a_default_in_a_url_is_what_it_holds() -> None:
    text = "services:\n  web:\n    environment:\n      URL: redis://:${WORD:-" + drawn(20) + "}@db\n"
    assert seen("compose.yaml", text) == [("url-credentials", 4, "high")]


def test_the_user_is_not_shown_for_it_may_be_the_password() -> None:
    (finding,) = read("app/db.py", "postgresql://quetzal:quetzal@db/app")
    assert "quetzal" not in repr(finding)


def test_an_encoded_login() -> None:
    text = f"//registry.example/:_auth={encoded('ana:' + drawn(16))}\n_auth={encoded('no colon')}\n_auth=abcdefghi\n"
    assert seen(".npmrc", text) == [("secret-value", 1, "high")]
