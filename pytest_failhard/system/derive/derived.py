"""All that a project's files say about its system, and the few questions that this answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.system import commands
from pytest_failhard.system.declaration import System
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.code import Application
from pytest_failhard.system.derive.deployment import Deployment
from pytest_failhard.system.derive.facts import Imported, Operation, Place, Read, Start
from pytest_failhard.system.start_target import FOLDERS


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What was found. `examined` is the number of files that were looked at.

    `runs` are product files that start a server when they are run; `scripts` are the commands of
    [project.scripts] with the module that they call; `texts` all texts of the product that could name a
    variable. `problems` say what could not be read.
    """

    examined: int
    deployment: Deployment = field(default_factory=Deployment)
    readme: str = ""
    readme_starts: tuple[Start, ...] = ()
    servers: tuple[Imported, ...] = ()
    clients: tuple[Imported, ...] = ()
    applications: tuple[Application, ...] = ()
    runs: tuple[Place, ...] = ()
    operations: tuple[Operation, ...] = ()
    operations_from: str = "code"
    reads: tuple[Read, ...] = ()
    texts: frozenset[str] = frozenset()
    scripts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def starts(self) -> tuple[Start, ...]:
        """The commands that start the system, the most binding first."""
        found = [*self.deployment.starts, *self.readme_starts]
        order = ("docker", "procfile", "compose", "readme", "code")
        return tuple(sorted(found, key=lambda start: order.index(start.source)))

    @property
    def secrets(self) -> tuple[Read, ...]:
        """The variables that hold a secret, by their names."""
        return tuple(read for read in self.reads if is_secret(read))

    def command(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command as it can be compared: without places, with a script's name as its module."""
        words = tuple(_placeless(commands.comparable(argv)))
        if words and words[0] in self.scripts:
            words = ("python", "-m", self.scripts[words[0]].partition(":")[0], *words[1:])
        if words[:2] == ("python", "-m") and len(words) > 2:
            return ("python", "-m", words[2].removesuffix(".__main__"), *words[3:])
        return words


def _placeless(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the words but for the folder that a server is told to work in: whoever says `cd` needs none."""
    for before, word in zip(("", *words), words, strict=False):
        if word not in FOLDERS and before not in FOLDERS:
            yield word


def is_secret(read: Read) -> bool:
    """Tell whether a variable holds a secret: by its name, where it is text."""
    return read.type == "str" and is_secret_name(read.name) and not data.NO_SECRET.search(read.name)


def is_platform(name: str) -> bool:
    """Tell whether a variable is of the platform, the interpreter or the shell."""
    return data.PLATFORM.match(name) is not None


def declared_names(system: System) -> frozenset[str]:
    """Return all variables that a declaration names, whatever for."""
    named = {system.port_env, system.host_env, system.environment_env}
    named |= {secret.name for secret in system.secrets or ()}
    named |= {setting.name for setting in system.settings or ()}
    named |= {each.url_env for each in system.dependencies or ()}
    return frozenset(name for name in named if name is not None)


def http_servers(derived: Derived) -> Iterator[Imported]:
    """Yield what the product answers HTTP requests with."""
    return (each for each in derived.servers if each.means == data.HTTP)


def dependencies(derived: Derived) -> Mapping[str, tuple[Imported, str]]:
    """Return what the product talks to: name -> where it is imported, and the variable that leads there.

    The variable is empty where none that is read seems to.
    """
    found: dict[str, tuple[Imported, str]] = {}
    for client in sorted(derived.clients, key=lambda client: (client.means in data.OVER_OTHERS, client)):
        variable = _variable(client.means, derived.reads)
        others = {known for _, known in found.values()}
        # A queue lives in one of the others.
        if client.means not in found and not (client.means in data.OVER_OTHERS and others & {variable, ""}):
            found[client.means] = (client, variable)
    return found


def _variable(name: str, reads: tuple[Read, ...]) -> str:
    for word in (*data.DEPENDENCY_WORDS.get(name, ()), name.upper().partition("_")[0]):
        for read in reads:
            leads = data.DEPENDENCY_VARIABLE.search(read.name) and not data.NO_DEPENDENCY.search(read.name)
            if leads and word in read.name.upper():
                return read.name
    return ""


def covers(declared: str, dependency: str) -> bool:
    """Tell whether a declared dependency's name or variable may be of what a client library talks to."""
    words = (*data.DEPENDENCY_WORDS.get(dependency, ()), dependency.upper().partition("_")[0])
    return any(word in declared.upper() for word in words)
