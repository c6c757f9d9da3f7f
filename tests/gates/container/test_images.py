"""Tests of the rules of an image: for each what it finds, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates.container.support import BUILD, DIGEST, DOCKERFILE, RUN, SYSTEM, Files, found, rules

CHECK = next(line for line in RUN.splitlines() if line.startswith("HEALTHCHECK"))
CMD = 'CMD ["python", "-m", "app.server"]'
ALL_IGNORED = ".git\n.env*\n.venv\n**/__pycache__\ntests\n"
SCRIPT = '#!/bin/sh\nset -e\necho begins\nexec python -m app.server "$@"\n'


def dockerfile(old: str, new: str) -> Files:
    """Return the green Dockerfile with a part of it replaced."""
    assert old in DOCKERFILE
    return {"Dockerfile": DOCKERFILE.replace(old, new)}


def last(old: str, new: str) -> Files:
    """Return the green Dockerfile with a part of its last stage replaced."""
    assert old in RUN
    return {"Dockerfile": BUILD + RUN.replace(old, new)}


def starting(command: str, **files: str) -> Files:
    """Return the green project with a command in the image and in the declaration that nobody compares."""
    system = "\n".join(line for line in SYSTEM.splitlines() if not line.startswith("start"))
    named = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    return {**last(CMD, command), "pyproject.toml": f"{system}\n", **named}


BAD: dict[str, tuple[str, Files]] = {
    "no tag": ("C-untagged-base", last(DIGEST, "python")),
    "latest": ("C-untagged-base", last(DIGEST, "registry:5000/python:latest")),
    "latest by argument": (
        "C-untagged-base",
        {"Dockerfile": "ARG TAG=latest\n" + DOCKERFILE.replace(f"{DIGEST}\nENV", "python:${TAG}\nENV")},
    ),
    "no digest": ("C-undigested-base", last(DIGEST, "python:3.12-slim")),
    "no user": ("C-root-user", last("USER 10001:10001\n", "")),
    "user root": ("C-root-user", last("USER 10001:10001", "USER root")),
    "user 0": ("C-root-user", last("USER 10001:10001", "USER 0:0")),
    "user root again": ("C-root-user", last("EXPOSE", "USER root\nEXPOSE")),
    "user by argument": ("C-root-user", last("USER 10001:10001", "ARG ID=0\nUSER $ID")),
    "named user": ("C-named-user", last("USER 10001:10001", "USER app:app")),
    "system's user": ("C-named-user", last("USER 10001:10001", "USER 999")),
    "unknown user": ("C-named-user", last("USER 10001:10001", "ARG ID\nUSER ${ID}")),
    "no check": ("C-no-healthcheck", last(CHECK, "")),
    "check off": ("C-no-healthcheck", last('CMD ["python", "-m"', 'HEALTHCHECK NONE\nCMD ["python", "-m"')),
    "check of another path": ("C-no-healthcheck", last("8080/ready'", "8080/'")),
    "check of another port": ("C-no-healthcheck", last("8080/ready'", "80/ready'")),
    "check of a default port": ("C-no-healthcheck", last("127.0.0.1:8080/ready'", "localhost/ready'")),
    "check of a process": ("C-no-healthcheck", last(CHECK, "HEALTHCHECK CMD pgrep python")),
    "check by a script": (
        "C-no-healthcheck",
        {**last(CHECK, 'HEALTHCHECK CMD ["python", "/srv/check.py"]'), "check.py": "import app\n"},
    ),
    "shell form": ("C-shell-form", last(CMD, "CMD python -m app.server")),
    "shell": ("C-shell-form", last(CMD, 'CMD ["sh", "-c", "exec x; python -m app.server"]')),
    "shell by tini": (
        "C-shell-form",
        last(CMD, 'ENTRYPOINT ["tini", "--", "sh", "-ec", "python -m app.server"]'),
    ),
    "quote without end": ("C-shell-form", last(CMD, "CMD echo 'exec")),
    "shell form of the entry point": ("C-shell-form", last(CMD, f"ENTRYPOINT python -m app.server\n{CMD}")),
    "script": (
        "C-shell-form",
        {**last(CMD, 'ENTRYPOINT ["./start.sh"]'), "start.sh": "echo x\npython -m app.server\n"},
    ),
    "flask run": ("C-dev-server", starting('CMD ["flask", "--app", "app", "run", "--host=0.0.0.0"]')),
    "python -m flask": ("C-dev-server", starting('CMD ["python", "-m", "flask", "run"]')),
    "runserver": ("C-dev-server", starting('CMD ["python", "manage.py", "runserver", "0.0.0.0:8080"]')),
    "reload": ("C-dev-server", starting('CMD ["hypercorn", "app.server:app", "--reload"]')),
    "debug": ("C-dev-server", starting("CMD exec python -m app.server --debug")),
    "fastapi dev": ("C-dev-server", starting('CMD ["fastapi", "dev", "app/server.py"]')),
    "app.run": (
        "C-dev-server",
        starting(
            CMD, app__server_py="from flask import Flask\napp = Flask('x')\ndef main():\n    app.run()\n"
        ),
    ),
    "app.run in a file": (
        "C-dev-server",
        starting(
            'CMD ["python", "-u", "/srv/app/main.py"]',
            app__main_py="from app import create_app\nx = make()()\nserver = create_app()\nserver.run(port=1)\n",
        ),
    ),
    "package with app.run": (
        "C-dev-server",
        {
            **starting('CMD ["python3", "-m", "web"]'),
            "web/__main__.py": "import x\napp = x.Flask(1)\napp.run()\n",
        },
    ),
    "reload in code": (
        "C-dev-server",
        starting(CMD, app__server_py="import uvicorn\nuvicorn.run('app:app', reload=True)\n"),
    ),
    "another start": ("C-start-differs", last(CMD, 'CMD ["python", "-m", "app.other"]')),
    "another argument": ("C-start-differs", last(CMD, 'CMD ["python", "-m", "app.server", "--fast"]')),
    "no such module": (
        "C-start-differs",
        starting('CMD ["hypercorn", "shop.server:app"]'),
    ),
    "secret in ENV": ("C-secret", last("ENV PATH", "ENV API_KEY=abcdef PATH")),
    "secret in ARG": (
        "C-secret",
        dockerfile("COPY requirements.txt .", "ARG GITHUB_TOKEN\nCOPY requirements.txt ."),
    ),
    "secret before FROM": ("C-secret", {"Dockerfile": f"ARG DB_PASSWORD=x1\n{DOCKERFILE}"}),
    "password in a URL": ("C-secret", last("ENV PATH", "ENV DATABASE_URL=postgresql://a:b@c/d PATH")),
    "secret in RUN": ("C-secret", last("WORKDIR", "RUN export API_TOKEN=abcdef && true\nWORKDIR")),
    "secret as an option": ("C-secret", last("WORKDIR", "RUN login --password hunter3 x\nWORKDIR")),
    "password in RUN": (
        "C-secret",
        last("WORKDIR", "RUN pip config set i https://me:pass1@example.com/x\nWORKDIR"),
    ),
    "secret in a check": ("C-secret", last(CHECK, CHECK.replace('"]', '", "--api-key", "a1b2c3d4"]'))),
    "COPY of .env": ("C-secret", last("COPY app ./app", "COPY app .env ./")),
    "ADD of .env": ("C-secret", last("COPY app ./app", 'ADD ["conf/.env.production", "./"]')),
    "one stage": (
        "C-single-stage",
        last(
            "COPY --from=build /opt/venv /opt/venv",
            "COPY requirements.txt .\nRUN pip install -r requirements.txt",
        ),
    ),
    "compiler": (
        "C-single-stage",
        last("WORKDIR /srv", "RUN apt-get update && apt-get install -y gcc curl\nWORKDIR /srv"),
    ),
    "nothing left out": ("C-no-dockerignore", last("COPY app ./app", "COPY . .")),
    "too little left out": (
        "C-no-dockerignore",
        {**last("COPY app ./app", "COPY . ."), ".dockerignore": ".git\n"},
    ),
    "history not left out": (
        "C-no-dockerignore",
        {**last("COPY app ./app", "COPY . ."), ".dockerignore": ALL_IGNORED.replace(".git\n", "[!g]it\n")},
    ),
    "tests not left out": (
        "C-no-dockerignore",
        {
            **last("COPY app ./app", "ADD ./ ./"),
            ".dockerignore": ALL_IGNORED + "!tests\n",
            "tests/test_a.py": "x = 1\n",
        },
    ),
    "install by name": (
        "C-inline-install",
        dockerfile("-r requirements.txt", "-r requirements.txt && pip install flask>=2"),
    ),
    "install in a here-document": (
        "C-inline-install",
        dockerfile(
            "COPY requirements.txt .",
            "RUN <<E\npip install -U pip requests[socks]==2\nE\nCOPY requirements.txt .",
        ),
    ),
    "remote add": ("C-remote-add", last("WORKDIR /srv", "ADD https://example.com/x.tar /x\nWORKDIR /srv")),
    "remote branch": (
        "C-remote-add",
        last("WORKDIR /srv", "ADD git@example.com:a/b.git#main /x\nWORKDIR /srv"),
    ),
    "another port": ("C-port", last("EXPOSE 8080", "EXPOSE 5000/tcp")),
    "low port": ("C-port", last("EXPOSE 8080", "EXPOSE 8080 80")),
}
GOOD: dict[str, Files] = {
    "as it is": {},
    "scratch": last(DIGEST, "scratch"),
    "argument": {
        "Dockerfile": f"ARG IMAGE={DIGEST}\n" + BUILD + RUN.replace(DIGEST, "${IMAGE}", 1),
    },
    "user by variable": last("USER 10001:10001", "ENV ID=10001\nUSER ${ID}:0"),
    "base with a user": {
        "Dockerfile": BUILD
        + RUN.replace(DIGEST, f"gcr.io/distroless/python3:nonroot@sha256:{'0' * 64}").replace(
            "USER 10001:10001\n", ""
        ),
    },
    "check with a variable": last(CHECK, "HEALTHCHECK CMD curl -f http://localhost:${PORT}/ready || exit 1"),
    "check by a script": {
        **last(CHECK, 'HEALTHCHECK CMD ["python", "check.py"]'),
        "check.py": "ask('127.0.0.1', 8080, '/ready')\n",
    },
    "check by a module": {
        **last(CHECK, 'HEALTHCHECK CMD ["python", "-m", "app.check"]'),
        "app/check.py": "URL = 'http://127.0.0.1:8080/ready'\n",
    },
    "check by what is elsewhere": last(CHECK, 'HEALTHCHECK CMD ["/usr/bin/check.sh"]'),
    "exec in a shell": last(CMD, "CMD exec python -m app.server"),
    "exec behind others": last(CMD, 'CMD ["/bin/bash", "-c", "prepare && LANG=C exec python -m app.server"]'),
    "wrapped": last(
        CMD,
        'ENTRYPOINT ["/usr/bin/tini", "-g", "--"]\nCMD ["/opt/venv/bin/python3", "-u", "-m", "app.server"]',
    ),
    "script": {
        **last(CMD, 'ENTRYPOINT ["sh", "/srv/bin/start.sh"]'),
        "bin/start.sh": SCRIPT.replace(' "$@"', ""),
    },
    "absolute paths": {
        **last(CMD, 'CMD ["python", "/srv/app/run.py", "--config=/srv/a.toml"]'),
        "pyproject.toml": SYSTEM.replace('"-m", "app.server"', '"app/run.py", "--config", "a.toml"'),
    },
    "script that hands on": {
        **last(CMD, f'ENTRYPOINT ["/start.sh"]\n{CMD}'),
        "deploy/start.sh": '#!/bin/sh\nexec "$@"\n',
    },
    "script that traps": {
        **last(CMD, 'ENTRYPOINT ["/start.sh"]'),
        "pyproject.toml": SYSTEM.replace('"python", "-m", "app.server"', '"/start.sh"'),
        "start.sh": "trap 'kill $PID' SIGTERM\npython -m app.server &\nPID=$!\nwait $PID\n",
    },
    "script of the base image": {
        **last(CMD, 'ENTRYPOINT ["/entrypoint.sh"]'),
        "pyproject.toml": SYSTEM.replace('"python", "-m", "app.server"', '"/entrypoint.sh"'),
    },
    "production server in code": starting(CMD, app__server_py="import uvicorn\nuvicorn.run('app:app')\n"),
    "code that does not parse": starting('CMD ["python", "other.py"]', other_py="def\n"),
    "start by module": starting(
        'CMD ["python3", "-O", "-m", "hypercorn", "--bind", "0.0.0.0:8080", "app.server:app"]'
    ),
    "start bound elsewhere": {
        **last(CMD, 'CMD ["hypercorn", "--bind=0.0.0.0:8080", "--config=a.toml", "./app/server"]'),
        "pyproject.toml": SYSTEM.replace(
            '["python", "-m", "app.server"]', '["hypercorn", "-b", "x:1", "--config", "a.toml", "app/server"]'
        ),
    },
    "reference": last(
        "ENV PATH", "ENV API_KEY_FILE=/run/secrets/key MAX_TOKENS=5 API_KEY= USE_TOKEN=true PATH"
    ),
    "mounted secret": last(
        "WORKDIR", "RUN --mount=type=secret,id=t export T_TOKEN=$(cat /run/secrets/t)\nWORKDIR"
    ),
    "example of .env": last("COPY app ./app", "COPY app .env.example ./"),
    ".env of a stage": last("COPY --from=build /opt/venv", "COPY --from=build /x/.env /opt/venv"),
    "compiler that goes": last(
        "WORKDIR /srv", "RUN apt-get install -y gcc && make x && apt-get purge -y gcc\nWORKDIR /srv"
    ),
    "compiler of the build": dockerfile(
        "COPY requirements.txt .", "RUN apk add build-base\nCOPY requirements.txt ."
    ),
    "left out": {
        **last("COPY app ./app", "COPY . ."),
        ".dockerignore": f"# caches\n\n{ALL_IGNORED}",
        "tests/test_a.py": "x = 1\n",
    },
    "all left out but some": {
        **last("COPY app ./app", "COPY . ."),
        ".dockerignore": "*\n!app\n**/__pycache__\n[z-a]\n",
    },
    "own list": {**last("COPY app ./app", "COPY . ."), "Dockerfile.dockerignore": "**\n!/app/*.py\n"},
    "tools by name": dockerfile(
        "RUN python", "RUN pip install --no-cache-dir -U pip wheel 'poetry==2' -c c.txt\nRUN python"
    ),
    "project and wheels": dockerfile(
        "-r requirements.txt", "-r requirements.txt . ./lib /w/a.whl b.whl -e ."
    ),
    "offline": dockerfile("-r requirements.txt", "--no-index --find-links /w shop"),
    "other programs": dockerfile("RUN python", "RUN apt-get install -y curl; npm install x\nRUN python"),
    "remote add with checksum": last(
        "WORKDIR /srv", "ADD --checksum=sha256:0 https://example.com/x /x\nWORKDIR /srv"
    ),
    "remote commit": last("WORKDIR /srv", f"ADD https://example.com/x.git#{'a' * 40}:sub /x\nWORKDIR /srv"),
    "no port": last("EXPOSE 8080\n", ""),
    "port by variable": last("EXPOSE 8080", "EXPOSE $PORT 9000-9010"),
    "port of the command": {
        "Dockerfile": BUILD
        + RUN.replace(" PORT=8080", "").replace(
            CMD, 'CMD ["hypercorn", "--bind", "0.0.0.0:8080", "app.server:app"]'
        ),
        "pyproject.toml": SYSTEM.replace('["python", "-m", "app.server"]', '["hypercorn", "app.server:app"]'),
    },
    "no declared system": {"pyproject.toml": ""},
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_found(case: str, tmp_path: Path) -> None:
    rule, files = BAD[case]
    assert {*rules(tmp_path, files)} == {rule} | ALSO.get(case, frozenset())


ALSO = {
    "no tag": {"C-undigested-base"},
    "latest": {"C-undigested-base"},
    "latest by argument": {"C-undigested-base"},
    "quote without end": {"C-start-differs"},
    "script": {"C-start-differs"},
}
"""What else is true of a case."""


@pytest.mark.parametrize("case", GOOD)
def test_what_is_left_alone(case: str, tmp_path: Path) -> None:
    assert [f"{each.rule}: {each.message}" for each in found(tmp_path, GOOD[case])] == []


def test_place_and_words(tmp_path: Path) -> None:
    [finding] = found(tmp_path, last("USER 10001:10001", "USER app"))
    assert (finding.path, finding.line, finding.name) == ("Dockerfile", 9, "C-named-user")
    assert finding.message == "USER app: an orchestrator cannot verify that a name is not root"
    assert finding.fix == "use its number: USER 10001:10001"


def test_a_finding_survives_an_edit_elsewhere(tmp_path: Path) -> None:
    [before] = found(tmp_path / "a", last("USER 10001:10001", "USER app"))
    [after] = found(tmp_path / "b", {"Dockerfile": "# note\n" + BUILD + RUN.replace("10001:10001", "app")})
    assert (before.fingerprint, before.line + 1) == (after.fingerprint, after.line)


def test_no_value_of_a_secret_is_said(tmp_path: Path) -> None:
    text = RUN.replace(
        "WORKDIR", "ENV API_KEY=a1b2c3d4\nRUN X_TOKEN=a1b2c3d4 y https://u:a1b2c3d4@h/\nWORKDIR"
    )
    files = {"Dockerfile": BUILD + text.replace('"app.server"]', '"app.server", "--api-key", "a1b2c3d4"]')}
    findings = found(tmp_path, files)
    assert {each.rule for each in findings} == {"C-secret", "C-start-differs"}
    assert "a1b2c3d4" not in repr(findings)


def test_several_images(tmp_path: Path) -> None:
    """The one nearest to the root is the declared system; the others have a start of their own."""
    other = BUILD + RUN.replace(CMD, 'CMD ["node", "server.js"]').replace(CHECK, "").replace(
        "EXPOSE 8080\n", ""
    )
    assert rules(tmp_path / "a", {"web/Dockerfile": other}) == []
    assert rules(tmp_path / "b", {"web/Dockerfile": other + "EXPOSE 80\n"}) == ["C-no-healthcheck", "C-port"]
    dev = "FROM python\nENV API_KEY=abcdef\nCMD flask run --debug\n"
    assert rules(tmp_path / "c", {"Dockerfile.dev": dev, ".devcontainer/Dockerfile": dev}) == ["C-secret"] * 2
    assert (
        rules(tmp_path / "d", {"tests/Dockerfile": dev, "examples/a/Dockerfile": dev, "Dockerfile.md": "x"})
        == []
    )
    [ignored] = found(
        tmp_path / "e",
        {
            "web/Containerfile": other.replace("COPY app ./app", "COPY . ."),
            "web/x.py": "x = 1\n",
            "web/.dockerignore": ".env*\n",
        },
    )
    # The history lies above, and so cannot be taken.
    assert ignored.message == (
        "COPY takes the whole folder, and web/.dockerignore lets the virtual environment, __pycache__ in"
    )
