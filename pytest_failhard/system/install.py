"""Installs the system from its own manifest into an environment that holds nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from pytest_failhard.model import Finding, GateError, Run
from pytest_failhard.system import cache, failures, manifest
from pytest_failhard.system.declaration import System
from pytest_failhard.system.index import operator
from pytest_failhard.system.installer import INSTALL_SECONDS, PIP, PIP_FOR_PYLOCK, SHORT_SECONDS, Installer
from pytest_failhard.system.manifest import Manifest, Product
from pytest_failhard.system.requirement_lines import Line

SCHEMA = 1
"""Of what the cache holds: another number makes all that is there strange."""
SCM_VERSION = "SETUPTOOLS_SCM_PRETEND_VERSION"
PROBE = """
import json, platform, sys, sysconfig
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": platform.python_version(),
    "platform": sysconfig.get_platform(),
    "abi": sysconfig.get_config_var("SOABI") or "",
    "base": sys.base_prefix,
}))
"""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The clean environment. `python` is its interpreter, `conflicts` what `pip check` complains of.

    `cached` tells whether it is the copy of one that was built earlier, `rebuilt` whether such a one was
    there and not intact. `manifest` is None where the project has none. `is_built` tells whether the
    project itself was built and installed. `log` is what the installers wrote.
    """

    python: Path
    manifest: Manifest | None
    interpreter: Mapping[str, str]
    tool: str
    log: str
    conflicts: tuple[str, ...] = ()
    cached: bool = False
    rebuilt: bool = False
    is_built: bool = False
    indexes: Mapping[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """The folder of its commands."""
        return self.python.parent


class InstallError(Exception):
    """The system cannot be installed as it is. `findings` say why, `log` is what the installers wrote."""

    def __init__(self, findings: Sequence[Finding], log: str) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)
        self.log = log


def install(run: Run, system: System, tree: Path, environ: Mapping[str, str] = os.environ) -> Installed:
    """Install the system of a working copy below the run's scratch folder.

    `environ` tells where packages come from (`index.operator`). Raises InstallError where the project is to
    blame, GateError where nothing could be tried: `external` where the package index does not answer.
    """
    wanted = manifest.find(tree, system.manifest)
    return _install(run, tree, run.scratch / "install", wanted, environ)


def dependencies(
    run: Run, tree: Path, wanted: Manifest, folder: Path, environ: Mapping[str, str] = os.environ
) -> Installed:
    """Install what a manifest of a tree asks for, and not the project itself, below a fresh folder.

    Raises as `install` does.
    """
    return _install(run, tree, folder, wanted, environ, with_product=False)


def _install(
    run: Run,
    tree: Path,
    folder: Path,
    wanted: Manifest | None,
    environ: Mapping[str, str],
    *,
    with_product: bool = True,
) -> Installed:
    product = manifest.product(tree)
    # Asked first: without pip, nothing is tried.
    installer = Installer.of(run, operator(environ), folder)
    tool = run.tool(PIP_FOR_PYLOCK if wanted is not None and wanted.kind == "pylock" else PIP)
    interpreter = _probe(run, product)
    environment = folder / "environment"
    work = _Work(
        run=run,
        tree=tree,
        installer=installer,
        manifest=wanted,
        product=product,
        version=interpreter["version"],
    )
    state = work.prepare(environment, _key(wanted, interpreter, tool, installer))
    python = environment / "bin" / "python"
    is_built = product.is_built and with_product
    if is_built:
        work.install_product(python, needed=wanted is not None and wanted.kind == "build")
    return Installed(
        python=python,
        manifest=wanted,
        log="\n".join(installer.log),
        conflicts=_conflicts(installer, python) if with_product else (),
        cached=state is cache.State.REUSED,
        rebuilt=state is cache.State.DAMAGED,
        is_built=is_built,
        interpreter=interpreter,
        tool=tool,
        indexes=installer.settings.shown,
    )


def _conflicts(installer: Installer, python: Path) -> tuple[str, ...]:
    """Return what does not fit together in an environment, a line each."""
    done = installer.pip(python, "check", cwd=installer.folder)
    return tuple(sorted(filter(None, done.stdout.splitlines()))) if done.code else ()


def _probe(run: Run, product: Product) -> Mapping[str, str]:
    """Return what the interpreter says of itself; raises GateError where it does not suit the project."""
    argv = [str(run.interpreter), "-I", "-X", "utf8", "-c", PROBE]
    process = run.start(argv, environment={"PATH": os.defpath}, cwd=run.scratch)
    code = process.wait(SHORT_SECONDS)
    process.kill()
    if code != 0:
        raise GateError(
            f"{run.interpreter.name}: exit code {code}: {process.stderr.strip()[-300:]}; "
            "correct `python` in [tool.failhard]"
        )
    said: Mapping[str, str] = json.loads(process.stdout)
    if not product.python.contains(Version(said["version"]), prereleases=True):
        raise GateError(
            f"python-unsuited: requires-python is {str(product.python)!r}, and the project's interpreter is "
            f"Python {said['version']}: name a suitable one as `python` in [tool.failhard]"
        )
    return said


def _key(
    wanted: Manifest | None, interpreter: Mapping[str, str], tool: str, installer: Installer
) -> str | None:
    """Return what the environment is built from as a name; None where that does not say what it holds."""
    if wanted is None or not wanted.is_repeatable:
        return None
    shown = installer.settings.shown
    made = [SCHEMA, wanted.kind, wanted.path, wanted.sha256, dict(interpreter), tool, shown]
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One installation."""

    run: Run
    tree: Path
    installer: Installer
    manifest: Manifest | None
    product: Product
    version: str
    """Of the interpreter."""

    def prepare(self, environment: Path, key: str | None) -> cache.State:
        """Fill a fresh folder with what the manifest asks for, from the cache where it has that."""
        folder = self.installer.who.cache / cache.FOLDER / "environments"
        if key is None or folder.is_relative_to(self.run.root):  # what is judged is not to be changed
            self.build(environment)
            return cache.State.ABSENT
        entry = cache.Entry(folder=folder, key=key)
        with entry.locked(self.run.remaining):
            state = entry.restore(environment)
            if state is not cache.State.REUSED:
                self.build(environment)
                entry.publish(environment)
        return state

    def build(self, environment: Path) -> None:
        """Make an environment and install into it."""
        argv = [str(self.run.interpreter), "-I", "-m", "venv", "--without-pip", str(environment)]
        process = self.run.start(argv, environment={"PATH": os.defpath}, cwd=self.run.scratch)
        code = process.wait(SHORT_SECONDS)
        process.kill()
        if code != 0:
            raise GateError(f"python -m venv: exit code {code}: {process.stderr.strip()[-300:]}")
        if self.manifest is not None and self.manifest.kind == "uv":
            self.sync(environment)
        elif self.manifest is not None and self.manifest.kind != "build":
            self.fill(environment / "bin" / "python", self.manifest)

    def fill(self, python: Path, wanted: Manifest) -> None:
        """Install with pip what a manifest asks for."""
        listed = self.tree / wanted.path
        if wanted.kind == "project":
            listed = self.installer.folder / manifest.REQUIREMENTS
            listed.write_text("".join(f"{line.text}\n" for line in wanted.requirements), "utf-8")
            if not wanted.requirements:
                return
        done = self.installer.pip(
            python, "install", "-r", str(listed), cwd=self.tree, seconds=INSTALL_SECONDS
        )
        if done.code:
            self.give_up(python, wanted.path, wanted.requirements, wanted.options, done.output)

    def sync(self, environment: Path) -> None:
        """Install with uv what its lock holds, without the project itself."""
        extra = {
            "UV_PROJECT_ENVIRONMENT": str(environment),
            "UV_PYTHON": str(environment / "bin" / "python"),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy",
            "UV_COMPILE_BYTECODE": "1",
        }
        arguments = ("sync", "--locked", "--no-dev", "--no-editable", "--no-install-project")
        done = self.installer.uv(*arguments, cwd=self.tree, extra=extra, seconds=INSTALL_SECONDS)
        if done.code:
            self.give_up(environment / "bin" / "python", manifest.UV, (), (), done.output)

    def install_product(self, python: Path, *, needed: bool) -> None:
        """Build the project and install it; with what it needs only where nothing else says what that is."""
        source = self.installer.folder / "source"
        shutil.copytree(self.tree, source, symlinks=True)  # a build writes beside what it builds
        alone = () if needed else ("--no-deps",)
        # No repository was copied that a build could read a version from.
        version = self.run.facts.version or "0"
        extra = {SCM_VERSION: version} if self.product.version_is_dynamic else {}
        done = self.installer.pip(
            python,
            *("install", "--force-reinstall", *alone, str(source)),
            cwd=self.installer.folder,
            seconds=INSTALL_SECONDS,
            extra=extra,
        )
        if done.code:
            self.give_up(python, manifest.PYPROJECT, self.product.requires, (), done.output)

    def give_up(
        self,
        python: Path,
        path: str,
        requirements: Sequence[Line],
        options: Sequence[str],
        output: str,
    ) -> None:
        """Raise what the failure is."""
        needed = [line for line in requirements if failures.is_needed(line.requirement, self.version)]
        found = failures.diagnose(self.installer, python, path, needed, options, output)
        raise InstallError(found, "\n".join(self.installer.log))
