"""Rules of the image itself: its base, its user, its health check, its ports."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator

from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.judged import Judged
from pytest_failhard.system.dockerfile import Instruction, substituted

LOWEST_UID = 1000
"""Below are the accounts of the system, on every distribution that images are made of."""
LOWEST_FREE_PORT = 1024
_ROOT = frozenset({"root", "0"})
_URL = re.compile(
    r"(?P<scheme>https?)://(?:[^/\s:'\"]+)(?::(?P<port>\d+|\$\{?\w+[^/]*?))?(?P<path>/[^\s'\"?#)]*)?"
)
_SCHEME_PORTS = {"http": 80, "https": 443}


def rules() -> tuple[Callable[[Judged], Iterator[Hit]], ...]:
    """Return the rules of this module."""
    return untagged_base, undigested_base, user, healthcheck, port


def untagged_base(judged: Judged) -> Iterator[Hit]:
    """C-untagged-base: the base image has no tag, or `latest`."""
    base = judged.image.base
    name, _, digest = base.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if base.lower() != "scratch" and not digest and tag in {"", "latest"}:
        yield judged.hit(
            "C-untagged-base",
            judged.image.stages[0].line,
            f"the base image {base} is another one from day to day",
            "name a version as its tag",
        )


def undigested_base(judged: Judged) -> Iterator[Hit]:
    """C-undigested-base: the base image is not named by its digest."""
    base = judged.image.base
    if base.lower() != "scratch" and "@sha256:" not in base:
        yield judged.hit(
            "C-undigested-base",
            judged.image.stages[0].line,
            f"the base image {base} has no digest: who may push its tag changes what runs",
            "name it as image:tag@sha256:digest, and let a bot renew it",
        )


def user(judged: Judged) -> Iterator[Hit]:
    """C-root-user, C-named-user: who runs the command."""
    image = judged.image
    if image.user is None:
        allowed = judged.tree.settings.nonroot_bases
        if not any(fnmatch.fnmatchcase(image.base, glob) for glob in allowed):
            last = max(stage.line for stage in image.stages)
            message = "no USER: everything runs as root"
            yield judged.hit("C-root-user", last, message, "end with USER 10001:10001")
        return
    text, missing = image.value(image.user.text)
    name = text.partition(":")[0].strip("\"' ")
    line = image.user.line
    if name.lower() in _ROOT:
        yield judged.hit("C-root-user", line, f"USER {name}: everything runs as root", "use USER 10001:10001")
    elif missing:
        message = f"USER is {image.user.text}, and {missing[0]} has no value: who it is cannot be told"
        yield judged.hit("C-named-user", line, message, "give it a default, a number")
    elif not name.isdecimal():
        message = f"USER {name}: an orchestrator cannot verify that a name is not root"
        yield judged.hit("C-named-user", line, message, "use its number: USER 10001:10001")
    elif int(name) < LOWEST_UID:
        message = f"USER {name} is an account of the system, below {LOWEST_UID}"
        yield judged.hit("C-named-user", line, message, "use a number of your own, as 10001")


def healthcheck(judged: Judged) -> Iterator[Hit]:
    """C-no-healthcheck: none, or one that does not ask what is declared as ready."""
    tree, image = judged.tree, judged.image
    if not tree.serves or not (judged.main or image.exposed):
        return
    if image.healthcheck is None:
        yield judged.hit(
            "C-no-healthcheck",
            image.last.line,
            "no HEALTHCHECK: nobody sees that it has stopped answering",
            "add a HEALTHCHECK that requests the ready path",
        )
        return
    ready = tree.system.ready if tree.system is not None else None
    if judged.main and ready is not None:
        yield from _asks(judged, image.healthcheck, ready)


def _asks(judged: Judged, check: Instruction, ready: str) -> Iterator[Hit]:
    text = _checked(judged, check)
    if text is None:
        return
    urls = list(_URL.finditer(substituted(text, judged.environment)[0]))
    asked = [match for match in urls if (match["path"] or "/").rstrip("/") == ready.rstrip("/")]
    if not asked and (urls or not re.search(rf"[\"'\s]{re.escape(ready)}[\"'\s]", text)):
        yield judged.hit(
            "C-no-healthcheck",
            check.line,
            f"the HEALTHCHECK does not request {ready}, which is declared as ready",
            "request the declared path, or correct the declaration",
        )
        return
    ports = {int(port) for match in asked if (port := _port(match)).isdecimal()}
    if ports and judged.ports and not ports & judged.ports:
        yield judged.hit(
            "C-no-healthcheck",
            check.line,
            f"the HEALTHCHECK asks port {min(ports)}, and the system listens on {min(judged.ports)}",
            "ask the port that it listens on",
            f"port {min(ports)}",
        )


def _port(match: re.Match[str]) -> str:
    return match["port"] or str(_SCHEME_PORTS[match["scheme"]])


def _checked(judged: Judged, check: Instruction) -> str | None:
    """Return the command of a health check with the files of the tree that it runs.

    None where it runs what is not in the tree: then only a running system shows what it asks.
    """
    words = check.words if check.words is not None else tuple(check.text.split())
    texts = [" ".join(words)]
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name = word.strip("\"';")
        module = following.replace(".", "/") if name == "-m" else ""
        wanted = f"{module}.py" if module else name
        if wanted.endswith((".py", ".sh")):
            path = judged.tree.named(wanted, judged.folder)
            if not path:
                return None
            texts.append(judged.tree.read(path))
    return "\n".join(texts)


def port(judged: Judged) -> Iterator[Hit]:
    """C-port: EXPOSE says another port than the system listens on, or one that needs root."""
    exposed, ports = judged.exposed, judged.ports
    if exposed and judged.main and judged.tree.serves and ports and not ports & exposed.keys():
        number = min(exposed)
        yield judged.hit(
            "C-port",
            exposed[number],
            f"EXPOSE {number}, and the system listens on {min(ports)}",
            "expose the port that it listens on",
        )
    user_name = judged.image.user.text.partition(":")[0].lower() if judged.image.user is not None else "root"
    for number, line in sorted(exposed.items()):
        if number < LOWEST_FREE_PORT and user_name not in _ROOT:
            yield judged.hit(
                "C-port",
                line,
                f"EXPOSE {number}: who is not root may not be allowed to listen below {LOWEST_FREE_PORT}",
                "listen on a higher port, as 8080",
                f"low {number}",
            )
