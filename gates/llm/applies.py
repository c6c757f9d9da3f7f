"""Finds where the product uses a language model: imports of an SDK, and hosts of providers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.llm import providers
from pytest_failhard.source import Project
from pytest_failhard.source.files import parse
from pytest_failhard.source.import_roots import import_roots, placed

FAMILIES = ("langchain", "llama_index")
"""Beginnings of the names of packages that belong together: `langchain_openai`, `llama_index_llms_groq`."""
UNSPECIFIC = "others"
"""What the list of providers calls those that are reached through a client of another."""
INFERENCE = frozenset({"InferenceClient", "AsyncInferenceClient"})
BEDROCK = "bedrock-runtime"
# What the methods of the SDKs are called that send a request.
CALLS = frozenset(
    {"create", "parse", "stream", "generate", "generate_content", "generate_content_stream", "complete"}
    | {"completion", "acompletion", "embedding", "aembedding", "embed", "chat", "invoke", "ainvoke"}
    | {"converse", "converse_stream", "invoke_model", "run", "run_sync", "chat_completion", "embed_content"}
)
_IMPORTERS = frozenset({"import_module", "__import__"})
_BUILT = re.compile(r"\{[^{}]*\}|%\w")
_HOST = re.compile(r"\.?\w[\w.-]*\.\w+")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, order=True)
class Use:
    """One sign that the product uses a model. `providers` are those of which it can be; empty for any."""

    path: str
    line: int
    what: str
    """In words: `imports openai`, `names a host of azure`."""
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, order=True)
class Guess:
    """A function that seems to call the client: a proposal for a declaration, nothing more.

    `name` is empty for the body of a module; `method` tells that an object is needed to call it.
    """

    path: str
    module: str
    name: str
    arguments: tuple[str, ...]
    method: bool


def uses(project: Project) -> tuple[Use, ...]:
    """Return every sign in the product's files; raises GateError for a file that cannot be parsed."""
    found = {use for file in project.product for use in _in_module(project.root, file.path)}
    return tuple(sorted(found))


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every module that a tree imports, by its dotted name, with the line.

    `from a import b` yields `a` and `a.b`, for b may be a module; names given to `import_module` count.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module, node.lineno
                yield from ((f"{module}.{alias.name}", node.lineno) for alias in names)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _last(func) in _IMPORTERS:
                yield name, node.lineno


def sdk(module: str) -> str | None:
    """Return the SDK's module to which a dotted module belongs, None for no SDK's."""
    package = module.partition(".")[0]
    if package.startswith(FAMILIES):
        return package
    known = sorted(name for provider in providers.load().providers for name in provider.imports)
    return next((name for name in known if module == name or module.startswith(f"{name}.")), None)


def _in_module(root: Path, path: str) -> Iterator[Use]:
    tree = parse(root, path)
    texts = list(_texts(tree))
    bedrock = any(text == BEDROCK for text, _ in texts)
    for module, line in imported(tree):
        known = sdk(module)
        if known is not None and _counts(known, module, bedrock):
            yield Use(path=path, line=line, what=f"imports {known}", providers=_serving(known))
    for text, line in texts:
        for provider in _named(text):
            served = () if provider == UNSPECIFIC else (provider,)
            yield Use(path=path, line=line, what=f"names a host of {provider}", providers=served)


def _counts(known: str, module: str, bedrock: bool) -> bool:
    """Tell whether an import means a model: two SDKs have other uses, too."""
    if known == "huggingface_hub":
        return module.rpartition(".")[2] in INFERENCE
    return bedrock or known not in {"boto3", "aioboto3"}


def _serving(known: str) -> tuple[str, ...]:
    found = [each.id for each in providers.load().providers if known in each.imports]
    return () if UNSPECIFIC in found else tuple(found)


def _texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the texts of a module with their lines; docstrings and other bare ones are left out.

    What a text is built from at run time stands in it as `{}`.
    """
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in bare:
                yield text, node.lineno
            case ast.JoinedStr(values=values):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)
                yield "".join(parts), node.lineno


def _named(text: str) -> Iterator[str]:
    """Yield the providers whose hosts stand in a text."""
    for token in _HOST.findall(_BUILT.sub("x", text)):
        provider = providers.load().of_host(f"x{token}" if token.startswith(".") else token)
        if provider is not None:
            yield provider.id


def guesses(project: Project, source: Sequence[str], found: Sequence[Use]) -> tuple[Guess, ...]:
    """Return the functions that seem to call a client, from the modules in which one was found."""
    paths = sorted({use.path for use in found})
    roots = import_roots(project.root, source, [file.path for file in project.product])
    proposals = []
    for path in paths:
        module = placed(path, roots)[2]
        proposals += [
            Guess(path=path, module=module, name=name, arguments=_arguments(function), method="." in name)
            for name, function in _functions(parse(project.root, path))
            if _calls(function)
        ]
    return tuple(sorted(proposals))


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, Function)]
            yield from ((f"{node.name}.{each.name}", each) for each in methods)


def _calls(function: Function) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
        for node in ast.walk(function)
    )


def _arguments(function: Function) -> tuple[str, ...]:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return tuple(argument.arg for argument in given if argument.arg not in {"self", "cls"})


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
