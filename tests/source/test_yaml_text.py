"""YAML of somebody else: values, nodes, and one error for all that can be wrong with it."""

from __future__ import annotations

import pytest
import yaml

from pytest_failhard.source import yaml_text
from pytest_failhard.source.yaml_text import YamlError


def test_documents_are_values() -> None:
    assert yaml_text.values("a: 1\n---\n[b]\n") == [{"a": 1}, ["b"]]
    assert yaml_text.value("a: 1\n") == {"a": 1}
    assert yaml_text.value("") is None
    assert yaml_text.value(b"na\xc3\xafve") == "na\u00efve"


def test_documents_are_nodes() -> None:
    first, second = yaml_text.nodes("a: 1\n---\n[b]\n")
    assert isinstance(first, yaml.MappingNode)
    assert isinstance(second, yaml.SequenceNode)
    assert second.start_mark.line == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\n---\nb: 2\n", "holds 2 documents"),
        ("a:\n  - b\n c: 1\n", "^line 3: "),
        ("a: 2026-13-01\n", "ValueError: month"),
        ("!!int x", "ValueError: invalid literal"),
        ("\0", "ReaderError: "),
        ("a: *b\n", "^line 1: found undefined alias"),
        ("[" * 20_000, "RecursionError: "),
    ],
)
def test_whatever_is_wrong_is_one_error(text: str, says: str) -> None:
    with pytest.raises(YamlError, match=says):
        yaml_text.value(text)


@pytest.mark.parametrize("deep", ["[" * 300, "{a: " * 300, "- " * 300])
def test_c_is_never_given_what_is_too_deep(deep: str) -> None:
    with pytest.raises(YamlError, match="nested more than 200 deep"):
        yaml_text.nodes(deep)
    with pytest.raises(YamlError, match="nested more than 200 deep"):
        yaml_text.values(deep, getattr(yaml, "CSafeLoader", None))
