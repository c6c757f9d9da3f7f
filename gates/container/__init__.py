"""Container: the image runs what was judged, as nobody in particular, and tells when it cannot serve.

Why:
    Generated Dockerfiles start a development server as root from `latest`, with the secret in an `ENV`, and
    the compose file beside them has no health check. Nothing of it shows in a test. Files are read as the
    builder reads them: the properties of the stage that is deployed, with what it inherits by way of
    `FROM alias`. What gunicorn and uvicorn are configured to do they say themselves, in a child process of
    the project's environment; a setting that does not exist has no effect and gunicorn does not say so.

Fails when:
    A finding reaches the level's `fail_at`: `C-no-dockerfile`, the rules of the image (`C-root-user`,
    `C-shell-form`, `C-dev-server`, ...), of compose files (`C-compose-*`), of Kubernetes manifests
    (`C-k8s-*`) and of the server (`C-server-*`, `C-unknown-setting`, `C-duplicate-setting`). A file that is
    no Dockerfile or no YAML, a base image whose name is not known, and a server that cannot be asked are
    errors. At level 2 all of it is reported only. It does not apply to a declared library or job without a
    Dockerfile. The image itself is built where the policy says `engine: required`, and not otherwise.

Fix:
    Two stages, a base image with a tag, `USER 10001:10001`, a `HEALTHCHECK` that asks the declared `ready`
    path, `CMD` as a list, the declared `start`. Templates of manifests: render them and name the file under
    `rendered`.

Waive:
    By finding, with the reason why it does no harm where this system runs. Errors cannot be waived.
"""

from __future__ import annotations

from pytest_failhard.gates.container.settings import ContainerSettings
from pytest_failhard.model import GateError, Observation, Reuse, Run, Settings


class ContainerGate:
    """Observes what the system is deployed as: image, compose services, workloads, server."""

    id = "container"
    settings: type[Settings] = ContainerSettings

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the tree, None where the machine's engine builds."""
        built = isinstance(settings, ContainerSettings) and settings.engine == "required"
        return None if built else Reuse(day=False)

    def observe(self, run: Run) -> Observation:
        """Read all files and ask the server; raises GateError for what cannot be read or asked."""
        settings = run.settings
        if not isinstance(settings, ContainerSettings):
            raise GateError(f"container: settings are {type(settings).__name__}, not ContainerSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.container.observing import observe

        return observe(run, settings)
