"""Tests of the rules of compose files and Kubernetes manifests, each with what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.model import GateError, Severity
from tests.gates.container.support import SYSTEM, found, rules, see

SERVICE = """\
services:
  shop:
    build: .
    restart: unless-stopped
    ports: ["8080:8080"]
    environment:
      DATABASE_PASSWORD: ${DATABASE_PASSWORD:?}
      LOG_LEVEL: info
    deploy: {resources: {limits: {memory: 1g, cpus: "1"}}}
"""
DATABASE = """\
  db:
    image: postgres:17
    restart: always
    healthcheck: {test: [CMD, pg_isready]}
    mem_limit: 1g
    cpus: 1
"""
COMPOSE = SERVICE + DATABASE
BAD_COMPOSE: dict[str, tuple[list[str], str]] = {
    "no healthcheck": (
        ["C-compose-no-healthcheck"],
        COMPOSE.replace("    healthcheck: {test: [CMD, pg_isready]}\n", ""),
    ),
    "healthcheck off": (
        ["C-compose-no-healthcheck"],
        COMPOSE.replace("{test: [CMD, pg_isready]}", "{disable: true}"),
    ),
    "healthcheck of none": (
        ["C-compose-no-healthcheck"],
        COMPOSE.replace("{test: [CMD, pg_isready]}", '{test: ["NONE"]}'),
    ),
    "no restart": (["C-compose-no-restart"], COMPOSE.replace("    restart: always\n", "")),
    "secret in a table": (["C-compose-secret"], COMPOSE.replace("${DATABASE_PASSWORD:?}", "letmein")),
    "secret as a default": (
        ["C-compose-secret"],
        COMPOSE.replace("${DATABASE_PASSWORD:?}", "${DATABASE_PASSWORD:-letmein}"),
    ),
    "secret in a list": (
        ["C-compose-secret"],
        COMPOSE.replace("    cpus: 1\n", "    cpus: 1\n    environment: [A=1, POSTGRES_PASSWORD=postgres]\n"),
    ),
    "password in a URL": (
        ["C-compose-secret"],
        COMPOSE.replace("LOG_LEVEL: info", "CACHE: redis://:letmein@cache:6379/0"),
    ),
    "a port twice": (["C-compose-port-twice"], COMPOSE + '    ports: ["8080:5432/tcp"]\n'),
    "a port twice in one": (
        ["C-compose-port-twice"],
        COMPOSE.replace('["8080:8080"]', '["8080:8080", "8080:9090"]'),
    ),
    "a port twice in full": (
        ["C-compose-port-twice"],
        COMPOSE + '    ports: [{target: 1, published: "8080"}, {target: 2}]\n',
    ),
    "a port by default": (["C-compose-port-twice"], COMPOSE + '    ports: ["${PORT:-8080}:1"]\n'),
    "privileged": (["C-compose-privileged"], COMPOSE + "    privileged: true\n"),
    "socket": (
        ["C-compose-privileged"],
        COMPOSE + "    volumes: [data:/data, /var/run/docker.sock:/var/run/docker.sock:ro]\n",
    ),
    "socket in full": (
        ["C-compose-privileged"],
        COMPOSE + "    volumes: [{type: bind, source: /var/run/docker.sock, target: /x}]\n",
    ),
    "no limits": (["C-compose-no-limits"], COMPOSE.replace("    cpus: 1\n", "")),
    "latest": (["C-compose-latest"], COMPOSE.replace("postgres:17", "postgres:latest")),
    "no tag": (["C-compose-latest"], COMPOSE.replace("postgres:17", "registry:5000/postgres")),
    "latest by default": (["C-compose-latest"], COMPOSE.replace("postgres:17", "postgres:${TAG:-latest}")),
}
GOOD_COMPOSE = {
    "as it is": COMPOSE,
    "empty": "",
    "runs once": COMPOSE + '  migrate: {image: "shop:1", restart: "no"}\n',
    "runs on demand": COMPOSE + '  tools: {image: "shop:1", profiles: [tools], ports: ["8080:1"]}\n',
    "restart of a swarm": COMPOSE.replace("    restart: unless-stopped\n    ports", "    ports").replace(
        "deploy: {", "deploy: {restart_policy: {condition: any}, "
    ),
    "other addresses and kinds": COMPOSE.replace(
        '["8080:8080"]', '["127.0.0.1:8080:1", "8080:1/udp", "8080:1", "9"]'
    ),
    "shared by an anchor": COMPOSE
    + "x-base: &base {image: 'a:1', restart: always, healthcheck: {test: x}, cpus: 1, mem_limit: 1g}\n".replace(
        "x-base", "  base"
    )
    + "  other: {<<: *base, image: 'b:2'}\n",
    "switches": COMPOSE.replace("LOG_LEVEL: info", "ALLOW_EMPTY_PASSWORD: yes\n      API_KEY: ''"),
    "odd": "services: {a: null}\n---\n- x\n--- !custom\nservices: !reset {}\nx: !list [1]\ny: !text z\n",
}


@pytest.mark.parametrize("case", BAD_COMPOSE)
def test_what_is_found_in_compose_files(case: str, tmp_path: Path) -> None:
    expected, text = BAD_COMPOSE[case]
    assert rules(tmp_path, {"docker-compose.yml": text}) == expected


@pytest.mark.parametrize("case", GOOD_COMPOSE)
def test_what_is_left_alone_in_compose_files(case: str, tmp_path: Path) -> None:
    assert rules(tmp_path, {"deploy/compose.prod.yaml": GOOD_COMPOSE[case]}) == []


def test_a_built_service_needs_a_check_where_its_image_has_none(tmp_path: Path) -> None:
    files = {"compose.yml": COMPOSE, "Dockerfile": "FROM x:1@sha256:0\nUSER 10001\n"}
    assert "C-compose-no-healthcheck" in rules(tmp_path, files)


def test_what_a_developer_composes(tmp_path: Path) -> None:
    text = "services: {db: {image: postgres, environment: {POSTGRES_PASSWORD: x1}, ports: ['1:1', '1:2']}}\n"
    [finding] = found(tmp_path, {"docker-compose.dev.yml": text})
    assert (finding.rule, finding.severity, finding.line) == ("C-compose-secret", Severity.HIGH, 1)
    assert finding.message == "service db: POSTGRES_PASSWORD holds a secret"


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop, tier: web}}
    spec:
      terminationGracePeriodSeconds: 30
      securityContext: {runAsNonRoot: true}
      containers:
        - name: web
          image: shop:1
          env:
            - {name: API_KEY, valueFrom: {secretKeyRef: {name: shop, key: api}}}
            - {name: LOG_LEVEL, value: info}
          livenessProbe: {httpGet: {path: /live, port: 8080}}
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
          resources: {limits: {memory: 1Gi}, requests: {cpu: 100m}}
          securityContext:
            runAsUser: 10001
            readOnlyRootFilesystem: true
            allowPrivilegeEscalation: false
"""
BUDGET = """\
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: shop}}}
"""
GREEN = DEPLOYMENT + BUDGET
LIVE = "          livenessProbe: {httpGet: {path: /live, port: 8080}}\n"
BAD: dict[str, tuple[list[str], str]] = {
    "no liveness": (["C-k8s-no-probe"], GREEN.replace(LIVE, "")),
    "one probe": (
        ["C-k8s-liveness-on-ready", "C-k8s-same-probe"],
        GREEN.replace("/live, port", "/ready, port").replace(
            "Probe: {httpGet", "Probe: {periodSeconds: 1, httpGet", 1
        ),
    ),
    "liveness on ready": (
        ["C-k8s-liveness-on-ready"],
        GREEN.replace("/live, port", "/ready, scheme: HTTP, port"),
    ),
    "no limits": (["C-k8s-no-limits"], GREEN.replace("limits: {memory: 1Gi}, ", "")),
    "no cpu": (["C-k8s-no-limits"], GREEN.replace(", requests: {cpu: 100m}", "")),
    "root": (["C-k8s-runs-as-root"], GREEN.replace("      securityContext: {runAsNonRoot: true}\n", "")),
    "low uid": (["C-k8s-low-uid"], GREEN.replace("10001", "1000")),
    "writable": (["C-k8s-writable-root"], GREEN.replace("readOnlyRootFilesystem: true", "privileged: false")),
    "escalation": (["C-k8s-privilege-escalation"], GREEN.replace("allowPrivilegeEscalation: false", "x: y")),
    "privileged": (["C-k8s-privilege-escalation"], GREEN + "".replace("x", "y")),
    "grace": (["C-k8s-grace"], GREEN.replace("Seconds: 30", "Seconds: 10")),
    "secret in env": (
        ["C-k8s-secret"],
        GREEN.replace("LOG_LEVEL, value: info", "DB_PASSWORD, value: letmein"),
    ),
    "password in a URL": (
        ["C-k8s-secret"],
        GREEN.replace("LOG_LEVEL, value: info", "DATABASE_URL, value: 'postgres://a:b1@c/d'"),
    ),
    "secret": (
        ["C-k8s-secret", "C-k8s-secret"],
        "apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\ndata: {a: c2hvcA==}\nstringData: {b: shop}\n",
    ),
    "secret in a list": (
        ["C-k8s-secret"],
        "apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Secret, data: {a: c2hvcA==}}\n",
    ),
    "removed": (["C-k8s-removed-api"], GREEN.replace("policy/v1", "policy/v1beta1")),
    "one replica": (["C-k8s-replicas"], GREEN.replace("replicas: 2", "replicas: 1")),
    "replicas not given": (["C-k8s-replicas"], GREEN.replace("  replicas: 2\n", "")),
    "no budget": (["C-k8s-no-budget"], DEPLOYMENT),
    "budget of another": (["C-k8s-no-budget"], DEPLOYMENT + BUDGET.replace("app: shop", "app: other")),
    "stateful": (["C-k8s-no-budget"], DEPLOYMENT.replace("Deployment", "StatefulSet")),
}
BAD["privileged"] = (
    ["C-k8s-privilege-escalation"],
    GREEN.replace(
        "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n            privileged: true"
    ),
)
CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: night}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          securityContext: {runAsNonRoot: true, runAsUser: 10001}
          initContainers: [{name: wait, image: "shop:1"}]
          containers:
            - name: job
              image: shop:1
              resources: {limits: {memory: 1Gi, cpu: 1}}
              securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}
"""
GOOD = {
    "as it is": GREEN,
    "both ask a port": GREEN.replace("httpGet: {path: /live, port: 8080}", "tcpSocket: {port: 1}").replace(
        "httpGet: {path: /ready, port: 8080}", "tcpSocket: {port: 1}"
    ),
    "not often": CRON,
    "a patch": "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: web, env: []}]}}}\n",
    "no pod": "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{port: 80}]}\n",
    "filled in when it is deployed": "apiVersion: v1\nkind: Secret\nstringData: {a: '${A}', b: '', c: '{{ .c }}'}\n",
    "a file of another kind": "kind: pipeline\nsteps: [{apiVersion: x}]\nrun: |\n  apiVersion: v1\n",
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_found_in_manifests(case: str, tmp_path: Path) -> None:
    expected, text = BAD[case]
    assert rules(tmp_path, {"k8s/shop.yaml": text}) == expected


@pytest.mark.parametrize("case", GOOD)
def test_what_is_left_alone_in_manifests(case: str, tmp_path: Path) -> None:
    assert rules(tmp_path, {"k8s/shop.yml": GOOD[case]}) == []


def test_manifests_of_tests_and_of_development(tmp_path: Path) -> None:
    text = DEPLOYMENT.replace("LOG_LEVEL, value: info", "DB_PASSWORD, value: letmein").replace(
        "true", "false"
    )
    assert rules(tmp_path, {"k8s/dev/shop.yaml": text, "tests/shop.yaml": text}) == ["C-k8s-secret"]


def test_a_default_grace_may_be_too_short(tmp_path: Path) -> None:
    text = GREEN.replace("      terminationGracePeriodSeconds: 30\n", "")
    declared = SYSTEM.replace("grace_s = 25", "grace_s = 40")
    [finding] = found(tmp_path, {"k8s/shop.yaml": text, "pyproject.toml": declared})
    assert finding.message == "Deployment shop: is killed after 30 seconds, and 40 are declared as grace_s"


def test_probes_where_nothing_is_declared(tmp_path: Path) -> None:
    text = GREEN.replace("/live, port", "/ready, scheme: HTTP, port").replace("Seconds: 30", "Seconds: 1")
    assert rules(tmp_path, {"k8s/shop.yaml": text, "pyproject.toml": ""}) == []


TEMPLATE = "apiVersion: v1\nkind: Secret\ndata:\n{{- range .x }}\n  {{ . }}: {{ . }}\n{{- end }}\n"
MADE = "apiVersion: v1\nkind: Secret\ndata: {key: c2hvcA==}\n"


def test_a_template_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        see(tmp_path, {"chart/templates/secret.yaml": TEMPLATE})
    assert str(caught.value).startswith("unreadable-source: chart/templates/secret.yaml: is no YAML: line ")
    assert str(caught.value).endswith(
        "render the templates and name the file under `rendered` in [tool.failhard.container]"
    )


@pytest.mark.parametrize("template", ["chart/templates", "chart/templates/", "chart/templates/secret.yaml"])
def test_what_a_template_makes_is_judged(template: str, tmp_path: Path) -> None:
    files = {"chart/templates/secret.yaml": TEMPLATE, "made.yaml": MADE}
    [finding] = found(tmp_path, files, rendered={template: "made.yaml"})
    assert (finding.rule, finding.path, finding.line) == ("C-k8s-secret", "made.yaml", 3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (None, "made.txt: cannot be read: No such file or directory"),
        ("# nothing\n", "made.txt: holds no manifest; render"),
        (TEMPLATE, "made.txt: is no YAML: line 5"),
    ],
)
def test_what_a_template_makes_must_be_there(made: str | None, said: str, tmp_path: Path) -> None:
    files = {"chart/templates/secret.yaml": TEMPLATE, "made.txt": made}
    with pytest.raises(GateError, match=said):
        see(tmp_path, files, rendered={"chart/templates": "made.txt"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [\n", "docker-compose.yml: is no YAML: line 2: "),
        ("services: {a: *b}\n", "docker-compose.yml: is no YAML: line 1: found undefined alias 'b'"),
        ("a: \x07\n", "docker-compose.yml: is no YAML: ReaderError"),
        (
            "a: &a [*a]\nservices: &b {c: *b}\n",
            "docker-compose.yml: is no YAML: line 1: found unconstructable",
        ),
        ("x: 2026-99-99\n", "docker-compose.yml: is no YAML: ValueError"),
    ],
)
def test_a_compose_file_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        see(tmp_path, {"docker-compose.yml": text})
    assert str(caught.value).startswith(f"unreadable-source: {said}")
