"""FH607: a test that asks the product to work without its key."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.tested import QualityRule
from pytest_failhard.source.checks import WrittenTest, written_tests
from pytest_failhard.source.module import argument, last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module

ENVIRON = "os.environ"


class WorksWithoutKeyTest(QualityRule):
    """A test demands an answer where the key or the model is missing.

    Finds:
        A test that by its name, or by removing the key, sets up a missing credential or model, and that
        expects no failure: no `raises`, no refusing status, no error text.
    Why:
        It makes the made-up answer a requirement: whoever removes the fallback breaks the suite.
    Bad:
        def test_works_without_api_key(app):
            assert app.ask("capital of France") == "mock answer"
    Good:
        import pytest
        from app import ConfigurationError

        def test_fails_without_api_key(app):
            with pytest.raises(ConfigurationError, match="API_KEY"):
                app.ask("capital of France")
    Exempt:
        A test that asserts the failure: an exception, an exit status, 401, a message. Where only the key
        is removed, also one that asserts that there is no value, or that sets another key instead.
    Evasions:
        `monkeypatch.delenv` of the key under a neutral name; a parametrised key of `None` or `""`.
    Measured:
        In the prototype 3 of 6; by name alone 2 of 9.
    """

    code = "FH607"
    name = "works-without-key-test"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each test that wants an answer without a key."""
        tests = written_tests(module)
        removing = set(_removing(module)) if tests else set[ast.AST]()
        for test in tests:
            way = _way(test, removes=test.node in removing)
            if way:
                where = module.qualname(test.node)
                yield self.hit(
                    module,
                    test.node,
                    f"{where} {way} and expects no failure",
                    "expect the error that names what is missing",
                )


def _way(test: WrittenTest, *, removes: bool) -> str:
    name = test.node.name
    if data.NO_KEY_REFUSED.search(name):
        return ""
    if data.NO_KEY_TEST.search(name):
        return "" if _refused(test) else "says that it works without"
    if not test.checks:
        return ""
    way = "removes the key from the environment" if removes else _parametrised(test)
    return way if way and not _refused(test) and not _absence(test) else ""


def _refused(test: WrittenTest) -> bool:
    """Tell whether a check of the test is one of a failure."""
    return any(_is_refusal(check) for check in test.checks)


def _is_refusal(check: ast.AST) -> bool:
    if isinstance(check, ast.Call) and (
        "raises" in last_part(check).lower() or last_part(check) in {"fail", "warns"}
    ):
        return True
    # Names of functions of the file too: `assert_refused(...)`.
    return any(_says_refusal(node) for node in ast.walk(check)) or isinstance(check, ast.Raise)


def _says_refusal(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, str):
            return data.REFUSAL.search(value) is not None
        return isinstance(value, int) and not isinstance(value, bool) and value in data.REFUSAL_STATUS
    name = last_part(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    return bool(name) and data.REFUSAL.search(name) is not None


def _absence(test: WrittenTest) -> bool:
    """Tell whether a check is one of there being nothing: that is no made-up answer."""
    return any(_says_nothing(node) for check in test.checks for node in ast.walk(check))


def _says_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None or node.value is False or node.value == ""
    name = last_part(node).lower()
    return isinstance(node, ast.Not) or "none" in name or "false" in name


def _removing(module: Module) -> Iterator[ast.AST]:
    """Yield the functions that take a key out of the environment and give no other."""
    if not any(word in module.data for word in data.REMOVING):
        return
    for node, name in (*_called_away(module), *_deleted(module)):
        function = module.function(node) if _is_key(name) else None
        if function is not None and not any(map(_gives, ast.walk(function))):
            yield function


def _deleted(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in module.nodes(ast.Delete):
        slots = [target for target in node.targets if isinstance(target, ast.Subscript)]
        for slot in slots:
            if module.resolve(slot.value) == ENVIRON:
                yield node, module.text(slot.slice) or ""


def _called_away(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for call in module.nodes(ast.Call):
        name = last_part(call)
        if (
            name == "delenv"
            or (name == "setenv" and module.text(argument(call, 1, "value")) == "")
            or (name == "pop" and module.resolve(call.func) == f"{ENVIRON}.pop")
        ):
            yield call, module.text(argument(call, 0, "name", "key")) or ""


def _gives(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if any(_is_key(each.arg or "") and not _is_nothing(each.value) for each in node.keywords):
        return True
    return last_part(node) == "setenv" and len(node.args) > 1 and not _is_nothing(node.args[1])


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _is_key(name: str) -> bool:
    return data.CREDENTIAL.search(name) is not None


def _parametrised(test: WrittenTest) -> str:
    """Say that a test is run with a key of nothing."""
    for decorator in test.node.decorator_list:
        if isinstance(decorator, ast.Call) and last_part(decorator) == "parametrize":
            names, values = argument(decorator, 0, "argnames"), argument(decorator, 1, "argvalues")
            named = names.value if isinstance(names, ast.Constant) else ""
            rows = values.elts if isinstance(values, ast.List | ast.Tuple) else []
            if isinstance(named, str) and _is_key(named) and rows and all(map(_is_nothing, rows)):
                return f"is run with {named} of nothing"
    return ""
