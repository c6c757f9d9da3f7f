"""Tests of what Dockerfile, Procfile, compose and Kubernetes files say about a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.system.derive import readme
from pytest_failhard.system.derive.deployment import deployment
from tests.support import write

BASE = "FROM python:3.13-slim\nWORKDIR /srv\n"


def started(root: Path) -> list[tuple[str, tuple[str, ...]]]:
    return [(start.source, start.argv) for start in deployment(root).starts]


@pytest.mark.parametrize(
    ("lines", "argv"),
    [
        ('CMD ["gunicorn", "shop:app"]', ("gunicorn", "shop:app")),
        ("CMD exec gunicorn shop:app", ("gunicorn", "shop:app")),
        ('ENTRYPOINT ["tini", "--"]\nCMD ["python", "-m", "shop"]', ("python", "-m", "shop")),
        ('ENTRYPOINT python main.py\nCMD ["unused"]', ("python", "main.py")),
        ('ENTRYPOINT ["uvicorn"]\nCMD ["shop:app"]', ("uvicorn", "shop:app")),
        ('ENTRYPOINT ["/srv/run.sh"]', ("python", "main.py")),
        ('ENTRYPOINT ["/srv/hand-on.sh"]\nCMD ["gunicorn", "shop:app"]', ("gunicorn", "shop:app")),
        ('CMD ["sh", "run.sh"]', ("python", "main.py")),
        ('CMD ["./start.sh"]', ("python", "-m", "shop.migrate")),
    ],
)
def test_the_image_starts_what_stands_behind_shells_and_scripts(
    tmp_path: Path, lines: str, argv: tuple[str, ...]
) -> None:
    write(
        tmp_path,
        {
            "Dockerfile": BASE + lines,
            "run.sh": "#!/bin/sh\nset -e\n# starts\nuv run --no-sync main.py &\nwait $!\n",
            "hand-on.sh": '#!/bin/sh\necho hello\nexec "$@"\n',
            "start.sh": "#!/bin/sh\npython -c 'import shop'\npython -m shop.migrate\npython -V\n",
        },
    )
    assert started(tmp_path) == [("docker", argv)]


def test_an_image_without_a_command_starts_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": BASE})
    assert started(tmp_path) == []


def test_the_image_says_where_it_is_asked_and_which_port_is_open(tmp_path: Path) -> None:
    check = "HEALTHCHECK CMD curl -f http://localhost:${PORT:-8000}/health || exit 1\nEXPOSE 8000\n"
    found = deployment(write(tmp_path, {"deploy/Dockerfile": BASE + check}))
    assert [(probe.kind, probe.path, str(probe.place)) for probe in found.probes] == [
        ("ready", "/health", "deploy/Dockerfile:3")
    ]
    assert [str(place) for place in found.exposed] == ["deploy/Dockerfile:4"]
    assert found.read == ("deploy/Dockerfile",)


def test_a_procfile_names_processes(tmp_path: Path) -> None:
    write(tmp_path, {"Procfile": "# ours\nweb: PORT=1 gunicorn shop:app\nworker: celery -A shop worker\n"})
    found = deployment(tmp_path).starts
    assert [(start.process, start.argv[0], start.place.line) for start in found] == [
        ("web", "gunicorn", 2),
        ("worker", "celery", 3),
    ]


COMPOSE = """
services:
  app:
    build: .
    command: gunicorn shop:app
    healthcheck: {test: [CMD, curl, "http://127.0.0.1:8000/ready"]}
  worker: {build: ., entrypoint: [python], command: [-m, shop.worker]}
  database: {image: "postgres:16", command: postgres}
"""
KUBERNETES = """
kind: Deployment
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 20
      containers:
        - readinessProbe: {httpGet: {path: /ready, port: 8000}}
          livenessProbe: {httpGet: {path: /livez, port: 8000}}
---
kind: Service
readinessProbe: {httpGet: {path: /no, port: 1}}
"""


def test_compose_tells_of_what_is_built_here_and_kubernetes_of_probes(tmp_path: Path) -> None:
    found = deployment(
        write(tmp_path, {"compose.yaml": COMPOSE, "k8s/app.yaml": KUBERNETES, "k8s/x.yml": "a: ["})
    )
    assert [(start.process, start.argv) for start in found.starts] == [
        ("app", ("gunicorn", "shop:app")),
        ("worker", ("python", "-m", "shop.worker")),
    ]
    assert [(probe.kind, probe.path) for probe in found.probes] == [
        ("ready", "/ready"),
        ("live", "/livez"),
        ("ready", "/ready"),
    ]
    assert found.grace_s == 20
    assert [problem.partition(": ")[0] for problem in found.problems] == ["k8s/x.yml"]


def test_a_dockerfile_that_does_not_parse_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    found = deployment(write(tmp_path, {"Dockerfile": "FRM x\n", "Procfile": "web: gunicorn a:b\n"}))
    assert len(found.problems) == 1
    assert len(found.starts) == 1


def test_what_lies_beside_the_system_is_not_read(tmp_path: Path) -> None:
    files = {f"{folder}/Dockerfile": BASE for folder in ("tests", "node_modules", ".hidden", "a/b/c")}
    assert deployment(write(tmp_path, {**files, "venv/pyvenv.cfg": "", "venv/Dockerfile": BASE})).read == ()


README = """
```sh
pip install -r requirements.txt
uvicorn shop:app --reload # for development
python main.py
python other.py
flask --app shop run
flask --version
python -m celery -A shop worker
python -m uvicorn shop:app
python manage.py runserver
echo 'one
```
"""


def test_the_readme_starts_servers_and_files_that_are_called_so(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": README, "main.py": "", "other.py": ""})
    found = readme.starts(tmp_path, readme.readme(tmp_path))
    assert [(start.argv, start.place.line) for start in found] == [
        (("uvicorn", "shop:app", "--reload"), 4),
        (("python", "main.py"), 5),
        (("flask", "--app", "shop", "run"), 7),
        (("python", "-m", "celery", "-A", "shop", "worker"), 9),
        (("python", "-m", "uvicorn", "shop:app"), 10),
        (("python", "manage.py", "runserver"), 11),
    ]
    assert readme.starts(tmp_path, "") == ()
