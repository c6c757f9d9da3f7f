"""Keeps the secrets of a run out of what the gate itself says and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_failhard.gates.system.stage import Canary
from pytest_failhard.leakage import leaks
from pytest_failhard.model import Finding, GateError
from pytest_failhard.system.declaration import System


def random_parts(system: System, canaries: Iterable[Canary]) -> dict[str, str]:
    """Return what is secret of each canary, by a label: its value without what its shape gives away."""
    shapes = {secret.name: secret.shape for secret in system.secrets or ()}
    found: dict[str, str] = {}
    for number, canary in enumerate(canaries):
        first, _, last = shapes.get(canary.name, "").partition("*")
        value = canary.value.removeprefix(first).removesuffix(last)
        found[f"{canary.name}\0{number}"] = value or canary.value
    return found


def name_of(label: str) -> str:
    """Return the variable that a label is about."""
    return label.partition("\0")[0]


def cleaned(text: str, parts: Mapping[str, str]) -> str:
    """Return a text without the lines that hold a secret in any form; each is replaced by a note."""
    if not leaks(text, parts):
        return text
    return "".join(_cleaned_line(line, parts) for line in text.splitlines(keepends=True))


def _cleaned_line(line: str, parts: Mapping[str, str]) -> str:
    found = sorted({name_of(leak.key) for leak in leaks(line, parts)})
    return f"<a line with the value of {', '.join(found)} is left out>\n" if found else line


def require_clean(findings: Sequence[Finding], parts: Mapping[str, str]) -> None:
    """Refuse to report a secret; raises GateError, for that is a fault of the gate."""
    for finding in findings:
        text = "\n".join((finding.rule, finding.path, finding.message, finding.fix, finding.anchor))
        found = sorted({name_of(leak.key) for leak in leaks(text, parts)})
        if found:
            raise GateError(f"{finding.rule}: the finding itself holds the value of {', '.join(found)}")
