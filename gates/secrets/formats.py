"""Finds what is a secret by its form alone: keys of known providers, private keys, URLs with a password."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

from pytest_failhard import redact
from pytest_failhard.gates.secrets.candidates import Candidate, Lines, name_before
from pytest_failhard.gates.secrets.values import Kind, is_guessable, is_made_up, is_reference
from pytest_failhard.source.secret_names import entropy, is_known_weak, is_random
from pytest_failhard.source.text_files import TextFile

RULES = {
    "private-key": "private-key",
    "provider-key": "provider-key",
    "jwt": "bearer-token",
    "bearer-token": "bearer-token",
}
"""Kinds of the redactor's patterns that are secrets wherever they stand -> the rule that reports them."""
MIN_KEY_ENTROPY = 3.0
"""Bits per character below which a text of the right form is a word: a starting value."""
MIN_PRIVATE_KEY_CHARACTERS = 64
MAX_NAME_CHARACTERS = 120
"""So much of a line before a value is searched for the name that it is bound to."""
MIN_SIGNATURE_CHARACTERS = 16
DEFAULT = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*):?[-=](?P<value>[^{}$\n]+)\}")
"""What stands for a variable that is not set, in a shell, a compose file or a Dockerfile."""
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]{1,30})://(?P<user>[^\s\"'\\/@:<>`]{0,128}):(?P<value>[^\s\"'\\/@<>`]{1,256})@"
)
_SHOWN = frozenset({"driver", "scheme", "protocol", "dialect"})
_USERS = frozenset({"user", "username", "usr", "login", "name", "u", "myuser", "db_user", "dbuser", "uname"})
_GENERIC = frozenset(
    {"pass", "password", "passwd", "pw", "pwd", "secret", "token", "user", "username", "key", "api_key"}
    | {"apikey", "pass1", "p", "x", "xxx", "port", "credentials", "passphrase"}
)


def known_formats(file: TextFile) -> Iterator[Candidate]:
    """Yield the keys, tokens and private keys of the forms that the redactor knows, stand-ins left out."""
    lines = Lines(file.text)
    for pattern in redact.shipped():
        if pattern.kind not in RULES:
            continue
        for start, end in pattern.spans(file.text):
            value = file.text[start:end]
            is_tail = file.text[start - 1 : start].isalnum() and pattern.kind != "bearer-token"
            if not is_tail and _is_real(pattern.kind, value):
                before = file.text[file.text.rfind("\n", 0, start) + 1 : start]
                yield Candidate(
                    path=file.path,
                    line=lines.at(start),
                    rule=RULES[pattern.kind],
                    key=name_before(before[-MAX_NAME_CHARACTERS:]),
                    value=value,
                )


def _is_real(kind: str, value: str) -> bool:
    if kind == "private-key":
        return sum(map(len, _BODY.findall(value))) >= MIN_PRIVATE_KEY_CHARACTERS
    if kind == "jwt":
        return not _is_example_token(value)
    return not is_made_up(value) and not is_reference(value) and is_mixed(value)


def is_mixed(value: str) -> bool:
    """Tell whether a key is drawn, not written: it has digits and letters, and none of them prevails."""
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and entropy(value) >= MIN_KEY_ENTROPY


def _is_example_token(value: str) -> bool:
    """Tell whether a JSON web token is the one of every manual: its subject is a sequence of digits."""
    head, claims, signature = [*value.split("."), "", ""][:3]
    if len(signature) < MIN_SIGNATURE_CHARACTERS or is_made_up(signature) or not _decoded(head):
        return True
    return str(_decoded(claims).get("sub", "")) == "1234567890"


def _decoded(part: str) -> dict[str, object]:
    try:
        content = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def url_passwords(file: TextFile) -> Iterator[Candidate]:
    """Yield the passwords in URLs; a default inside one is what the URL holds when the variable is unset."""
    text = DEFAULT.sub(lambda match: match["value"], file.text)
    lines = Lines(text)
    for match in passwords(text):
        yield url_candidate(file, lines.at(match.start()), match)


def url_candidate(file: TextFile, line: int, match: re.Match[str], *, deployed: bool = False) -> Candidate:
    """Return the candidate that a URL with a password is."""
    return Candidate(
        path=file.path,
        line=line,
        rule="url-credentials",
        key=f"{match['scheme']}://",
        value=match["value"],
        user=match["user"],
        deployed=deployed,
    )


def passwords(text: str) -> Iterator[re.Match[str]]:
    """Yield the URLs with a password: their groups are `scheme`, `user` and `value`."""
    if "://" not in text:
        return
    for match in _URL.finditer(text):
        is_shown = is_reference(match["value"]) or "$" in match["value"] or match["scheme"].lower() in _SHOWN
        if not is_shown:
            yield match


def password_kind(candidate: Candidate) -> Kind:
    """Return what the password of a URL is: a form to fill in, a word that stands for one, or a real one."""
    value, user = candidate.value, candidate.user
    is_weak = value.lower() in _GENERIC or is_known_weak(value) or is_made_up(value)
    if is_weak or is_guessable(value, f"{user} {candidate.key}"):
        return Kind.UNFILLED if user.lower() in _USERS else Kind.WEAK
    return Kind.RANDOM if is_random(value) else Kind.LITERAL


def defaults(file: TextFile) -> Iterator[Candidate]:
    """Yield what stands for secret-named variables that are not set."""
    lines = Lines(file.text)
    for match in DEFAULT.finditer(file.text):
        yield Candidate(
            path=file.path,
            line=lines.at(match.start()),
            rule="secret-value",
            key=match["name"],
            value=match["value"],
            literal=True,
        )
