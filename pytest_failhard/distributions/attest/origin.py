"""Where a run and its tree come from: repository, commit, builder. No credential, no machine path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pytest_failhard.distributions.attest.statement import Json
from pytest_failhard.model import GateError

NAMESPACE = "pkg:pypi/pytest-failhard#"
"""Whose types and builders these are, as a package URL: an identifier, nobody fetches it."""
LOCAL_BUILDER = f"{NAMESPACE}attestation/builder/local"
EPOCH = "SOURCE_DATE_EPOCH"
SERVER, REPOSITORY, WORKFLOW = "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_WORKFLOW_REF"
RUN, ATTEMPT, REF = "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_REF"
VARIABLES = (EPOCH, SERVER, REPOSITORY, WORKFLOW, RUN, ATTEMPT, REF)
"""All of the environment that a statement may say something of."""
# git's short form of ssh, `user@host:path`; a letter before the colon alone is a drive of Windows.
_SHORT = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9.-]{2,}):(?!//)(.+)")
_REMOTE_SCHEMES = frozenset({"https", "http", "ssh", "git"})


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a statement says of where it comes from; empty is what nobody knows.

    `repository` is a URL without credentials, `ref` a branch, tag or commit. `source` is the digest of
    the judged tree by its algorithm: `gitCommit` of a clean tree, else `sha256` of the source manifest.
    `invocation` and `started` stand there only in CI and under SOURCE_DATE_EPOCH.
    """

    repository: str
    ref: str
    source: Mapping[str, str]
    commit: str = ""
    builder: str = LOCAL_BUILDER
    invocation: str = ""
    started: str = ""

    @property
    def resource(self) -> str:
        """The URI of the source, empty without a repository."""
        return f"git+{self.repository}@{self.ref}" if self.repository else ""

    def described(self) -> Json:
        """Return the source as a resource descriptor of in-toto."""
        described: Json = {"name": "source", "digest": dict(self.source)}
        if self.resource:
            described["uri"] = self.resource
        if self.commit and "gitCommit" not in self.source:
            described["annotations"] = {"changed_since": self.commit}
        return described


def of(
    environment: Mapping[str, str], *, remote: str, ref: str, commit: str, is_clean: bool, manifest: str
) -> Origin:
    """Return the origin of a run; raises GateError for a SOURCE_DATE_EPOCH that is no count of seconds.

    `remote` and `ref` are git's own words, `manifest` the SHA-256 of the list of the judged files: what
    is not committed has no other name.
    """
    server, name = environment.get(SERVER, ""), environment.get(REPOSITORY, "")
    workflow, run = environment.get(WORKFLOW, ""), environment.get(RUN, "")
    in_ci = bool(server and workflow)
    repository = without_credentials(f"{server}/{name}" if server and name else remote)
    return Origin(
        repository=repository,
        ref=environment.get(REF) or ref or commit,
        source={"gitCommit": commit} if commit and is_clean else {"sha256": manifest},
        commit=commit,
        builder=f"{without_credentials(server)}/{workflow}" if in_ci else LOCAL_BUILDER,
        invocation=f"{repository}/actions/runs/{run}/attempts/{environment.get(ATTEMPT) or '1'}"
        if in_ci and run and repository
        else "",
        started=moment(environment.get(EPOCH, "")),
    )


def moment(epoch: str) -> str:
    """Return the time that SOURCE_DATE_EPOCH says, as RFC 3339 in UTC, empty where it is not set."""
    if not epoch:
        return ""
    try:
        return datetime.fromtimestamp(int(epoch), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise GateError(
            f"{EPOCH} is {epoch!r}, no count of seconds since 1970; correct it or unset it"
        ) from None


def without_credentials(remote: str) -> str:
    """Return a repository's URL without user, password, query and fragment; empty for a local folder."""
    short = _SHORT.fullmatch(remote)
    url = f"ssh://{short[1]}/{short[2].lstrip('/')}" if short else remote
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in _REMOTE_SCHEMES or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
