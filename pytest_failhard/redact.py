"""The only code that decides what is secret: text in, text without secrets out."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote

from pytest_failhard import checksums

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MIN_SECRET_CHARACTERS = 8
EXTRA_PATTERNS = "FAILHARD_REDACTION_PATTERNS"
SECRET_VALUE = "secret-value"  # noqa: S105 - the name of a kind
MARKER_START = "[redacted:"
REMEMBERED_CHARACTERS, REMEMBERED_TEXTS = 2000, 100_000
"""The same paths, names and messages are asked for many times in one run."""
MARKER = re.compile(r"\[redacted:[a-z-]+\]")
RENDERED_MARKER = re.compile(r"(?:\[|%5B)redacted(?::|%3A)[a-z-]+(?:\]|%5D)")
"""A marker as it stands in a file, in a URL too."""
SECRET_NAME = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|APIKEY|CREDENTIAL|TOKEN(?!IZ)|(?:^|_)(?:KEY|PASS|DSN)(?:_|$)|_PWD$"
)
# Digests and codes: a secret cannot stand in them, and a changed one would no longer name its file.
UNTOUCHED_FIELDS = frozenset({"sha256", "policy_sha256", "fingerprint", "media_type", "gate", "commit"})

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Value = TypeVar("Value")


class RedactError(Exception):
    """A redaction pattern cannot be used: the message says which one, why, and what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pattern:
    """What one kind of secret looks like; a group named `secret` limits what is replaced."""

    kind: str
    regex: re.Pattern[str]
    needs: tuple[str, ...] = ()
    """Text that holds none of these holds no match; empty means that nothing is known."""
    hint: re.Pattern[str] | None = None
    """Text in which it finds nothing holds no match; it is far faster to search for."""
    check: str = ""
    """The name of what says how much of a match is the secret; empty means all of it."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the secrets are, empty ones left out."""
        if not self._is_possible(text):
            return []
        spans = (self.span(match) for match in self.regex.finditer(text))
        return [(start, end) for start, end in spans if end > start >= 0]

    def _is_possible(self, text: str) -> bool:
        if self.hint is not None:
            return self.hint.search(text) is not None
        # Asked of every text there is: a generator would take most of the time.
        for literal in self.needs:
            if literal in text:
                return True
        return not self.needs

    def span(self, match: re.Match[str]) -> tuple[int, int]:
        """Return the part of a match that is the secret, an empty one where it is none after all."""
        start, end = match.span("secret" if "secret" in self.regex.groupindex else 0)
        return (start, start + checksums.CHECKS[self.check](match.group())) if self.check else (start, end)


@functools.cache
def shipped() -> tuple[Pattern, ...]:
    """Return the patterns that ship with us."""
    text = importlib.resources.files("pytest_failhard").joinpath("redaction.toml").read_text("utf-8")
    entries = tomllib.loads(text)["pattern"]
    return tuple(
        Pattern(
            kind=entry["kind"],
            regex=re.compile(entry["regex"]),
            needs=tuple(entry["needs"]),
            hint=_hint(entry.get("hint", "")),
            check=entry.get("check", ""),
        )
        for entry in entries
    )


def _hint(regex: str) -> re.Pattern[str] | None:
    return re.compile(regex) if regex else None


def additional(text: str) -> tuple[Pattern, ...]:
    """Read patterns, one a line; raises RedactError that lists every line which is none."""
    patterns: list[Pattern] = []
    mistakes: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            regex = re.compile(line.strip())
        except re.error as error:
            mistakes.append(f"line {number}: {error}")
            continue
        if regex.search("") is not None:
            mistakes.append(f"line {number}: matches the empty text")
        patterns.append(Pattern(kind="custom", regex=regex))
    if mistakes:
        raise RedactError(
            f"{EXTRA_PATTERNS}: {'; '.join(mistakes)}. Give one regular expression a line, or unset it."
        )
    return tuple(patterns)


class Redactor:
    """Replaces secrets by markers that name their kind and nothing else.

    Idempotent: what a marker replaced is never looked at again, and the rest is searched until nothing
    is found. A JSON document, or a file of JSON lines, stays one. Secret values that are part of a
    marker, or shorter than 8 characters, cannot be told from ordinary words and are not replaced.
    """

    def __init__(self, patterns: Iterable[Pattern], secrets: Iterable[str] = ()) -> None:
        given = tuple(patterns)
        kinds = {SECRET_VALUE, "custom", *(pattern.kind for pattern in given)}
        markers = tuple(_marker(kind) for kind in kinds)
        self._given = given
        self._secrets = tuple(
            sorted(
                value
                for value in {secret.strip() for secret in secrets}
                if len(value) >= MIN_SECRET_CHARACTERS and not any(value in marker for marker in markers)
            )
        )
        self._patterns = (*_values(self._secrets), *given)
        self._clean_texts: set[str] = set()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Redactor:
        """Take the values of secret-named variables and the patterns of FAILHARD_REDACTION_PATTERNS.

        Raises RedactError for a pattern that cannot be used.
        """
        secrets = [value for name, value in environ.items() if SECRET_NAME.search(name.upper())]
        return cls((*shipped(), *additional(environ.get(EXTRA_PATTERNS, ""))), secrets)

    def without(self, kind: str) -> Redactor:
        """Return one that lets a kind of pattern through, and no secret value."""
        return Redactor((pattern for pattern in self._given if pattern.kind != kind), self._secrets)

    def dump(self) -> str:
        """Return the redactor as text, for the pipe to a process whose environment is scrubbed."""
        patterns = [
            [
                *(pattern.kind, pattern.regex.pattern, list(pattern.needs), pattern.check),
                pattern.hint.pattern if pattern.hint is not None else "",
            ]
            for pattern in self._given
        ]
        return json.dumps({"patterns": patterns, "secrets": list(self._secrets)})

    @classmethod
    def restore(cls, text: str) -> Redactor:
        """Read what `dump` wrote."""
        stored = json.loads(text)
        patterns = [
            Pattern(kind=kind, regex=re.compile(regex), needs=tuple(needs), check=check, hint=_hint(hint))
            for kind, regex, needs, check, hint in stored["patterns"]
        ]
        return cls(patterns, stored["secrets"])

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        cleaned = self._clean(text)
        return cleaned if cleaned == text else _keep_json(text, cleaned, self._clean)

    def data(self, data: bytes) -> bytes:
        """Return the bytes without secrets; what is not UTF-8 stays as it is."""
        text = data.decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape")

    def value(self, value: Value) -> Value:
        """Return a frozen value of the vocabulary with every text in it redacted and fit for UTF-8."""
        return cast("Value", _rebuilt(value, lambda text: self.text(_encodable(text))))

    def scan(self, data: bytes) -> tuple[str, ...]:
        """Return the kinds of secrets that are still in the bytes, sorted; empty means clean."""
        pieces = RENDERED_MARKER.split(data.decode("utf-8", "surrogateescape"))
        found = {pattern.kind for piece in pieces for pattern in self._patterns if pattern.spans(piece)}
        return tuple(sorted(found))

    def _clean(self, text: str) -> str:
        if text in self._clean_texts:
            return text
        if self._has_any(text):
            return self._cleaned(text)
        if len(text) <= REMEMBERED_CHARACTERS and len(self._clean_texts) < REMEMBERED_TEXTS:
            self._clean_texts.add(text)
        return text

    def _has_any(self, text: str) -> bool:
        """Tell whether there may be a secret; a marker divides a text, which lets more be found."""
        return MARKER_START in text or any(pattern.spans(text) for pattern in self._patterns)

    def _cleaned(self, text: str) -> str:
        # Every round shortens what is outside markers, so this ends; the last round changes nothing.
        while True:
            cleaned = text
            for pattern in self._patterns:
                cleaned = _outside_markers(cleaned, pattern)
            if cleaned == text:
                return text
            text = cleaned


def printable(message: str, environ: Mapping[str, str]) -> str:
    """Return a message without secrets, by the shipped patterns alone where those of the user are wrong."""
    try:
        return Redactor.from_environment(environ).text(message)
    except RedactError:
        return Redactor(shipped()).text(message)


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _marker(kind: str) -> str:
    return f"[redacted:{kind}]"


def _values(secrets: Iterable[str]) -> tuple[Pattern, ...]:
    forms = {form for secret in secrets for form in _forms(secret)}
    if not forms:
        return ()
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return (Pattern(kind=SECRET_VALUE, regex=re.compile("|".join(map(re.escape, longest_first)))),)


def _forms(secret: str) -> set[str]:
    """Return a secret as it stands in plain text, in JSON, in a Python literal and in a URL."""
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {secret, quote(secret, safe="", errors="surrogatepass")} | escaped


def _outside_markers(text: str, pattern: Pattern) -> str:
    pieces: list[str] = []
    done = 0
    for match in MARKER.finditer(text):
        pieces += (_replaced(text[done : match.start()], pattern), match.group())
        done = match.end()
    pieces.append(_replaced(text[done:], pattern))
    return "".join(pieces)


def _replaced(text: str, pattern: Pattern) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in pattern.spans(text):
        pieces += (text[done:start], _marker(pattern.kind))
        done = end
    return "".join((*pieces, text[done:]))


def _keep_json(original: str, cleaned: str, clean: Callable[[str], str]) -> str:
    """Mend a document whose syntax the plain replacement broke, as a number that equals a secret does."""
    if not original.lstrip().startswith(("{", "[")):
        return cleaned
    is_json, document = _parsed(original)
    if is_json:
        return cleaned if _parsed(cleaned)[0] else _dumped(_cleaned(document, clean))
    lines = original.splitlines(keepends=True)
    return "".join(_keep_line(line, clean) for line in lines) if _is_json_lines(lines) else cleaned


def _is_json_lines(lines: Iterable[str]) -> bool:
    return all(_parsed(line)[0] for line in lines if line.strip())


def _keep_line(line: str, clean: Callable[[str], str]) -> str:
    cleaned = clean(line)
    if not line.strip() or _parsed(cleaned)[0]:
        return cleaned
    return _dumped(_cleaned(_parsed(line)[1], clean)) + "\n"


def _parsed(text: str) -> tuple[bool, Json]:
    try:
        return True, cast("Json", json.loads(text))
    except (ValueError, RecursionError):
        return False, None


def _dumped(document: Json) -> str:
    return json.dumps(document, ensure_ascii=True)


def _cleaned(value: Json, clean: Callable[[str], str]) -> Json:
    """Redact keys and texts; a number that holds a secret becomes the marker."""
    if isinstance(value, dict):
        return {clean(key): _cleaned(item, clean) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, str):
        return clean(value)
    text = json.dumps(value)
    return value if clean(text) == text else clean(text)


def _rebuilt(value: object, clean: Callable[[str], str]) -> object:
    """Return the value itself where no text in it changes: that is most of them."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple | list):
        items = [_rebuilt(item, clean) for item in value]
        return value if all(map(operator.is_, items, value)) else type(value)(items)
    if isinstance(value, Mapping):
        made = {_rebuilt(key, clean): _rebuilt(item, clean) for key, item in value.items()}
        same = type(value) is dict and all(
            map(operator.is_, (*made, *made.values()), (*value, *value.values()))
        )
        return value if same else made
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _rebuilt_fields(value, clean)
    return value


def _rebuilt_fields(value: DataclassInstance, clean: Callable[[str], str]) -> object:
    # Read with vars(): these are our own frozen types, and each of their fields is in their __dict__.
    held = vars(value)
    made = {name: _rebuilt(held[name], clean) for name in _names(type(value))}
    changed = {name: item for name, item in made.items() if item is not held[name]}
    return dataclasses.replace(value, **changed) if changed else value


@functools.cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in UNTOUCHED_FIELDS)
