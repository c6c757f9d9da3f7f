"""Builders that tests share: a project on disk, a real run over it, an environment with scripted tools."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from pytest_failhard import policy
from pytest_failhard.gates import builtin
from pytest_failhard.measurement import VARIABLES
from pytest_failhard.model import (
    MEMORY_MB,
    Base,
    Clarification,
    Evidence,
    Gate,
    Memory,
    Observation,
    Option,
    ProjectFacts,
    Settings,
    TestRun,
)
from pytest_failhard.run import GateRun

TODAY = date(2026, 1, 15)
NOBODY = 65534
"""The id of the user who owns nothing."""
FACTS = ProjectFacts(name="shop", version="1.0", commit="a" * 40, dirty=False)
GATES = tuple(gate.id for gate in builtin())
"""The built-in gates, in the order of the report."""
PLUGINS = ("randomly", "asyncio", "anyio", "hypothesispytest", "schemathesis", "platformdirs")
BENCHMARK_PLUGINS = ("benchmark", "codspeed")
WITHOUT_OTHERS = tuple(part for name in (*PLUGINS, *BENCHMARK_PLUGINS) for part in ("-p", f"no:{name}"))
"""Options for pytest over a project of ours: tests run in the order in which they stand, whatever else is
installed, and no plugin takes half of the time that such a run needs."""


def demanded(level: int) -> tuple[str, ...]:
    """Return the gates that the shipped policy of a level demands."""
    return tuple(rule.gate for rule in policy.load(level, GATES, today=TODAY).rules)


def measuring() -> dict[str, str]:
    """Return what lets a process that a test starts be measured with it; nothing where nobody measures."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@contextlib.contextmanager
def full_disk_at(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes: the kernel answers as for a full disk.

    Nothing is compiled meanwhile: Python would keep a module cut short, and nobody could import it again.
    """
    before, compiles = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = compiles
        signal.signal(signal.SIGXFSZ, handler)


@dataclass
class Kept:
    """Evidence kept in memory, by name."""

    files: dict[str, bytes] = field(default_factory=dict)

    def __call__(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> Evidence:
        """Keep the bytes and describe them."""
        self.files[name] = data
        return Evidence(
            name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            media_type="application/octet-stream",
            volatile=volatile,
        )


@contextlib.contextmanager
def nobody(*places: Path) -> Iterator[None]:
    """Own some files as an ordinary user: an administrator may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    for place in places:
        os.chown(place, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a tree of files and return its root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def gate_run(
    root: Path,
    gate: Gate,
    *,
    scratch: Path | None = None,
    settings: Settings | None = None,
    source: tuple[str, ...] = ("app",),
    tests: tuple[str, ...] = (),
    level: int = 1,
    base: Base | None = None,
    base_missing: str = "no base in this test",
    options: Mapping[str, Option] | None = None,
    seconds: float = 120,
    memory_mb: int = MEMORY_MB,
    deadline: float | None = None,
    keep: Kept | None = None,
    test_run: TestRun | None = None,
    executable: Path = Path(sys.executable),
    interpreter: Path = Path(sys.executable),
    packages: tuple[str, ...] | None = None,
    facts: ProjectFacts = FACTS,
    signing_key: Path | None = None,
    committed: datetime | None = None,
    clarifications: tuple[Clarification, ...] = (),
    memory: Memory | None = None,
) -> GateRun:
    """Build a real run of one gate; `scratch` is made fresh and empty, beside the root unless named."""
    if scratch is None:
        scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=root.parent))
    else:
        scratch.mkdir(parents=True)
    return GateRun(
        gate=gate.id,
        root=root,
        level=level,
        source=source,
        test_roots=tests,
        interpreter=interpreter,
        settings=settings or gate.settings(),
        options=options or {},
        base=base,
        base_missing="" if base else base_missing,
        seed=0,
        today=TODAY,
        scratch=scratch,
        keep=keep or Kept(),
        deadline=time.monotonic() + seconds if deadline is None else deadline,
        memory_mb=memory_mb,
        test_run=test_run,
        executable=executable,
        packages=tuple(sys.path) if packages is None else packages,
        facts=facts,
        signing_key=signing_key,
        committed=committed,
        clarifications=clarifications,
        memory=memory or Memory(),
    )


def observe(run: GateRun, gate: Gate) -> Observation:
    """Let a gate observe, and state what holds for every observation."""
    observation = gate.observe(run)
    assert observation.findings == tuple(sorted(observation.findings))
    assert all(not Path(finding.path).is_absolute() for finding in observation.findings)
    return observation


FAKE = """
import json, os, pathlib, signal, subprocess, sys, time
script = json.loads(pathlib.Path({script!r}).read_text())
for step, value in script:
    if step == "out":
        sys.stdout.buffer.write(bytes.fromhex(value)); sys.stdout.buffer.flush()
    elif step == "err":
        sys.stderr.write(value); sys.stderr.flush()
    elif step == "write":
        path = pathlib.Path(value[0]); path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(value[1]))
    elif step == "ask":
        import urllib.request
        url = sys.argv[sys.argv.index("--osv-url") + 1]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
        for name, version in value:
            question = {{"package": {{"name": name, "ecosystem": "PyPI"}}, "version": version}}
            request = urllib.request.Request(url, json.dumps(question).encode())
            try:
                opener.open(request).close()
            except urllib.error.HTTPError as error:
                error.close()
    elif step == "grandchild":
        code = "import time; print(1, flush=True); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        pathlib.Path(value).write_text(str(child.pid))
    elif step == "hang":
        time.sleep(600)
    elif step == "kill":
        os.kill(os.getpid(), value)
    elif step == "exit":
        os._exit(value)
"""


@dataclass(frozen=True, kw_only=True)
class FakeTools:
    """A scratch environment in which the tools of our gates do what a script says.

    The scripted packages shadow those of the running environment, which a `.pth` file makes visible.
    """

    executable: Path
    site: Path
    script: Path

    @property
    def packages(self) -> tuple[str, ...]:
        """Where this environment's distributions are looked up."""
        return (str(self.site), sysconfig.get_path("purelib"))

    def install(self, name: str, version: str) -> None:
        """Install a scripted tool as a distribution."""
        for old in self.site.glob(f"{name}*"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        code = FAKE.format(script=str(self.script))
        write(self.site / name, {"__init__.py": "", "__main__.py": code})
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        write(self.site / f"{name}-{version}.dist-info", {"METADATA": metadata})


def fake_tools(folder: Path) -> FakeTools:
    """Create the scratch environment below a fresh folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    executable = folder / "bin" / "python"
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    (site / "running.pth").write_text(sysconfig.get_path("purelib") + "\n")
    tools = FakeTools(executable=executable, site=site, script=folder / "script.json")
    of_source = ("coverage", "ruff", "mypy", "bandit", "detect_secrets")
    for name in (*of_source, "pip_audit", "cyclonedx_py", "piplicenses"):
        tools.install(name, "99.0")
    return tools


def inactive(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with our plugin and no level, as in a project that only uses its fixtures and markers."""
    ini = write(folder, {"pytest.ini": "[pytest]\naddopts = --strict-markers\n"})
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_failhard.plugin", "-p", "no:cacheprovider", *options],
        cwd=ini,
        env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **measuring()},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def empty_run() -> TestRun:
    """Return the records of a run that collected nothing."""
    return TestRun(
        collected=(),
        selected=(),
        deselected=(),
        records=(),
        hooks=(),
        lost_workers=(),
        exit_status=5,
        interrupted=False,
        inipath="",
        arguments=(),
        environment_options="",
        coverage_data=None,
    )
