"""The bytes of every fault of an answer in every dialect, as texts that can be reviewed.

`python -m tests.llm.golden` writes them anew; then review the difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from pytest_failhard.llm import answers, catalogue, routing, samples, wire
from pytest_failhard.llm.catalogue import Fault, Form
from pytest_failhard.llm.operations import Operation
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.wire import Compiled, Context

FOLDER = Path(__file__).parent / "golden"
LONGEST, SHOWN = 6000, 400
HEALTHY_NEEDS: tuple[tuple[str, ...], ...] = ((), ("json",), ("tools",), ("stream",), ("stream", "tools"))


def context(request: Request) -> Context:
    """Return the context of a request with the words and the time of the samples."""
    route = routing.route(request)
    return Context(
        request=request,
        route=route,
        canaries=samples.CANARIES,
        content=answers.healthy(request, route, samples.CANARIES, None),
        request_id=samples.REQUEST_ID,
        case_number=1,
        now=samples.NOW,
    )


def failing(fault: Fault, dialect: str) -> tuple[Form, Compiled]:
    """Return a fault's form in a dialect and its bytes, for the request that meets it."""
    form = catalogue.load().form(fault, dialect)
    assert form is not None
    return form, wire.failing(context(samples.request(dialect, fault.needs)), fault, form)


def answered(dialect: str) -> Iterator[Fault]:
    """Yield the faults of an answer that a dialect has."""
    loaded = catalogue.load()
    for fault in loaded.faults.values():
        if fault.stage == "answer" and dialect in loaded.dialects_of(fault):
            yield fault


def rendered(dialect: str) -> str:
    """Return all of a dialect: its own forms in full, what it shares with another one as a digest."""
    parts = [_healthy(dialect, needs) for needs in HEALTHY_NEEDS if _has(dialect, needs)]
    parts += [_fault(fault, dialect) for fault in answered(dialect)]
    return "".join(parts)


def _has(dialect: str, needs: tuple[str, ...]) -> bool:
    return not needs or dialect != "openai_embeddings"


def _healthy(dialect: str, needs: tuple[str, ...]) -> str:
    compiled = wire.healthy(context(samples.request(dialect, needs)))
    return f"===== healthy {' '.join(needs)}\n{_facts(compiled)}\n{_operations(compiled)}"


def _fault(fault: Fault, dialect: str) -> str:
    _, compiled = failing(fault, dialect)
    full = dialect in fault.dialects or ("any" in fault.dialects and dialect == "openai")
    text = _operations(compiled) if full else f"bytes {_digest(compiled.script.data)}\n"
    return f"===== {fault.id}\n{_facts(compiled)}\n{text}"


def _facts(compiled: Compiled) -> str:
    used = compiled.usage
    return (
        f"status {compiled.status}, usage {used.input}+{used.output}, hint {compiled.hint_seconds}, "
        f"{'open' if compiled.keeps_open else 'closed'}"
    )


def _operations(compiled: Compiled) -> str:
    return "".join(f"{_operation(each)}\n" for each in compiled.script.operations)


def _operation(operation: Operation) -> str:
    said = {each.name: getattr(operation, each.name) for each in fields(operation)}
    data = said.pop("data", None)
    facts = "".join(f", {name} {value}" for name, value in said.items())
    return f"-- {type(operation).__name__}{facts}" + ("" if data is None else f", {_bytes(data)}")


def _digest(data: bytes) -> str:
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def _bytes(data: bytes) -> str:
    """Return bytes for reading, and their digest for what reading cannot show."""
    shown = data if len(data) <= LONGEST else data[:SHOWN] + b" ... " + data[-SHOWN:]
    lines = shown.replace(b"\r", b"").decode("ascii", "backslashreplace").split("\n")
    escaped = ("".join(each if each >= " " else f"\\x{ord(each):02x}" for each in line) for line in lines)
    return f"{_digest(data)}\n" + "\n".join(line.rstrip() for line in escaped)


def main() -> None:
    """Write all the texts."""
    FOLDER.mkdir(exist_ok=True)
    for dialect in samples.PLACES:
        (FOLDER / f"{dialect}.txt").write_text(rendered(dialect), encoding="utf-8")


if __name__ == "__main__":
    main()
