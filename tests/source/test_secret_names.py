"""Which names hold secrets, and which values stand for one, are weak, or look drawn."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.source.secret_names import (
    entropy,
    is_known_weak,
    is_placeholder,
    is_random,
    is_secret_name,
)


@pytest.mark.parametrize(
    "name",
    [
        *("API_SECRET_KEY", "secret", "SECRETS", "openaiApiKey", "OPENAI_API_KEY", "apikey", "DBPassword"),
        *(
            "db-password",
            "spring.datasource.password",
            "passwd",
            "JWT_KEY",
            "bearer",
            "credential",
            "AUTH_TOKEN",
        ),
        *("REDIS_PASS", "DB_PASS", "dbPass", "MYSQL_ROOT_PASS", "smtp-pass", "userpass", "DB_PWD", "pwd"),
        *("token", "SENTRY_DSN", "PASSWORD_SALT", "privateKey", "AWS_SECRET_ACCESS_KEY", "client secret"),
    ],
)
def test_a_name_that_holds_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "PWD",
            "OLDPWD",
            "first_pass",
            "COMPLETE_PASS",
            "bypass",
            "pass",
            "compass",
            "DB_PASSES",
            "TOKEN_URL",
            "MAX_TOKENS",
            "API_KEY_HEADER",
            "password_hash",
            "tokenizer",
            "prompt_tokens",
            "secretary",
        ),
        *(
            "POSTGRES_PASSWORD_FILE",
            "accessTokenExpireMinutes",
            "token_cost",
            "monkey",
            "keyboard",
            "",
            "SECRET_ID",
        ),
    ],
)
def test_a_name_that_only_describes_one(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "your-api-key-here",
            "YOUR_SECRET",
            "please-change-me-now",
            "replace-with-yours",
            "insert-key-here",
        ),
        *(
            "sk-xxxx",
            "xxxxxx",
            "<your key>",
            "dummy-key",
            "fake_token_1",
            "test-key",
            "dev-secret-key",
            "demo_key",
        ),
        *("placeholder", "lorem ipsum dolor", "TODO: ask"),
    ],
)
def test_a_placeholder(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize("value", ["", "hunter2", "todos", "a test-key", "xxxxx", "correct horse battery"])
def test_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    "value", ["secret", "Dev-Secret-Key", "CHANGE ME", "pass_word", "12345678", "s3cr3t"]
)
def test_a_known_weak_value(value: str) -> None:
    assert is_known_weak(value)


@pytest.mark.parametrize("value", ["", "hunter2", "secrets-of-the-sea", "1234567"])
def test_a_value_that_is_not_known_to_be_weak(value: str) -> None:
    assert not is_known_weak(value)


@pytest.mark.parametrize(("text", "bits"), [("", 0), ("aaaa", 0), ("ab", 1), ("abcd", 2), ("aabb", 1)])
def test_entropy_is_in_bits_per_character(text: str, bits: float) -> None:
    assert entropy(text) == bits


@given(st.text(string.ascii_letters, min_size=1))
def test_entropy_depends_on_no_order_and_is_bounded(text: str) -> None:
    assert abs(entropy(text) - entropy(text[::-1])) < 1e-9
    assert 0 <= entropy(text) < 5.71


def test_long_and_mixed_is_random_and_words_are_not() -> None:
    assert is_random("q7Vd2LmX9sTb4KfZ")
    assert not is_random("q7Vd2LmX9sTb4Kf")
    assert not is_random("aaaaaaaabbbbbbbb")
