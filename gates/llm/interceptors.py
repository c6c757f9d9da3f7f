"""Finds tests that fake the provider with a library that cannot see the SDK: they prove nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pytest_failhard.gates.llm.applies import imported, sdk
from pytest_failhard.gates.llm.installed import Installed, reaches
from pytest_failhard.llm import providers
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.source import Project
from pytest_failhard.source.files import parse
from pytest_failhard.source.import_roots import import_roots, placed
from pytest_failhard.source.manifest import conftests

TRANSPORT = "httpx2"
SEES = "httpcore2"
"""What respx must be told to patch; pytest-httpx2 tells it."""
ALIAS = "alias_httpx"
INTERCEPTORS = {"respx": "respx", "pytest-httpx": "pytest_httpx"}
"""By distribution the module of what patches httpx alone."""
FIXTURES = frozenset({"respx_mock", "httpx_mock"})
MARKERS = frozenset({"respx", "httpx_mock"})
_EXTRA_NAMES = {"pydantic_ai": ("pydantic-ai", "pydantic-ai-slim")}


@dataclass(frozen=True, kw_only=True)
class Blind:
    """A test module that relies on an interceptor, and the SDK that passes it by."""

    path: str
    by: str
    distribution: str
    version: str

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return (
            f"{self.path} uses {self.by}, but {self.distribution} {self.version} talks through {TRANSPORT}: "
            "its calls reach the real network. Use llm_faults, or pytest-httpx2"
        )


def look(
    project: Project, source: Sequence[str], known: Mapping[str, Installed], declared: frozenset[str]
) -> tuple[Finding, ...]:
    """Return a finding for each interceptor that is declared, blind, and used by no test.

    `known` are the distributions of the system's interpreter, `declared` the canonical names of all that
    the project declares. Raises GateError `interceptor-cannot-see-client` where a test relies on one.
    """
    unseen = _unseen(known)
    if not unseen or _aliased(project):
        return ()
    used = {file.path: by for file in project.tests if (by := _interceptor(project, file.path))}
    modules = _modules(project, source)
    blind = [each for path, by in used.items() for each in _blind(project, path, by, modules, unseen)]
    if blind:
        raise GateError("interceptor-cannot-see-client: " + "; ".join(map(str, blind)))
    if used:
        return ()
    first = next(iter(unseen.values()))
    return tuple(_idle(name, *first) for name in sorted(INTERCEPTORS) if name in declared)


def _idle(name: str, distribution: str, version: str) -> Finding:
    return Finding(
        rule="blind-interceptor",
        name="blind-interceptor",
        path="pyproject.toml",
        line=0,
        severity=Severity.MEDIUM,
        message=f"{name} is declared, and cannot see {distribution} {version}, which uses {TRANSPORT}",
        fix=f"remove {name}; use llm_faults, or pytest-httpx2",
        anchor=name,
    )


def _unseen(known: Mapping[str, Installed]) -> dict[str, tuple[str, str]]:
    """Return the SDKs that are installed and need httpx2: module -> distribution and version."""
    found: dict[str, tuple[str, str]] = {}
    for provider in providers.load().providers:
        for module in provider.imports:
            names = (*_EXTRA_NAMES.get(module, ()), module.replace(".", "-").replace("_", "-"))
            for name in names:
                if reaches(name, TRANSPORT, known):
                    found.setdefault(module, (name, known[name].version))
    families = [name for name in known if name.startswith(("langchain-", "llama-index-"))]
    for name in families:
        if reaches(name, TRANSPORT, known):
            found.setdefault(name.replace("-", "_"), (name, known[name].version))
    return found


def _interceptor(project: Project, path: str) -> str:
    """Return the name by which a test file uses a blind interceptor, empty for none."""
    tree = parse(project.root, path)
    names = {module.partition(".")[0] for module, _ in imported(tree)} & set(INTERCEPTORS.values())
    names |= {name for node in ast.walk(tree) for name in _asked(node)}
    if not names or _told(tree):
        return ""
    return min(names)


def _asked(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.arg(arg=name) if name in FIXTURES:
            yield name
        case ast.Attribute(value=ast.Attribute(attr="mark"), attr=name) if name in MARKERS:
            yield f"@pytest.mark.{name}"
        case ast.Call(func=ast.Attribute(attr="usefixtures"), args=given):
            yield from (
                str(each.value) for each in given if isinstance(each, ast.Constant) and each.value in FIXTURES
            )


def _told(tree: ast.Module) -> bool:
    """Tell whether the interceptor is told to patch what the SDK uses."""
    return any(
        isinstance(node, ast.keyword)
        and node.arg == "using"
        and isinstance(node.value, ast.Constant)
        and node.value.value == SEES
        for node in ast.walk(tree)
    )


def _aliased(project: Project) -> bool:
    """Tell whether a conftest at the top calls `alias_httpx()` before anything imports httpx."""
    return any(_aliases_first(parse(project.root, path)) for path in _top_conftests(project))


def _top_conftests(project: Project) -> tuple[str, ...]:
    found = conftests(project)
    depth = min((path.count("/") for path in found), default=0)
    return tuple(path for path in found if path.count("/") == depth)


def _aliases_first(tree: ast.Module) -> bool:
    for statement in tree.body:
        called = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        if isinstance(statement, ast.Expr) and any(_name(call.func) == ALIAS for call in called):
            return True
        if any(module.partition(".")[0] not in _HARMLESS for module, _ in imported(statement)):
            return False
    return False


# What may be imported before the alias: nothing of it imports httpx.
_HARMLESS = frozenset({"__future__", "os", "sys", TRANSPORT, "typing", "pathlib", "collections"})


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _modules(project: Project, source: Sequence[str]) -> dict[str, str]:
    """Return the path of each module of the project by every name a test may import it by."""
    roots = import_roots(project.root, source, [file.path for file in project.product])
    found = {placed(file.path, roots)[2]: file.path for file in project.product}
    for file in project.files:
        parts = PurePosixPath(file.path).with_suffix("").parts
        # Of a product file only the whole path: it is how a relative import is written out.
        for start in range(len(parts) if file.role == "test" else 1):
            found.setdefault(".".join(parts[start:]).removesuffix(".__init__"), file.path)
    return found


def _blind(
    project: Project,
    path: str,
    by: str,
    modules: Mapping[str, str],
    unseen: Mapping[str, tuple[str, str]],
) -> Iterator[Blind]:
    reached = {sdk(module) for module in _closure(project, path, modules)}
    for known in [module for module in sorted(unseen) if module in reached][:1]:
        distribution, version = unseen[known]
        yield Blind(path=path, by=by, distribution=distribution, version=version)


def _closure(project: Project, path: str, modules: Mapping[str, str]) -> set[str]:
    """Return every module that a test file imports, by way of the project's own modules and conftests too."""
    above = PurePosixPath(path).parents
    waiting = [path, *(each for each in conftests(project) if PurePosixPath(each).parent in above)]
    read: set[str] = set()
    reached: set[str] = set()
    while waiting:
        current = waiting.pop()
        if current in read:
            continue
        read.add(current)
        for module in _imports(project, current):
            reached.add(module)
            waiting += [modules[name] for name in _ancestors(module) if name in modules]
    return reached


def _imports(project: Project, path: str) -> Iterator[str]:
    tree = parse(project.root, path)
    yield from (module for module, _ in imported(tree))
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def _ancestors(module: str) -> Iterator[str]:
    """Yield a module's name and those of the packages above it, which are imported with it."""
    parts = module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
