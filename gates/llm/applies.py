"""Finds where the product uses a language model: imports of an SDK, and hosts of providers."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source import Project
from pytest_failhard.source.files import parse
from pytest_failhard.source.import_roots import import_roots, placed

SDKS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google.genai": "gemini",
    "google.generativeai": "gemini",
    "vertexai": "gemini",
    "mistralai": "mistral",
    "cohere": "cohere",
    "groq": "groq",
    "ollama": "ollama",
    "litellm": "",
    "langchain*": "",
    "llama_index*": "",
    "pydantic_ai": "",
    "dspy": "",
    "instructor": "",
}
"""Modules of SDKs, as globs over the dotted name, and their provider; empty for those that serve several."""
INFERENCE = {"huggingface_hub": ("InferenceClient", "AsyncInferenceClient")}
BEDROCK = "bedrock-runtime"
HOSTS: Mapping[str, str] = {
    "api.openai.com": "openai",
    "*.openai.azure.com": "azure",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "*-aiplatform.googleapis.com": "gemini",
    "bedrock-runtime.*": "bedrock",
    "api.mistral.ai": "mistral",
    "api.cohere.com": "cohere",
    "api.groq.com": "groq",
    "openrouter.ai": "openrouter",
}
"""Hosts of providers, as globs."""
# What the methods of the SDKs are called that send a request.
CALLS = frozenset(
    {"create", "parse", "stream", "generate", "generate_content", "generate_content_stream", "complete"}
    | {"completion", "acompletion", "embedding", "aembedding", "embed", "chat", "invoke", "ainvoke"}
    | {"converse", "converse_stream", "invoke_model", "run", "run_sync", "chat_completion", "embed_content"}
)
_IMPORTERS = frozenset({"import_module", "__import__"})
_HOST_ENDS = "/:?# '\"\n\t"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, order=True)
class Use:
    """One sign that the product uses a model. `provider` is empty where it does not say which."""

    path: str
    line: int
    what: str
    """In words: `imports openai`, `names the host api.openai.com`."""
    provider: str = ""


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
    """Return the glob of the SDK to which a dotted module belongs, None for no SDK's."""
    parts = module.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next((glob for glob in SDKS if any(fnmatch.fnmatchcase(name, glob) for name in above)), None)


def _in_module(root: Path, path: str) -> Iterator[Use]:
    tree = parse(root, path)
    texts = list(_texts(tree))
    bedrock = any(text == BEDROCK for text, _ in texts)
    for module, line in imported(tree):
        yield from _import(path, module, line, bedrock)
    for text, line in texts:
        yield from (
            Use(path=path, line=line, what=f"names the host {host}", provider=HOSTS[host])
            for host in HOSTS
            if _names(text, host)
        )


def _import(path: str, module: str, line: int, bedrock: bool) -> Iterator[Use]:
    known = sdk(module)
    package, _, name = module.partition(".")
    if known is not None and "*" not in known:
        yield Use(path=path, line=line, what=f"imports {known}", provider=SDKS[known])
    elif known is not None:
        yield Use(path=path, line=line, what=f"imports {package}")
    elif name in INFERENCE.get(package, ()):
        yield Use(path=path, line=line, what=f"imports {module}")
    elif package in {"boto3", "aioboto3", "botocore"} and bedrock:
        yield Use(path=path, line=line, what=f"imports {package} for {BEDROCK}", provider="bedrock")


def _texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the texts of a module with their lines, docstrings and other bare ones left out."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value, node.lineno


def _names(text: str, host: str) -> bool:
    """Tell whether a host stands in a text; of a glob its fixed part, where the text builds the rest."""
    fixed = host.strip("*")
    place = text.lower().find(fixed)
    if place < 0:
        return False
    before, after = text[:place], text[place + len(fixed) :]
    closed = host.endswith("*") or not after or after[0] in _HOST_ENDS
    opened = host.startswith("*") or not before or before[-1] in "/@'\" \n\t"
    return opened and closed


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
            yield from (
                (f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, Function)
            )


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
