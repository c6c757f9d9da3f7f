"""FH110: security checks that say yes when they fail."""

from __future__ import annotations

import pytest

from tests.rules.support import subs


def check(*handled: str, name: str = "verify_token", clause: str = "InvalidToken", behind: str = "") -> str:
    body = "\n".join(f"        {line}" for line in handled)
    return f"def {name}(token):\n    try:\n        decode(token)\n    except {clause} as e:\n{body}\n" + (
        f"    {behind}\n" if behind else ""
    )


NAMES = ["authenticate", "_check_auth", "authorize_user", "has_permission", "verify_signature", "validate"]
OPEN = {
    "narrow": (check("return True"), "true"),
    "broad": (check("log.error(e)", "return True", clause="Exception"), "true"),
    "pass": (check("pass"), "pass"),
    "logged": (check("log.warning('going on')"), "pass"),
    "then True": (check("pass", behind="return True"), "pass"),
    "continue": (
        (
            "def verify_all(tokens):\n    for each in tokens:\n        try:\n            decode(each)\n"
            "        except InvalidToken:\n            continue\n    return True\n"
        ),
        "continue",
    ),
    "validate": (check("pass", name="validate_rows"), "pass"),
    "then the payload": (check("pass", behind="return payload"), "pass"),
    "allowed": (check("allowed = True", behind="return allowed"), "true"),
    "failed": (check("failed = False", behind="return not failed"), "true"),
    "attribute": (check("self.is_authorized = True"), "true"),
    "before the try": (
        (
            "def has_permission(user):\n    allowed = True\n    try:\n        allowed = ask(user)\n"
            "    except OSError:\n        pass\n    return allowed\n"
        ),
        "true",
    ),
    "not failed": (
        (
            "def verify_token(token):\n    failed = False\n    try:\n        decode(token)\n"
            "    except InvalidToken:\n        log.warning('no')\n    return not failed\n"
        ),
        "true",
    ),
    "finally": (
        "def verify_token(token):\n    try:\n        decode(token)\n    finally:\n        return True\n",
        "true",
    ),
    "decorator": (
        (
            "def token_required(view):\n    def wrapper(*args):\n        try:\n            verify()\n"
            "        except Exception:\n            return view(*args)\n        return view(*args)\n"
            "    return wrapper\n"
        ),
        "true",
    ),
    "async decorator": (
        (
            "def require_auth(view):\n    async def wrapper(*args):\n        try:\n            await verify()\n"
            "        except Denied:\n            return await view(*args)\n    return wrapper\n"
        ),
        "true",
    ),
}


@pytest.mark.parametrize(("source", "sub"), OPEN.values(), ids=OPEN)
def test_checks_that_are_open_are_seen(source: str, sub: str) -> None:
    assert subs(source, "FH110") == [sub]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_that_it_is_a_check(name: str) -> None:
    assert subs(check("return True", name=name), "FH110") == ["true"]


CLOSED = {
    "False": check("return False"),
    "None": check("return None"),
    "bare": check("return"),
    "raised": check("raise Denied from e"),
    "denied behind": check("pass", behind="return False"),
    "nothing behind": check("log.warning(e)", behind="return None"),
    "raised behind": check("pass", behind="raise Denied"),
    "another answer": check("return e"),
    "another function": check("return True", name="load"),
    "author": check("return True", name="find_author"),
    "display": check("return True", name="format_token"),
    "parse": check("pass", name="parse_token"),
    "report": check("pass", name="validate_rows", behind="return details"),
    "fetch": check("pass", name="refresh_token"),
    "denied flag": check("allowed = False", behind="return allowed"),
    "failed flag": check("failed = True", behind="return not failed"),
    "cleanup": (
        "def verify_token(token):\n    try:\n        return decode(token)\n    finally:\n        try:\n"
        "            close()\n        except OSError:\n            pass\n"
    ),
    "else of the loop": (
        "def validate(value, kinds):\n    for each in kinds:\n        try:\n            convert(value, each)\n"
        "            break\n        except TypeError:\n            pass\n    else:\n        report(value)\n"
    ),
    "decorator of another kind": (
        "def timed(view):\n    def wrapper(*args):\n        try:\n            start()\n"
        "        except Exception:\n            return view(*args)\n    return wrapper\n"
    ),
    "decorator that denies": (
        "def token_required(view):\n    def wrapper(*args):\n        try:\n            verify()\n"
        "        except Exception:\n            return deny(*args)\n        return view(*args)\n    return wrapper\n"
    ),
    "module level": "try:\n    verify()\nexcept Denied:\n    pass\n",
}


@pytest.mark.parametrize("source", CLOSED.values(), ids=CLOSED)
def test_checks_that_deny_are_left_alone(source: str) -> None:
    assert subs(source, "FH110") == []


def test_the_rule_on_answers_leaves_it_to_this_one() -> None:
    assert subs(check("return True", clause="Exception"), "FH101") == []
