"""Layer 3 and the guard: requests for providers go to loopback, and nothing leaves, here and in children."""

from __future__ import annotations

import ast
import functools
import json
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from pytest_failhard.llm.providers import load
from pytest_failhard.llm.request import ORIGIN_HEADER
from pytest_failhard.llm.traffic.clients import engage
from pytest_failhard.llm.traffic.detours import Detours, netloc, target_of
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.environment import NODE_GUARD
from pytest_failhard.llm.traffic.patching import RerouteError

__all__ = [
    "Reported",
    "RerouteError",
    "guards",
    "hooks",
    "install",
    "netloc",
    "reported",
    "sitecustomize",
    "target_of",
]

_PACKAGE = "pytest_failhard.llm.traffic"
# In this order they make up one file: none of them needs one after it.
_GUARD = ("patching", "egress", "held")
_WHOLE = (*_GUARD, "detours", "clients", "child")
_RECORD = "record"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What the children of one folder of hooks noted.

    `processes` is how many ran its sitecustomize, `egress` host and port (0: none given) of all that was
    refused, `errors` are client libraries that could not be patched.
    """

    processes: int
    egress: tuple[tuple[str, int], ...]
    errors: tuple[str, ...]


def install(
    target: Callable[[], tuple[str, int] | tuple[str, int, str]], hosts: Iterable[str], guard: Guard
) -> Callable[[], None]:
    """Reroute the requests of this process and guard its sockets; return what undoes both.

    `target` gives host and port, and the scheme where it is not `http` (`target_of` reads them out of a
    listener's URL); it is asked at each request, so
    that clients built before can be led elsewhere. `hosts` are globs of provider hosts, and host:port
    (see `netloc`) of configured base URLs and of our own server.

    Raises RerouteError for a client library without what is to be patched: here where it is imported
    already, else out of its import.
    """
    return engage(Detours(target, hosts, ORIGIN_HEADER), guard)


def sitecustomize(
    folder: Path,
    port: int,
    hosts: Sequence[str],
    allow: Sequence[str] = (),
    host: str = "127.0.0.1",
    scheme: str = "http",
) -> Path:
    """Write the hooks of children into a new folder under `folder`; return that, for `variables`.

    The sitecustomize stands alone and holds its target; beside it lies the guard of Node children. `allow`
    are globs of hosts that children may reach. A `host` under `.invalid` makes every rerouted request fail
    as an unknown name does.
    """
    own = _made(folder, allow)
    settings = ((host, port, scheme), tuple(hosts), ORIGIN_HEADER, tuple(allow), str(own), str(own / _RECORD))
    own.joinpath("sitecustomize.py").write_text(f"{_source(_WHOLE)}\nstart{settings!r}\n", "utf-8")
    return own


def guards(folder: Path, allow: Sequence[str] = ()) -> Path:
    """Write hooks that guard children and no more; else as `sitecustomize`."""
    own = _made(folder, allow)
    settings = (tuple(allow), str(own), str(own / _RECORD))
    own.joinpath("sitecustomize.py").write_text(f"{_source(_GUARD)}\nhold{settings!r}\n", "utf-8")
    return own


def hooks(folder: Path, url: str, *, own: str, allow: Sequence[str], rerouted: bool) -> Path:
    """Write hooks that lead children to the listener at a URL, or guards alone where they are not `rerouted`.

    `own` is the URL at which our server answers; requests for it are led along with those for providers.
    """
    if not rerouted:
        return guards(folder, allow)
    parts = urlsplit(url)
    return sitecustomize(
        folder,
        parts.port or 0,
        (*load().hosts, netloc(own)),
        allow,
        host=parts.hostname or LOOPBACK,
        scheme=parts.scheme,
    )


def _made(folder: Path, allow: Sequence[str]) -> Path:
    """Make a folder with the guard of Node children: Python is led there by a variable, so is Node."""
    # As Python will have it on its path: by another name for it, the file would take itself for another one.
    own = folder.resolve() / secrets.token_hex(8)
    own.mkdir()
    script = resources.files(_PACKAGE).joinpath(NODE_GUARD).read_text("utf-8")
    settings = f"{json.dumps(str(own / _RECORD))}, {json.dumps(list(allow))}"
    own.joinpath(NODE_GUARD).write_text(f"{script}\nhold({settings});\n", "utf-8")
    return own


def reported(folder: Path) -> Reported:
    """Return what the children of the hooks in a folder noted.

    Raises RerouteError for a record that none of them wrote so.
    """
    record = folder / _RECORD
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    try:
        notes = [tuple(json.loads(line)) for line in lines]
        egress = tuple(
            (str(host), int(port)) for kind, host, port in (each for each in notes if each[0] == "egress")
        )
    except (ValueError, TypeError, IndexError, RecursionError, OverflowError) as error:
        raise RerouteError(f"{record} is damaged ({error}): what its children did is unknown") from None
    errors = tuple(str(each[1]) for each in notes if each[0] == "error")
    return Reported(processes=sum(each[0] == "process" for each in notes), egress=egress, errors=errors)


_reading = threading.Lock()


def _source(parts: tuple[str, ...]) -> str:
    # Python 3.11 cannot parse in two threads at once: "AST constructor recursion depth mismatch".
    with _reading:
        return _joined(parts)


@functools.cache
def _joined(parts: tuple[str, ...]) -> str:
    """Return the parts as one module, without the imports by which they know each other."""
    package = resources.files(_PACKAGE)
    trees = [ast.parse(package.joinpath(f"{part}.py").read_text("utf-8")) for part in parts]
    body = [node for tree in trees for node in tree.body if not _left_out(node)]
    whole = ast.Module(body=[ast.parse("from __future__ import annotations").body[0], *body], type_ignores=[])
    return ast.unparse(ast.fix_missing_locations(whole))


def _left_out(node: ast.stmt) -> bool:
    """Tell whether a statement is only for us: imports of the parts and of types."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if not isinstance(node, ast.ImportFrom):
        return False
    return (node.module or "").partition(".")[0] in {"__future__", "typing", "pytest_failhard"}
