"""Speaks with a headless Chromium over two pipes: no port is opened, and no library is needed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Json = dict[str, object]

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
LIMIT_SECONDS = 180.0
STOP_SECONDS = 10.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
# The browser takes the pipes as its descriptors 3 and 4, and a child process chooses no numbers.
SHELL = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'


class BrowserError(Exception):
    """The browser is missing, did not answer in time, or refused what it was asked."""


def find(named: str = "") -> Path:
    """Return the browser's program: the one named, else the first that is installed."""
    found = next(filter(None, map(shutil.which, (named,) if named else NAMES)), None)
    if found is None:
        raise BrowserError(
            f"no Chromium: {named or ', '.join(NAMES)} is not installed; name one with --chromium"
        )
    return Path(found)


@dataclass
class Browser:
    """A running browser with one page; `events` holds what it told and nobody has taken yet."""

    reading: int
    writing: int
    events: list[Json] = field(default_factory=list)
    session: str = ""
    _number: int = 0
    _rest: bytes = b""

    def call(self, method: str, **parameters: object) -> Json:
        """Return what the browser answers; raises BrowserError where it refuses or stays silent."""
        self._number += 1
        asked: Json = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            asked["sessionId"] = self.session
        _write(self.writing, json.dumps(asked).encode() + b"\0")
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            told = self._message(deadline, method)
            if told.get("id") == self._number:
                return _result(told, method)
            self.events.append(told)

    def run(self, expression: str) -> object:
        """Return the value of a JavaScript expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression[:80]}: {json.dumps(answer['exceptionDetails'])[:500]}")
        result = answer["result"]
        return result.get("value") if isinstance(result, dict) else None

    def taken(self, method: str) -> list[Json]:
        """Return the parameters of all events of one kind that were told until now, and forget them."""
        found = [told for told in self.events if told.get("method") == method]
        self.events = [told for told in self.events if told.get("method") != method]
        return [told["params"] for told in found if isinstance(told["params"], dict)]

    def _message(self, deadline: float, asked: str) -> Json:
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.reading], [], [], left)[0]:
                raise BrowserError(f"{asked}: no answer within {LIMIT_SECONDS:.0f} s")
            piece = os.read(self.reading, 1 << 20)
            if not piece:
                raise BrowserError(f"{asked}: the browser ended")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message: Json = json.loads(line)
        return message


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _result(told: Json, method: str) -> Json:
    result = told.get("result")
    if not isinstance(result, dict):
        raise BrowserError(f"{method}: {told.get('error')}")
    return result


@contextlib.contextmanager
def started(program: Path) -> Iterator[Browser]:
    """Run the browser with a profile of its own as long as the context is open; give one blank page."""
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        given = (str(program), *FLAGS, f"--user-data-dir={profile}", "about:blank")
        command = ("/bin/bash", "-c", SHELL, "sh", str(theirs_in), str(theirs_out), *given)
        with subprocess.Popen(
            command,
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        ) as process:
            os.close(theirs_in)
            os.close(theirs_out)
            try:
                yield _with_page(Browser(reading=ours_in, writing=ours_out))
            finally:
                os.close(ours_out)
                os.close(ours_in)
                _end(process)


def _with_page(browser: Browser) -> Browser:
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
    browser.session = str(attached["sessionId"])
    for part in ("Page", "Runtime", "Network", "Log"):
        browser.call(f"{part}.enable")
    return browser


def _end(process: subprocess.Popen[bytes]) -> None:
    """A browser ends when its pipe is closed; one that does not is stopped."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
