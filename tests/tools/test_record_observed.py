"""What the SDKs did is written into the catalogue, and nothing else in it is touched."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from xml.sax.saxutils import quoteattr

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = """\
faults:
- id: server_error
  dialects:
    openai:
      status: 500
      observed: {openai-3: {attempts: 9, exception: openai.Old}, boto3: {attempts: 1, result: "a {b}"}}
    anthropic:
      status: 500
# Of streams
- id: stream_empty
  dialects:
    openai:
      observed:
        openai-2: {attempts: 1, result: stays}
      stream: empty
"""
RENEWED = """\
faults:
- id: server_error
  dialects:
    openai:
      status: 500
      observed:
        openai-3: {attempts: 3, exception: openai.InternalServerError}
        boto3: {attempts: 1, result: "a {b}"}
    anthropic:
      status: 500
      observed: {anthropic: {attempts: 3, exception: anthropic.InternalServerError}}
# Of streams
- id: stream_empty
  dialects:
    openai:
      observed:
        openai-3: {attempts: 1, result: "empty \\"loop\\""}
        openai-3.stream: {attempts: 1, exception: builtins.AssertionError}
        openai-2: {attempts: 1, result: stays}
      stream: empty
"""
SEEN = (
    (
        4,
        "stream_empty",
        "openai",
        ["openai-3.azure_stream", "openai-3.stream", "openai-3"],
        1,
        "builtins.AssertionError",
        "",
    ),
    (3, "stream_empty", "openai", ["openai-3.stream", "openai-3"], 1, "builtins.AssertionError", ""),
    (2, "stream_empty", "openai", ["openai-3.create_stream", "openai-3"], 1, "", 'empty "loop"'),
    (
        1,
        "server_error",
        "anthropic",
        ["anthropic.create", "anthropic"],
        3,
        "anthropic.InternalServerError",
        "",
    ),
    (0, "server_error", "openai", ["openai-3.create", "openai-3"], 3, "openai.InternalServerError", ""),
)


@pytest.fixture(name="record")
def record_fixture() -> ModuleType:
    """Return tools/record_observed.py, which is a program and no package, as a module."""
    spec = importlib.util.spec_from_file_location("record_observed", ROOT / "tools" / "record_observed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _report(folder: Path, *values: str) -> Path:
    properties = "".join(f'<property name="observed" value={quoteattr(value)}/>' for value in values)
    path = folder / "report.xml"
    path.write_text(f'<testsuite><property name="other" value="x"/>{properties}</testsuite>')
    return path


def test_observations_are_renewed_and_ways_noted_where_they_differ(
    record: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = (
        json.dumps([*case, {"attempts": attempts, "exception": exception, "result": result}])
        for *case, attempts, exception, result in SEEN
    )
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(CATALOGUE)
    monkeypatch.setattr(record, "CATALOGUE", catalogue)
    report = _report(tmp_path, *values)
    assert record.main([str(report)]) == 0
    assert catalogue.read_text() == RENEWED
    assert record.main([str(report)]) == 0
    assert catalogue.read_text() == RENEWED


def test_a_report_without_an_observation_is_an_error(record: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="server_error: no observation"):
        record.met(_report(tmp_path, '[0, "server_error", "openai", ["openai-3"], null]'))
