"""Writes the table `[tool.failhard.system]` for a project, as well as it can be guessed from its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pytest_failhard.system import commands
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.derived import Derived, dependencies, http_servers, is_platform
from pytest_failhard.system.derive.facts import Read, Start
from pytest_failhard.system.derive.readme import kind_of

HEADER = "[tool.failhard.system]"
CHECK = "check"
OWN_PORTS = {"gunicorn": "PORT", "uvicorn": "UVICORN_PORT", "flask": "FLASK_RUN_PORT"}
"""Program -> the variable from which it takes its port by itself."""
OWN_HOSTS = {"uvicorn": "UVICORN_HOST", "flask": "FLASK_RUN_HOST"}
OF_KIND = {
    "worker": ('ready_log = "ready" # check: what the log says when the worker takes work',),
    "job": (
        "outputs = [] # fill in: the files that a run leaves",
        "bad_runs = [] # fill in: command lines that must fail",
    ),
}
"""Lines of which the files say nothing."""
MANY = 3
"""A list of more entries stands on several lines."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a declaration could say. An empty value was not found; `unsure` are the keys to look at."""

    kind: str
    start: tuple[str, ...] = ()
    port_env: str = ""
    host_env: str = ""
    environment_env: str = ""
    ready: str = ""
    live: str = ""
    openapi: str = ""
    grace_s: int | None = None
    secrets: tuple[Read, ...] = ()
    settings: tuple[Read, ...] = ()
    dependencies: tuple[tuple[str, str], ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    """Method and path of each operation but those that tell of health."""
    unsure: Mapping[str, str] = field(default_factory=dict)
    """Key -> what a person has to look at."""


def propose(derived: Derived) -> Proposal:
    """Return what the declaration of a project could say."""
    unsure: dict[str, str] = {}
    kind = _kind(derived)
    if kind == "library":
        return Proposal(kind=kind, secrets=derived.secrets, settings=_settings(derived, frozenset()))
    start = _start(derived, kind, unsure)
    port = _port(derived, start, unsure) if kind == "http" else ""
    host = _host(derived, start) if kind == "http" else ""
    environment = _environment(derived, unsure)
    needed = tuple((name, variable) for name, (_, variable) in sorted(dependencies(derived).items()))
    taken = frozenset({port, host, environment, *(variable for _, variable in needed)})
    ready, live = _probes(derived, unsure) if kind == "http" else ("", "")
    return Proposal(
        kind=kind,
        start=start,
        port_env=port,
        host_env=host,
        environment_env=environment,
        ready=ready,
        live=live,
        openapi=derived.operations_from
        if derived.operations_from.endswith((".json", ".yaml", ".yml"))
        else "",
        grace_s=derived.deployment.grace_s,
        secrets=tuple(read for read in derived.secrets if read.name not in taken),
        settings=_settings(derived, taken),
        dependencies=needed,
        routes=tuple(_routes(derived, {ready, live})) if kind == "http" else (),
        unsure=unsure,
    )


def _kind(derived: Derived) -> str:
    started = [start for start in derived.starts if start.source != "compose"]
    kinds = {kind_of(start.argv) for start in started}
    web = any(start.process == "web" for start in started)
    if data.HTTP in kinds or web or derived.deployment.exposed:
        return "http"
    if any(http_servers(derived)) and not _is_distributed(derived):
        return "http"
    if data.WORKER in kinds or any(each.means == data.WORKER for each in derived.servers):
        return "worker"
    return "job" if derived.deployment.starts else "library"


def _is_distributed(derived: Derived) -> bool:
    """Tell whether the project is a package with a command, and has nothing by which a server is run."""
    return bool(derived.scripts) and not derived.starts and not derived.runs


def _start(derived: Derived, kind: str, unsure: dict[str, str]) -> tuple[str, ...]:
    fitting = [start for start in derived.starts if _fits(start, kind)]
    # Of two lines in one file, that of a server is the one for production.
    best = min(
        fitting, key=lambda start: (start.source != fitting[0].source, not kind_of(start.argv)), default=None
    )
    if best is not None:
        return tuple(_here(word, derived) for word in _argv(best.argv))
    unsure["start"] = "no Dockerfile, Procfile or README says how the system is started"
    if derived.runs:
        return ("python", derived.runs[0].path)
    for application in derived.applications:
        server = "gunicorn" if application.speaks == "wsgi" else "uvicorn"
        return (server, f"{application.module}:{application.name}")
    return next(((name,) for name in sorted(derived.scripts)), ("python", "-m", "app"))


def _here(word: str, derived: Derived) -> str:
    """Return a file as it is called from the root: an image has another folder."""
    paths = [place.path for place in derived.runs]
    below = [path for path in paths if path.endswith(f"/{word}")]
    return below[0] if word.endswith(".py") and word not in paths and len(below) == 1 else word


def _fits(start: Start, kind: str) -> bool:
    if start.process in {"release", "postdeploy"}:
        return False
    told = kind_of(start.argv)
    return not told or told == kind


def _argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without where it binds: the gate gives it a port of its own, by a variable."""
    words = commands.comparable(argv)
    chosen = words if words[0] in OWN_PORTS else commands.comparable(argv, bound=True)
    return tuple(word for word in chosen if word not in data.DEVELOPMENT_FLAGS)


def _port(derived: Derived, start: tuple[str, ...], unsure: dict[str, str]) -> str:
    own = OWN_PORTS.get(start[0], "") if start else ""
    read = [each.name for each in derived.reads if data.OWN_PORT.match(each.name)]
    if own and (own == "PORT" or start[0] != "uvicorn"):
        return own if own not in read else "PORT"
    if own:
        return own
    if not read:
        unsure["port_env"] = "no code reads a port: name the variable that the system takes its port from"
    return "PORT" if "PORT" in read or not read else sorted(read)[0]


def _host(derived: Derived, start: tuple[str, ...]) -> str:
    read = [each.name for each in derived.reads if data.HOST_VARIABLE.match(each.name)]
    own = OWN_HOSTS.get(start[0], "") if start else ""
    return own or (sorted(read, key=lambda name: (name != "HOST", name))[0] if read else "")


def _environment(derived: Derived, unsure: dict[str, str]) -> str:
    names = [each.name for each in derived.reads if each.name not in data.NO_ENVIRONMENT]
    found = next((name for name in data.ENVIRONMENT_VARIABLES if name in names), "")
    found = found or next((name for name in sorted(names) if data.ENVIRONMENT_SUFFIX.search(name)), "")
    if not found:
        unsure["environment_env"] = (
            "no code reads where it runs (ENVIRONMENT): production is not told from a desk"
        )
    return found


def _probes(derived: Derived, unsure: dict[str, str]) -> tuple[str, str]:
    asked = {probe.kind: probe.path for probe in reversed(derived.deployment.probes)}
    served = [each.path for each in derived.operations if each.method == "GET"]
    ready = asked.get("ready") or _served(served, data.READY_PATHS)
    live = asked.get("live") or _served(served, data.LIVE_PATHS)
    if not ready:
        ready = "/" if "/" in served or not served else live or "/"
        unsure["ready"] = "no HEALTHCHECK and no route tells whether the system is ready"
    return ready, live if live != ready else ""


def _served(paths: list[str], usual: tuple[str, ...]) -> str:
    for end in usual:
        found = sorted((path for path in paths if path.endswith(end)), key=lambda path: (len(path), path))
        if found:
            return found[0]
    return ""


def _settings(derived: Derived, taken: frozenset[str]) -> tuple[Read, ...]:
    secrets = {read.name for read in derived.secrets}
    return tuple(
        read
        for read in derived.reads
        if read.name not in taken and read.name not in secrets and not is_platform(read.name)
    )


def _routes(derived: Derived, health: set[str]) -> Iterator[tuple[str, str]]:
    for operation in derived.operations:
        if operation.path not in health and not data.SERVED_ANYWAY.match(operation.path):
            yield operation.method, operation.path


def table(proposal: Proposal) -> str:
    """Return the proposal as TOML; what a person has to look at stands in comments."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    yield HEADER
    yield f'kind = "{proposal.kind}" # http | worker | job | library'
    if proposal.start:
        yield _line("start", list(proposal.start), proposal, "argv, never a shell string")
    for key, value in _texts(proposal):
        if value or (key == "port_env" and proposal.kind == "http"):
            yield _line(key, value, proposal)
        if key == "host_env":
            yield from _environment_lines(proposal)
    yield from OF_KIND.get(proposal.kind, ())
    if proposal.grace_s is not None:
        yield f"grace_s = {proposal.grace_s}"
    yield from _list("secrets", [_secret(read) for read in proposal.secrets])
    yield from _list("settings", [_setting(read) for read in proposal.settings])
    # Tables come last: what stands behind one belongs to it.
    if proposal.kind == "http" and not proposal.routes:
        yield "routes = [] # fill in: the requests that the system must answer"
    yield from _dependencies(proposal)
    yield from _route_tables(proposal)


def _texts(proposal: Proposal) -> tuple[tuple[str, str], ...]:
    """Return the keys that hold a text, in their order."""
    return (
        ("port_env", proposal.port_env),
        ("host_env", proposal.host_env),
        ("ready", proposal.ready),
        ("live", proposal.live),
        ("openapi", proposal.openapi),
    )


def _line(key: str, value: object, proposal: Proposal, remark: str = "") -> str:
    comment = f"{CHECK}: {proposal.unsure[key]}" if key in proposal.unsure else remark
    return f"{key} = {json.dumps(value, ensure_ascii=False)}" + (f" # {comment}" if comment else "")


def _environment_lines(proposal: Proposal) -> Iterator[str]:
    if proposal.environment_env:
        yield _line("environment_env", proposal.environment_env, proposal)
        yield f'production = "production" # {CHECK}: its value in production'
        yield f'development = "development" # {CHECK}: its value at a desk'
    elif "environment_env" in proposal.unsure:
        yield f"# environment_env, production, development: {proposal.unsure['environment_env']}"


def _list(key: str, entries: list[str]) -> Iterator[str]:
    if len(entries) < MANY:
        yield f"{key} = [{', '.join(entries)}]"
        return
    yield f"{key} = ["
    yield from (f"    {entry}," for entry in entries)
    yield "]"


def _secret(read: Read) -> str:
    provider = data.PROVIDERS.match(read.name)
    shape = next((shape for word, shape in data.SHAPES.items() if read.name.startswith(f"{word}_")), "")
    parts = [f'name = "{read.name}"']
    parts += [f'shape = "{shape}"'] if provider and shape else []
    parts += ["provider = true"] if provider else []
    return f"{{ {', '.join(parts)} }}"


def _setting(read: Read) -> str:
    kind = "url" if read.type == "str" and re.search(r"_UR[LI]$", read.name) else read.type
    parts = [f'name = "{read.name}"']
    parts += [f'type = "{kind}"'] if kind != "str" else []
    parts += ["required = true"] if read.required else []
    return f"{{ {', '.join(parts)} }}"


def _dependencies(proposal: Proposal) -> Iterator[str]:
    if proposal.kind != "library" and not any(variable for _, variable in proposal.dependencies):
        yield "dependencies = []"
    for name, variable in proposal.dependencies:
        if variable:
            yield ""
            yield "[[tool.failhard.system.dependencies]]"
            yield f'name = "{name}"'
            yield f'url_env = "{variable}"'
            yield f'provide = {{ env = "TEST_{variable}" }} # {CHECK}: where the gates find one'
        else:
            yield f"# a client of {name} is imported and no variable leads to it: declare it in dependencies"


def _route_tables(proposal: Proposal) -> Iterator[str]:
    used: set[str] = set()
    for method, path in proposal.routes:
        yield ""
        yield "[[tool.failhard.system.routes]]"
        yield f'id = "{_identity(method, path, used)}"'
        if method != "GET":
            yield f'method = "{method}"'
        sent = re.sub(r"\{\w+\*?\}", "1", path)
        yield f"path = {json.dumps(sent)}" + (f" # {CHECK}: {path}" if sent != path else "")
        if method in {"POST", "PUT", "PATCH"}:
            yield "body = {} # fill in: what a caller sends"


def _identity(method: str, path: str, used: set[str]) -> str:
    words = "-".join(re.findall(r"\w+", path)) or "root"
    name = words if method == "GET" else f"{words}-{method.lower()}"
    while name in used:
        name += "-again"
    used.add(name)
    return name
