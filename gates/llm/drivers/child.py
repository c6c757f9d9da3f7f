"""The program of a worker: calls one function for each line it is sent. It imports nothing of ours."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import inspect
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Self


def main() -> None:
    """Serve until the other end of the socket is closed."""
    descriptor, *roots = sys.argv[1:]
    # Our own folder came first; the project must find its modules, and none of ours.
    sys.path[:1] = roots
    os.set_inheritable(int(descriptor), False)
    with socket.socket(fileno=int(descriptor)) as channel, channel.makefile("rwb") as lines:
        for line in lines:
            case = json.loads(line)
            for answer in crowd(case) if "times" in case else (serve(case),):
                sys.stdout.flush()
                sys.stderr.flush()
                lines.write(json.dumps(answer).encode() + b"\n")
                lines.flush()


class Ending:
    """Takes whatever a block raises, an exit of the interpreter included: it is the block's answer."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error
        return True


def serve(case: dict[str, object]) -> dict[str, object]:
    """Return what a call gave: a value as text, or exceptions with their causes, and an exit code."""
    answer = ""
    with Ending() as ending:
        answer = shown(called(str(case["callable"]), case["input"]))
    if ending.error is None:
        return {"returned": answer}
    if isinstance(ending.error, SystemExit):
        return {"raised": chain(ending.error), "code": code(ending.error)}
    # In its log as in a real run.
    traceback.print_exception(ending.error)
    return {"raised": chain(ending.error), "code": None}


def crowd(case: dict[str, object]) -> Iterator[dict[str, int]]:
    """Call the function in as many threads as asked at once; say when all have begun, and have ended."""
    threads: list[threading.Thread] = []
    # A system that has no room for more threads was offered so many.
    with Ending():
        for _ in range(int(str(case["times"]))):
            thread = threading.Thread(target=serve, args=(case,), daemon=True)
            thread.start()
            threads.append(thread)
    yield {"offered": len(threads)}
    for thread in threads:
        thread.join()
    yield {"ended": len(threads)}


def called(name: str, arguments: object) -> object:
    """Import the function and call it; what it returns to be awaited or drawn from is."""
    module, _, path = name.partition(":")
    function: object = importlib.import_module(module)
    for part in path.split("."):
        function = getattr(function, part)
    if not callable(function) or not isinstance(arguments, dict):
        raise TypeError(f"{name} is no function")
    value = function(**arguments)
    if inspect.isawaitable(value):
        value = asyncio.run(awaited(value))
    if inspect.isasyncgen(value):
        value = asyncio.run(drawn(value))
    return list(value) if inspect.isgenerator(value) else value


async def awaited(value: object) -> object:
    """Return what is awaited."""
    return await value  # type: ignore[misc]  # the caller has asked whether it can be


async def drawn(value: object) -> list[object]:
    """Return what an asynchronous generator yields."""
    return [each async for each in value]  # type: ignore[attr-defined]  # the caller has asked


def shown(value: object) -> str:
    """Return text as it is, nothing for None, else JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=plain, ensure_ascii=False)


def plain(value: object) -> object:
    """Return something that JSON can hold: fields of a model or a dataclass, else how the value prints."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return str(value)


def chain(error: BaseException) -> list[tuple[str, str]]:
    """Return an exception and all its causes and contexts, outermost first: type name and text."""
    found: list[tuple[str, str]] = []
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        found.append((named(type(current)), text(current)))
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
    return found


def named(kind: type[BaseException]) -> str:
    """Return the qualified name of a type, without the module for those of the language."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def text(error: BaseException) -> str:
    """Return what an exception says; one that cannot say it has no text."""
    said: list[str] = []
    with Ending():
        said.append(str(error))
    return "".join(said)


def code(error: SystemExit) -> int:
    """Return the exit code that the interpreter would end with."""
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


if __name__ == "__main__":
    main()
