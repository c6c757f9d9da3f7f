"""Remembers what was said of single files, each answer bound to the bytes of its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.source.files import SourceFile

FORMAT = "failhard-by-file/1"


class ByFile:
    """Answers about single files: those of an earlier run, and those that are left for a later one.

    `kind` names who asks, and the form of its answers. The name of a file is whatever the answer depends on
    besides the bytes, its path first of all.
    """

    def __init__(self, kind: str, earlier: bytes | None = None) -> None:
        self._kind = kind
        self._earlier = dict(_read(kind, earlier or b""))
        self._left: dict[str, tuple[str, str]] = {}
        self._redactor = Redactor(shipped())

    def find(self, name: str, data: bytes) -> object:
        """Return what was said of a file with this name and these bytes, None where nothing is known.

        What is found is left for a later run as well.
        """
        digest, text = self._earlier.get(name, ("", ""))
        if not text or digest != _digest(data):
            return None
        self._left[name] = (digest, text)
        answer: object = json.loads(text)
        return answer

    def keep(self, name: str, data: bytes, answer: object) -> None:
        """Leave an answer that JSON can hold, and that is not None, unless a secret may be in it."""
        text = json.dumps(answer, separators=(",", ":"))
        if not self._redactor.scan(text.encode()):
            self._left[name] = (_digest(data), text)

    def dump(self) -> bytes:
        """Return what is left, in an order that depends on the names alone."""
        lines = [f"{digest}\t{json.dumps(name)}\t{text}\n" for name, (digest, text) in self._left.items()]
        # What JSON writes has neither a tab nor the end of a line in it, and no letter beyond ASCII.
        rest = "".join(sorted(lines, key=lambda line: line.partition("\t")[2])).encode("ascii")
        return _head(self._kind, rest) + rest


def name_of(file: SourceFile) -> str:
    """Return the name of a Python file of which the answer depends on its path and its role."""
    return f"{file.role} {file.path}"


def _read(kind: str, data: bytes) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield name, digest and answer; nothing where the bytes are not those that were written."""
    head, end, rest = data.partition(b"\n")
    if head + end != _head(kind, rest):
        return
    for line in rest.decode("ascii").splitlines():
        digest, name, text = line.split("\t")
        yield json.loads(name), (digest, text)


def _head(kind: str, rest: bytes) -> bytes:
    return f"{FORMAT} {kind} {_digest(rest)}\n".encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
