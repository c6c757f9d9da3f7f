"""Writes what the SDKs did in a run of the fault matrix into the catalogue: what `observed` then demands.

Run `ACCEPTANCE_SIZE=full pytest tests/llm/sdk --junitxml=FILE`, then this with the same FILE, and
read the difference.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent.parent / "pytest_failhard" / "llm" / "catalogue.yaml"
LINE = 110
ORDER = ("openai-3", "openai-2", "anthropic", "google-genai", "boto3")
Seen = Mapping[str, object]
Form = tuple[str, str]
FAULT = re.compile(r"- id: (?P<name>\w+)$")
DIALECT = re.compile(r" {4}(?P<name>\w+):$")
OBSERVED = re.compile(r" {6}observed:(?P<rest>.*)$")
ENTRY = re.compile(
    r"(?P<key>[\w.-]+): "
    r"(?P<value>\{attempts: \d+(?:, exception: [\w.]+)?(?:, result: (?:\"(?:\\.|[^\"\\])*\"|[^{}\"]*))?\})"
)


def _properties(file: Path) -> Iterator[Sequence[object]]:
    for each in ET.parse(file).iter("property"):
        if each.get("name") == "observed":
            yield json.loads(each.get("value") or "null")


def _place(observation: Sequence[object]) -> int:
    """Return where a case stands in the matrix: the plain way of calling comes first."""
    return int(str(observation[0]))


def met(file: Path) -> dict[Form, dict[str, Seen]]:
    """Return by fault and dialect what each SDK did; a way is noted where it differs from the plain one."""
    found: dict[Form, dict[str, Seen]] = {}
    for _, fault, dialect, keys, seen in sorted(_properties(file), key=_place):
        if not isinstance(seen, dict) or not isinstance(keys, list):
            raise TypeError(f"{file}: {fault}: no observation")
        form = found.setdefault((str(fault), str(dialect)), {})
        *_, plain = keys
        if seen != next((form[key] for key in keys if key in form), None):
            form[keys[0] if plain in form else plain] = seen
    return found


def _flow(seen: Seen) -> str:
    exception, result = seen["exception"], seen["result"]
    parts = [f"attempts: {seen['attempts']}"]
    parts += [f"exception: {exception}"] if exception else []
    parts += [f"result: {json.dumps(result, ensure_ascii=False)}"] if result else []
    return f"{{{', '.join(parts)}}}"


def block(entries: Mapping[str, str]) -> list[str]:
    """Return the lines of `observed`: one where they fit."""
    flow = ", ".join(f"{key}: {value}" for key, value in entries.items())
    short = f"      observed: {{{flow}}}"
    if len(entries) == 1 and len(short) <= LINE:
        return [short]
    return ["      observed:", *(f"        {key}: {value}" for key, value in entries.items())]


def _known(lines: Sequence[str]) -> dict[str, str]:
    text = " ".join(line.strip() for line in lines).removeprefix("observed:").strip()
    return {match["key"]: match["value"] for match in ENTRY.finditer(text)}


def _rank(entry: tuple[str, str]) -> tuple[int, str]:
    """Order the SDKs: those that meet every fault come first, by name those that meet a few."""
    sdk = entry[0].partition(".")[0]
    return (ORDER.index(sdk) if sdk in ORDER else len(ORDER), entry[0])


def _end(lines: Sequence[str], start: int, indent: int) -> int:
    """Return where what is nested under a line ends."""
    end = start + 1
    while end < len(lines) and lines[end].startswith(" " * (indent + 1)):
        end += 1
    return end


def _form(lines: Sequence[str], new: Mapping[str, Seen]) -> list[str]:
    """Return the lines of a form with its observations renewed; of SDKs that were not run, they stay."""
    start = next((place for place, line in enumerate(lines) if OBSERVED.match(line)), len(lines))
    end = _end(lines, start, 6) if start < len(lines) else start
    run = {key.partition(".")[0] for key in new}
    old = {key: value for key, value in _known(lines[start:end]).items() if key.partition(".")[0] not in run}
    entries = old | {key: _flow(seen) for key, seen in new.items()}
    return [*lines[:start], *block(dict(sorted(entries.items(), key=_rank))), *lines[end:]]


def renewed(text: str, found: Mapping[Form, Mapping[str, Seen]]) -> str:
    """Return the catalogue with its observations renewed, and nothing else touched."""
    lines, written, place, fault = text.splitlines(), [], 0, ""
    while place < len(lines):
        line = lines[place]
        if started := FAULT.match(line):
            fault = started["name"]
        dialect = DIALECT.match(line)
        if dialect is None or (fault, dialect["name"]) not in found:
            written.append(line)
            place += 1
            continue
        end = _end(lines, place, 4)
        written += [line, *_form(lines[place + 1 : end], found[fault, dialect["name"]])]
        place = end
    return "\n".join(written) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew the catalogue from the reports given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", nargs="+", type=Path, help="what `pytest --junitxml` has written")
    text = CATALOGUE.read_text("utf-8")
    for report in parser.parse_args(arguments).report:
        text = renewed(text, met(report))
    CATALOGUE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
