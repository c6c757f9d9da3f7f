"""Reads the text of secrets out of expressions, and says where they stand without saying what they are."""

from __future__ import annotations

import ast
import base64
import functools
import hashlib

from pytest_failhard.rules.data import secrets as data
from pytest_failhard.source import secret_names
from pytest_failhard.source.canonical import canonical
from pytest_failhard.source.module import HOPS, Module, argument, last_part


@functools.lru_cache(maxsize=65536)
def is_secret_name(name: str) -> bool:
    """Tell whether a name is one that holds a secret; names come again and again."""
    return secret_names.is_secret_name(name)


def text(module: Module, node: ast.expr | None, hops: int = HOPS) -> str | None:
    """Return the text that an expression certainly is, through wrappers such as `SecretStr` and base64."""
    if node is None or not hops:
        return None
    certain = module.text(node)
    node = module.value(node)
    if isinstance(node, ast.Attribute):
        return text(module, _class_value(module, node), hops - 1)
    if certain is not None or not isinstance(node, ast.Call):
        return certain
    return _called(module, node, hops)


def _called(module: Module, call: ast.Call, hops: int) -> str | None:
    if last_part(call) == "decode" and isinstance(call.func, ast.Attribute) and not call.args:
        return text(module, call.func.value, hops - 1)
    inner = argument(call, 0, *data.DEFAULTS)
    if last_part(call) in data.WRAPPERS:
        return text(module, inner, hops - 1)
    if module.resolve(call.func) in data.DECODERS:
        return _decoded(text(module, inner, hops - 1))
    return None


def _class_value(module: Module, node: ast.Attribute) -> ast.expr | None:
    """Return what a class of the file gives to an attribute: `self.DEFAULT`, `Settings.DEFAULT`."""
    owner = last_part(node.value)
    found = [
        each.value
        for known in module.nodes(ast.ClassDef)
        if owner in {known.name, *data.SELF}
        for each in known.body
        if isinstance(each, ast.Assign | ast.AnnAssign) and _is_bound(each, node.attr)
    ]
    return found[0] if len(found) == 1 else None


def _is_bound(statement: ast.Assign | ast.AnnAssign, name: str) -> bool:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return last_part(target) == name


def _decoded(encoded: str | None) -> str | None:
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, altchars=b"-_" if {"-", "_"} & set(encoded) else None).decode(
            "latin-1"
        )
    except ValueError:
        # No base64 after all: what stands there is a text all the same.
        return encoded


def identity(*nodes: ast.AST | None) -> str:
    """Return what changes when the code of the nodes changes, and does not show their values."""
    whole = " ".join(canonical(node) for node in nodes if node is not None)
    return "sha256:" + hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()


def is_weak(value: str) -> bool:
    """Tell whether a value is a placeholder or one that everybody tries first."""
    return secret_names.is_placeholder(value) or secret_names.is_known_weak(value)


def has_evidence(value: str) -> bool:
    """Tell whether a value looks like a credential: its prefix, its randomness, a login in a URL."""
    return (
        value.startswith(secret_names.KEY_PREFIXES)
        or data.CREDENTIALS_IN_URL.search(value) is not None
        or (secret_names.is_random(value) and data.WORDS.fullmatch(value) is None)
    )


def is_no_value(name: str, value: str) -> bool:
    """Tell whether a text is a word for the secret, a reference to it, or a token of some language."""
    if value.startswith(secret_names.KEY_PREFIXES):
        return data.EXEMPT_KEY.search(value) is not None
    if data.EXEMPT_VALUE.search(value) is not None:
        return True
    return data.TOKEN_NAME.search(name) is not None and data.TOKEN_GRAMMAR.search(value) is not None


def size(value: str) -> str:
    """Return how a message speaks of a value: by its length."""
    return f"{len(value)}-character"
