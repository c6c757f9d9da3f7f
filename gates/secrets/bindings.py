"""Finds the values that configuration of any format binds to the names of secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pytest_failhard.gates.secrets import structured
from pytest_failhard.gates.secrets.candidates import Candidate, Lines
from pytest_failhard.gates.secrets.formats import defaults
from pytest_failhard.gates.secrets.places import is_environment
from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.source.text_files import TextFile

RULE = "secret-value"
_STRUCTURED = frozenset({".yaml", ".yml", ".json", ".template"})
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_LINE = re.compile(
    rf"^[ \t]*(?:export[ \t]+|set[ \t]+|setx[ \t]+|\$env:|-[ \t]+)?[\"']?(?P<key>[A-Za-z_/][\w.:/@-]*?)[\"']?"
    rf"[ \t]*(?:=|:=|\?=|:(?=[ \t])|[ ]=>)[ \t]*(?P<value>{_QUOTED}|[^\s\"'].*)$",
    re.MULTILINE,
)
_INLINE = re.compile(rf"[\"']?(?P<key>[A-Za-z_][\w.-]*)[\"']?[ \t]*[=:][ \t]*(?P<value>{_QUOTED})")
_INSTRUCTION = re.compile(r"^[ \t]*(?:ENV|ARG)[ \t]+(?P<rest>\S.*)$", re.MULTILINE | re.IGNORECASE)
_PAIR = re.compile(rf"(?P<key>[A-Za-z_]\w*)=(?P<value>{_QUOTED}|\S*)")
_ELEMENT = re.compile(r"<(?P<key>[A-Za-z_][\w.-]*)(?:\s[^<>]*)?>(?P<value>[^<>\n]+)</(?P=key)>")
_ATTRIBUTE = re.compile(
    r"(?:key|name)=[\"'](?P<key>[\w.:-]+)[\"']\s+value=[\"'](?P<value>[^\"'\n]+)[\"']", re.IGNORECASE
)
_COMMENT = re.compile(r"[ \t]+[#;].*$")
_LOGIN = re.compile(r"\b(?P<key>password)[ \t\n]+(?P<value>\S+)")
_PASS_FILE = re.compile(r"^[^#\s:][^:\n]*:[^:\n]*:[^:\n]*:(?P<key>[^:\n]*):(?P<value>[^:\n]+)$", re.MULTILINE)
_AUTH = re.compile(r"(?:_auth[ \t]*=[ \t]*|\"auth\"[ \t]*:[ \t]*\")(?P<value>[A-Za-z0-9+/]{8,}={0,2})")
_ASSIGNMENT = re.compile(
    rf"^[ \t]*(?:export[ \t]+|set[ \t]+)?(?P<key>[A-Z][A-Z0-9_]+)=(?P<value>{_QUOTED}|\S+)", re.MULTILINE
)
_INI = frozenset(
    {".ini", ".cfg", ".conf", ".properties", ".config", ".tfvars", ".tf", ".env", ".toml", ".service"}
)
_SHELL = frozenset({".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".mk"})
_DOCUMENTS = frozenset({".md", ".mdx", ".rst", ".txt", ".adoc"})
_RC_NAMES = frozenset(
    {".npmrc", ".pypirc", ".netrc", ".pgpass", ".yarnrc", "credentials", "config", ".dockercfg"}
)


def bound(file: TextFile) -> Iterator[Candidate]:
    """Yield every value that a file binds to a secret's name, references and words included."""
    path = PurePosixPath(file.path.lower())
    if path.suffix in {
        ".py",
        ".pyi",
        ".js",
        ".ts",
        ".tsx",
        ".jsx",
        ".ipynb",
        ".go",
        ".java",
        ".rb",
        ".css",
        ".html",
    }:
        return
    for candidate in _by_format(file, path):
        if candidate.strict or is_secret_name(candidate.key):
            yield candidate


def _by_format(file: TextFile, path: PurePosixPath) -> Iterator[Candidate]:
    yield from defaults(file)
    if path.suffix in _STRUCTURED:
        tree = structured.bound(file)
        yield from tree if tree is not None else _matches(file, _LINE, _INLINE)
    elif "dockerfile" in path.name or "containerfile" in path.name:
        yield from _instructions(file)
    elif path.suffix in _DOCUMENTS or path.suffix in _SHELL or path.name in {"makefile", "procfile"}:
        yield from _matches(file, _ASSIGNMENT)
    elif path.suffix == ".xml":
        yield from _matches(file, _ELEMENT, _ATTRIBUTE)
    elif path.suffix in _INI or is_environment(file.path) or path.name in _RC_NAMES:
        yield from _configuration(file, path)


def _configuration(file: TextFile, path: PurePosixPath) -> Iterator[Candidate]:
    yield from _matches(file, _LINE)
    if path.suffix == ".toml":
        yield from _matches(file, _INLINE)
    if path.name == ".netrc":
        yield from _matches(file, _LOGIN)
    if path.name == ".pgpass":
        yield from _matches(file, _PASS_FILE, strict=True)
    if path.suffix == ".config":
        yield from _matches(file, _ATTRIBUTE, _ELEMENT)
    yield from _encoded(file)


def _encoded(file: TextFile) -> Iterator[Candidate]:
    """Yield `user:password` in base64, as registries of packages and images want it."""
    lines = Lines(file.text)
    for match in _AUTH.finditer(file.text):
        _, colon, password = decoded(match["value"]).partition(":")
        if colon and password:
            yield Candidate(
                path=file.path,
                line=lines.at(match.start()),
                rule=RULE,
                key="auth",
                value=password,
                strict=True,
            )


def decoded(value: str) -> str:
    """Return the text that base64 encodes, empty where it encodes none."""
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _instructions(file: TextFile) -> Iterator[Candidate]:
    """Yield what ENV and ARG set; a line that ends with a backslash goes on, and keeps its place."""
    text = re.sub(r"\\[ \t]*\n", lambda match: " " * (len(match[0]) - 1) + "\v", file.text)
    lines = Lines(file.text)
    for instruction in _INSTRUCTION.finditer(text):
        rest, start = instruction["rest"], instruction.start("rest")
        pairs = list(_PAIR.finditer(rest))
        legacy = re.match(r"(?P<key>[A-Za-z_]\w*)[ \t]+(?P<value>\S.*)", rest)
        for match in pairs or ([legacy] if legacy else []):
            yield Candidate(
                path=file.path,
                line=lines.at(start + match.start()),
                rule=RULE,
                key=match["key"],
                value=unquoted(match["value"]),
            )


def _matches(file: TextFile, *patterns: re.Pattern[str], strict: bool = False) -> Iterator[Candidate]:
    lines = Lines(file.text)
    for pattern in patterns:
        for match in pattern.finditer(file.text):
            key = match["key"].rpartition(":")[2] or match["key"]
            yield Candidate(
                path=file.path,
                line=lines.at(match.start("value")),
                rule=RULE,
                key=key,
                value=unquoted(match["value"]),
                strict=strict,
            )


def unquoted(text: str) -> str:
    """Return a value without its quotes, or without the comment that follows it."""
    text = text.strip()
    if text[:1] in {'"', "'"}:
        closing = text.find(text[0], 1)
        return text[1:closing] if closing > 0 else text[1:]
    return _COMMENT.sub("", text).strip().rstrip(",;")
