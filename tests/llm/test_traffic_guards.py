"""In every layer, children whose client takes no notice of anything are kept on this machine, and heard."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.traffic import held
from pytest_failhard.llm.traffic.egress import EgressError
from pytest_failhard.llm.traffic.environment import variables
from pytest_failhard.llm.traffic.reroute import Reported, guards, reported
from tests.llm.loopback import Loopback

NODE = shutil.which("node") or "node"
OUTSIDE = "192.0.2.1"  # TEST-NET-1: nobody is there
RAW = f"""
import socket
try:
    socket.create_connection(("{OUTSIDE}", 443))
except OSError as error:
    print(error.errno)
"""
FETCH = "fetch('https://api.openai.com/v1/models').catch((error) => console.log(error.cause.code))"
WAYS_OUT = """
const net = require('node:net'), dns = require('node:dns'), http = require('node:http');
const https = require('node:https'), tls = require('node:tls'), dgram = require('node:dgram');
const { Worker } = require('node:worker_threads');

const failed = (emitter) => new Promise((go) => emitter.on('error', (error) => go(error.code)));
const caught = (promise) => promise.then(() => 'passed', (error) => (error.cause || error).code);
const called = (ask) => new Promise((go) => ask((error) => go(error ? error.code : 'passed')));
const thrown = (act) => { try { act(); } catch (error) { return error.code; } };
const udp = dgram.createSocket('udp4');
const worker = (code) => new Promise((go) => new Worker(code, { eval: true }).on('message', go));
const IN_A_WORKER = `
  fetch('https://worker.example').catch((e) => require('worker_threads').parentPort.postMessage(e.cause.code))
`;

async function main() {
  const seen = {
    fetch: await caught(fetch('https://fetch.example')),
    unknown: await caught(fetch('https://fetch.invalid')),
    esm: await caught(import('node:dns/promises').then(({ lookup }) => lookup('esm.example'))),
    http: await failed(http.get('http://192.0.2.1')),
    https: await failed(https.get('https://https.example')),
    net: await failed(net.connect(25, '192.0.2.1')),
    net6: await failed(net.connect({ port: 25, host: '2001:db8::1' })),
    called_back: await failed(new net.Socket().connect('25', 'called.example', () => {})),
    tls: await failed(tls.connect({ host: 'tls.example', port: 443, servername: 'x' })),
    lookup: await called((done) => dns.lookup('lookup.example', done)),
    resolve: await called((done) => dns.resolve4('resolve.example', done)),
    no_callback: thrown(() => dns.lookup('thrown.example')),
    resolver: await caught(new dns.promises.Resolver().resolve4('resolver.example')),
    send: await called((done) => udp.send('?', 53, '192.0.2.1', done)),
    send_part: await called((done) => udp.send(Buffer.from('?'), 0, 1, 53, '192.0.2.2', done)),
    send_alone: await (udp.send('?', 53, '192.0.2.3'), failed(udp)),
    attach: await called((done) => udp.connect(53, '192.0.2.4', done)),
    worker: await worker(IN_A_WORKER),
  };
  udp.close();
  console.log(JSON.stringify(seen));
}
main();
"""
REFUSED = {
    ("fetch.example", 443),
    ("esm.example", 0),
    (OUTSIDE, 80),
    ("https.example", 443),
    (OUTSIDE, 25),
    ("2001:db8::1", 25),
    ("called.example", 25),
    ("tls.example", 443),
    ("lookup.example", 0),
    ("resolve.example", 0),
    ("thrown.example", 0),
    ("resolver.example", 0),
    (OUTSIDE, 53),
    ("192.0.2.2", 53),
    ("192.0.2.3", 53),
    ("192.0.2.4", 53),
    ("worker.example", 443),
}
NOT_FOUND = {"unknown", "esm", "lookup", "resolve", "no_callback", "resolver"}
WAYS_IN = """
const net = require('node:net'), dns = require('node:dns'), dgram = require('node:dgram');
const os = require('node:os'), port = Number(process.argv[1]);

const status = (host) => fetch(`http://${host}:${port}/v1/models`).then((answer) => answer.status);
const connected = (...where) => new Promise((go) => {
  const socket = net.connect(...where, () => { socket.destroy(); go('connected'); });
  socket.on('error', (error) => go(error.code));
});
const called = (ask) => new Promise((go) => ask((error, found) => go(error ? error.code : found)));
const udp = dgram.createSocket('udp4');

async function main() {
  console.log(JSON.stringify([
    await status('127.0.0.1'),
    await connected({ port, host: '::ffff:127.0.0.1' }),
    await connected(String(port), 'localhost'),
    await connected('/nowhere/socket'),
    await called((done) => dns.lookup('127.0.0.3', done)),
    (await dns.promises.lookup(os.hostname(), { family: 4 })).address,
    (await dns.promises.lookup('192.0.2.9')).address,
    await called((done) => udp.send('?', 9, '127.0.0.1', done)),
    await called((done) => udp.connect(9, done)),
    await called((done) => udp.send('?', done)),
  ]));
  udp.close();
}
main();
"""


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A provider on loopback."""
    with Loopback() as server:
        yield server


Run = Callable[..., str]


@pytest.fixture
def run(loopback: Loopback, tmp_path: Path) -> Run:
    """Return a function that runs a command under layer base_url with the hooks of a folder."""

    def start(hook: Path, *argv: str, **given: str) -> str:
        found = variables(
            loopback.url, Canaries.draw("A"), layers=frozenset({"base_url"}), sitecustomize=hook
        )
        environment = found.apply({"PATH": os.defpath, "HOME": str(tmp_path), **given})
        done = subprocess.run(
            argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        return f"{done.stdout}{done.stderr}".strip()

    return start


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """A folder of hooks; its path has a blank, as one of the user may."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    return guards(folder, ["vault.example", "192.0.2.[89]"])


def test_a_python_child_that_connects_past_its_base_url_is_refused(
    run: Run, hook: Path, loopback: Loopback
) -> None:
    assert run(hook, sys.executable, "-c", RAW) == str(errno.ENETUNREACH)
    assert reported(hook) == Reported(processes=1, egress=((OUTSIDE, 443),), errors=())
    assert loopback.seen == []


def test_a_node_child_that_fetches_past_its_base_url_is_refused(
    run: Run, hook: Path, loopback: Loopback
) -> None:
    assert run(hook, NODE, "-e", FETCH) == "ENETUNREACH"
    # No Python ran: what is led into a trap is counted by those that did.
    assert reported(hook) == Reported(processes=0, egress=(("api.openai.com", 443),), errors=())
    assert loopback.seen == []


def test_a_node_child_has_no_way_out(run: Run, hook: Path) -> None:
    seen: Mapping[str, str] = json.loads(run(hook, NODE, "-e", WAYS_OUT))
    assert {name for name, code in seen.items() if code == "ENOTFOUND"} == NOT_FOUND
    assert {name for name, code in seen.items() if code == "ENETUNREACH"} == set(seen) - NOT_FOUND
    assert set(reported(hook).egress) == REFUSED


def test_a_node_child_reaches_what_is_here_and_what_is_allowed(
    run: Run, hook: Path, loopback: Loopback
) -> None:
    answered = json.loads(run(hook, NODE, "-e", WAYS_IN, str(loopback.port)))
    assert answered[:4] == [200, "connected", "connected", "ENOENT"]
    assert answered[4:7] == ["127.0.0.3", "127.0.0.1", "192.0.2.9"]
    assert answered[7:] == [1, None, 1]
    assert reported(hook).egress == ()


def test_node_takes_our_options_and_those_that_are_there(run: Run, hook: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.cjs"
    theirs.write_text("console.log('theirs')")
    code = "console.log(process.env.NODE_OPTIONS.split(' ').length)"
    assert run(hook, NODE, "-e", code, NODE_OPTIONS=f"--require {theirs}") == "theirs\n5"
    assert '["node",' in (hook / "record").read_text()


def test_children_of_children_are_held_across_languages(run: Run, hook: Path) -> None:
    code = f"import subprocess; subprocess.run([{NODE!r}, '-e', {FETCH!r}], check=True)"
    assert run(hook, sys.executable, "-c", code) == "ENETUNREACH"
    assert reported(hook) == Reported(processes=1, egress=(("api.openai.com", 443),), errors=())


@pytest.mark.parametrize("argv", [(NODE, "-e", "console.log('ran')"), (sys.executable, "-c", "print('ran')")])
def test_a_child_of_which_nothing_can_be_noted_does_not_run(
    run: Run, hook: Path, argv: tuple[str, ...]
) -> None:
    (hook / "record").mkdir()
    assert "ran" not in run(hook, *argv).splitlines()


def test_the_guard_alone_leaves_the_start_of_python_alone(run: Run, hook: Path) -> None:
    loaded = set(run(hook, sys.executable, "-c", "import sys; print(*sys.modules)").split())
    heavy = {"json", "re", "socket", "urllib", "collections", "functools", "ipaddress", "typing", "ast"}
    assert "sitecustomize" in loaded
    assert not loaded & heavy


def test_the_guard_alone_leaves_requests_and_proxies_alone(run: Run, hook: Path, loopback: Loopback) -> None:
    code = "import urllib.request as u; print(u.urlopen('http://api.openai.com/v1/models').status)"
    assert run(hook, sys.executable, "-c", code, http_proxy="") != "200"
    code = f"import os; os.environ['http_proxy'] = '{loopback.url}'; {code}"
    assert run(hook, sys.executable, "-c", code) == "200"
    assert [each.origin for each in loopback.seen] == [""]


def test_no_hook_names_who_judges(hook: Path) -> None:
    assert "failhard" not in (hook / "guard.cjs").read_text()
    assert "pytest_failhard" not in (hook / "sitecustomize.py").read_text()


@pytest.fixture
def as_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process play the child."""
    monkeypatch.setitem(sys.modules, "sitecustomize", ModuleType("sitecustomize"))


@pytest.mark.usefixtures("as_child")
def test_a_hold_lasts_until_it_is_undone(tmp_path: Path, loopback: Loopback) -> None:
    before = socket.create_connection, vars(socket.socket).get("connect")
    undo = held.hold((), str(tmp_path), str(tmp_path / "record"))
    try:
        with pytest.raises(EgressError):
            socket.create_connection(("example.org", 443))
        socket.create_connection(("127.0.0.1", loopback.port)).close()
    finally:
        undo()
    assert (socket.create_connection, vars(socket.socket).get("connect")) == before
    assert reported(tmp_path) == Reported(processes=1, egress=(("example.org", 443),), errors=())


@pytest.mark.usefixtures("as_child")
def test_a_hold_that_cannot_note_ends_the_process(tmp_path: Path) -> None:
    before = list(sys.meta_path)
    with pytest.raises(SystemExit, match="No such file"):
        held.hold((), str(tmp_path), str(tmp_path / "gone" / "record"))
    assert sys.meta_path == before
