"""Names of functions that may do nothing, of component bases, and of markers for work left to do."""

from __future__ import annotations

import re

ABSTRACT_DECORATORS = frozenset(
    {"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod", "overload"}
)
ABSTRACT_BASES = frozenset({"Protocol", "ABC", "TypedDict", "NamedTuple", "ABCMeta", "Interface"})
INTERFACE = "Interface"

# FH301
IDLE_NAME = re.compile(
    r"(?i)noop|no_op|^_*null|^_*on_|^_*(?:a?close|shutdown|flush|cleanup|teardown|set_?up|tear_?down|stop|start"
    r"|reset|dispose|disconnect|connect|emit|handle|log_message|visit|run|main|callback"
    r"|upgrade|downgrade)$"
)
"""Functions that may have nothing to do."""
LOGGING_NAME = re.compile(
    r"(?i)(?:^|_)(?:log|logs|logging|print|echo|write|display|show|warn|warning|error|info|debug|success|output"
    r"|line|notice|banner|cursor|cb|say|trace)(?:_|$)"
)
"""Functions whose work is to log or print."""
IDLE_COMMENT = re.compile(
    r"(?i)no longer|nothing|not needed|intentional|no-op|noop|\bignore|unused|deprecated|legacy|by design"
    r"|\bdoes(?:n't| not)\b|\bhandled (?:by|in)\b"
)
ASYNC_TWINS = ("a{0}", "_a{1}", "async_{0}", "{0}_async")
"""How the asynchronous form of a method is called; `{1}` is the name without its underscore."""

# FH302
NULL_CLASS = re.compile(r"^_?(?:Null|Noop|NoOp|True|False|Always|Never)(?=[A-Z_]|$)")
TEMPLATE_MODULE = re.compile(r"(?:^|_)(?:generator|templates?)$")
UNUSED_TARGET = "_"
KINDS = ("data", "true", "const", "empty", "false", "none")

# FH303, FH304
GUESSED_BASE = re.compile(r"^_?(?:Base[A-Z]\w*|Abstract[A-Z]\w*|\w+(?:Base|Interface))$")
MIXIN = re.compile(r"Mixin$")
DEFAULT_CALL = re.compile(r"^_?(?:default_\w+|\w+_default)$")
DISPATCH = frozenset({"__getattr__", "__getattribute__"})

# FH305
MARKER = re.compile(
    r"(?:#|[.;!?])[\s*\-:@(\[]*(?i:(todo|fixme|hack|tbd))(?=[\s:.,!(\])]|$)"
    r"|#[\s*\-:@(\[]*(XXX)(?=[\s:!(\])]|$)"
    r"|\b(TODO|FIXME|HACK|XXX|TBD)(?=:|\()"
)
MARKER_WORDS = ("todo", "fixme", "xxx", "hack", "tbd")
TICKET = re.compile(r"(?<!^)#\d+|\b[A-Z][A-Z0-9]+-\d+|https?://")
QUOTES = "\"'`"
PLAIN_NAME = re.compile(r"^_*(?:supports?|empty)_")
"""Functions that state a fact, or say themselves that what they return is empty."""
