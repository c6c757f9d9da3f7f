"""Rules of Kubernetes manifests: probes, rights, limits, secrets, what the cluster still knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.gates.container.documents import Table
from pytest_failhard.gates.container.files import Yaml
from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.literals import holds_password, is_literal
from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.system.declaration import System

LOWEST_UID = 10000
"""Below, a number may be an account of the node."""
DEFAULT_GRACE_SECONDS = 30
"""What Kubernetes waits where `terminationGracePeriodSeconds` is not given."""
SERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"})
ONCE = frozenset({"Job", "CronJob"})
REPLICATED = frozenset({"Deployment", "StatefulSet"})
REMOVED: Mapping[tuple[str, str], str] = {
    **{
        ("extensions/v1beta1", kind): "1.16"
        for kind in ("Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy")
    },
    **{("apps/v1beta1", kind): "1.16" for kind in ("Deployment", "StatefulSet", "ReplicaSet")},
    **{("apps/v1beta2", kind): "1.16" for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")},
    ("extensions/v1beta1", "PodSecurityPolicy"): "1.16",
    **{(f"{group}/v1beta1", "Ingress"): "1.22" for group in ("extensions", "networking.k8s.io")},
    **{
        (f"rbac.authorization.k8s.io/{version}", kind): "1.22"
        for version in ("v1alpha1", "v1beta1")
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    },
    ("networking.k8s.io/v1beta1", "IngressClass"): "1.22",
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): "1.22",
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"): "1.22",
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"): "1.22",
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"): "1.22",
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): "1.22",
    ("storage.k8s.io/v1beta1", "StorageClass"): "1.22",
    ("batch/v1beta1", "CronJob"): "1.25",
    ("batch/v2alpha1", "CronJob"): "1.21",
    ("policy/v1beta1", "PodDisruptionBudget"): "1.25",
    ("policy/v1beta1", "PodSecurityPolicy"): "1.25",
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): "1.25",
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): "1.25",
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): "1.26",
}
"""API version and kind -> the release that no longer serves it, from the deprecation guide of Kubernetes."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A document that starts pods, with the specification of one."""

    path: str
    document: Table
    pod: Table
    system: System | None

    @property
    def kind(self) -> str:
        """What it is."""
        return self.document.text("kind")

    @property
    def containers(self) -> tuple[Table, ...]:
        """The containers that run for as long as the pod does; one without an image is of a patch."""
        return tuple(each for each in self.pod.tables("containers") if each.text("image"))

    def hit(self, rule: str, line: int, message: str, fix: str, container: str = "") -> Hit:
        """Return what is wrong with it."""
        name = self.document.table("metadata").text("name")
        what = f"{self.kind} {name}" + (f", container {container}" if container else "")
        return Hit(rule=rule, path=self.path, line=line, message=f"{what}: {message}", fix=fix)


def rules(files: tuple[Yaml, ...], system: System | None) -> Iterator[Hit]:
    """Yield what is wrong in the manifests; of those for development the secrets alone."""
    deployed = [file for file in files if not file.development]
    for file in files:
        for document in _documents(file):
            yield from _secrets(file, document)
    for file in deployed:
        for document in _documents(file):
            yield from _removed(file, document)
            pod = _pod(document)
            if pod is not None:
                workload = Workload(path=file.path, document=document, pod=pod, system=system)
                yield from (hit for rule in _RULES if workload.containers for hit in rule(workload))
    yield from _budgets(deployed)


def _documents(file: Yaml) -> Iterator[Table]:
    for document in file.documents:
        if document.text("kind") == "List":
            yield from document.tables("items")
        elif document.text("kind") and document.text("apiVersion"):
            yield document


def _pod(document: Table) -> Table | None:
    kind = document.text("kind")
    if kind not in SERVING | ONCE:
        return None
    spec = document.table("spec")
    if kind == "CronJob":
        spec = spec.table("jobTemplate", "spec")
    return spec if kind == "Pod" else spec.table("template", "spec")


def _secrets(file: Yaml, document: Table) -> Iterator[Hit]:
    name = f"{document.text('kind')} {document.table('metadata').text('name')}"
    for line, key in _written(document) if document.text("kind") == "Secret" else _given(document):
        yield Hit(
            rule="C-k8s-secret",
            path=file.path,
            line=line,
            message=f"{name}: {key} stands there for all to read (base64 hides nothing)",
            fix="create it outside of the repository, or seal it; refer to it with valueFrom",
        )


def _written(secret: Table) -> Iterator[tuple[int, str]]:
    for section in ("data", "stringData"):
        held = secret.table(section)
        yield from ((held.at(key), key) for key in held if is_literal(held.text(key)))


def _given(document: Table) -> Iterator[tuple[int, str]]:
    pod = _pod(document)
    for container in (*pod.tables("containers"), *pod.tables("initContainers")) if pod is not None else ():
        for variable in container.tables("env"):
            key, value = variable.text("name"), variable.text("value")
            if (is_secret_name(key) and is_literal(value)) or holds_password(value):
                yield variable.at("value"), key


def _removed(file: Yaml, document: Table) -> Iterator[Hit]:
    version, kind = document.text("apiVersion"), document.text("kind")
    gone = REMOVED.get((version, kind))
    if gone is not None:
        yield Hit(
            rule="C-k8s-removed-api",
            path=file.path,
            line=document.at("apiVersion"),
            message=f"{kind} of {version}: Kubernetes {gone} and later do not know it",
            fix="use the version that replaced it",
        )


def _probes(workload: Workload) -> Iterator[Hit]:
    if workload.kind in ONCE:
        return
    for each in workload.containers:
        name = each.text("name")
        missing = [probe for probe in ("livenessProbe", "readinessProbe") if probe not in each]
        if missing:
            message = f"no {' and no '.join(missing)}"
            yield workload.hit("C-k8s-no-probe", each.line, message, "add it", name)
            continue
        live, ready = each.table("livenessProbe"), each.table("readinessProbe")
        # Whether a port is open depends on nothing but the process.
        if "tcpSocket" not in live and _action(live) == _action(ready):
            message = "liveness asks what readiness asks: a dependency that is down restarts it"
            line = each.at("livenessProbe")
            yield workload.hit("C-k8s-same-probe", line, message, "let liveness ask the process alone", name)


def _action(probe: Table) -> tuple[tuple[str, str], ...]:
    """Return what a probe does, without how often."""
    actions = ("httpGet", "exec", "tcpSocket", "grpc")
    return tuple((name, repr(probe[name])) for name in actions if name in probe)


def _liveness(workload: Workload) -> Iterator[Hit]:
    ready = workload.system.ready if workload.system is not None else None
    live = workload.system.live if workload.system is not None else None
    for each in workload.containers:
        path = each.table("livenessProbe", "httpGet").text("path")
        if ready is not None and live is not None and path == ready:
            message = f"liveness asks {ready}, which is declared as ready"
            line = each.at("livenessProbe")
            fix = f"let it ask {live}"
            yield workload.hit("C-k8s-liveness-on-ready", line, message, fix, each.text("name"))


def _limits(workload: Workload) -> Iterator[Hit]:
    for each in workload.containers:
        limits = each.table("resources", "limits")
        if "memory" not in limits or not (
            limits.get("cpu") or each.table("resources", "requests").get("cpu")
        ):
            yield workload.hit(
                "C-k8s-no-limits",
                each.line,
                "no limit of memory, or neither a limit nor a request of cpu",
                "set resources.limits.memory and resources.requests.cpu",
                each.text("name"),
            )


def _rights(workload: Workload) -> Iterator[Hit]:
    outer = workload.pod.table("securityContext")
    for each in workload.containers:
        name, own = each.text("name"), each.table("securityContext")
        line = own.line if own else each.line

        def given(key: str, own: Table = own) -> str:
            return own.text(key) or outer.text(key)

        if given("runAsNonRoot") != "true":
            yield workload.hit("C-k8s-runs-as-root", line, "may run as root", "set runAsNonRoot: true", name)
        uid = given("runAsUser")
        if uid.isdecimal() and int(uid) < LOWEST_UID:
            message = f"runs as {uid}, which may be an account of the node"
            yield workload.hit("C-k8s-low-uid", line, message, f"use one of at least {LOWEST_UID}", name)
        if own.text("readOnlyRootFilesystem") != "true":
            message = "may write to its root filesystem"
            yield workload.hit("C-k8s-writable-root", line, message, "set readOnlyRootFilesystem: true", name)
        if own.text("allowPrivilegeEscalation") != "false" or own.text("privileged") == "true":
            message = "may take more rights than it was given"
            fix = "set allowPrivilegeEscalation: false"
            yield workload.hit("C-k8s-privilege-escalation", line, message, fix, name)


def _grace(workload: Workload) -> Iterator[Hit]:
    system = workload.system
    if system is None or system.kind == "library" or workload.kind in ONCE:
        return
    written = workload.pod.text("terminationGracePeriodSeconds")
    seconds = int(written) if written.isdecimal() else DEFAULT_GRACE_SECONDS
    if seconds < system.grace_s:
        yield workload.hit(
            "C-k8s-grace",
            workload.pod.at("terminationGracePeriodSeconds"),
            f"is killed after {seconds} seconds, and {system.grace_s} are declared as grace_s",
            "set terminationGracePeriodSeconds",
        )


def _replicas(workload: Workload) -> Iterator[Hit]:
    if workload.kind != "Deployment":
        return
    spec = workload.document.table("spec")
    written = spec.text("replicas") or "1"
    if written.isdecimal() and int(written) < 2:
        message = "one replica: every update and every node that goes is an outage"
        yield workload.hit("C-k8s-replicas", spec.at("replicas"), message, "run at least two")


def _budgets(files: list[Yaml]) -> Iterator[Hit]:
    documents = [(file, document) for file in files for document in _documents(file)]
    budgets = [each for _, each in documents if each.text("kind") == "PodDisruptionBudget"]
    selected = [each.table("spec", "selector", "matchLabels") for each in budgets]
    for file, document in documents:
        pod = _pod(document) if document.text("kind") in REPLICATED else None
        if pod is None or not any(each.text("image") for each in pod.tables("containers")):
            continue
        labels = document.table("spec", "template", "metadata", "labels")
        if not any(each and each.items() <= labels.items() for each in selected):
            yield Hit(
                rule="C-k8s-no-budget",
                path=file.path,
                line=document.line,
                message=f"{document.text('kind')} {document.table('metadata').text('name')}: no "
                "PodDisruptionBudget selects it, so that all of it may be drained at once",
                fix="add one with minAvailable",
            )


_RULES: tuple[Callable[[Workload], Iterator[Hit]], ...] = (
    _probes,
    _liveness,
    _limits,
    _rights,
    _grace,
    _replicas,
)
