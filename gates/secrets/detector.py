"""Runs detect-secrets over the lines that can hold a key, and proves that it looked into every file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_failhard.gates.secrets.candidates import Candidate, Lines, name_before
from pytest_failhard.gates.secrets.formats import MAX_NAME_CHARACTERS, is_mixed
from pytest_failhard.gates.secrets.values import is_digest_name, is_digest_text, is_made_up, is_reference
from pytest_failhard.model import GateError, Run, Tool
from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.source.text_files import TextFile

DETECT_SECRETS = Tool(module="detect_secrets", distribution="detect-secrets", lowest="1.5")
MIN_WORD_CHARACTERS = 16
"""No key of a known form, and nothing that looks drawn, is shorter."""
FOLDER = "lines"
# Derived: no file of ours holds what a scanner takes for a key.
_DRAWN = hashlib.sha256(b"a key that must be found").digest()
CANARIES = {
    "AWS Access Key": f"AKIA{base64.b32encode(_DRAWN).decode()[:16]}",
    "Base64 High Entropy String": base64.b64encode(_DRAWN).decode().rstrip("="),
}
"""What the copy of each file ends with, and what detect-secrets must call it."""
PLUGINS_OFF = (
    *("ArtifactoryDetector", "BasicAuthDetector", "CloudantDetector", "IbmCloudIamDetector"),
    *("IbmCosHmacDetector", "IPPublicDetector", "KeywordDetector", "SoftlayerDetector"),
)
"""Those that match ordinary words, and the three whose work this package does by format."""
FILTERS = tuple(
    f"detect_secrets.filters.{name}"
    for name in (
        *(
            "allowlist.is_line_allowlisted",
            "heuristic.is_indirect_reference",
            "heuristic.is_likely_id_string",
        ),
        *("heuristic.is_lock_file", "heuristic.is_not_alphanumeric_string", "heuristic.is_potential_uuid"),
        *("heuristic.is_prefixed_with_dollar_sign", "heuristic.is_sequential_string"),
        *("heuristic.is_swagger_file", "heuristic.is_templated_secret"),
    )
)
"""All of detect-secrets' filters: suppressions in comments first, then what would hide a whole line."""
ENTROPY = frozenset({"Base64 High Entropy String", "Hex High Entropy String"})
IGNORED = frozenset({"Private Key", "JSON Web Token"})
"""What is found by form already, with a proof that a key really follows."""
_WORD = re.compile(rf"[A-Za-z0-9_+/=-]{{{MIN_WORD_CHARACTERS},}}")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_SHORT = re.compile(rf"(?<=[\"'])[^\"']{{1,{MIN_WORD_CHARACTERS - 1}}}(?=[\"'])")
_TOKEN = re.compile(r"[^\s\"'`,;<>(){}\[\]]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Encoded bytes, an image or compiled code: what has the form of a key in the midst of them is none.
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{400}")
_DIGEST_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
_HEX = re.compile(r"[0-9a-fA-F]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result: the copy's number, the line in it, the kind, and the SHA-1 of the value."""

    number: int
    line: int
    kind: str
    sha1: str


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The lines of a file that can hold a key, by their numbers in the file, and what is written of them."""

    file: TextFile
    lines: tuple[tuple[int, str], ...]
    text: str


def detected(run: Run, files: Sequence[TextFile]) -> Iterator[Candidate]:
    """Yield what detect-secrets finds in the files; raises GateError where it did not look into each."""
    copies = [_copy(file) for file in files]
    folder = run.scratch / FOLDER
    folder.mkdir()
    try:
        for number, copy in enumerate(copies):
            (folder / f"{number}.txt").write_text(copy.text, "ascii")
        options = [f"--disable-plugin={name}" for name in PLUGINS_OFF]
        options += [f"--disable-filter={name}" for name in FILTERS]
        arguments = ("-c", "1", "scan", "--all-files", "--no-verify", *options, FOLDER)
        # In a later run it is given fewer files.
        completed = run.python("detect_secrets", *arguments, volatile=True)
    finally:
        # The copies hold what nobody else is to see.
        shutil.rmtree(folder)
    found: dict[int, list[Hit]] = {}
    for hit in parse(completed.stdout, len(copies)):
        if hit.kind not in IGNORED:
            found.setdefault(hit.number, []).append(hit)
    for number, hits in found.items():
        yield from _candidates(copies[number], hits)


def parse(output: bytes, count: int) -> tuple[Hit, ...]:
    """Return the hits apart from the canaries; raises GateError unless each copy's canaries were found."""
    try:
        document = json.loads(output.decode("utf-8", "strict"))
        filters, plugins = document["filters_used"], {entry["name"] for entry in document["plugins_used"]}
        hits = tuple(_hit(entry) for entries in document["results"].values() for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GateError(f"detect-secrets: unreadable output ({type(error).__name__}: {error})") from None
    if filters != [] or plugins & set(PLUGINS_OFF):
        raise GateError("detect-secrets: it used filters or plugins that were switched off")
    planted = {_sha1(value): kind for kind, value in CANARIES.items()}
    for kind in CANARIES:
        proven = {hit.number for hit in hits if planted.get(hit.sha1) == kind == hit.kind}
        if proven != set(range(count)):
            raise GateError(f"detect-secrets: {kind}: it looked into {len(proven)} files of {count}")
    return tuple(hit for hit in hits if hit.sha1 not in planted)


def _hit(entry: Mapping[str, object]) -> Hit:
    name, line, kind, sha1 = (entry[key] for key in ("filename", "line_number", "type", "hashed_secret"))
    if not isinstance(name, str) or not isinstance(line, int) or not isinstance(kind, str):
        raise TypeError("a result without file, line or type")
    match = re.fullmatch(rf"{FOLDER}[/\\](\d+)\.txt", name)
    if match is None or not isinstance(sha1, str) or not re.fullmatch(r"[0-9a-f]{40}", sha1):
        raise ValueError("a result for a file that it was not given, or without a digest")
    return Hit(number=int(match[1]), line=line, kind=kind, sha1=sha1)


def _copy(file: TextFile) -> Copy:
    at = Lines(file.text).at
    numbers = dict.fromkeys(at(word.start()) for word in _WORD.finditer(file.text) if _can_hold(word[0]))
    written = file.text.split("\n") if numbers else []
    lines = tuple((number, written[number - 1]) for number in numbers)
    canaries = [f'"{value}"' for value in CANARIES.values()]
    return Copy(
        file=file, lines=lines, text="\n".join([*(_written(line) for _, line in lines), *canaries]) + "\n"
    )


def _written(line: str) -> str:
    """Return a line as it is written: no locale decides whether it is read, no digest tells a short word."""
    ascii_line = line.encode("ascii", "replace").decode("ascii")
    return _SHORT.sub("", _CONTROL.sub(" ", ascii_line))


def _can_hold(word: str) -> bool:
    return any(map(str.isdigit, word)) and any(map(str.isalpha, word))


def _candidates(copy: Copy, hits: Sequence[Hit]) -> Iterator[Candidate]:
    """Yield a candidate for each line that holds what was found: detect-secrets names the first alone."""
    places = _index(copy)
    for hit in hits:
        if not 0 < hit.line <= len(copy.lines):
            raise GateError("detect-secrets: a result for a line that the file does not have")
        for (number, line), value in places.get(hit.sha1, [(copy.lines[hit.line - 1], "")]):
            rule, key = _named(line, value, hit.kind)
            if not (_is_harmless(rule, value) if value else _BLOB.search(line)):
                known = "" if value else hit.sha1
                yield Candidate(
                    path=copy.file.path, line=number, rule=rule, key=key, value=value, detected=known
                )


def _index(copy: Copy) -> dict[str, list[tuple[tuple[int, str], str]]]:
    """Return where each text stands that a plugin may have meant, by its SHA-1."""
    index: dict[str, list[tuple[tuple[int, str], str]]] = {}
    for numbered in copy.lines:
        for word in dict.fromkeys(_words(numbered[1])):
            if len(word) >= MIN_WORD_CHARACTERS:
                index.setdefault(_sha1(word), []).append((numbered, word))
    return index


def _is_harmless(rule: str, value: str) -> bool:
    is_written = is_made_up(value) or is_reference(value) or not is_mixed(value)
    return is_written or (rule == "random-text" and not _is_text(value))


def _named(line: str, value: str, kind: str) -> tuple[str, str]:
    before = line[: line.find(value)] if value else line
    key = name_before(before[-MAX_NAME_CHARACTERS:])
    if kind not in ENTROPY:
        return "provider-key", key
    is_secret = is_secret_name(key) and not is_digest_name(key)
    return ("secret-value" if is_secret else "random-text"), key


def _is_text(value: str) -> bool:
    """Tell whether text without a secret's name is more than a digest, an identity or a path."""
    is_digest = _HEX.fullmatch(value) is not None and len(value) in _DIGEST_LENGTHS
    return not (is_digest or is_digest_text(value) or _UUID.fullmatch(value) or "/" in value)


def _words(line: str) -> Iterator[str]:
    """Yield all texts of a line that a plugin may have meant: in quotes, words, and what follows a mark."""
    for match in _QUOTED.finditer(line):
        yield match[1] or match[2] or ""
    for token in _TOKEN.findall(line):
        yield token
        yield from _parts(token)


def _parts(token: str) -> Iterable[str]:
    yield from re.findall(r"[A-Za-z0-9_+/=.:-]+", token)
    yield from re.findall(r"[A-Za-z0-9_-]+", token)
    yield from re.findall(r"[A-Za-z0-9]+", token)
    yield from re.findall(r"(?<=[=:])[^=:]+={0,2}", token)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
