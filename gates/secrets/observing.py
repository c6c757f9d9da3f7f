"""What the gate `secrets` sees: every text file, read by an engine and by our own formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from pytest_failhard.gates.secrets.bindings import bound
from pytest_failhard.gates.secrets.candidates import Candidate
from pytest_failhard.gates.secrets.detector import DETECT_SECRETS, detected
from pytest_failhard.gates.secrets.formats import known_formats, url_passwords
from pytest_failhard.gates.secrets.places import place
from pytest_failhard.gates.secrets.settings import SecretsSettings
from pytest_failhard.gates.secrets.severities import assess
from pytest_failhard.model import Finding, GateError, Observation, Run, Severity
from pytest_failhard.source import files
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.text_files import TextFile, Texts, read

KIND = "secrets/1"
"""The form of what is left for a later run: the suppressions in a file where nothing was found."""
RANK = ("private-key", "provider-key", "bearer-token", "url-credentials", "secret-value", "random-text")
"""The rules, by what they know."""
_SUPPRESSION = re.compile(
    r"pragma: ?(?:allow|white)list[ -](?:nextline[ -])?secret|gitleaks:allow|trufflehog:ignore"
)


def observe(run: Run, settings: SecretsSettings) -> Observation:
    """Return what the gate `secrets` sees; raises GateError where it could not look."""
    tool = run.tool(DETECT_SECRETS)
    texts = read(run.root, settings.max_file_bytes)
    if not texts.files:
        raise GateError(f"no text file in {run.root.name}: name the folder that holds the project")
    product = files.read(run.root, run.source, run.test_roots).product
    imported = frozenset(file.path for file in product)
    by_file = ByFile(KIND, run.recall())
    said = {file.path: by_file.find(file.path, _bytes(file)) for file in texts.files}
    # However much is known: that the detector works is shown in every run.
    others = [file for file in texts.files if said[file.path] is None]
    candidates = [*own(others), *detected(run, others or texts.files[:1])]
    findings = findings_of(candidates, imported)
    suppressed = {path: answer for path, answer in said.items() if isinstance(answer, int)}
    found = {candidate.path for candidate in candidates}
    for file in others:
        suppressed[file.path] = len(_SUPPRESSION.findall(file.text))
        if file.path not in found:
            by_file.keep(file.path, _bytes(file), suppressed[file.path])
    run.remember(by_file.dump())
    findings += [_unexamined(path, settings) for path in texts.oversized]
    return Observation(
        tool=tool,
        examined=len(texts.files),
        findings=tuple(sorted(findings)),
        measures={
            "secrets": sum(finding.severity > Severity.LOW for finding in findings),
            "files": len(texts.files),
            "binary": len(texts.binary),
            "unread": len(texts.oversized) + len(texts.special),
            "suppressions": sum(suppressed.values()),
        },
        evidence=(run.keep("files.json", _listed(texts)),),
    )


def _bytes(file: TextFile) -> bytes:
    """Return the text that is judged, as bytes: however the file is encoded."""
    return file.text.encode("utf-8", "surrogatepass")


def own(texts: Iterable[TextFile]) -> Iterator[Candidate]:
    """Yield what this package itself reads: known forms, URLs, and what configuration binds."""
    for file in texts:
        yield from known_formats(file)
        yield from url_passwords(file)
        yield from bound(file)


def findings_of(candidates: Iterable[Candidate], imported: frozenset[str]) -> list[Finding]:
    """Return a finding for each value under a name in a file, at the first of its lines.

    Of several that report one value in a line, the one counts whose rule knows most. `imported` are the
    files that product code imports: for them no folder of tests or examples counts.
    """
    found: dict[tuple[str, str], Finding] = {}
    taken: dict[tuple[str, int], list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda each: (each.path, RANK.index(each.rule), each)):
        finding = assess(candidate, place(candidate.path, imported))
        others = taken.setdefault((candidate.path, candidate.line), [])
        if finding is not None and not any(_is_same(candidate, other) for other in others):
            others.append(candidate)
            found.setdefault((finding.path, finding.anchor), finding)
    return list(found.values())


def _is_same(one: Candidate, other: Candidate) -> bool:
    if not one.value or not other.value:
        return one.digest == other.digest
    return one.value in other.value or other.value in one.value


def _unexamined(path: str, settings: SecretsSettings) -> Finding:
    return Finding(
        rule="unexamined-file",
        name="unexamined-file",
        path=path,
        line=0,
        severity=Severity.HIGH,
        message=f"a text file of more than {settings.max_file_bytes} bytes is not read",
        fix="keep data out of the repository, or waive it with the reason why it can hold no credential",
        anchor=path,
    )


def _listed(texts: Texts) -> bytes:
    document = {
        "files": [file.path for file in texts.files],
        "binary": texts.binary,
        "oversized": texts.oversized,
        "special": texts.special,
    }
    return json.dumps(document, indent=1).encode() + b"\n"
