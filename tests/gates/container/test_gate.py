"""Tests of the gate as a whole: where it applies, what it counts, and what it cannot judge."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_failhard.config import load, merge_settings
from pytest_failhard.gates.container import ContainerGate
from pytest_failhard.judge import judge
from pytest_failhard.model import Finding, GateError, Observation, Settings, Severity, Verdict
from tests.gates.container.support import (
    BUILD,
    DOCKERFILE,
    RUN,
    Files,
    demanded,
    found,
    project,
    rules,
    see,
)
from tests.gates.container.test_manifests import COMPOSE
from tests.gates.container.test_manifests import GREEN as MANIFEST
from tests.support import GATES, TODAY, Kept, gate_run, observe, write

EXAMPLES = Path(__file__).parents[3] / "examples"
WORST: Files = {
    "Dockerfile": "FROM python\nENV API_KEY=abcdef\nCOPY . .\nRUN pip install flask\nCMD flask run --debug\n",
    "docker-compose.yml": COMPOSE.replace("${DATABASE_PASSWORD:?}", "letmein").replace(
        "    restart: always\n", ""
    ),
    "k8s.yaml": MANIFEST.replace("replicas: 2", "replicas: 1"),
}


def verdict(observation: Observation, level: int) -> Verdict:
    return judge(demanded(level), observation, (), TODAY).verdict


@pytest.mark.parametrize(("level", "expected"), [(2, Verdict.PASS), (3, Verdict.FAIL), (4, Verdict.FAIL)])
def test_what_is_reported_at_2_fails_from_3_on(level: int, expected: Verdict, tmp_path: Path) -> None:
    observation = see(tmp_path, WORST, level)
    assert verdict(observation, level) is expected
    worst = {finding.rule: finding.severity for finding in observation.findings}
    assert worst["C-root-user"] == (Severity.LOW if level == 2 else Severity.MEDIUM)
    assert worst["C-secret"] == (Severity.LOW if level == 2 else Severity.HIGH)
    assert worst["C-k8s-replicas"] == (Severity.MEDIUM if level == 4 else Severity.LOW)
    assert worst["C-undigested-base"] == (Severity.MEDIUM if level == 4 else Severity.LOW)
    counted = sum(severity > Severity.LOW for severity in (each.severity for each in observation.findings))
    assert observation.measures["violations"] == counted


def test_what_is_clean_passes_and_is_counted(tmp_path: Path) -> None:
    kept = Kept()
    observation = see(tmp_path, {"docker-compose.yml": COMPOSE, "k8s.yaml": MANIFEST}, keep=kept)
    assert (observation.findings, verdict(observation, 4)) == ((), Verdict.PASS)
    assert (observation.examined, observation.applies) == (4, True)
    assert observation.tool.startswith("pytest-failhard ")
    assert observation.tool.endswith(", engine: static")
    assert observation.measures == {
        "files": 3,
        "dockerfiles": 1,
        "compose_files": 1,
        "manifests": 1,
        "violations": 0,
    }
    said = json.loads(kept.files["container.json"])
    assert (said["engine"], said["kind"], said["images"][0]["starts"]) == (
        "static",
        "http",
        ["python", "-m", "app.server"],
    )


def test_two_runs_keep_the_same_evidence(tmp_path: Path) -> None:
    first, second = Kept(), Kept()
    assert see(tmp_path / "a", WORST, keep=first) == see(tmp_path / "b", WORST, keep=second)
    assert first.files == second.files


@pytest.mark.parametrize("declared", ['kind = "http"', 'kind = "worker"', ""])
@pytest.mark.parametrize(("level", "severity"), [(2, Severity.LOW), (3, Severity.MEDIUM)])
def test_no_dockerfile_is_a_finding(declared: str, level: int, severity: Severity, tmp_path: Path) -> None:
    files: Files = {
        "Dockerfile": None,
        "pyproject.toml": f"[tool.failhard.system]\n{declared}\n" if declared else "",
    }
    observation = see(tmp_path, files, level)
    assert [(each.rule, each.severity) for each in observation.findings] == [("C-no-dockerfile", severity)]
    assert (observation.examined, observation.applies) == (1, True)


@pytest.mark.parametrize("kind", ["library", "job"])
def test_what_is_not_deployed_has_none(kind: str, tmp_path: Path) -> None:
    kept = Kept()
    declared: Files = {"pyproject.toml": f'[tool.failhard.system]\nkind = "{kind}"\n'}
    observation = see(tmp_path / "a", {**declared, "Dockerfile": None, "compose.yml": COMPOSE}, keep=kept)
    assert (observation.applies, observation.findings, observation.examined) == (False, (), 2)
    assert verdict(observation, 4) is Verdict.PASS
    assert json.loads(kept.files["container.json"])["kind"] == kind
    # Where there is an image, it is judged, but for what only a server has.
    check = next(line for line in RUN.splitlines() if line.startswith("HEALTHCHECK"))
    files = {**declared, "Dockerfile": DOCKERFILE.replace(check, "").replace("10001:10001", "root")}
    assert rules(tmp_path / "b", files) == ["C-root-user"]


def test_a_worker_needs_no_check_by_http(tmp_path: Path) -> None:
    check = next(line for line in RUN.splitlines() if line.startswith("HEALTHCHECK"))
    declared = '[tool.failhard.system]\nkind = "worker"\nstart = ["python", "-m", "app.server"]\n'
    assert rules(tmp_path, {"pyproject.toml": declared, "Dockerfile": DOCKERFILE.replace(check, "")}) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Dockerfile": "# flask gunicorn\n"}, "unreadable-source: Dockerfile: no instruction but ARG"),
        ({"Dockerfile": "FRM x\n"}, "unreadable-source: Dockerfile:1: unknown instruction FRM"),
        ({"Dockerfile": "ARG T\nFROM a:$T\n"}, "unreadable-source: Dockerfile:2: FROM: ARG T has no value"),
        (
            {"Dockerfile": "FROM a\n#" + "x" * 2**20},
            "unreadable-source: Dockerfile: 1048584 bytes, more than the",
        ),
        ({"pyproject.toml": "[tool"}, "pyproject.toml: "),
        (
            {"pyproject.toml": '[tool.failhard.system]\nkind = "x"\n'},
            "pyproject.toml: [tool.failhard.system] kind",
        ),
    ],
)
def test_what_cannot_be_judged_is_an_error(files: Files, said: str, tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        see(tmp_path, files)
    assert str(caught.value).startswith(said)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    root = project(tmp_path, {})
    write(root, {"api.Dockerfile": b"FROM \xff\n"})
    (root / "compose.yml").symlink_to("nowhere")
    (root / "k8s.yaml").symlink_to("nowhere")
    with pytest.raises(GateError) as caught:
        observe(gate_run(root, ContainerGate()), ContainerGate())
    assert "api.Dockerfile: is no UTF-8 text (byte 5)" in str(caught.value)
    assert "compose.yml: cannot be read: No such file or directory" in str(caught.value)
    assert "k8s.yaml: cannot be read: No such file or directory" in str(caught.value)


def test_data_is_no_manifest(tmp_path: Path) -> None:
    """However large it is, in whatever encoding."""
    files: dict[str, str | bytes] = {"data.yaml": "x: 1\n" * 300_000, "latin.yml": b"x: \xe4\n"}
    root = write(project(tmp_path, {}), files)
    assert observe(gate_run(root, ContainerGate()), ContainerGate()).measures["manifests"] == 0


def test_the_settings_of_another_gate(tmp_path: Path) -> None:
    run = gate_run(project(tmp_path, {}), ContainerGate(), settings=Settings())
    with pytest.raises(GateError, match="container: settings are Settings, not ContainerSettings"):
        ContainerGate().observe(run)


TARGETS = (
    RUN.replace("\nENV", " AS base\nENV", 1).replace("COPY --from=build /opt/venv /opt/venv\n", "")
    + 'FROM base AS development\nCMD ["hypercorn", "app.server:app", "--reload"]\n'
    + "FROM base AS production\n"
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", []),
        ("production", []),
        ("Production", []),
        ("2", []),
        ("development", ["C-dev-server", "C-start-differs"]),
    ],
)
def test_the_stage_that_is_deployed(target: str, expected: list[str], tmp_path: Path) -> None:
    """What a stage inherits holds for it; of the others nothing is said but secrets."""
    assert rules(tmp_path, {"Dockerfile": TARGETS}, target=target) == expected


def test_a_target_makes_the_dockerfile_that_has_it_the_main_one(tmp_path: Path) -> None:
    files: Files = {"Dockerfile": DOCKERFILE, "web/Dockerfile": TARGETS.replace('"app.server"]', '"web"]')}
    assert [(each.rule, each.path) for each in found(tmp_path, files, target="production")] == [
        ("C-start-differs", "web/Dockerfile")
    ]
    with pytest.raises(GateError, match=r"there is no stage prod; there are build, 1; correct `target`"):
        see(tmp_path / "b", {}, target="prod")


def test_a_secret_of_any_stage(tmp_path: Path) -> None:
    text = TARGETS.replace("AS development\n", "AS development\nENV API_KEY=abcdef\n")
    assert rules(tmp_path, {"Dockerfile": text}, target="production") == ["C-secret"]


ENGINE = '#!/bin/sh\necho "$@" >> "$HOME/asked"\n{}\n'


def building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str], files: Files | None = None
) -> tuple[Observation, Sequence[str]]:
    """Return what the gate sees where the image is built, by an engine that is a script; and what it was asked."""
    for name, script in scripts.items():
        write(tmp_path / "bin", {name: ENGINE.format(script)})
        (tmp_path / "bin" / name).chmod(0o755)
    # No engine of the machine's.
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    observation = see(tmp_path, files or {}, engine="required")
    return observation, (tmp_path / "asked").read_text().splitlines()


def test_the_image_is_built_where_the_policy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two engines the one that answers; what it prints is kept."""
    scripts = {"docker": "exit 1", "podman": "echo done"}
    observation, asked = building(
        tmp_path, monkeypatch, scripts, {"Dockerfile": f"{BUILD}FROM build AS web\n{RUN}"}
    )
    assert observation.tool.endswith(", engine: required (podman)")
    assert observation.findings == ()
    root = tmp_path / "project"
    assert asked == ["version", "version", f"build --quiet --file {root}/Dockerfile {root}"]


def test_an_image_that_cannot_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {"docker": 'if [ "$1" = build ]; then echo broken; exit 2; fi'}
    files: Files = {
        "Dockerfile": None,
        "web/Dockerfile": RUN.replace("\nENV", " AS web\nENV", 1).replace(
            "COPY --from=build /opt/venv /opt/venv\n", ""
        ),
        "web/app/server.py": "x = 1\n",
    }
    observation, asked = building(tmp_path, monkeypatch, scripts, files)
    [finding] = observation.findings
    assert (finding.rule, finding.severity, finding.path) == (
        "C-build-fails",
        Severity.HIGH,
        "web/Dockerfile",
    )
    root = tmp_path / "project"
    assert asked[1] == f"build --quiet --file {root}/web/Dockerfile --target web {root}/web"


@pytest.mark.parametrize(
    ("scripts", "reason"),
    [({}, "neither docker nor podman is installed"), ({"docker": "exit 1"}, "docker does not answer")],
)
def test_no_engine(
    scripts: dict[str, str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        GateError, match=f"the policy demands that the image is built, and {reason}"
    ) as caught:
        building(tmp_path, monkeypatch, scripts)
    assert caught.value.external


def example(tmp_path: Path, name: str, level: int = 3) -> tuple[Finding, ...]:
    """Return what the gate finds in an example, as its own configuration has it judged."""
    root = EXAMPLES / name
    given = load(root, GATES).gates.get("container", {})
    chosen = merge_settings("container", ContainerGate.settings, demanded(level), given)
    run = gate_run(
        root,
        ContainerGate(),
        scratch=tmp_path / "scratch",
        settings=chosen,
        source=("triage",),
        tests=("tests",),
        level=level,
    )
    return observe(run, ContainerGate()).findings


def test_the_example_that_passes(tmp_path: Path) -> None:
    assert {
        each.rule for each in example(tmp_path, "triage_service") if each.severity > Severity.LOW
    } == set()


def test_every_planted_laziness_is_found(tmp_path: Path) -> None:
    root = EXAMPLES / "triage_service_lazy"
    planted = tomllib.loads((root / "docs" / "planted.toml").read_text("utf-8"))["planted"]
    own = [each for each in planted if each["gate"] == "container"]
    assert all(each["marker"] in (root / each["file"]).read_text("utf-8") for each in own)
    expected = {(each["rule"], each["file"]) for each in own}
    seen = {
        (each.rule, each.path)
        for each in example(tmp_path, "triage_service_lazy")
        if each.severity > Severity.LOW
    }
    assert expected == seen
