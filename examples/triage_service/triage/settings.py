"""Settings read from the environment; all problems are reported together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROVIDER_URL = "https://api.openai.com/v1"
ENVIRONMENTS = ("development", "production")
SHORTEST_TOKEN = 32
FEWEST_CHARACTERS = 10
SHORTEST_KEY = 20
LONGEST_SECRET = 512
# Beginnings only: inside a long random value any short word turns up now and then.
PLACEHOLDERS = (
    "change",
    "dummy",
    "example",
    "insert",
    "password",
    "replace",
    "secret",
    "sk-xxxx",
    "test",
    "your",
)


class SettingsError(Exception):
    """The service cannot start with this environment; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A validated configuration. Secrets stay out of its repr."""

    environment: str
    api_token: str = field(repr=False)
    openai_api_key: str = field(repr=False)
    openai_base_url: str
    model: str
    timeout_seconds: float
    max_retries: int
    database: Path


class _Reader:
    """Reads variables and remembers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def required(self, name: str) -> str:
        value = "".join(self.optional(name))
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def optional(self, name: str) -> list[str]:
        """Return the value in a list, or an empty list when it is unset or blank."""
        return [self.environ[name].strip()] if self.environ.get(name) else []

    def secret(self, name: str, shortest: int) -> str:
        value = self.required(name)
        if len(value) > LONGEST_SECRET or not value.isprintable() or " " in value:
            self.problems.append(f"{name} is malformed: one word of at most {LONGEST_SECRET} characters")
        elif value and _is_weak(value, shortest):
            self.problems.append(f"{name} is weak: at least {shortest} random characters are needed")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.required(name)
        if value and value not in choices:
            self.problems.append(f"{name} must be one of {', '.join(choices)}")
        return value

    def url(self, name: str, usual: str) -> str:
        value = "".join(self.optional(name) or [usual])
        if not value.startswith(("https://", "http://")):
            self.problems.append(f"{name} must be an http or https URL")
        return value

    def number(self, name: str, usual: float, lowest: float, highest: float) -> float:
        text = "".join(self.optional(name) or [str(usual)])
        try:
            value = float(text)
        except ValueError:
            self.problems.append(f"{name} must be a number, not {text!r}")
            return usual
        if not lowest <= value <= highest:
            self.problems.append(f"{name} must be between {lowest:g} and {highest:g}")
        return value


def _is_weak(value: str, shortest: int) -> bool:
    if len(value) < shortest or len(set(value)) < FEWEST_CHARACTERS:
        return True
    return value.lower().startswith(PLACEHOLDERS)


def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings, or raise SettingsError that lists everything that is wrong."""
    reader = _Reader(environ)
    settings = Settings(
        environment=reader.one_of("ENVIRONMENT", ENVIRONMENTS),
        api_token=reader.secret("API_TOKEN", SHORTEST_TOKEN),
        openai_api_key=reader.secret("OPENAI_API_KEY", SHORTEST_KEY),
        openai_base_url=reader.url("OPENAI_BASE_URL", PROVIDER_URL),
        model=reader.required("TRIAGE_MODEL"),
        timeout_seconds=reader.number("OPENAI_TIMEOUT_SECONDS", 7, 0.05, 60),
        max_retries=int(reader.number("OPENAI_MAX_RETRIES", 2, 0, 5)),
        database=Path(reader.required("DATABASE_PATH")),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings
