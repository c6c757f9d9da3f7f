"""What is no secret though it stands where one would, and what a setting looks like."""

from __future__ import annotations

import ast
import re

MIN_CHARACTERS = 3
"""A shorter text is no value of a secret."""
CREDENTIALS_IN_URL = re.compile(r"://[^/:@\s]+:[^/@\s{]+@")
# A word for the thing, a reference to it, or the place where it lies.
EXEMPT_VALUE = re.compile(
    r"(?i:^(password|passwd|token|secret|api[_-]?key|bearer|basic|oauth2?|none|null|string|text|str"
    r"|[a-z]+[_-](key|token|secret|password))$)"
    r"|^https?://"
    r"|^/"
    r"|^\{"
    r"|\$\{"
    r"|%\("
    r"|^[A-Z][A-Z0-9_]+$"
    r"|\.[a-z]{2,4}$"
    r"|\s"
    # A pattern that finds them.
    r"|^\^|\\[bdswBDSW]|\[[^\]]-[^\]]"
    # What somebody has hidden already, or what a template leaves open.
    r"|^<.*>$"
    r"|^(?i:\W*redact)"
    r"|^\W+$"
)
EXEMPT_KEY = re.compile(r"\s")
"""What a text that begins like a key cannot hold."""
NEVER_A_VALUE = re.compile(r"^<.*>$|\s|^(?i:\W*redact)")
"""What is no value even where a placeholder would be one."""
WORDS = re.compile(r"[a-zA-Z]+([-_.][a-zA-Z]+)+")
"""Words with signs between them are long and mixed, and yet written."""
TOKEN_NAME = re.compile(r"(?i)token$")
TOKEN_GRAMMAR = re.compile(r"^\W")
"""What begins a token of a language: `!end`, `[SEP]`; no credential is written so."""
SEED = re.compile(r"(?i)(^|_)seed(_|$)")
SEEDERS = frozenset({"seed", "Random", "default_rng", "md5", "sha1", "sha256", "sha512", "blake2b"})
REDACTION = re.compile(r"(?i)redact|mask|sanit|scrub|hidden|obfuscat")
SETTINGS_CLASS = re.compile(
    r"(Settings|Config|Configuration|Options|BaseModel|ConfigDict|SettingsConfigDict)$"
)
SETTINGS = re.compile(r"(Settings|Config|Configuration)$")
NO_TEXT = re.compile(r"\b(int|float|bool|datetime|timedelta|list|dict)\b")
DATA_DECORATORS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "s"})
ENUMERATIONS = re.compile(r"(Enum|Flag)$")
CONFIGURATION = re.compile(
    r"(?i)(^|_)(config|configuration|conf|cfg|settings|defaults?|options|environ|env)(_|$)"
)
MAPPING_CALLS = frozenset({"dict", "update", "from_mapping", "OrderedDict", "setdefault"})
SETATTR_ARGUMENTS = 3
WRAPPERS = frozenset({"SecretStr", "SecretBytes", "Secret", "str", "bytes", "Field", "field", "Setting"})
"""Calls that pass their first argument, or their default, on."""
DECODERS = frozenset({"base64.b64decode", "base64.urlsafe_b64decode", "base64.standard_b64decode"})
SELF = frozenset({"self", "cls"})
DEFAULTS = ("default",)
RANDOM = re.compile(
    r"^(secrets\.(token_\w+|randbelow|choice)|os\.urandom|uuid\.uuid\d|random\.\w+|.*\brandbytes)$"
)
NOT_FOUND = frozenset({"KeyError", "LookupError", "Exception", "BaseException"})
TEXTS = (ast.Constant, ast.Name, ast.Attribute, ast.JoinedStr, ast.BinOp, ast.Call)
"""Expressions that can be a text."""
GETTER = "operator.itemgetter"
GETATTR_ARGUMENTS = 3
DEFAULT_MAPPING = "defaultdict"
LOOKUPS = frozenset({"get", "pop", "setdefault"})
FIELDS = frozenset({"Field", "field", "Setting", "ib", "attrib"})
EXITS = frozenset({"exit", "quit", "_exit", "abort", "Exit", "fail"})
