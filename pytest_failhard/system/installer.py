"""Runs pip, our own, on another environment: installs, and asks the index for what did not come."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.model import GateError, Run, Tool
from pytest_failhard.system import index
from pytest_failhard.system.environment import SYSTEM_PATH
from pytest_failhard.system.index import Index, Operator

PIP = Tool(module="pip", distribution="pip", lowest="24.1")
PIP_FOR_PYLOCK = Tool(module="pip", distribution="pip", lowest="26.1")
"""The first one that installs from a pylock.toml."""
INSTALL_SECONDS = 300.0
SHORT_SECONDS = 60.0
KNOWN = "pip"
"""A package that every index has that is worth its name."""
_VERSIONS = "Available versions:"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command did: its exit code and all that it wrote."""

    code: int
    stdout: str
    output: str


@dataclass(frozen=True, kw_only=True)
class Installer:
    """Installs into an environment, from where whoever runs us says, with nothing else of theirs.

    `log` gets what each command wrote. `settings` are the operator's for indexes.
    """

    run: Run
    who: Operator
    settings: Index
    folder: Path
    log: list[str]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def of(cls, run: Run, who: Operator, folder: Path) -> Installer:
        """Return an installer that works in a fresh folder; raises GateError without a usable pip."""
        run.tool(PIP)
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True)
        configured = {**who.variables, **who.configuration, "PATH": os.defpath}
        listed = _finished(run, [*_ours(), "config", "list"], configured, folder, SHORT_SECONDS)
        if listed.code:
            raise GateError(f"pip config list: exit code {listed.code}: {listed.output.strip()[-300:]}")
        return cls(run=run, who=who, settings=index.parse(listed.stdout, run.root), folder=folder, log=[])

    def pip(
        self,
        python: Path,
        *arguments: str,
        cwd: Path,
        seconds: float = SHORT_SECONDS,
        extra: Mapping[str, str] | None = None,
    ) -> Done:
        """Run pip on an environment and return what it did, whatever its exit code."""
        argv = [*_ours(), "--python", str(python), *arguments]
        return self._logged(argv, {**self._environment(), **(extra or {})}, cwd, seconds)

    def uv(self, *arguments: str, cwd: Path, extra: Mapping[str, str], seconds: float) -> Done:
        """Run uv; raises GateError where there is none beside us or on the operator's path."""
        beside = str(Path(sys.executable).parent)
        program = shutil.which("uv", path=os.pathsep.join((beside, self.who.path)))
        if program is None:
            raise GateError(
                "tool-missing: uv.lock is installed with uv, and there is none: python -m pip install uv"
            )
        theirs = {name: value for name, value in self.who.variables.items() if name.startswith("UV_")}
        places = {"XDG_CACHE_HOME": str(self.who.cache), **self.who.configuration}
        environment = {**self._places(), **self.who.network, **theirs, **places, "NO_COLOR": "1", **extra}
        return self._logged([program, *arguments], environment, cwd, seconds)

    def _logged(self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, seconds: float) -> Done:
        done = _finished(self.run, argv, environment, cwd, seconds)
        self.log.append(
            index.without_credentials(f"$ {' '.join(argv)}\n{done.output}exit code {done.code}\n")
        )
        return done

    def _places(self) -> dict[str, str]:
        return {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONNOUSERSITE": "1",
        }

    def _environment(self) -> dict[str, str]:
        netrc = self.who.home / ".netrc"
        given = {"NETRC": str(netrc)} if netrc.is_file() else {}
        cached = {} if self.settings.settings.keys() & {"cache-dir", "no-cache-dir"} else self._cache()
        return {
            **self._places(),
            **given,
            **self.who.network,
            **cached,
            **self.settings.variables,
            # The settings above are all that is taken from configuration files.
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_NO_COLOR": "1",
            "PIP_PROGRESS_BAR": "off",
        }

    def _cache(self) -> dict[str, str]:
        """Return where the operator's own pip keeps what it has fetched."""
        return {"PIP_CACHE_DIR": str(self.who.cache / "pip")}

    def answers(self, python: Path, names: Sequence[str], options: Sequence[str]) -> bool:
        """Tell whether any of these packages can be fetched; without indexes, whether a folder has files."""
        if self.settings.is_off or "--no-index" in options:
            named = itertools.pairwise(options)
            places = [*self.settings.folders, *(value for option, value in named if option == "--find-links")]
            return any(_holds_files(place) for place in places)
        target = self.folder / f"probe-{next(self._numbers)}"
        fetch = ("download", "--no-deps", "--dest", str(target), *options)
        return any(not self.pip(python, *fetch, name, cwd=self.folder).code for name in names)

    def versions(self, python: Path, name: str, options: Sequence[str]) -> tuple[str, ...]:
        """Return the versions of a package that the index has for an environment."""
        arguments = ("index", "versions", "--pre", *(each for each in options if each != "--pre"))
        done = self.pip(python, *arguments, name, cwd=self.folder)
        lines = (line.partition(_VERSIONS) for line in done.stdout.splitlines())
        return tuple(each.strip() for _, found, rest in lines if found for each in rest.split(","))


def _ours() -> tuple[str, ...]:
    return (sys.executable, "-I", "-X", "utf8", "-m", "pip")


def _holds_files(place: str) -> bool:
    folder = Path(place.removeprefix("file://"))
    return "://" in place.removeprefix("file://") or (folder.is_dir() and any(folder.iterdir()))


def _finished(
    run: Run, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, seconds: float
) -> Done:
    process = run.start(argv, environment=environment, cwd=cwd)
    try:
        code = process.wait(seconds)
    finally:
        process.kill()
    if code is None:
        what = " ".join([Path(argv[0]).name, *argv[1:]][-3:])
        raise GateError(f"cannot-run: {what}: not finished after {seconds:.0f} seconds")
    stdout = process.stdout
    return Done(code=code, stdout=stdout, output=stdout + process.stderr)
