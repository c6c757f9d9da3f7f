"""detect-secrets' output is believed only where it proves that each file was looked into."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.secrets import SecretsGate
from pytest_failhard.gates.secrets.detector import CANARIES, FILTERS, PLUGINS_OFF, parse
from pytest_failhard.model import GateError
from tests.conftest import Script
from tests.support import gate_run, write

SHA1 = "ab" * 20


def entry(number: int, kind: str, sha1: str, line: int = 1) -> dict[str, object]:
    name = f"lines/{number}.txt"
    return {"filename": name, "line_number": line, "type": kind, "hashed_secret": sha1, "is_verified": False}


def canaries(number: int) -> list[dict[str, object]]:
    digests = {kind: hashlib.sha1(value.encode()).hexdigest() for kind, value in CANARIES.items()}
    return [entry(number, kind, digest) for kind, digest in digests.items()]


DOCUMENT = {
    "filters_used": [],
    "plugins_used": [{"name": "AWSKeyDetector"}],
    "results": {
        "lines/0.txt": [*canaries(0), entry(0, "Slack Token", SHA1)],
        "lines/1.txt": canaries(1),
    },
}
RECORDED = json.dumps(DOCUMENT).encode()


def replaced(**parts: object) -> bytes:
    return json.dumps({**DOCUMENT, **parts}).encode()


def test_a_complete_document_is_read_without_its_canaries() -> None:
    (hit,) = parse(RECORDED, 2)
    assert (hit.number, hit.line, hit.kind, hit.sha1) == (0, 1, "Slack Token", SHA1)


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"[]",
        b"\xff",
        replaced(filters_used=[{"path": FILTERS[0]}]),
        replaced(plugins_used=[{"name": PLUGINS_OFF[0]}]),
        replaced(results={}),
        replaced(results={"lines/0.txt": canaries(0)}),
        replaced(results={"lines/0.txt": canaries(0), "lines/1.txt": canaries(1)[:1]}),
        replaced(results={"lines/0.txt": canaries(0), "lines/1.txt": canaries(0)}),
        # The scripted reply has no type.
        replaced(results={"lines/0.txt": [entry(0, "Slack Token", SHA1, None)]}),  # type: ignore[arg-type]
        replaced(results={"lines/0.txt": [{**entry(0, "Slack Token", SHA1), "filename": "app/main.py"}]}),
        replaced(results={"lines/0.txt": [entry(0, "Slack Token", "short")]}),
    ],
    ids=range(12),
)
def test_what_it_must_not_say(output: bytes) -> None:
    with pytest.raises(GateError, match="detect-secrets: "):
        parse(output, 2)


def test_more_files_than_it_was_given_are_an_error() -> None:
    with pytest.raises(GateError, match="it looked into 2 files of 1"):
        parse(RECORDED, 1)


@given(st.integers(0, len(RECORDED) - 1))
def test_cut_output_is_an_error(length: int) -> None:
    with pytest.raises(GateError):
        parse(RECORDED[:length], 2)


def scripted(script: Script, tmp_path: Path, *entries: dict[str, object]) -> list[str]:
    """Return the messages of a gate whose detector says this of the one file."""
    document = {"filters_used": [], "plugins_used": [], "results": {"x": [*canaries(0), *entries]}}
    tools = script(("out", json.dumps(document).encode().hex()), ("exit", 0))
    root = write(tmp_path / "p", {"a.txt": "KEY = 'a1' + 'abcdefgh12345678'\n"})
    gate = SecretsGate()
    scratch = tmp_path / "scratch"
    run = gate_run(
        root, gate, scratch=scratch, source=(), executable=tools.executable, packages=tools.packages
    )
    observation = gate.observe(run)
    assert not (scratch / "lines").exists()
    return [finding.message for finding in observation.findings]


def test_a_value_that_only_the_detector_knows_is_a_finding_of_unknown_length(
    script: Script, tmp_path: Path
) -> None:
    found = scripted(script, tmp_path, entry(0, "Slack Token", SHA1), entry(0, "Private Key", SHA1))
    assert found == ["here stands a provider's key (unknown length)"]


def test_two_values_in_a_line_that_only_the_detector_knows_are_two(script: Script, tmp_path: Path) -> None:
    found = scripted(
        script, tmp_path, entry(0, "Slack Token", SHA1), entry(0, "Stripe Access Key", "cd" * 20)
    )
    assert len(found) == 2


def test_a_line_that_the_file_does_not_have_is_an_error(script: Script, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="a line that the file does not have"):
        scripted(script, tmp_path, entry(0, "Slack Token", SHA1, 9))
