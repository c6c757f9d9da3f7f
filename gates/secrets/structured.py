"""Finds the values that YAML and JSON bind to names: mappings, lists of variables, Kubernetes Secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

import yaml

from pytest_failhard.gates.secrets.candidates import Candidate
from pytest_failhard.source.secret_names import is_random, is_secret_name
from pytest_failhard.source.text_files import TextFile

_ENTRY = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_URL_PASSWORD = re.compile(r"://[^/:@\s]*:[^/@\s{]+@")
_SEALED = frozenset({"encrypteddata", "sealedsecret"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALAR_TAGS = "tag:yaml.org,2002:"


def bound(file: TextFile) -> Sequence[Candidate] | None:
    """Return what the documents of a file bind, None where it is no YAML (a template, say)."""
    text = file.text.replace("\t", " ") if file.path.lower().endswith(".json") else file.text
    try:
        documents = list(yaml.compose_all(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    found: list[Candidate] = []
    for document in documents:
        if isinstance(document, yaml.MappingNode) and _text(document, "kind") == "Secret":
            found += _secret(file, document)
        else:
            found += _walk(file, document)
    return found


def _walk(file: TextFile, top: yaml.Node) -> Iterator[Candidate]:
    seen: set[int] = set()
    work = [top]
    while work:
        node = work.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield from _pairs(file, node)
            work += [value for key, value in node.value if str(key.value).lower() not in _SEALED]
        elif isinstance(node, yaml.SequenceNode):
            yield from _entries(file, node)
            work += node.value


def _pairs(file: TextFile, node: yaml.MappingNode) -> Iterator[Candidate]:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and _is_plain(value):
            yield _candidate(file, value, key.value, value.value)
    # A list of `name:` and `value:`, as Kubernetes and ECS write variables.
    name = _text(node, "name") or _text(node, "key")
    value = _child(node, "value")
    if name and value is not None and _is_plain(value):
        yield _candidate(file, value, name, value.value)


def _entries(file: TextFile, node: yaml.SequenceNode) -> Iterator[Candidate]:
    for entry in node.value:
        match = _ENTRY.fullmatch(entry.value) if _is_plain(entry) else None
        if match:
            yield _candidate(file, entry, match["key"], match["value"].strip("\"'"))


def _secret(file: TextFile, document: yaml.MappingNode) -> Iterator[Candidate]:
    """Yield the values of a Kubernetes Secret that are secrets by their name or by what they look like."""
    for section, is_encoded in (("data", True), ("stringData", False)):
        values = _child(document, section)
        pairs = values.value if isinstance(values, yaml.MappingNode) else []
        for key, value in pairs:
            if not _is_plain(value):
                continue
            text = _plain(value.value) if is_encoded else value.value
            if is_secret_name(key.value) or is_random(text) or _URL_PASSWORD.search(text):
                yield _candidate(file, value, key.value, text.strip(), strict=True)


def _plain(value: str) -> str:
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


def _candidate(file: TextFile, node: yaml.Node, key: str, value: str, *, strict: bool = False) -> Candidate:
    return Candidate(
        path=file.path,
        line=node.start_mark.line + 1,
        rule="secret-value",
        key=str(key),
        value=value,
        strict=strict,
    )
