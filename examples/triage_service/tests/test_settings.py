"""An environment is accepted whole or refused with every reason."""

from __future__ import annotations

import pytest

from triage.settings import PROVIDER_URL, SettingsError, load


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError, match="cannot start") as caught:
        load(environ)
    return caught.value.problems


def test_a_complete_environment_is_accepted(environ: dict[str, str]) -> None:
    del environ["OPENAI_BASE_URL"], environ["OPENAI_MAX_RETRIES"]

    settings = load(environ)

    assert settings.openai_base_url == PROVIDER_URL
    assert (settings.timeout_seconds, settings.max_retries) == (7, 2)


def test_secrets_stay_out_of_the_repr(environ: dict[str, str]) -> None:
    shown = repr(load(environ))

    assert environ["API_TOKEN"] not in shown
    assert environ["OPENAI_API_KEY"] not in shown


@pytest.mark.parametrize(
    "name", ["ENVIRONMENT", "API_TOKEN", "OPENAI_API_KEY", "TRIAGE_MODEL", "DATABASE_PATH"]
)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_each_required_variable_is_named_when_it_is_missing(
    environ: dict[str, str], name: str, value: str | None
) -> None:
    del environ[name]
    if value is not None:
        environ[name] = value

    assert problems(environ) == (f"{name} is not set",)


@pytest.mark.parametrize(
    "weak",
    [
        "change-me",
        "sk-xxxxxxxxxxxxxxxx",
        "a" * 64,
        "your-api-key-goes-here-0123456789",
        "sk-xxxxxxxx-0123456789-abcdefghijkl",
    ],
)
def test_a_weak_secret_is_refused_and_not_repeated(environ: dict[str, str], weak: str) -> None:
    environ["API_TOKEN"] = environ["OPENAI_API_KEY"] = weak

    found = problems(environ)

    assert [problem.split()[0] for problem in found] == ["API_TOKEN", "OPENAI_API_KEY"]
    assert weak not in "".join(found)


@pytest.mark.parametrize("spoilt", ["{} {}", "{}\n{}", "{}" * 20], ids=["blank", "line break", "long"])
def test_a_malformed_secret_is_refused_and_not_repeated(environ: dict[str, str], spoilt: str) -> None:
    value = spoilt.replace("{}", environ["API_TOKEN"])
    environ["API_TOKEN"] = environ["OPENAI_API_KEY"] = value

    found = problems(environ)

    assert [problem.split()[:3] for problem in found] == [
        [name, "is", "malformed:"] for name in ("API_TOKEN", "OPENAI_API_KEY")
    ]
    assert value not in "".join(found)


def test_every_problem_is_listed_at_once(environ: dict[str, str]) -> None:
    environ |= {
        "ENVIRONMENT": "prod",
        "OPENAI_BASE_URL": "ftp://provider",
        "OPENAI_TIMEOUT_SECONDS": "soon",
        "OPENAI_MAX_RETRIES": "99",
    }

    assert problems(environ) == (
        "ENVIRONMENT must be one of development, production",
        "OPENAI_BASE_URL must be an http or https URL",
        "OPENAI_TIMEOUT_SECONDS must be a number, not 'soon'",
        "OPENAI_MAX_RETRIES must be between 0 and 5",
    )
