"""FV1: a file of checks that meets nothing of the system."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import CALL, reach
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import check_functions, details, validation
from pytest_failhard.rules.validation.own_app import serves

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module


class NoContact(ValidationRule):
    """A file of checks neither imports the product nor asks it anything.

    Finds:
        A validation file with checks that, with its fixtures and through what it imports, imports no
        module of the project, runs no process, reads no file and sends nothing but to a server of its
        own. A validation file lies under tests, is a program named for it (`validation_suite.py`,
        `verify_production.py`, `load_test.py`, `smoke.py`, `before_after.py`), or is run by CI.
    Why:
        What it says about the system holds for any system, and for none.
    Bad:
        # file: tests/test_validation.py
        import time

        def test_database_pool():
            start = time.time()
            time.sleep(0.01)
            assert time.time() - start < 1
        # file: shop/pool.py
        SIZE = 5
    Good:
        # file: tests/test_validation.py
        from shop.pool import acquire

        def test_database_pool():
            assert acquire(timeout=1).is_open
        # file: shop/pool.py
        def acquire(timeout): ...
    Exempt:
        A package of somebody else that may lead to the system; a fixture that a plugin or a conftest with
        such an import gives; `subprocess`, `importlib`, `exec` and the like; a file that reads files.
        A request to an address that is written out: nobody can tell what listens there.
    Evasions:
        Helper modules and conftest files, followed through their imports; a server in the file itself.
        Not seen: an import of the product that nothing uses.
    Measured:
        15 hits in 5 of 30 projects, each read: 12 harmful, 3 false (tests of a build and of other plugins).
    """

    code = "FV1"
    name = "no-contact"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return one hit for a file whose imports are all its own kind, as far as the file tells."""
        if validation(module) is None or _may_meet(module) or data.READING & {*module.calls}:
            return
        checks = sorted(check_functions(module), key=lambda each: each.lineno)
        if not checks:
            return
        others = frozenset(name for each in checks for name in reach(module).others(each))
        if not any(name.startswith(CALL) for name in others):
            message = f"{module.path} judges the system and meets nothing of it"
            fix = "import what is to be validated, or ask the running system"
            yield self.hit(module, checks[0], message, fix, identity="file", details=_known(module, others))


def _may_meet(module: Module) -> bool:
    """Tell cheaply whether an import is of a package of which only the whole project could say more.

    What is named like a helper of tests, or like a validation, is followed; whatever else there is may
    be the product.
    """
    near = module.name.partition(".")[0]
    names = {name.partition(".")[0] for name in module.imports.values()} - sys.stdlib_module_names
    others = names - data.TESTING - data.SERVING - data.REQUESTING
    return any(name != near and data.HELPING.search(name) is None for name in others)


def _known(module: Module, others: frozenset[str]) -> dict[str, str]:
    """Return what the second look needs: an import counts unused, too, unless it is Python's own."""
    imported = {
        name for name in module.imports.values() if name.partition(".")[0] not in sys.stdlib_module_names
    }
    known = {OTHERS: " ".join(sorted(others | imported)), **details(module)}
    return {**known, SERVES: "1"} if serves(module) else known
