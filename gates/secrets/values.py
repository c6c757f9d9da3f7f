"""Tells what a value is: a reference to a secret, a stand-in for one, a weak one, or one that looks real."""

from __future__ import annotations

import enum
import hashlib
import re

from pytest_failhard.source.secret_names import is_known_weak, is_placeholder, is_random, snake_case

MIN_CHARACTERS = 3
MIN_NUMBER_DIGITS = 6
_RUN = 6
_PUBLIC = frozenset(
    {
        "bc1a50966c9e6486bc4ebf880b51611a2a97fcb8e7a6976e9b81a9e3e8ca0e3c",
        "8335c55334821eefd4334369ff9c04a8594f161013cf9d87f58802d87297837e",
        "b26ab6529d20ebebb4192256f202984754f785481c64b1a1aed58cac93b3617e",
    }
)
"""SHA-256 of keys that the manuals of development tools print: whoever reads them has them."""
_SEQUENCES = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "9876543210")


class Kind(enum.Enum):
    """What a value that is bound to a secret's name turned out to be."""

    NOTHING = "nothing"
    """A reference, a word, a path, a type: no secret stands there."""
    UNFILLED = "unfilled"
    """An instruction to put a value there."""
    WEAK = "weak"
    """A value that works, and that everybody tries first."""
    LITERAL = "literal"
    """Some text that serves as the secret."""
    RANDOM = "random"
    """Text that looks drawn."""


_REFERENCE = re.compile(
    r"\$\{|\$\(|^\$[A-Za-z_]|^%[A-Za-z_]\w*%$|\{\{|\}\}|<%|^<[^<>]*>$|^\{[^{}]*\}$|^\[[^\[\]]*\]$|%\(\w+\)"
    r"|^ENC\[|^(?:vault|op|env|file|aws|gcp|azure|sops|secret|secretsmanager|ssm|ref\+\w+|arn):|^!"
    r"|^@(?:Microsoft\.KeyVault|env)|\w\(.*\)|^process\.env|^os\.(?:environ|getenv)|^\*+$|\.{3}|\u2026"
    r"|^redact|^\[redacted|^%[a-z]$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|\.{0,2}/|~/|[A-Za-z]:\\)|\.[a-z]{2,4}$")
_NAME = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?::\w+)?$")
_WORD = re.compile(
    r"(?:bearer|basic|oauth2?|none|null|nil|undefined|string|text|str|true|false|yes|no|on|off|required|optional"
    r"|any|object|number|integer|boolean|bytes|hidden|masked|write|read|inherit)",
    re.IGNORECASE,
)
_THING = re.compile(
    r"(?:passwd|pass|token|api[-_]?key"
    r"|[a-z]+(?:[-_][a-z]+)*[-_](?:key|keys|token|tokens|secret|secrets|password|credentials?|salt))",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:<?your|replace|insert|(?:enter|paste|put|fill|set|add)[-_ ]|(?:todo|tbd)\b|placeholder|example"
    r"|x{4,}|sk-x{3,}|generate).*|xxx|.*(?:[-_ ]here|goes[-_ ]here|placeholder)",
    re.IGNORECASE,
)
# A word of four letters stands in some drawn keys by chance, at the edge of a part hardly ever.
_MADE_UP = re.compile(
    r"(?<![A-Za-z0-9])(?:test|fake|demo|mock|leak|xxxx)|(?:test|fake|demo|mock|here)(?![A-Za-z0-9])"
    r"|dummy|example|sample|placeholder|change[-_]?me|redacted|foobar|deadbeef|not[-_]?real|secret|passw|invalid"
    r"|your[-_]|canary|hello|local|nonexist|unused|wrong|secure|private|default|insert",
    re.IGNORECASE,
)
_DIGEST_NAME = re.compile(
    r"(?:^|_)(?:hash|hashed|digest|sha\d*|md5|checksum|fingerprint|public|pub|encrypted)(?:_|$)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z]?[a-z]+(?:[-_.][A-Za-z]?[a-z]+)*|[A-Z]+(?:[-_.][A-Z]+)*")
_REPEATED = re.compile(r"(.)\1{4}|(.{2,8})\2{2}")


def is_made_up(value: str) -> bool:
    """Tell whether a value of the right form was written by hand: words, sequences, repetitions."""
    return (
        is_placeholder(value)
        or _MADE_UP.search(value) is not None
        or _REPEATED.search(value) is not None
        or _has_sequence(value.lower())
    )


def _has_sequence(value: str) -> bool:
    return any(
        value[start : start + _RUN] in sequence
        for sequence in _SEQUENCES
        for start in range(len(value) - _RUN + 1)
    )


def is_reference(value: str) -> bool:
    """Tell whether a value names the place where the secret is instead of holding it."""
    return not value or _REFERENCE.search(value) is not None


def is_digest_name(name: str) -> bool:
    """Tell whether a name says that what it holds is computed from a secret, or public."""
    return _DIGEST_NAME.search(snake_case(name)) is not None


def kind(value: str, key: str = "", *, literal: bool = False) -> Kind:
    """Return what a value is that stands where a secret is expected; `key` is the name it is bound to.

    `literal` is true where it can be no name of a secret that is kept elsewhere.
    """
    if is_reference(value) or len(value) < MIN_CHARACTERS or _is_prose(value) or is_digest_name(key):
        return Kind.NOTHING
    if _INSTRUCTION.fullmatch(value):
        return Kind.UNFILLED
    if is_known_weak(value) or is_placeholder(value):
        return Kind.WEAK
    if _is_word(value) or (not literal and _is_said(value)):
        return Kind.NOTHING
    if is_made_up(value) or is_guessable(value, key):
        return Kind.WEAK
    return Kind.RANDOM if is_random(value) else Kind.LITERAL


def _is_said(value: str) -> bool:
    """Tell whether a value names a secret, or is text of a language that is not written in ASCII."""
    return _THING.fullmatch(value) is not None or any(each.isalpha() and not each.isascii() for each in value)


def is_guessable(value: str, key: str) -> bool:
    """Tell whether a value is a part of its own name, lower-case words, or printed in a manual."""
    digest = hashlib.sha256(value.lower().removeprefix("0x").encode()).hexdigest()
    return value.lower() in key.lower() or _is_words(value) or digest in _PUBLIC


def _is_words(value: str) -> bool:
    return _WORDS.fullmatch(value) is not None


def _is_prose(value: str) -> bool:
    return bool(re.search(r"\s", value)) or (value.isdecimal() and len(value) < MIN_NUMBER_DIGITS)


def _is_word(value: str) -> bool:
    return any((_WORD.fullmatch(value), _PLACE.search(value), _NAME.fullmatch(value), is_digest_text(value)))


def is_digest_text(value: str) -> bool:
    """Tell whether a value says by its beginning that it is a digest."""
    return value.startswith(("sha256:", "sha512-", "sha384-", "sha1-", "$2a$", "$2b$", "$argon2", "pbkdf2"))
