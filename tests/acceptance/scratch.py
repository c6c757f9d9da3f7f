"""Scratch environments: this one again, with a scripted tool or with a foreign gate put into it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest_failhard

Fault = Mapping[str, str | int]
TOOLS = ("ruff", "mypy", "bandit")

# Does what the real tool does, but for the fault that the script names. The script lies beside the
# environment: nothing of what our shell says reaches a tool.
FAKE = """
import json, os, pathlib, resource, subprocess, sys, time
fault = json.loads(pathlib.Path({script!r}).read_text())
kind = fault["kind"] if fault.get("when", "") in " ".join(sys.argv) else "none"
argv = sys.argv[1:]
if kind == "signal":
    os.kill(os.getpid(), fault["value"])
elif kind == "exit":
    sys.stderr.write(fault.get("stderr", ""))
    sys.exit(fault["value"])
elif kind == "hang":
    time.sleep(600)
elif kind == "grandchild":
    code = "import time; print(1, flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    pathlib.Path({script!r} + ".pid").write_text(str(child.pid))
    time.sleep(600)
elif kind == "modify":
    with open(fault["value"], "a") as stream:
        stream.write("\\nLATE = 1\\n")
elif kind == "fewer":
    listed = next(part for part in argv if part.startswith("@"))
    lines = pathlib.Path(listed[1:]).read_text().splitlines(keepends=True)
    kept = pathlib.Path({script!r} + ".arguments")
    kept.write_text("".join(lines[:-1]))
    argv = ["@" + str(kept) if part == listed else part for part in argv]
elif kind == "full":
    # What a full disk does to a write: the limit is hit after so many bytes of a file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (fault["value"], resource.RLIM_INFINITY))
elif kind == "large":
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for _ in range(fault["value"]):
        sys.stdout.write(" " * 1_000_000)
real = [{real!r}, "-I", "-X", "utf8", "-m", {tool!r}, *argv]
sys.stdout.flush()
if kind == "full":
    sys.exit(subprocess.run(real).returncode)
done = subprocess.run(real, capture_output=True)
out, err, code = done.stdout, done.stderr, done.returncode
if kind == "empty":
    out, code = b"", 0
elif kind == "garbage":
    out = b"Congratulations!\\n"
elif kind == "cut":
    out = out[: max(1, len(out) * fault["value"] // 100)] if fault["value"] < 100 else out[:-1]
elif kind == "bytes":
    out = b"\\xff\\xfe" + out
elif kind == "code":
    code = fault["value"]
elif kind == "stderr":
    err += fault["value"].encode()
elif kind == "unreported":
    pathlib.Path("finished.txt").unlink(missing_ok=True)
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(err)
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""

# A gate of another distribution, which observes what the script says.
GATE = """
import json, pathlib
from pytest_failhard.model import Finding, Observation, Settings, Severity

class Probe:
    id = "probe"
    settings = Settings

    def observe(self, run):
        fault = json.loads(pathlib.Path({script!r}).read_text())
        kind = fault["kind"]
        if kind == "raise":
            raise ZeroDivisionError("the probe fell into its own hole")
        measures = {{"score_percent": 90}}
        if kind == "measure":
            measures = {{"score_percent": eval(str(fault["value"]))}}
        elif kind == "no measure":
            measures = {{}}
        finding = Finding(
            rule="leak", name="leak", path="shop/prices.py", line=1, severity=Severity.HIGH,
            message="a leak", fix="mend it",
        )
        findings = (finding, finding) if kind == "twice" else ()
        examined = 0 if kind == "nothing" else 1
        return Observation(tool="probe 1.0", examined=examined, measures=measures, findings=findings)

def pytest_failhard_gates(config):
    return [Probe()]
"""
GATE_RULE = """
  probe:
    fail_at: medium
    timeout: 30
    at_least:
      score_percent: 80
"""


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """An environment of our own, and the script that what is put into it obeys."""

    executable: Path
    site: Path
    script: Path

    def obey(self, fault: Fault) -> None:
        """Say what happens in the next run."""
        self.script.write_text(json.dumps(dict(fault) or {"kind": "none"}), "utf-8")

    def install(self, name: str, version: str, files: Mapping[str, str]) -> None:
        """Put a distribution in, in place of the one that is there."""
        self.remove(name)
        for path, text in files.items():
            target = self.site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        info = self.site / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")

    def remove(self, name: str) -> None:
        """Take a distribution out: links to the real one, or what was installed here."""
        for entry in (*self.site.glob(name), *self.site.glob(f"{name}-*.dist-info")):
            if entry.is_symlink():
                entry.unlink()
                continue
            shutil.rmtree(entry)

    def install_tool(self, name: str, version: str = "99.0") -> None:
        """Put a scripted tool in place of the real one."""
        code = FAKE.format(script=str(self.script), real=sys.executable, tool=name)
        self.install(name, version, {f"{name}/__init__.py": "", f"{name}/__main__.py": code})

    def modify(self, name: str) -> None:
        """Record other bytes for a tool than those that lie there."""
        record = f"{name}/__init__.py,sha256={'A' * 43},7\n"
        (next(self.site.glob(f"{name}-*.dist-info")) / "RECORD").write_text(record, "utf-8")

    @contextlib.contextmanager
    def uncompiled(self) -> Iterator[None]:
        """Let no process on this environment write bytecode meanwhile, whatever its options are."""
        startup = self.site / "000_uncompiled.pth"
        startup.write_text("import sys; sys.dont_write_bytecode = True\n", "utf-8")
        try:
            yield
        finally:
            startup.unlink()

    def install_gate(self) -> None:
        """Put in a distribution that brings a gate."""
        self.install(
            "acme_gates",
            "1.0",
            {
                "acme_gates/__init__.py": GATE.format(script=str(self.script)),
                "acme_gates-1.0.dist-info/entry_points.txt": "[pytest11]\nacme = acme_gates\n",
            },
        )


def scratch(folder: Path) -> Scratch:
    """Create an environment with links to all that is installed in the running one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    for place in [Path(entry) for entry in sys.path if Path(entry).name == "site-packages"]:
        for entry in place.iterdir():
            link = site / entry.name
            if entry.suffix != ".pth" and entry.name != "__pycache__" and not link.is_symlink():
                link.symlink_to(entry)
            elif entry.suffix == ".pth" and "coverage" in entry.name:
                # How coverage starts in the processes that tests start.
                (site / entry.name).write_bytes(entry.read_bytes())
    own = Path(pytest_failhard.__file__).resolve().parent.parent
    if own.name != "site-packages":
        (site / "checkout.pth").write_text(f"{own}\n", "utf-8")
    return Scratch(executable=folder / "bin" / "python", site=site, script=folder / "script.json")
