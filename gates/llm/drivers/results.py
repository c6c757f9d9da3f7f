"""Takes the declared result out of what a call left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pytest_failhard.llm.calls import Result


def text(where: Result, said: Mapping[str, str], files: Mapping[str, bytes]) -> str:
    """Return the result as text, empty where there is none.

    `said` are texts by place (`body`, `stdout`, `return`), `files` what the call wrote, by path.
    """
    if where.place == "file":
        whole = files.get(where.path, b"").decode("utf-8", "replace")
    else:
        whole = said.get(where.place, "")
    return whole if where.pointer is None else _at(whole, where.pointer)


def _at(whole: str, pointer: str) -> str:
    try:
        value: object = json.loads(whole)
        for part in pointer.split("/")[1:]:
            value = _step(value, part.replace("~1", "/").replace("~0", "~"))
    except (ValueError, LookupError, RecursionError):
        # No JSON, or nothing there: there is no result.
        return ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _step(value: object, part: str) -> object:
    if isinstance(value, dict):
        return value[part]
    if isinstance(value, list):
        return value[int(part)]
    raise LookupError(part)
