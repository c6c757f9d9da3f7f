"""What a model says, before any dialect gives it a shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

BYTES_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A function that the model wants called; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """An answer: text or tool calls, or the vectors of an embeddings request.

    `finish` is the reason in OpenAI's words (`stop`, `tool_calls`); a dialect translates it.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    finish: str = "stop"

    def cut(self, word: str) -> Content:
        """Return it up to the middle of a word that is in it, else up to the middle of itself."""
        calls = tuple(replace(call, arguments=_cut(call.arguments, word)) for call in self.tool_calls)
        return replace(self, text=_cut(self.text, word), tool_calls=calls)

    def replaced(self, words: Iterable[str], by: str) -> Content:
        """Return it with other words in their place."""
        text = self.text
        for word in words:
            text = text.replace(word, by)
        return replace(self, text=text)

    @property
    def tokens(self) -> int:
        """The tokens that it is billed as."""
        return tokens(self.text, *(call.name + call.arguments for call in self.tool_calls))


def _cut(text: str, word: str) -> str:
    place = text.find(word)
    return text[: len(text) // 2] if place < 0 else text[: place + len(word) // 2]


def tokens(*texts: str) -> int:
    """Return how many tokens we say that texts are: a quarter of their UTF-8 bytes, rounded up."""
    return -(-sum(len(text.encode()) for text in texts) // BYTES_PER_TOKEN)


def at(value: object, *path: str | int) -> object:
    """Return what a JSON value holds at a path, None where there is nothing."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def items(value: object) -> list[object]:
    """Return the items of a JSON list; anything else has none."""
    return value if isinstance(value, list) else []


def text_of(value: object, default: str = "") -> str:
    """Return a JSON string; anything else is the default."""
    return value if isinstance(value, str) else default


def leaves(value: object) -> Iterator[str]:
    """Yield all the strings in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
