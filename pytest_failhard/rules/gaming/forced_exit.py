"""FH705: code that ends the process of the tests."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.forgery import exits
from pytest_failhard.source.module import Module


class ForcedExit(StaticRule):
    """The process ends before anybody can say how the tests went.

    Finds:
        In tests and conftest files, and at the import of any module: `os._exit`, `os.abort`, a signal to
        the own process, `sys.exit`, `exit` or `raise SystemExit` with success at import, `pytest.exit` with
        returncode 0, `atexit.register`, a timer or a thread of a function that exits, the exits of the C
        library.
    Why:
        An exit code of 0 is all that most callers look at, and nothing has run.
    Bad:
        import os

        def test_order():
            os._exit(0)
    Good:
        import subprocess
        import sys

        def test_order():
            subprocess.run([sys.executable, "-c", "import os; os._exit(0)"], check=True)
    Exempt:
        What stands under `if __name__ == "__main__"`; what only a child process runs as text; in a product
        module, what stands in a function; `sys.exit` in a script or an example that nothing imports.
    Evasions:
        An alias, `getattr(os, "_e" + "xit")`, `os.__dict__["_exit"]`, `ctypes`, `faulthandler`.
    Measured:
        No verdicts yet.
    """

    code = "FH705"
    name = "forced-exit"
    gate = "integrity"
    family = "gaming"
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each place."""
        if not module.mentions(data.EXIT_WORDS):
            return
        for place in exits(module, imported_as_test=module.role == "test"):
            if place.plain and module.role in data.STARTED:
                continue
            yield Hit(
                path=module.path,
                line=place.line,
                code=self.code,
                name=self.name,
                sub="",
                qualname="",
                message=f"{place.form} ends the process of whoever imports or tests this",
                fix=place.fix,
                canonical=place.form,
            )
