"""FH202: a double or made-up data that lives in product code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.options import entries, names, unmatched
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.files import role
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, argument, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

KIND, DOTTED, EMPTY, NAME = "kind", "dotted", "empty", "name"
IMPORT = "import"
PUBLIC = "public_test_doubles"
FIX = "move the double to the tests and wire the real thing, or raise where there is none"


class MockInProduct(StaticRule):
    """A double or made-up data lives in product code.

    Finds:
        A class or function whose name says that it is a mock, fake, stub or dummy, or that it makes sample
        data; a class of such a name made by `type(...)`; an import, inside of a function, of a module of the
        project so named.
    Why:
        A double that the product can reach answers in production one day, and it always answers well.
    Subs:
        `referenced`: product code uses the name outside of its own body and outside of the main guard.
        `unreferenced`: it does not.
    Bad:
        class MockExecutor:
            def execute(self, order):
                return {"transaction": "0xabc"}

        def executor():
            return MockExecutor()
    Good:
        class ChainExecutor:
            def __init__(self, node):
                self.node = node

            def execute(self, order):
                return self.node.send(order)
    Exempt:
        Predicates (`is_mock_...`, `detect_stub_...`, `mock_name_is_...`); errors, detectors, checkers,
        validators, finders, transports, rules, visitors, also by the name of a base; what only raises; a
        word like `mock` in the middle of a name that begins with no verb, `stub` and `sample` there
        unless right behind one; a class without a body that is only used in annotations; what is named
        in `public_test_doubles`.
    Evasions:
        `Mock = type("X", ...)`; a mock module imported lazily; a double in `examples/` that product code
        imports. Names like `DevClient` or `InMemoryStore` are none: FH208 and FH302 read their bodies.
    Measured:
        Out of sample, as drawn: 13 of 17 break the policy, 4 do harm; 3 wrong ones are exempt since.
    """

    code = "FH202"
    name = "mock-in-product"
    gate = "fallbacks"
    family = "mocks"
    subs = ("referenced", "unreferenced")
    nodes = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each double that is defined or imported."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            found = sorted({each for each in _modules(node, module) if _is_double_module(each)})
            if found and module.function(node) is not None:
                yield self._hit(node, module, found[0], kind=IMPORT)
            return
        name = _named(node, module)
        if name:
            is_empty = isinstance(node, ast.ClassDef) and _is_empty(node)
            yield self._hit(node, module, name, empty=is_empty)

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each double that `type(name, bases, names)` makes."""
        for call in module.calls.of(("type",)):
            name = _made(call, module)
            if name:
                yield self._hit(call, module, name)

    def _hit(self, node: ast.AST, module: Module, name: str, *, kind: str = "", empty: bool = False) -> Hit:
        where = module.qualname(node)
        if kind == IMPORT:
            message = f"{where or module.name} imports {name}, a module of doubles"
        else:
            message = f"{where or name} is a double in product code"
        return self.hit(
            module,
            node,
            message,
            FIX,
            sub="unreferenced",
            details={
                NAME: name,
                KIND: kind,
                DOTTED: f"{module.name}.{where or name}",
                EMPTY: "yes" if empty else "",
            },
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Tell who reaches the double, and leave out the published ones and the types without a body."""
        public = [entry.get("name", "") for entry in entries(options, PUBLIC)]
        for each in public:
            if not any(names(hit.details[DOTTED], [each]) for hit in hits):
                yield unmatched(self, PUBLIC, each, "unreferenced")
        for hit in hits:
            if not names(hit.details[DOTTED], public):
                yield from _reached(hit, index)


def _reached(hit: Hit, index: Index) -> Iterable[Hit]:
    """Yield a hit with its reach, unless it is a type without a body or a module of somebody else."""
    if hit.details[KIND] == IMPORT:
        if index.find_module(hit.details[NAME], hit.path) is not None:
            yield replace(hit, sub="referenced")
        return
    is_used = hit.details[NAME] in index.referenced
    if is_used or not hit.details[EMPTY]:
        yield replace(
            hit,
            sub="referenced" if is_used else "unreferenced",
            message=hit.message + _promoted(hit.path, index),
        )


def _named(node: ast.AST, module: Module) -> str:
    """Return the name of a double that a node defines, empty for none."""
    if isinstance(node, ast.ClassDef):
        is_double = _is_double(node.name) and not (_fails_loud(node) or _is_detector(node))
        return node.name if is_double else ""
    if isinstance(node, FUNCTIONS):
        is_double = _is_double_function(node.name) and not _raises(node) and not _is_inside(node, module)
        return node.name if is_double else ""
    return ""


def _promoted(path: str, index: Index) -> str:
    """Return who made a file product that does not lie where product code lies."""
    importer = index.importer(path) if role(path) != "product" else ""
    return f", which {importer} imports" if importer else ""


def _is_double(name: str) -> bool:
    return data.MOCK_NAME.search(name) is not None and not data.NO_DOUBLE.search(name)


def _is_double_function(name: str) -> bool:
    if data.PREDICATE.match(name) or data.NO_DOUBLE.search(name):
        return False
    mock = data.MOCK_NAME.search(name)
    if mock is None and not data.SAMPLE_NAME.match(name):
        return False
    words = name.strip("_").split("_")
    named = [at for at, word in enumerate(words) if word in data.DOMAIN_NOUNS or word in data.DOUBLES]
    return not named or any(_counts(words, at) for at in named)


def _counts(words: Sequence[str], at: int) -> bool:
    """Tell whether a word stands where it means a double: in the middle of a name it may be a topic."""
    if at in {0, len(words) - 1} or words[at - 1] in data.VERBS:
        return True
    return words[at] in data.DOUBLES and words[0] in data.VERBS


def _is_double_module(dotted: str) -> bool:
    return any(data.MOCK_MODULE.search(part) for part in dotted.split("."))


def _fails_loud(node: ast.ClassDef) -> bool:
    """Tell whether a class has public methods and all of them raise."""
    public = [each for each in node.body if isinstance(each, FUNCTIONS) and not each.name.startswith("_")]
    public += [
        each for each in node.body if isinstance(each, FUNCTIONS) and each.name in data.CALLED_BY_PYTHON
    ]
    return bool(public) and all(map(_raises, public))


def _raises(function: FunctionNode) -> bool:
    """Tell whether a function ends in a raise, or hands out a function that does."""
    last = function.body[-1]
    handed = last_part(last.value) if isinstance(last, ast.Return) and last.value is not None else ""
    return isinstance(last, ast.Raise) or any(
        isinstance(each, FUNCTIONS) and each.name == handed and isinstance(each.body[-1], ast.Raise)
        for each in function.body
    )


def _is_detector(node: ast.ClassDef) -> bool:
    """Tell whether a class is a check for doubles by what it derives from."""
    return any(data.DETECTOR_BASE.search(last_part(base)) for base in node.bases)


def _is_empty(node: ast.ClassDef) -> bool:
    """Tell whether a class has nothing but texts and annotations in its body."""
    return all(
        isinstance(each, ast.Pass)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        or (isinstance(each, ast.AnnAssign) and each.value is None)
        for each in node.body
    )


def _is_inside(function: FunctionNode, module: Module) -> bool:
    """Tell whether a function belongs to a double that is found itself."""
    return any(
        (isinstance(above, ast.ClassDef) and _is_double(above.name))
        or (isinstance(above, FUNCTIONS) and _is_double_function(above.name))
        for above in module.ancestors(function)
    )


def _made(call: ast.Call, module: Module) -> str:
    """Return the name of a double that `type(name, bases, names)` makes."""
    if not (isinstance(call.func, ast.Name) and len(call.args) > 1):
        return ""
    above = module.parent(call)
    targets = above.targets if isinstance(above, ast.Assign) else []
    given = [each.id for each in targets if isinstance(each, ast.Name)]
    named = module.text(argument(call, 0))
    return next((each for each in (*given, named or "") if _is_double(each)), "")


def _modules(node: ast.Import | ast.ImportFrom, module: Module) -> Iterable[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if any(_is_double(alias.name) or _is_double_function(alias.name) for alias in node.names):
        return []  # found where it is defined
    base = module.imported_from(node)
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]
