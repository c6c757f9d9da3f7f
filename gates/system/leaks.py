"""R9: nothing that comes out of the system holds a secret, or shows its inside or whom it serves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pytest_failhard.gates.system.outgoing import name_of, random_parts, require_clean
from pytest_failhard.gates.system.record import Ended, Said
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.gates.system.watched import watched
from pytest_failhard.leakage import leaks
from pytest_failhard.model import Finding
from pytest_failhard.system import personal
from pytest_failhard.system.traces import traces, versions

_OWN_FOLDER = re.compile(r"(?:^|/)start-\d+/(home|tmp|data)/")
_TRACE_TEXTS = {
    "traceback": "a traceback",
    "exception-text": "the text of an exception",
    "source-path": "the path of a source file",
    "sql": "a piece of SQL",
}


def check(stage: Stage) -> Seen:
    """Search all that was recorded so far, and what one round over all routes brings out."""
    if stage.system.kind == "http":
        watched(stage)
    parts = random_parts(stage.system, stage.canaries)
    secrets = sorted(_secrets(stage, parts))
    findings = [
        finding(
            "R9-secret-leaked",
            f"the value of {name} stands in {place}",
            "keep it out of what the system says; give it to nothing but what needs it",
            basis=f"{name}\0{place}",
            high=True,
        )
        for name, place in secrets
    ]
    shown = list(_shown(stage))
    findings += shown
    findings += _versions(stage)
    findings += _personal(stage)
    require_clean(findings, parts)
    return Seen(
        findings=tuple(findings),
        measures={"canaries": len({canary.name for canary in stage.canaries}), "leaks": len(secrets)},
        examined=len(stage.record.starts),
        proved=_proved(stage, bool(secrets), bool(shown)),
    )


def _proved(stage: Stage, leaked: bool, shown: bool) -> Mapping[str, bool]:
    proved = {"P1": not leaked} if stage.canaries else {}
    return {**proved, "F3": not shown} if stage.runs("R9/answers") else proved


def _secrets(stage: Stage, parts: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return each variable with each place where its value was found."""
    texts: dict[str, list[str]] = {}
    for place, text in _texts(stage):
        texts.setdefault(place, []).append(text)
    # Thousands of short answers as one text: many times faster, and no secret stands across a NUL.
    whole = {place: "\0".join(each) for place, each in texts.items()}
    return {(name_of(leak.key), place) for place, text in whole.items() for leak in leaks(text, parts)}


def _texts(stage: Stage) -> Iterator[tuple[str, str]]:
    for said in stage.record.answers:
        yield f"the headers of the answer to {said.asked}", _headers(said)
        yield f"the answer to {said.asked}", _body(said)
    for ended in stage.record.starts:
        yield "its standard output", ended.stdout
        yield "its standard error", ended.stderr
        yield "the arguments of a process", "\n".join("\0".join(each) for each in ended.argv)
        yield from _files(ended)


def _files(ended: Ended) -> Iterator[tuple[str, str]]:
    for path, content in ended.files.items():
        own = _OWN_FOLDER.search(path)
        # What lies in a folder of the run may have a random name; what lies in the tree has its own.
        place = f"a file in its folder {own[1]}" if own else f"the file {PurePosixPath(path)}"
        yield place, content.decode("utf-8", "replace")


def _headers(said: Said) -> str:
    return "".join(f"{name}: {value}\n" for name, value in said.answer.headers)


def _body(said: Said) -> str:
    # Without a status the body is our own account of how the connection ended.
    return said.answer.body.decode("utf-8", "replace") if said.answer.status is not None else ""


def _shown(stage: Stage) -> Iterator[Finding]:
    """Yield what answers show of the inside, once for each route and kind."""
    if not stage.runs("R9/answers"):
        return
    folders = (str(stage.tree), str(stage.run.scratch))
    found = {
        (said.asked, slug)
        for said in stage.record.answers
        for slug in traces(_headers(said) + _body(said), folders)
    }
    for asked, slug in sorted(found):
        yield finding(
            f"R9-{slug}",
            f"an answer to {asked} holds {_TRACE_TEXTS[slug]}",
            "log it, and tell the caller what kind of error it is and the id of the request",
            basis=asked,
        )


def _versions(stage: Stage) -> Iterator[Finding]:
    if not stage.runs("R9/version"):
        return
    found = {
        (name.title(), value)
        for said in stage.record.answers
        for name, value in versions(said.answer.headers).items()
    }
    for name, value in sorted(found):
        yield finding(
            "R9-server-version",
            f"the header {name} says which version answers: {value}",
            "let the server name itself without its version, or not at all",
            basis=name,
        )


def _personal(stage: Stage) -> Iterator[Finding]:
    if not stage.runs("R9/pii") or stage.watched is None:
        return
    for kind in personal.found(stage.watched.output, stage.watched.personal):
        yield finding(
            "R9-personal-data-logged",
            f"{kind} from the body of a request stands in the log",
            "log ids and counts, never the content of a request",
            basis=kind,
        )
