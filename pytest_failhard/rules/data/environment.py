"""What reads the environment of a process, and what a test of that environment names."""

from __future__ import annotations

import ast
import re

MAPPINGS = frozenset({"os.environ", "os.environb"})
COPIES = frozenset({"dict", "copy", "copy.copy", "copy.deepcopy"})
METHODS = frozenset({"get", "setdefault", "pop"})
READERS = frozenset({"os.getenv", "os.getenvb", "decouple.config"})
"""Functions by the name they resolve to."""
READER_NAMES = frozenset({"env", "getenv", "get_env", "get_env_var", "env_str", "getenv_str"})
"""Functions by their last name: whoever calls one so reads the environment."""
READER_OBJECTS = frozenset({"env"})
READER_METHODS = frozenset({"str", "get_value", "get", "bool", "int", "float", "list", "url"})
"""Methods of what is called `env`."""
READING = METHODS | READER_NAMES | READER_METHODS | {name.rpartition(".")[2] for name in READERS}
"""The last names of all methods and of all functions in a module that read: the cheap question."""
READER_CLASSES = frozenset({"Env", "FileAwareEnv", "Config", "AutoConfig"})
"""Classes whose instances are called with a key: django-environ, environs, starlette, decouple."""
READER_PACKAGES = frozenset({"environ", "environs", "decouple", "starlette"})
DEFAULT_NAMES = ("default",)
WRAPPED_NAMES = ("default", "fallback", "default_value")
TEXTS = (ast.Constant, ast.Name, ast.Attribute, ast.JoinedStr, ast.BinOp)
WRAPPED_ARGUMENTS = 2
MERGERS = frozenset({"collections.ChainMap", "dict"})
MERGER_NAMES = frozenset({"ChainMap", "dict"})
HINTS = (b"env", b"config")
"""One of them stands in every file that reads the environment."""

GUARD = re.compile(
    r"\b(environment|env|app_env|flask_env|node_env|django_env|deploy\w*|stage|is_prod\w*|production"
    r"|debug|dev_mode|development|testing)\b",
    re.IGNORECASE,
)
ENVIRONMENT_NAME = re.compile(r"[A-Za-z-]{2,15}")
TRUE_TEXTS = frozenset({"1", "true", "yes", "on", "t", "y"})
