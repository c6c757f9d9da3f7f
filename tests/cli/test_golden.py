"""`failhard golden`: shows the ceilings, measures, and lowers them; what is worse has to be named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.cli import golden
from pytest_failhard.gates.performance.golden import FILE, parse
from tests.gates.performance.jobs import JOB, PROJECT, VARIANTS
from tests.support import write

WORKLOAD = """
[tool.failhard]
level = 1
source = ["app.py"]

[[tool.failhard.performance.workloads]]
id = "describe"
kind = "job"
start = ["python", "-S", "app.py", "bench/items.jsonl"]
items = 8
done = "out/*.jsonl"
llm_delay_ms = 1
"""
SAID = ("--reason", "two steps", "--owner", "anna@shop.invalid")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    files = {name: text for name, text in PROJECT.items() if not name.startswith("out/")}
    return write(tmp_path / "shop", {**files, "pyproject.toml": PROJECT["pyproject.toml"] + WORKLOAD})


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[object, list[str]]:
    """Return the exit status and the lines that were written."""
    with pytest.raises(SystemExit) as ended:
        golden.command.main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return ended.value.code, (out + err).splitlines()


def values(root: Path) -> dict[str, int]:
    return {entry.counter: entry.value for entry in parse((root / FILE).read_bytes()).entries.values()}


def test_from_the_first_ceiling_to_one_that_rises(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "update", shop, *SAID) == (
        0,
        [
            "failhard: describe/llm_calls: - -> 8",
            "failhard: describe/llm_cost_micro_usd: - -> 1300",
            "failhard: describe/llm_input_tokens: - -> 40",
            "failhard: describe/llm_output_tokens: - -> 120",
            f"failhard: {FILE}: 4 changed, 0 kept",
        ],
    )
    before = (shop / FILE).read_bytes()
    first = json.loads(before)["entries"][0]
    assert (first["reason"], first["owner"], first["commit"]) == ("two steps", "anna@shop.invalid", "")
    assert not (shop / "out").exists()

    status, lines = run(capsys, "show", shop)
    assert status == 0
    assert lines[0].split() == ["case", "counter", "ceiling", "owner", "date", "reason"]
    assert lines[1].split()[:4] == ["describe", "llm_calls", "8", "anna@shop.invalid"]
    assert lines[1].endswith("  two steps")

    write(shop, {"app.py": JOB.replace(*VARIANTS["longer_prompt"])})
    refused = run(capsys, "update", shop, *SAID)
    assert refused[0] == 1
    assert "--loosen describe/llm_cost_micro_usd --loosen describe/llm_input_tokens" in refused[1][0]
    assert (shop / FILE).read_bytes() == before
    loosened = [
        part for name in ("cost_micro_usd", "input_tokens") for part in ("--loosen", f"describe/llm_{name}")
    ]
    status, lines = run(capsys, "update", shop, "--reason", "more detail", "--owner", "ben", *loosened)
    assert (status, lines[-1]) == (0, f"failhard: {FILE}: 2 changed, 2 kept")
    assert values(shop)["llm_input_tokens"] == 64
    assert {entry.owner for entry in parse((shop / FILE).read_bytes()).entries.values()} == {
        "anna@shop.invalid",
        "ben",
    }


@pytest.mark.parametrize("said", [(), SAID[:2], SAID[2:], ("--reason", "because", *SAID[2:])])
def test_without_reason_or_owner_nothing_is_measured(
    said: tuple[str, ...], shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "update", shop, *said) == (
        2,
        ["failhard: add --reason, of two words or more, and --owner"],
    )
    assert not (shop / FILE).exists()


def test_what_is_wrong_is_said(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (shop / "pyproject.toml").read_text()
    write(shop, {"pyproject.toml": text.replace("items = 8", 'items = "8"').replace("done =", "dnoe =")})
    status, lines = run(capsys, "update", shop, *SAID)
    assert status == 2
    assert lines[0].startswith("failhard: pyproject.toml: [tool.failhard.performance] workloads[0].")
    assert len(lines) > 1
    write(shop, {"pyproject.toml": PROJECT["pyproject.toml"]})
    status, lines = run(capsys, "update", shop, *SAID)
    assert (status, "no workload is declared" in lines[0]) == (2, True)
    write(shop, {"pyproject.toml": text, "app.py": "raise SystemExit('no items')"})
    status, lines = run(capsys, "update", shop, *SAID)
    assert (status, "head ended with exit code 1" in lines[0]) == (3, True)
    write(shop, {FILE: "{}"})
    status, lines = run(capsys, "show", shop)
    assert (status, FILE in lines[0]) == (2, True)
