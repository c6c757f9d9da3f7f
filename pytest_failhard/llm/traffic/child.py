"""What runs first in a Python child: its requests go to loopback, its sockets stay there. Self-contained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_failhard.llm.traffic.clients import engage
from pytest_failhard.llm.traffic.detours import Detours
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.held import follow, note, present
from pytest_failhard.llm.traffic.patching import Imports, Patches, RerouteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from pytest_failhard.llm.traffic.detours import Target


def start(
    target: Target, hosts: Sequence[str], header: str, allow: Sequence[str], folder: str, record: str
) -> Callable[[], None]:
    """Engage in this process, then run the sitecustomize that ours stands before; return what undoes it.

    Everything refused is noted in the file `record`, as is this process: a child of which nothing is
    noted has not run this.

    Raises SystemExit where a client library cannot be patched or nothing can be noted: Python passes over
    any other exception here, and the child would run on without us.
    """
    guard = Guard(allow, report=lambda host, port: note(record, "egress", host, port))
    try:
        present(record)
        undo = engage(
            Detours(lambda: target, hosts, header), guard, lambda error: note(record, "error", str(error))
        )
    except (OSError, RerouteError) as error:
        raise SystemExit(str(error)) from None
    heed = heedless()
    follow(folder)

    def all_undone() -> None:
        heed()
        undo()

    return all_undone


def _none(_: object) -> Callable[[], dict[str, str]]:
    def proxies() -> dict[str, str]:
        return {}

    return proxies


def heedless() -> Callable[[], None]:
    """Let the clients of this process know of no proxy; return what undoes it.

    The variables stay: whatever is started here and is no Python needs a proxy to be held back by.
    """
    patches = Patches()

    def patch(module: ModuleType) -> None:
        for name in ("getproxies", "getproxies_environment"):
            patches.wrap(module, name, _none)

    imports = Imports({"urllib.request": patch})
    imports.start()

    def undo() -> None:
        imports.stop()
        patches.undo()

    return undo
