"""Rules of compose files: what a service is started with, and whether anybody sees that it is down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pytest_failhard.gates.container.documents import Table
from pytest_failhard.gates.container.files import Yaml
from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.judged import Judged
from pytest_failhard.gates.container.literals import holds_password, is_literal
from pytest_failhard.source.secret_names import is_secret_name

SOCKET = "/docker.sock"
_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)(?::?-(?P<value>[^{}]*))?\}?")
_PORT = re.compile(
    r"(?:(?P<host>\[[^\]]*\]|[\d.]+):)?(?P<published>\d+(?:-\d+)?):(?P<target>\d+(?:-\d+)?)(?P<kind>/\w+)?"
)


def rules(file: Yaml, images: Sequence[Judged]) -> Iterator[Hit]:
    """Yield what is wrong in a compose file; of one for development the secrets alone."""
    for document in file.documents:
        for name, service in document.table("services").items():
            if isinstance(service, Table):
                yield from (_of(file, name, hit) for hit in _secrets(service))
                if not file.development:
                    yield from (_of(file, name, hit) for rule in _RULES for hit in rule(service, images))
        if not file.development:
            yield from _ports(file, document)


def _of(file: Yaml, name: str, hit: Hit) -> Hit:
    return Hit(
        rule=hit.rule,
        path=file.path,
        line=hit.line,
        message=f"service {name}: {hit.message}",
        fix=hit.fix,
        basis=f"{name} {hit.basis or hit.rule}",
    )


def _hit(rule: str, line: int, message: str, fix: str, basis: str = "") -> Hit:
    return Hit(rule=rule, path="", line=line, message=message, fix=fix, basis=basis)


def environment(service: Table) -> Iterator[tuple[str, str, int]]:
    """Yield the variables of a service with their values and lines, from a table or a list."""
    given = service.get("environment")
    if isinstance(given, Table):
        yield from ((name, given.text(name), given.at(name)) for name in given)
    elif isinstance(given, list):
        for entry in given:
            name, _, value = str(entry).partition("=")
            yield name, value, service.at("environment")


def _secrets(service: Table) -> Iterator[Hit]:
    for name, value, line in environment(service):
        if (is_secret_name(name) and is_literal(value)) or holds_password(value):
            fix = "read it from the environment, without a default, or from a secret"
            yield _hit("C-compose-secret", line, f"{name} holds a secret", fix, f"secret {name}")


def _is_optional(service: Table) -> bool:
    """Tell whether a service runs once, or only where somebody asks for it."""
    return service.text("restart") in {"no", "false"} or bool(service.get("profiles")) or "extends" in service


def _healthcheck(service: Table, images: Sequence[Judged]) -> Iterator[Hit]:
    if _is_optional(service):
        return
    check = service.table("healthcheck")
    is_off = check.text("disable") == "true" or check.get("test") in (["NONE"], "NONE")
    built_with = "build" in service and any(each.image.healthcheck is not None for each in images)
    if is_off or ("healthcheck" not in service and not built_with):
        yield _hit(
            "C-compose-no-healthcheck",
            check.line if "healthcheck" in service else service.line,
            "no healthcheck: it counts as running when it no longer answers",
            "add a healthcheck that asks it",
        )


def _restart(service: Table, images: Sequence[Judged]) -> Iterator[Hit]:
    del images
    policy = service.table("deploy", "restart_policy")
    if "restart" not in service and not policy and not _is_optional(service):
        message = "no restart: once it ends, it stays down"
        yield _hit("C-compose-no-restart", service.line, message, "add restart: unless-stopped")


def _privileges(service: Table, images: Sequence[Judged]) -> Iterator[Hit]:
    del images
    if service.text("privileged") == "true":
        message = "privileged: whoever breaks out of it owns the machine"
        yield _hit(
            "C-compose-privileged", service.at("privileged"), message, "add the one capability it needs"
        )
    volumes = service.get("volumes")
    mounts = volumes if isinstance(volumes, list) else []
    if any(SOCKET in (each.text("source") if isinstance(each, Table) else str(each)) for each in mounts):
        message = "mounts the socket of the engine: it may start anything as root"
        fix = "do without, or put a proxy before it that lets through what is needed"
        yield _hit("C-compose-privileged", service.at("volumes"), message, fix, "socket")


def _limits(service: Table, images: Sequence[Judged]) -> Iterator[Hit]:
    del images
    limited = service.table("deploy", "resources", "limits")
    memory = limited.text("memory") or service.text("mem_limit")
    cpus = limited.text("cpus") or service.text("cpus") or service.text("cpu_quota")
    if not (memory and cpus) and not _is_optional(service):
        missing = " and ".join(name for name, value in (("memory", memory), ("cpus", cpus)) if not value)
        yield _hit(
            "C-compose-no-limits",
            service.line,
            f"no limit of {missing}: it may take all that the machine has",
            "set deploy.resources.limits",
        )


def _latest(service: Table, images: Sequence[Judged]) -> Iterator[Hit]:
    del images
    image = _VARIABLE.sub(lambda match: match["value"] or match[0], service.text("image"))
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if image and "build" not in service and "@" not in image and tag in {"", "latest"}:
        message = f"the image {image} is another one from day to day"
        yield _hit("C-compose-latest", service.at("image"), message, "name a version as its tag")


_RULES: tuple[Callable[[Table, Sequence[Judged]], Iterator[Hit]], ...] = (
    _healthcheck,
    _restart,
    _privileges,
    _limits,
    _latest,
)


def _ports(file: Yaml, document: Table) -> Iterator[Hit]:
    takers: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, service in document.table("services").items():
        for address, port, line in _published(service) if isinstance(service, Table) else ():
            takers.setdefault((address, port), []).append((name, line))
    for (_, port), (first, *others) in takers.items():
        for name, line in others:
            yield Hit(
                rule="C-compose-port-twice",
                path=file.path,
                line=line,
                message=f"port {port} of the machine is published by {first[0]} and again by {name}: "
                "one of them does not start",
                fix="give each its own",
                basis=f"{name} {port}",
            )


def _published(service: Table) -> Iterator[tuple[str, str, int]]:
    """Yield the ports of the machine that a service takes: address, port with its kind, line."""
    if service.get("profiles"):
        return
    ports = service.get("ports")
    for entry in ports if isinstance(ports, list) else []:
        if isinstance(entry, Table):
            published, address, kind = entry.text("published"), entry.text("host_ip"), entry.text("protocol")
            if published:
                yield address, f"{published}/{kind or 'tcp'}", entry.line
            continue
        text = _VARIABLE.sub(lambda match: match["value"] or match["name"], str(entry))
        match = _PORT.fullmatch(text)
        if match:
            yield match["host"] or "", f"{match['published']}{match['kind'] or '/tcp'}", service.at("ports")
