"""Finds the values that configuration of any format binds to the names of secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from pytest_failhard.gates.secrets import structured
from pytest_failhard.gates.secrets.candidates import Candidate, Lines
from pytest_failhard.gates.secrets.formats import defaults
from pytest_failhard.gates.secrets.places import is_environment
from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.source.text_files import TextFile

Reader = Callable[[TextFile], Iterator[Candidate]]
RULE = "secret-value"
_YAML = frozenset({".yaml", ".yml", ".template"})
_JSON = frozenset({".json", ".jsonc", ".json5"})
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_LINE = re.compile(
    rf"^[ \t]*(?:export[ \t]+|set[ \t]+|setx[ \t]+|\$env:|-[ \t]+)?[\"']?(?P<key>[A-Za-z_/][\w.:/@-]*?)[\"']?"
    rf"[ \t]*(?:=|:=|\?=|:(?=[ \t])|[ ]=>)[ \t]*(?P<value>{_QUOTED}|[^\s\"'].*)[ \t]*,?[ \t]*(?:[#;].*)?$",
    re.MULTILINE,
)
_INLINE = re.compile(rf"[\"']?(?P<key>[A-Za-z_][\w.-]*)[\"']?[ \t]*[=:][ \t]*(?P<value>{_QUOTED})")
_INSTRUCTION = re.compile(r"^[ \t]*(?:ENV|ARG)[ \t]+(?P<rest>\S.*)$", re.MULTILINE | re.IGNORECASE)
_LEGACY = re.compile(r"(?P<key>[A-Za-z_]\w*)[ \t]+(?P<value>\S.*)")
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
_MEMBER = re.compile(rf"\"(?P<key>[^\"\\\n]{{1,80}})\"\s*:\s*(?P<value>{_QUOTED})")
_VARIABLE = re.compile(rf"\"name\"\s*:\s*\"(?P<key>[\w.-]+)\"\s*,\s*\"value\"\s*:\s*(?P<value>{_QUOTED})")
_CONTAINERFILE = re.compile(r"(?:^|[._-])(?:dockerfile|containerfile)(?:$|[._-])")
# Each name that holds a secret has one of these in it; a file without any is not read further.
_PARTS = (
    "secret",
    "passw",
    "passphrase",
    "pwd",
    "key",
    "token",
    "bearer",
    "credential",
    "salt",
    "dsn",
    "auth",
)
_INI = frozenset(
    {".ini", ".cfg", ".conf", ".properties", ".config", ".tfvars", ".tf", ".env", ".toml", ".service"}
)
_CODE = frozenset(
    {".py", ".pyi", ".js", ".ts", ".tsx", ".jsx", ".mjs", ".ipynb", ".go", ".java", ".rb", ".css", ".html"}
)
"""Where a name is bound in code: other rules judge Python, and the detector sees what looks drawn."""
_SHELL = frozenset({".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".mk"})
_SHELL_NAMES = frozenset({"makefile", "procfile", ".bashrc", ".profile"})
_DOCUMENTS = frozenset({".md", ".mdx", ".rst", ".txt", ".adoc"})
_RC_NAMES = frozenset(
    {".npmrc", ".pypirc", ".netrc", ".pgpass", ".yarnrc", "credentials", "config", ".dockercfg"}
)


def bound(file: TextFile) -> Iterator[Candidate]:
    """Yield every value that a file binds to a secret's name, references and words included."""
    text = file.text.lower()
    if any(part in text for part in _PARTS) or file.path.endswith(".pgpass"):
        yield from _by_format(file, PurePosixPath(file.path.lower()))


def _by_format(file: TextFile, path: PurePosixPath) -> Iterator[Candidate]:
    kinds: tuple[tuple[bool, Reader], ...] = (
        (path.suffix in _CODE, _nothing),
        (path.suffix in _YAML, _yaml),
        (path.suffix in _JSON, _json),
        (bool(_CONTAINERFILE.search(path.name)), _instructions),
        (path.suffix in _DOCUMENTS | _SHELL or path.name in _SHELL_NAMES, _assignments),
        (path.suffix == ".xml", _elements),
        (path.suffix in _INI or path.name in _RC_NAMES or is_environment(file.path), _configuration),
    )
    reader = next((reader for applies, reader in kinds if applies), _nothing)
    yield from reader(file)
    if path.suffix not in _CODE:
        yield from (each for each in defaults(file) if is_secret_name(each.key))


def _nothing(file: TextFile) -> Iterator[Candidate]:
    """Read nothing: code is judged by other rules, and of other files no format is known."""
    del file
    return iter(())


def _yaml(file: TextFile) -> Iterator[Candidate]:
    tree = structured.bound(file)
    yield from tree if tree is not None else _matches(file, _LINE, _INLINE)


def _json(file: TextFile) -> Iterator[Candidate]:
    yield from _matches(file, _MEMBER, _VARIABLE)
    yield from _encoded(file)


def _assignments(file: TextFile) -> Iterator[Candidate]:
    yield from _matches(file, _ASSIGNMENT, literal=True)


def _elements(file: TextFile) -> Iterator[Candidate]:
    yield from _matches(file, _ELEMENT, _ATTRIBUTE)


def _configuration(file: TextFile) -> Iterator[Candidate]:
    path = PurePosixPath(file.path.lower())
    yield from _matches(file, _LINE, literal=is_environment(file.path))
    if path.suffix == ".toml":
        yield from _matches(file, _INLINE)
    if path.name == ".netrc":
        yield from _matches(file, _LOGIN)
    if path.name == ".pgpass":
        yield from _matches(file, _PASS_FILE, key="password")
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
            )


def decoded(value: str) -> str:
    """Return the text that base64 encodes, empty where it encodes none."""
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _instructions(file: TextFile) -> Iterator[Candidate]:
    """Yield what ENV and ARG set; a line that ends with a backslash goes on, and keeps its place."""
    text = re.sub(r"\\[ \t]*\n", lambda match: " " * len(match[0]), file.text)
    lines = Lines(file.text)
    for instruction in _INSTRUCTION.finditer(text):
        rest = instruction["rest"]
        legacy = _LEGACY.match(rest)
        for match in [legacy] if legacy else _PAIR.finditer(rest):
            if is_secret_name(match["key"]):
                line = lines.at(instruction.start("rest") + match.start())
                yield _candidate(file, line, match["key"], match["value"], literal=True)


def _matches(
    file: TextFile, *patterns: re.Pattern[str], key: str = "", literal: bool = False
) -> Iterator[Candidate]:
    """Yield what patterns find under a secret's name; `key` is the name where the file gives none."""
    lines = Lines(file.text)
    for pattern in patterns:
        for match in pattern.finditer(file.text):
            name = key or match["key"].rpartition(":")[2]
            if is_secret_name(name):
                yield _candidate(file, lines.at(match.start("value")), name, match["value"], literal=literal)


def _candidate(file: TextFile, line: int, key: str, value: str, *, literal: bool) -> Candidate:
    return Candidate(path=file.path, line=line, rule=RULE, key=key, value=unquoted(value), literal=literal)


def unquoted(text: str) -> str:
    """Return a value without its quotes, or without the comment that follows it."""
    text = text.strip()
    if text[:1] in {'"', "'"}:
        closing = text.find(text[0], 1)
        return text[1:closing] if closing > 0 else text[1:]
    return _COMMENT.sub("", text).strip().rstrip(",;")
