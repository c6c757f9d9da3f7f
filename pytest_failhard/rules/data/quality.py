"""What names a missing key, a clean-up, a skip, and a test of working without a key."""

from __future__ import annotations

import re

SKIPS = frozenset({"pytest.mark.skip", "unittest.skip", "unittest.case.skip"})
SKIP_CALLS = frozenset({"pytest.skip", "unittest.TestCase.skipTest"})
SKIPPED = frozenset({"SkipTest", "Skipped"})
"""Exceptions that skip a test, by their last name."""
CONDITIONAL = frozenset({"skipif", "skipIf", "skipUnless"})
SKIP_WORDS = frozenset(
    {"skip", "skipTest", "xfail", "importorskip", "expectedFailure", "SkipTest", "Skipped"}
)
SKIP_BYTES = (b"skip", b"xfail", b"expectedFailure", b"SkipTest", b"__test__", b"Skipped")

CREDENTIAL = re.compile(
    r"(?i)(^|_)(api_?keys?|secrets?|passw(or)?d|credentials?|access_?key|auth_?key)($|_)|(^|_)token\Z"
    r"|(^|_)(openai|anthropic|llm)_(api|key|token|secret)"
)
"""Names of what gives access; a library's own name is none."""
VARIABLE = re.compile(r"\A(?:[A-Z][A-Z0-9_]*|[a-z0-9]+(?:_[a-z0-9]+)+)\Z")
"""The shapes of a variable's name in the environment."""
PROVIDER = re.compile(r"(?i)(^|_)(openai|anthropic|llm)($|_)")
"""Names that mean a key where they are read from the environment."""
ENVIRONMENT = frozenset({"os.getenv", "os.environ.get", "os.environ", "os.environ.pop"})

CLEANUPS = frozenset(
    {
        "close",
        "aclose",
        "unlink",
        "rmtree",
        "terminate",
        "kill",
        "join",
        "remove",
        "rmdir",
        "shutdown",
        "stop",
    }
    | {"disconnect", "cancel", "cleanup", "delete", "drop_all", "dispose", "wait", "killpg", "removedirs"}
    | {"teardown", "quit", "release", "rollback", "disable", "undo"}
)
IGNORED_CALLS = frozenset({"sleep"})
"""Calls in a handler that handle nothing, beside log calls."""
BROAD_RAISES = frozenset({"pytest.raises", "raises"})
UNIT_RAISES = frozenset({"assertRaises", "assertRaisesRegex", "failUnlessRaises"})
REPLACEABLE = frozenset({"raises", "warns", "assertRaises"})
"""What must not be `nullcontext`."""

NO_KEY_TEST = re.compile(
    r"(?i)(^|_)(no|without|missing)_(the_)?(llm|api_?keys?|openai|anthropic|credentials)($|_)"
    r"|(^|_)(llm|ai|openai|api)_(un|not_)available|(^|_)(mock|demo|offline)_mode(_|$)"
    r"|(^|_)(llm|ai|openai|api|model|provider)_(\w+_)?fallback(_|$)|(^|_)fallback_(\w+_)?(llm|ai|openai|mock)(_|$)"
)
NO_KEY_REFUSED = re.compile(r"(?i)raise|fail|error|reject|exit|abort|401|403|500|503")
REFUSAL = re.compile(
    r"(?i)error|fail|missing|required|invalid|unauthori|forbidden|denied|refus|reject|exit_?code|returncode"
    r"|exception|not_?(set|found|configured|available)|not (set|found|configured|available)|unavailable"
)
"""Names and texts in an assertion that say that it failed."""
REFUSAL_STATUS = range(400, 600)

REMOVING = (b"delenv", b"setenv", b"environ")
"""One of them stands in every file that takes a key away."""
TRIVIAL_MATCHES = frozenset({"", ".", ".*", ".+", "^", "$", "^.*$", "(?s).*", "(?s).+", r"[\s\S]*", r".*?"})
ABOUT_EQUALITY = re.compile(r"(?i)(^|_)(eq|equals?|equality|reflexive|hash\w*|comparison)($|_)")
"""Names of tests in which a thing is compared with itself on purpose."""
EQUALITIES = frozenset({"assertEqual", "assertEquals", "assertIs", "assertListEqual", "assertDictEqual"})
ORDERS = frozenset({"assertGreaterEqual", "assertLessEqual"})
"""unittest's assertions of a bound."""
TRUTHS = frozenset({"assertTrue", "assert_", "failUnless"})
SAMPLE = 3
"""So many cases of a test in one table or chain are no coincidence."""
SHARE = (3, 5)
"""The least share of a table that consists of cases, as a fraction."""
WORD = re.compile(r"[\w.:/+-]{1,32}\Z")
"""A code, a status, a key: what honest tables hold."""
DIGEST = re.compile(r"[0-9a-fA-F]{32,128}\Z")
DIGESTS = frozenset({"hexdigest", "digest"})
STATUS_CODES = range(100, 600)
