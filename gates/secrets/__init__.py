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

from pytest_failhard.gates.secrets.settings import SecretsSettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class SecretsGate:
    """Observes what looks like a credential, and never says what it is."""

    id = "secrets"
    settings: type[Settings] = SecretsSettings
    waits_for_tool = True

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree and the environment."""
        del settings
        return Reuse(tools=("detect-secrets",), day=False)

    def observe(self, run: Run) -> Observation:
        """Read every text file; raises GateError where one cannot be read or was not looked into."""
        settings = run.settings
        if not isinstance(settings, SecretsSettings):
            raise GateError(f"secrets: settings are {type(settings).__name__}, not SecretsSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.secrets.observing import observe

        return observe(run, settings)
