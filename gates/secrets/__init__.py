"""Secrets: no credential stands in any text file of the tree.

Why:
    Generated systems carry passwords in compose files, keys in `.env`, base64 in Kubernetes manifests and
    a default behind `${SECRET:-...}`. What was committed is public for good: it must be revoked, not
    deleted. detect-secrets knows keys by their form and text by its entropy; it reads no format, so what
    configuration binds to a secret's name (environment files, YAML, JSON, TOML, INI, Dockerfiles, shell,
    URLs) is read here. Its filters and its comments (`pragma: allowlist secret`) are switched off, nothing
    is verified over the network, and the copy of each file that it reads ends with canaries which it must
    report. Well-known binaries (gitleaks, trufflehog) are no Python packages and cannot be installed with us.

Fails when:
    A finding reaches the level's `fail_at`. High: a key of a provider's form, a private key, a random value
    under a secret's name; in what a system is started with (environment files, compose, Kubernetes,
    Dockerfiles) also a weak or default one; a file too large to be read (`unexamined-file`). Medium: a weak
    value elsewhere in the product. Low: what stands in files for development, examples and tests, and
    random text without a name. Silent: references, stand-ins in examples and tests, digests. A file that
    cannot be read is an error. In a git repository, what git ignores and does not track is not read.

Fix:
    Revoke it first. Then read it from the environment or a secret store, without a default.

Waive:
    By finding, with a reason that says why the value opens nothing. No report holds the value itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_failhard.gates.secrets.bindings import bound
from pytest_failhard.gates.secrets.candidates import Candidate
from pytest_failhard.gates.secrets.detector import DETECT_SECRETS, detected
from pytest_failhard.gates.secrets.formats import known_formats, url_passwords
from pytest_failhard.gates.secrets.places import place
from pytest_failhard.gates.secrets.severities import assess
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity
from pytest_failhard.source import files
from pytest_failhard.source.text_files import TextFile, Texts, read

RANK = ("private-key", "provider-key", "bearer-token", "url-credentials", "secret-value", "random-text")
"""The rules, by what they know."""
_SUPPRESSION = re.compile(
    r"pragma: ?(?:allow|white)list[ -](?:nextline[ -])?secret|gitleaks:allow|trufflehog:ignore"
)


@dataclass(frozen=True, kw_only=True)
class SecretsSettings(Settings):
    """How large a text file may be."""

    max_file_bytes: int = 8 * 1024 * 1024
    """A larger one is not read, and is a finding."""


class SecretsGate:
    """Observes what looks like a credential, and never says what it is."""

    id = "secrets"
    settings: type[Settings] = SecretsSettings

    def observe(self, run: Run) -> Observation:
        """Read every text file; raises GateError where one cannot be read or was not looked into."""
        settings = run.settings
        if not isinstance(settings, SecretsSettings):
            raise GateError(f"secrets: settings are {type(settings).__name__}, not SecretsSettings")
        tool = run.tool(DETECT_SECRETS)
        texts = read(run.root, settings.max_file_bytes)
        if not texts.files:
            raise GateError(f"no text file in {run.root.name}: name the folder that holds the project")
        product = files.read(run.root, run.source, run.test_roots).product
        imported = frozenset(file.path for file in product)
        findings = findings_of([*own(texts.files), *detected(run, texts.files)], imported)
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
                "suppressions": sum(len(_SUPPRESSION.findall(file.text)) for file in texts.files),
            },
            evidence=(run.keep("files.json", _listed(texts)),),
        )


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
