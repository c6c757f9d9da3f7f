"""`failhard advisories` as a person and a shell see it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from pytest_failhard.cli.advisories import command
from pytest_failhard.distributions.advisories import download
from tests.advisory_data import CANARIES, archive, record, small_file
from tests.support import measuring

BOX = record("box", "PYSEC-2026-1", {"introduced": "0"}, {"fixed": "2"})
VAGUE = record("rope", "PYSEC-2026-3", {"introduced": "0"}, {"fixed": "0.2-n653"})
NOW = datetime.now(UTC)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)


class Archive(BaseHTTPRequestHandler):
    """Serves an archive, and a way to it."""

    def do_GET(self) -> None:
        """Answer with the archive, a redirection, or nothing."""
        if self.path == "/all.zip":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(archive([*CANARIES, BOX]))
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/all.zip")
            self.end_headers()
        else:
            self.send_response(404)
            self.end_headers()

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_file_is_converted_and_vouched_for(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(archive([*CANARIES, BOX]))
    done = call("update", tmp_path / "all.zip", "--out", tmp_path / "new" / "known")
    assert (done.exit_code, done.stdout.count("6 records about 6 packages as of 2026-01-10")) == (0, 1)
    assert (tmp_path / "new" / "known.sha256").read_text().split()[1] == "known"
    told = call("status", tmp_path / "new" / "known")
    assert told.exit_code == 0
    assert "as of     2026-01-10" in told.stdout


@pytest.mark.parametrize("path", ["/all.zip", "/moved"])
def test_an_archive_is_fetched(
    tmp_path: Path, mirror: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    done = call("update", f"{mirror}{path}", "--out", tmp_path / "known")
    assert (done.exit_code, "failhard: could" in done.output) == (0, False)
    assert call("status", tmp_path / "known").stdout.count(f"source    {mirror}{path}") == 1


def test_what_cannot_be_fetched_leaves_nothing(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    done = call("update", f"{mirror}/gone", "--out", tmp_path / "known")
    assert (done.exit_code, "HTTP Error 404" in done.output) == (2, True)
    monkeypatch.setattr(download, "MOST_BYTES", 10)
    done = call("update", f"{mirror}/all.zip", "--out", tmp_path / "known")
    assert (done.exit_code, "more than 10 bytes" in done.output) == (2, True)
    assert [*tmp_path.iterdir()] == []


def test_without_a_network_the_public_archive_is_an_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    done = call("update", "--out", tmp_path / "known")
    assert done.exit_code == 2
    assert done.output.startswith("failhard: could not fetch https://")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("data", [b"garbage", archive([BOX])], ids=["garbage", "no canary"])
def test_a_source_that_proves_nothing_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "source").write_bytes(data)
    done = call("update", tmp_path / "source", "--out", tmp_path / "known")
    assert (done.exit_code, (tmp_path / "known").exists()) == (1, False)


def test_a_checkout_without_git_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vulns" / "box" / "a.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(BOX))
    done = call("update", tmp_path, "--out", tmp_path / "known")
    assert (done.exit_code, "git does not say" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("days", "levels"),
    [(8, "level 2, level 3")],
)
def test_status_says_for_which_levels_it_is_young_enough(tmp_path: Path, days: int, levels: str) -> None:
    told = call("status", small_file(tmp_path / "known", as_of=NOW - timedelta(days=days)))
    assert f"young enough for {levels}\n" in told.stdout


def test_status_of_what_is_not_usable(tmp_path: Path) -> None:
    told = call("status", tmp_path / "gone")
    assert (told.exit_code, told.output.startswith("failhard: advisory file gone")) == (1, True)
    assert call("serve", tmp_path / "gone").exit_code == 1


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("serve", small_file(tmp_path / "known"), "--port", port)
    assert (done.exit_code, "in use" in done.output) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_until_it_is_told_to_stop(tmp_path: Path, number: int) -> None:
    path = small_file(tmp_path / "known", BOX, VAGUE)
    ready = tmp_path / "ready"
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "advisories", "serve", str(path)]
    with subprocess.Popen(
        [*argv, "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **measuring()},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = json.loads(line)["url"]
        answers = {pin: ids(url, *pin) for pin in (("box", "1"), ("box", "2"), ("rope", "1"))}
        process.send_signal(number)
        assert process.wait(30) == 0
    assert answers == {("box", "1"): ["PYSEC-2026-1"], ("box", "2"): [], ("rope", "1"): ["PYSEC-2026-3"]}
    assert (json.loads(line)["ready"], json.loads(line)["records"]) == (True, 7)
    assert ready.read_text() == line


def ids(url: str, name: str, version: str) -> list[str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=30)
    body = json.dumps({"package": {"name": name, "ecosystem": "PyPI"}, "version": version})
    try:
        connection.request("POST", parts.path, body)
        return [each["id"] for each in json.loads(connection.getresponse().read()).get("vulns", [])]
    finally:
        connection.close()
