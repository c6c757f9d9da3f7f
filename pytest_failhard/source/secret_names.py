"""Tells secrets by the name they are bound to and by what the value looks like."""

from __future__ import annotations

import collections
import math
import re

KEY_PREFIXES = ("sk-", "ghp_", "github_pat_", "AKIA", "xox", "AIza", "hf_", "glpat-")
"""How the keys of well-known providers begin."""
MIN_RANDOM_CHARACTERS = 16
MIN_RANDOM_ENTROPY = 3.5
"""Bits per character from which a text of MIN_RANDOM_CHARACTERS looks drawn: a starting value."""

_SECRET = re.compile(
    r"(^|_)("
    r"secret|passw(or)?d|passphrase|pwd|api_?key|private_?key|access_?key|auth_?token|access_?token|token"
    r"|bearer|credentials?|secret_?key|signing_?key|encryption_?key|jwt_?key|webhook_?secret|client_?secret"
    r"|salt|dsn"
    r")s?($|_)"
    # `pass` is a result, a stage or a ticket more often than a secret: it is one behind what asks for it.
    r"|(^|_)(redis|db|database|sql|mysql|mariadb|mssql|postgres(ql)?|pg|oracle|mongo(db)?|neo4j|influx(db)?"
    r"|clickhouse|elastic(search)?|es|rabbit(mq)?|amqp|mq|mqtt|kafka|broker|celery|smtp|imap|pop3?|e?mail"
    r"|s?ftp|ssh|ldap|proxy|auth|basic|admin|root|user|login|account|api|registry|docker|vnc|wifi"
    r"|keystore|truststore|cert|ssl|tls)_?pass$",
    re.IGNORECASE,
)
_WORKING_DIRECTORY = frozenset({"PWD", "OLDPWD"})
"""What shells call the folder they are in."""
_NOT_SECRET = re.compile(
    r"max_?tokens"
    r"|token_?(url|uri|limit|count|type|expire|expiry|ttl|budget|endpoint|param|name|header|len|size|cost|usage"
    r"|path|file|prefix)"
    r"|_(url|uri|path|file|dir|name|names|header|prefix|suffix|length|len|id|field|env|var|expire\w*|ttl"
    r"|minutes|hours|seconds|days|algorithm|hash|count|limit|type|policy|regex|pattern|rotation\w*|enabled"
    r"|required|min\w*|max\w*|column|param|label|hint|help|placeholder|message|error\w*)$"
    r"|^(total|prompt|completion|input|output|num|n|max|min|eos|bos|pad|unk|stop|special)_?\w*tokens?"
    r"|tokeniz"
    r"|tokens$"
    r"|_cost",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"your[-_ ].{0,40}(key|secret|token|password|id|url|her[e]).{0,30}"
    r"|.{0,30}change[-_ ]?(me|this|in[-_ ]?prod\w*).{0,30}"
    r"|replace[-_ ]?(me|this|with).{0,40}"
    r"|insert[-_ ].{0,30}her[e]"
    r"|sk-x{3,}.*"
    r"|x{6,}"
    r"|<your.{0,40}>"
    r"|(dummy|fake)[-_ ]?(key|token|secret|password|api).{0,20}"
    r"|test[-_]?(key|token|secret|api[-_]?key)"
    r"|dev[-_](secret|key|token|password).{0,30}"
    r"|demo[-_]?(key|token|secret)"
    r"|placeholder.{0,30}"
    r"|lorem ipsum.*"
    r"|todo\b.*",
    re.IGNORECASE,
)
_KNOWN_WEAK = frozenset(
    {"secret", "secretkey", "devsecretkey", "devkey", "devsecret", "supersecret", "jwtsecret", "changeme"}
    | {
        "changethis",
        "changethisinproduction",
        "productionsecretrequired",
        "insecure",
        "notsecret",
        "password",
    }
    | {
        "passw0rd",
        "admin",
        "root",
        "guest",
        "test",
        "demo",
        "default",
        "example",
        "sample",
        "dummy",
        "letmein",
    }
    | {"qwerty", "123456", "12345678", "s3cr3t"}
)
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[-.\s]+")
_IGNORED = str.maketrans("", "", "-_ ")


def snake_case(name: str) -> str:
    """Return a name with underscores between its words, also those of camelCase and kebab-case."""
    return _WORD_ENDS.sub("_", _SEPARATORS.sub("_", name))


def is_secret_name(name: str) -> bool:
    """Tell whether a name (any case, camelCase split) is one that holds a secret value.

    What only describes a secret does not: its lifetime, its file, its header, a number of tokens.
    """
    words = snake_case(name)
    if name in _WORKING_DIRECTORY:
        return False
    return _SECRET.search(words) is not None and _NOT_SECRET.search(words) is None


def is_placeholder(value: str) -> bool:
    """Tell whether the whole value is text that stands for a value somebody is to fill in."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_known_weak(value: str) -> bool:
    """Tell whether the value, apart from case and separators, is one that everybody tries first."""
    return value.lower().translate(_IGNORED) in _KNOWN_WEAK


def entropy(text: str) -> float:
    """Return the Shannon entropy of the text's own characters, in bits per character; 0 for none."""
    counts = collections.Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) if text else 0.0


def is_random(text: str) -> bool:
    """Tell whether a text is long and mixed enough to be drawn rather than written."""
    return len(text) >= MIN_RANDOM_CHARACTERS and entropy(text) >= MIN_RANDOM_ENTROPY
