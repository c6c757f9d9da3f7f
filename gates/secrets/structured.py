"""Finds the values that YAML binds to names: mappings, lists of variables, Kubernetes Secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

import yaml

from pytest_failhard.gates.secrets.candidates import Candidate
from pytest_failhard.gates.secrets.formats import passwords, url_candidate
from pytest_failhard.source.secret_names import is_random, is_secret_name
from pytest_failhard.source.text_files import TextFile
from pytest_failhard.source.yaml_text import YamlError, nodes

_ENTRY = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_INNER = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][\w.-]*)[ \t]*[:=][ \t]*(?P<value>\S+)$", re.MULTILINE
)
_ENVIRONMENTS = frozenset({"environment", "env", "variables", "env_vars"})
_SEALED = frozenset({"encrypteddata", "sealedsecret"})
_SCALAR_TAGS = "tag:yaml.org,2002:"


def bound(file: TextFile) -> Sequence[Candidate] | None:
    """Return what a file binds to secrets' names, None where it is no YAML (a template, say)."""
    try:
        documents = nodes(file.text)
    except YamlError:
        return None
    return [
        candidate for document in documents for candidate in _walk(file, document, _is_deployed(document))
    ]


def _is_deployed(document: yaml.Node) -> bool:
    """Tell whether a document starts something by what it is: a compose file, a Kubernetes object."""
    if not isinstance(document, yaml.MappingNode):
        return False
    names = {str(key.value) for key, _ in document.value}
    return "services" in names or {"apiVersion", "kind"} <= names


def _walk(file: TextFile, top: yaml.Node, deployed: bool) -> Iterator[Candidate]:
    seen: set[int] = set()
    work = [(top, False)]
    while work:
        node, is_environment = work.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            if _text(node, "kind") == "Secret":
                yield from _secret(file, node)
                continue
            yield from _pairs(file, node, deployed, literal=is_environment)
            named = ((str(key.value).lower(), value) for key, value in node.value)
            work += [(value, name in _ENVIRONMENTS) for name, value in named if name not in _SEALED]
        elif isinstance(node, yaml.SequenceNode):
            yield from _entries(file, node, deployed)
            work += [(entry, False) for entry in node.value]


def _pairs(file: TextFile, node: yaml.MappingNode, deployed: bool, *, literal: bool) -> Iterator[Candidate]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not _is_plain(value):
            continue
        if is_secret_name(key.value):
            yield _candidate(
                file, value.start_mark.line, key.value, value.value, deployed=deployed, literal=literal
            )
        elif "\n" in value.value:
            yield from _block(file, value, deployed)
    # A list of `name:` and `value:`, as Kubernetes and ECS write variables.
    name = _text(node, "name") or _text(node, "key")
    value = _child(node, "value")
    if is_secret_name(name) and value is not None and _is_plain(value):
        yield _candidate(file, value.start_mark.line, name, value.value, deployed=deployed)


def _block(file: TextFile, node: yaml.ScalarNode, deployed: bool) -> Iterator[Candidate]:
    """Yield what the lines of a text in a text bind: a properties file in a ConfigMap, a script in CI."""
    for number, line in enumerate(node.value.split("\n"), node.start_mark.line + 1):
        match = _INNER.match(line)
        if match and is_secret_name(match["key"]):
            yield _candidate(file, number, match["key"], match["value"].strip("\"'"), deployed=deployed)


def _entries(file: TextFile, node: yaml.SequenceNode, deployed: bool) -> Iterator[Candidate]:
    for entry in node.value:
        match = _ENTRY.fullmatch(entry.value) if _is_plain(entry) else None
        if match and is_secret_name(match["key"]):
            yield _candidate(
                file, entry.start_mark.line, match["key"], match["value"].strip("\"'"), deployed=deployed
            )


def _secret(file: TextFile, document: yaml.MappingNode) -> Iterator[Candidate]:
    """Yield the values of a Kubernetes Secret that are secrets by their name or by what they look like."""
    for section, is_encoded in (("data", True), ("stringData", False)):
        values = _child(document, section)
        pairs = values.value if isinstance(values, yaml.MappingNode) else []
        for key, value in pairs:
            if _is_plain(value):
                text = _decoded(value.value) if is_encoded else value.value
                yield from _secret_value(file, value.start_mark.line, str(key.value), text.strip())


def _secret_value(file: TextFile, line: int, key: str, text: str) -> Iterator[Candidate]:
    urls = list(passwords(text))
    for match in urls:
        yield url_candidate(file, line + 1, match, deployed=True)
    if not urls and (is_secret_name(key) or is_random(text)):
        yield _candidate(file, line, key, text, deployed=True)


def _decoded(value: str) -> str:
    """Return what the base64 of a Secret holds; what is none, a template say, stays as it is."""
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return value


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.startswith(_SCALAR_TAGS)


def _child(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)


def _text(node: yaml.MappingNode, name: str) -> str:
    child = _child(node, name)
    return str(child.value) if isinstance(child, yaml.ScalarNode) else ""


def _candidate(
    file: TextFile, line: int, key: str, value: str, *, deployed: bool, literal: bool = True
) -> Candidate:
    return Candidate(
        path=file.path,
        line=line + 1,
        rule="secret-value",
        key=key,
        value=value,
        deployed=deployed,
        literal=literal,
    )
