"""Tests of reading back: what is no valid document, or not of this closure, is refused with its reason."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.schema._res import BOM_JSON_STRICT

from pytest_failhard.distributions.bom import written
from pytest_failhard.model import GateError
from tests.distributions.bom.material import lock, rendered
from tests.schemas import jsonschema
from tests.support import measuring

Document = dict[str, Any]
MEMBERS = frozenset(
    (title, "1.0", f"pkg:pypi/{name}@1.0")
    for title, name in {"Web.Kit": "web-kit", "core": "core", "bare": "bare"}.items()
)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return rendered(tmp_path_factory.mktemp("valid"), uv_lock=lock("core"))


def refused(data: bytes, change: Callable[[Document], object]) -> str:
    document = json.loads(data)
    change(document)
    with pytest.raises(GateError) as caught:
        written.load(json.dumps(document).encode())
    return str(caught.value)


def test_the_valid_one_is_read_whole(valid: bytes) -> None:
    bom = written.load(valid)
    assert bom.members == MEMBERS
    written.compare(bom, MEMBERS)


def component(document: Document, name: str = "core") -> Document:
    found: Document = next(each for each in document["components"] if each["name"] == name)
    return found


INVALID: dict[str, tuple[Callable[[Document], object], str]] = {
    "unknown licence id": (
        lambda d: component(d).update(licenses=[{"license": {"id": "MITT"}}]),
        "components/2/licenses: [{'license': {'id': 'MITT'}}] is not valid",
    ),
    "unknown licence in an expression": (
        lambda d: component(d).update(licenses=[{"expression": "MITT"}]),
        "core: Unknown license: 'mitt'",
    ),
    "broken expression": (
        lambda d: component(d).update(licenses=[{"expression": "MIT AND"}]),
        "Invalid license expression",
    ),
    "extra field": (lambda d: d.update(surplus=1), "'surplus' was unexpected"),
    "extra field of a component": (lambda d: component(d).update(surplus=1), "'surplus' was unexpected"),
    "no name": (lambda d: component(d).pop("name"), "'name' is a required property"),
    "short hash": (
        lambda d: component(d).update(hashes=[{"alg": "SHA-256", "content": "abc"}]),
        "hashes/0/content",
    ),
    "broken URL": (
        lambda d: component(d)["supplier"].update(url=["https://x.example/a b"]),
        "is not a 'iri-reference'",
    ),
    "broken address": (
        lambda d: component(d)["supplier"].update(contact=[{"email": "nobody"}]),
        "is not a 'idn-email'",
    ),
    "broken time": (lambda d: d["metadata"].update(timestamp="yesterday"), "is not a 'date-time'"),
    "broken serial number": (lambda d: d.update(serialNumber="urn:uuid:1"), "serialNumber"),
    "another version": (lambda d: d.update(specVersion="1.5"), "lacks a part that we write"),
    "no root": (lambda d: d["metadata"].pop("component"), "lacks a part that we write"),
    "dangling edge": (
        lambda d: d["dependencies"][0].update(dependsOn=["pkg:pypi/gone@1"]),
        "gone@1 is no component",
    ),
    "dangling node": (
        lambda d: d["dependencies"].append({"ref": "pkg:pypi/gone@1"}),
        "gone@1 is no component",
    ),
    "node without edges": (lambda d: d["dependencies"].pop(), "root is not listed"),
    "dangling composition": (
        lambda d: d["compositions"][0]["dependencies"].append("gone"),
        "compositions: gone is no component",
    ),
    "component twice": (
        lambda d: d["components"].append({**component(d), "version": "2"}),
        "core@1.0 stands there twice",
    ),
}


@pytest.mark.parametrize(("change", "reason"), INVALID.values(), ids=INVALID)
def test_what_is_not_valid(valid: bytes, change: Callable[[Document], object], reason: str) -> None:
    assert reason in refused(valid, change)


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        ([1, 1.0], True),
        ([{"a": [1, None], "b": "x"}, {"b": "x", "a": [1, None]}], True),
        ([[], [1], [2], [1]], True),
        ([1, True, "1", None, [1], {"1": 1}, [[1]], "true"], False),
        ([{}, [], 0, False, ""], False),
        ("aa", False),
    ],
)
def test_values_are_compared_as_jsonschema_does(values: Any, is_refused: bool) -> None:
    validator = written._validator().evolve(schema={"uniqueItems": True})
    assert validator.is_valid(values) is not is_refused
    assert jsonschema.Draft7Validator({"uniqueItems": True}).is_valid(values) is not is_refused
    assert validator.evolve(schema={"uniqueItems": False}).is_valid(values)


def test_many_mistakes_are_counted(valid: bytes) -> None:
    def change(document: Document) -> None:
        document["components"] = [{"type": "library"}] * 1 + [{"name": number} for number in range(9)]

    assert "more" in refused(valid, change)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(GateError, match="is no JSON"):
        written.load(data)


@pytest.mark.parametrize("name", ["core", "bare"])
def test_a_component_removed_by_hand_is_a_mismatch(valid: bytes, name: str) -> None:
    document = json.loads(valid)
    gone = component(document, name)
    ref = gone["bom-ref"]
    document["components"].remove(gone)
    document["dependencies"] = [each for each in document["dependencies"] if each["ref"] != ref]
    for part in (*document["dependencies"], *document["compositions"]):
        for key in ("dependsOn", "dependencies", "assemblies"):
            if key in part:
                part[key] = [each for each in part[key] if each != ref]
    bom = written.load(json.dumps(document).encode())
    with pytest.raises(GateError, match=rf"mismatch: .* differ: {name} 1\.0 not listed, nothing listed"):
        written.compare(bom, MEMBERS)


def test_a_component_too_many_and_another_version_are_a_mismatch(valid: bytes) -> None:
    bom = written.load(valid)
    with pytest.raises(GateError, match=r"core 1\.0 listed and not in the closure"):
        written.compare(bom, frozenset(each for each in MEMBERS if each[0] != "core"))
    other = {("core", "2.0", "pkg:pypi/core@2.0"), *(each for each in MEMBERS if each[0] != "core")}
    with pytest.raises(GateError, match=r"core 2\.0 not listed, core 1\.0 listed"):
        written.compare(bom, frozenset(other))


def test_the_grammar_of_iris_is_not_loaded() -> None:
    code = """
import sys
from pytest_failhard.distributions.bom import written
from pytest_failhard.model import GateError
try:
    written.load(b"{}")
except GateError as error:
    print(error, "jsonschema" in sys.modules, "rfc3987_syntax" in sys.modules)
"""
    argv = [sys.executable, "-I", "-c", code]
    done = subprocess.run(argv, env=measuring(), capture_output=True, text=True, check=True, timeout=120)
    assert "no valid CycloneDX 1.6" in done.stdout
    assert done.stdout.endswith("True False\n")


def test_formats_that_cannot_be_checked_are_an_error(valid: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(jsonschema.Draft7Validator.FORMAT_CHECKER.checkers, "date-time")
    with pytest.raises(GateError, match=r"cannot check the formats date-time: .*\[validation\]"):
        written.load(valid)


def test_a_library_without_the_schema_is_an_error(valid: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOM_JSON_STRICT, SchemaVersion.V1_6, None)
    with pytest.raises(GateError, match=r"no schema of CycloneDX 1\.6"):
        written.load(valid)
