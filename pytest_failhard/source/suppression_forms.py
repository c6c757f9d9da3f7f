"""Data: how each tool is told to look away, as far as a comment can tell it."""

from __future__ import annotations

import re
from dataclasses import dataclass

CODES = r"[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*"
NAMES = r"[\w./-]+(?:\s*,\s*[\w./-]+)*"
LINE, BLOCK, FILE = "line", "block", "file"


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of one tool. The group `rules` holds what it names.

    `specific`: it can only hide one thing, so that it needs no rule. `opens`: what ends the range that
    it begins; without it the range ends with the file.
    """

    kind: str
    name: str
    pattern: re.Pattern[str]
    scope: str = LINE
    specific: bool = False
    opens: re.Pattern[str] | None = None


def _form(
    kind: str, name: str, pattern: str, scope: str = LINE, *, specific: bool = False, opens: str = ""
) -> Form:
    return Form(
        kind=kind,
        name=name,
        pattern=re.compile(pattern, re.IGNORECASE),
        scope=scope,
        specific=specific,
        opens=re.compile(opens, re.IGNORECASE) if opens else None,
    )


_BRACKETS = r"(?:\s*\[(?P<rules>[^\]]*)\])?"
FORMS = (
    _form("ruff", "noqa", rf"#\s*(?:ruff|flake8)\s*[:=]\s*noqa\b(?:\s*:\s*(?P<rules>{CODES}))?", FILE),
    _form("ruff", "file-ignore", rf"#\s*ruff\s*:\s*file-ignore\b{_BRACKETS}", FILE),
    _form(
        "ruff", "disable", rf"#\s*ruff\s*:\s*disable\b{_BRACKETS}", BLOCK, opens=r"#\s*ruff\s*:\s*enable\b"
    ),
    _form("ruff", "ignore", rf"#\s*ruff\s*:\s*ignore\b{_BRACKETS}"),
    _form("ruff", "noqa", rf"#\s*noqa\b(?:\s*:\s*(?P<rules>{CODES}))?"),
    _form("formatter", "isort: skip_file", r"#\s*isort\s*:\s*skip_file\b", FILE, specific=True),
    _form("formatter", "isort: skip", r"#\s*isort\s*:\s*skip\b(?!_file)", specific=True),
    _form(
        *("formatter", "isort: off", r"#\s*isort\s*:\s*off\b", BLOCK),
        specific=True,
        opens=r"#\s*isort\s*:\s*on\b",
    ),
    _form("formatter", "fmt: skip", r"#\s*fmt\s*:\s*skip\b", specific=True),
    _form(
        *("formatter", "fmt: off", r"#\s*fmt\s*:\s*off\b", BLOCK), specific=True, opens=r"#\s*fmt\s*:\s*on\b"
    ),
    _form(
        *("formatter", "yapf: disable", r"#\s*yapf\s*:\s*disable\b", BLOCK),
        specific=True,
        opens=r"#\s*yapf\s*:\s*enable\b",
    ),
    _form("mypy", "type: ignore", r"#\s*type\s*:\s*ignore\b(?:\[(?P<rules>[^\]]*)\])?"),
    _form("mypy", "mypy: ignore-errors", r"#\s*mypy\s*:\s*ignore[-_]errors\b(?!\s*=\s*false)", FILE),
    _form(
        "mypy", "mypy option", r"#\s*mypy\s*:\s*(?P<rules>(?!ignore[-_]errors)[a-z][\w-]*(?:=[^#]*)?)", FILE
    ),
    _form("pyright", "pyright: ignore", rf"#\s*pyright\s*:\s*ignore\b{_BRACKETS}"),
    _form("pyright", "pyright: basic", r"#\s*pyright\s*:\s*basic\b", FILE),
    _form(
        *("pyright", "pyright setting", r"#\s*pyright\s*:\s*(?P<rules>report\w+)\s*=\s*(?:false|none)", FILE)
    ),
    _form("pylint", "pylint: skip-file", r"#\s*pylint\s*:\s*(?:skip-file|disable-all)\b", FILE),
    _form("pylint", "pylint: disable-next", rf"#\s*pylint\s*:\s*disable-next\s*=\s*(?P<rules>{NAMES})"),
    _form(
        *("pylint", "pylint: disable", rf"#\s*pylint\s*:\s*disable\s*=\s*(?P<rules>{NAMES})", BLOCK),
        opens=r"#\s*pylint\s*:\s*enable\s*=",
    ),
    _form("bandit", "nosec", r"#\s*nosec\b(?:\s*:?\s*(?P<rules>B\d+(?:[,\s]+B\d+)*))?"),
    _form("semgrep", "nosemgrep", rf"\bnosemgrep\b(?:\s*:\s*(?P<rules>{NAMES}))?"),
    _form("sonar", "NOSONAR", r"#\s*NOSONAR\b(?:\((?P<rules>[^)]*)\))?"),
    _form("coverage", "pragma: no cover", r"#\s*pragma[:\s]?\s*no\s*(?:cover|branch)\b", specific=True),
    _form(
        *("mutation", "pragma: no mutate start", r"#\s*pragma\s*:\s*no\s*mutate\s*:?\s*start\b", BLOCK),
        specific=True,
        opens=r"#\s*pragma\s*:\s*no\s*mutate\s*:?\s*end\b",
    ),
    _form(
        *("mutation", "pragma: no mutate", r"#\s*pragma\s*:\s*no\s*mutate\b(?!\s*:?\s*(?:start|end))"),
        specific=True,
    ),
    _form("trunk", "trunk-ignore-all", r"\btrunk-ignore-all\b(?:\((?P<rules>[^)]*)\))?", FILE),
    _form(
        *("trunk", "trunk-ignore-begin", r"\btrunk-ignore-begin\b(?:\((?P<rules>[^)]*)\))?", BLOCK),
        opens=r"\btrunk-ignore-end\b",
    ),
    _form("trunk", "trunk-ignore", r"\btrunk-ignore\b(?!-)(?:\((?P<rules>[^)]*)\))?"),
    _form("trunk", "qlty-ignore", rf"\bqlty-ignore\b(?:\s*[:(]\s*(?P<rules>{NAMES})\)?)?"),
    _form("secrets", "allowlist secret", r"\bpragma\s*:\s*(?:allowlist|whitelist)\s*secret\b", specific=True),
    _form("secrets", "gitleaks:allow", r"\bgitleaks\s*:\s*allow\b", specific=True),
    _form(
        *("duplication", "jscpd:ignore-start", r"\bjscpd:ignore-start\b", BLOCK),
        specific=True,
        opens=r"\bjscpd:ignore-end\b",
    ),
)
COMMENT_KINDS = tuple(dict.fromkeys(form.kind for form in FORMS))
LEADING = frozenset({"mypy", "pyright"})
KINDS = (*COMMENT_KINDS, "any", "pytest")
"""All kinds. `any` (a cast to Any, an annotation with it) is counted apart from the rest."""

_SUSPECT = (
    r"#[^\n]*?(?:noqa|ignore|nosec|disable|skip|pyright|mypy|pragma|(?:isort|fmt)\s*:|sonar|nosem|gitleaks)"
)
SUSPECT = re.compile(_SUSPECT.encode(), re.IGNORECASE)
"""What stands in the bytes of every file that has one in a comment: the cheap question before tokenising."""
SUSPECT_TEXT = re.compile(_SUSPECT, re.IGNORECASE)
SUSPECT_WORDS = (
    *(b"noqa", b"ignore", b"nosec", b"disable", b"skip", b"pyright", b"mypy", b"pragma", b"isort", b"fmt"),
    *(b"sonar", b"nosem", b"gitleaks"),
)
"""One of them, in lower case, is in all that `SUSPECT` finds; to look for them costs a tenth."""
TYPED = (b"Any", b"no_type_check")
TESTING = (
    *(b"skip", b"xfail", b"__test__", b"collect_ignore", b"filterwarnings", b"simplefilter"),
    *(b"enable_socket", b"allow_hosts"),
)

# Letters before the digits of a code, by the linters that exist: a code of nobody hides nothing that
# anybody could name.
PREFIXES = frozenset(
    re.findall(
        r"\w+",
        "A ABC AIR ANN ARG ASYNC B BLE C C4 C90 CCR CFQ CNL COM CPY D DAR DJ DOC DTZ DUO E EM ERA EXE F "
        "FA FAST FBT FI FIX FLY FS FURB G H I ICN INP INT ISC LOG M N NPY NQA P PD PERF PGH PIE PL PLC "
        "PLE PLR PLW PT PTH PYI Q R RET RSE RST RUF S SC SIM SLF SLOT T TC TCH TD TID TRIO TRY U UP VNE W "
        "WPS X Y YTT",
    )
)

REASON_CHARACTERS = 10
REASON_WORDS = 2
FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a above an and be because below disable disabled do error errors false fix fixed for here ignore "
        "ignored is issue it known later lint linter must need needed needs now ok okay please positive "
        "required rule see should silence skip suppress suppressed temp temporarily temporary that the "
        "this to todo type us warning warnings we will workaround wrong",
    )
)
"""Words that say nothing by themselves: a reason of these alone is none."""

ANY = frozenset({"typing.Any", "typing_extensions.Any"})
CASTS = frozenset({"typing.cast", "typing_extensions.cast"})
UNCHECKED = frozenset(
    {"typing.no_type_check", "typing.no_type_check_decorator", "typing_extensions.no_type_check"}
)
SKIPS = frozenset(
    {"pytest.skip", "pytest.xfail", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif"}
    | {"pytest.mark.xfail", "pytest.mark.enable_socket", "pytest.mark.allow_hosts"}
    | {"unittest.skip", "unittest.skipIf", "unittest.skipUnless", "unittest.expectedFailure"}
)
FILTERS = frozenset({"warnings.filterwarnings", "warnings.simplefilter", "pytest.mark.filterwarnings"})
SWITCHES = frozenset({"collect_ignore", "collect_ignore_glob", "__test__"})
