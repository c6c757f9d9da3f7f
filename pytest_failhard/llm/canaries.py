"""Random words and keys of one case: what comes out where they were put in, and what leaked."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WORD_LETTERS = 10
CONSONANTS = "bdfgklmnprstvz"
VOWELS = "aeiou"
NUMBER_DIGITS = 7


def word() -> str:
    """Return a random pronounceable word: a model could have written it, no system has it by chance."""
    return "".join(secrets.choice(VOWELS if place % 2 else CONSONANTS) for place in range(WORD_LETTERS))


def _characters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(count))


def _openai() -> str:
    return f"sk-proj-{_characters(74)}T3BlbkFJ{_characters(74)}"


def _anthropic() -> str:
    return f"sk-ant-api03-{_characters(93)}AA"


def _google() -> str:
    return f"AIza{_characters(35)}"


def _groq() -> str:
    return f"gsk_{_characters(52)}"


def _openrouter() -> str:
    return f"sk-or-v1-{secrets.token_hex(32)}"


def _hex() -> str:
    return secrets.token_hex(16)


def _letters() -> str:
    return _characters(32)


def _cohere() -> str:
    return _characters(40)


def _aws_id() -> str:
    return f"AKIA{_characters(16, string.ascii_uppercase + '234567')}"


def _aws_secret() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


# The shapes of the providers' real keys, so that no system can tell them apart: no name of ours in them.
KEYS: Mapping[str, Callable[[], str]] = {
    "OPENAI_API_KEY": _openai,
    "AZURE_OPENAI_API_KEY": _hex,
    "AZURE_API_KEY": _hex,
    "ANTHROPIC_API_KEY": _anthropic,
    "GEMINI_API_KEY": _google,
    "GOOGLE_API_KEY": _google,
    "GROQ_API_KEY": _groq,
    "MISTRAL_API_KEY": _letters,
    "CO_API_KEY": _cohere,
    "COHERE_API_KEY": _cohere,
    "OPENROUTER_API_KEY": _openrouter,
    "AWS_ACCESS_KEY_ID": _aws_id,
    "AWS_SECRET_ACCESS_KEY": _aws_secret,
}
"""The variables in which the SDKs look for keys, and how a key for each is drawn."""


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """The words of one case. Never in a report: evidence names them by label.

    `head`, `middle` and `tail` stand at the start, in the middle and at the end of a healthy answer;
    `number` is the same for systems whose result is a figure; `poison` stands in every fault that carries
    text; `keys` are by variable.
    """

    label: str
    head: str
    middle: str
    tail: str
    number: int
    poison: str
    keys: Mapping[str, str]

    @classmethod
    def draw(cls, label: str) -> Canaries:
        """Return fresh ones from the system's random source: guessable by nobody, the judged included."""
        lowest = 10 ** (NUMBER_DIGITS - 1)
        return cls(
            label=label,
            head=word(),
            middle=word(),
            tail=word(),
            number=lowest + secrets.randbelow(9 * lowest),
            poison=word(),
            keys={name: drawn() for name, drawn in KEYS.items()},
        )

    @property
    def text(self) -> str:
        """A healthy answer in words."""
        return f"{self.head} goes before {self.middle} and ends with {self.tail}"
