"""Values are told apart: references, stand-ins, weak ones, written ones, drawn ones."""

from __future__ import annotations

import pytest

from pytest_failhard.gates.secrets.values import Kind, is_digest_name, is_made_up, kind
from tests.gates.secrets.reading import drawn


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "ab",
            "${KEY}",
            "$KEY",
            "%KEY%",
            "{{ key }}",
            "{key}",
            "<key>",
            "$(cat key)",
            "%(key)s",
            "[key]",
        ),
        *(
            "vault:secret/app#key",
            "op://vault/item",
            "arn:aws:secretsmanager:x",
            "!Ref Key",
            "process.env.KEY",
        ),
        *(
            "os.environ['KEY']",
            "get_key(1)",
            "*****",
            "sk-...",
            "redacted",
            "settings.api_key",
            "API_KEY_NAME",
        ),
        *(
            "/run/secrets/key",
            "./key",
            "key.pem",
            "https://example.org/token",
            "C:\\key",
            "string",
            "null",
            "true",
        ),
        *("bearer", "my-app-token", "two words", "12345", "sha256:" + "ab12" * 16, "$2b$12$" + "x1" * 20),
        *("package.module:function", "@env:KEY", "…"),
    ],
)
def test_nothing_stands_there(value: str) -> None:
    assert kind(value) is Kind.NOTHING


@pytest.mark.parametrize(
    "value",
    ["your-api-key", "replace-with-key", "put-key-here", "TODO", "xxxxxxxx", "example", "placeholder"],
)
def test_an_instruction(value: str) -> None:
    assert kind(value) is Kind.UNFILLED


@pytest.mark.parametrize(
    ("value", "key"),
    [
        *(
            (value, "")
            for value in ("secret", "admin", "changeme", "dev-secret-key", "password", "123456", "s3cr3t")
        ),
        *(
            ("postgres", "POSTGRES_PASSWORD"),
            ("staging_pass", ""),
            ("QUETZAL", ""),
            ("abcdefgh1", ""),
            ("aaaaaa1", ""),
        ),
        ("0x" + "ac0974bec39a17e36ba4a6b4d238ff94" + "4bacb478cbed5efcae784d7bf4f2ff80", "PRIVATE_KEY"),
    ],
)
def test_a_weak_value(value: str, key: str) -> None:
    assert kind(value, key) is Kind.WEAK


@pytest.mark.parametrize("value", ["hunter2", "Post.1828", "Quetzal-4", "admin123"])
def test_a_written_value(value: str) -> None:
    assert kind(value) is Kind.LITERAL


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_value(seed: int) -> None:
    assert kind(drawn(32, seed)) is Kind.RANDOM


@pytest.mark.parametrize(
    "name", ["hashed_secret", "secretDigest", "token-sha256", "public_token", "PASSWORD_MD5"]
)
def test_what_is_computed_from_a_secret_is_none(name: str) -> None:
    assert is_digest_name(name)
    assert kind(drawn(32), name) is Kind.NOTHING


@pytest.mark.parametrize("value", ["my-fake-key", "qwerty12", "a1a1a1a1", "0123456", "AKIA" + "EXAMPLE"])
def test_a_made_up_value(value: str) -> None:
    assert is_made_up(value)
