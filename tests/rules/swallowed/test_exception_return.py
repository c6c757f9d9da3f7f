"""FH101: what a handler answers in place of what failed."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import hits, subs


def answering(value: str, *, name: str = "load", head: str = "", bound: str = " as error") -> str:
    """Return a function whose handler of everything ends in a statement."""
    return textwrap.dedent(head) + (
        f"def {name}(self, key, default=None):\n"
        "    try:\n        return query(key)\n"
        f"    except Exception{bound}:\n        log.exception('no')\n        {value}\n"
    )


SUBS = {
    "None": ("return None", "none"),
    "bare": ("return", "none"),
    "True": ("return True", "true"),
    "False": ("return False", "false-action"),
    "empty list": ("return []", "empty"),
    "dict()": ("return dict()", "empty"),
    "zero": ("return 0.0", "empty"),
    "DataFrame": ("return pd.DataFrame()", "empty"),
    "constant": ("return 'n/a'", "const"),
    "minus one": ("return -1", "const"),
    "f-string without placeholders": ("return f'n/a'", "const"),
    "data": ("return {'price': 0.5}", "data"),
    "nested data": ("return [{'a': [1, 2]}, ('b', None)]", "data"),
    "parameter": ("return default", "input-unchanged"),
    "parameter key": ("return key", "input-unchanged"),
    "attribute": ("return self.last", "expr"),
    "call": ("return self.compute(key)", "expr"),
    "the error": ("return str(error)", "error-value"),
    "error text": ("return 'request failed'", "error-value"),
    "error dict": ("return {'error': 'no rows'}", "error-value"),
    "error class": ("return Outcome.FAILED", "error-value"),
    "error method": ("return self.error_answer(key)", "error-value"),
    "status": ("return answer(status=503)", "error-value"),
    "error yielded before": ("yield {'type': 'error', 'text': str(error)}\n        return", "error-value"),
    "something yielded before": ("yield key\n        return", "none"),
}


@pytest.mark.parametrize(("statement", "sub"), SUBS.values(), ids=SUBS)
def test_what_is_answered_decides_the_sub(statement: str, sub: str) -> None:
    assert subs(answering(statement), "FH101") == [sub]


PROBES = ["is_up", "has_rows", "can_run", "check_rows", "ping", "health", "file_exists", "supports_json"]


@pytest.mark.parametrize("name", [*PROBES, "validate", "contains", "_is_up", "redis_available"])
def test_false_from_a_function_that_asks_is_a_probe(name: str) -> None:
    assert subs(answering("return False", name=name), "FH101") == ["false-probe"]


EVASIONS = {
    "walrus": ("return (rows := [])", "empty"),
    "copy": ("return {}.copy()", "empty"),
    "times": ("return [0] * 3", "data"),
    "empty times": ("return [] * 3", "empty"),
    "local name": ("rows = []; return rows", "empty"),
    "deepcopy": ("import copy; return copy.deepcopy({'a': 1})", "data"),
    "list of a literal": ("return list((1, 2))", "data"),
    "dict with keywords": ("return dict(price=1)", "data"),
    "empty error key": ("return {'items': [], 'error': None}", "data"),
    "lambda": ("return (lambda: {})()", "empty"),
    "locals": ("return locals().get('rows')", "none"),
    "locals with a default": ("return locals().get('rows', [])", "empty"),
    "ok": ("return Result.ok([])", "empty"),
    "sleep": ("return asyncio.sleep(0, [])", "empty"),
    "yield": ("yield []", "empty"),
    "yield None": ("yield", "none"),
    "match": ("match key:\n            case 1: return []\n            case _: return None", "empty"),
    "if": ("if key: return []\n        else: return self.x", "empty"),
    "with": ("with lock: return []", "empty"),
    "conditional": ("return [] if key else {}", "empty"),
    "or": ("return None or []", "empty"),
    "never raised": ("if False: raise\n        return []", "empty"),
}


@pytest.mark.parametrize(("statement", "sub"), EVASIONS.values(), ids=EVASIONS)
def test_evasions_are_seen(statement: str, sub: str) -> None:
    head = "import asyncio\n"
    assert subs(answering(statement, head=head), "FH101") == [sub]


WHOLE = {
    "module constant": (answering("return NOTHING", head="NOTHING = {'a': 1}\n"), "data"),
    "set before, returned after": (
        """
        def load():
            rows = []
            try:
                rows = query()
            except Exception:
                log.exception("no")
            return rows
        """,
        "empty",
    ),
    "set in the handler, returned after": (
        """
        def load():
            try:
                return query()
            except Exception:
                log.exception("no")
                rows = []
            return rows
        """,
        "empty",
    ),
    "set before, silent": (
        """
        def load():
            rows = None
            with lock:
                try:
                    rows = query()
                except Exception:
                    pass
                return rows
        """,
        "none",
    ),
    "a method that answers nothing": (
        """
        class Store:
            def load(self):
                try:
                    return query()
                except Exception:
                    return self._empty()
            def _empty(self):
                '''Nothing.'''
                return []
        """,
        "empty",
    ),
    "finally": (
        """
        def load():
            try:
                return query()
            finally:
                return []
        """,
        "empty",
    ),
    "finally with a match": (
        """
        def load():
            try:
                return query()
            finally:
                match mode:
                    case 1:
                        return []
        """,
        "empty",
    ),
    "flag and else": (
        """
        def load():
            ok = True
            try:
                rows = query()
            except Exception:
                ok = False
            if ok:
                return rows
            else:
                return []
        """,
        "empty",
    ),
    "flag and what follows": (
        """
        def load():
            failed = False
            try:
                rows = query()
            except Exception:
                failed = True
            if not failed:
                return rows
            return []
        """,
        "empty",
    ),
    "decorator with a default": ("@safe(default={})\ndef load():\n    return query()\n", "empty"),
    "decorator with False": (
        "@ignore_errors(return_value=False)\ndef load():\n    return 1\n",
        "false-action",
    ),
    "decorator with an object": ("@fallback_on(default=OBJECT)\ndef load():\n    return 1\n", "expr"),
    "retry that does not raise": ("@retry(times=3, reraise=False)\ndef load():\n    return 1\n", "expr"),
    "maybe": ("from returns.maybe import maybe\n@maybe\ndef load():\n    return 1\n", "none"),
    "a decorator that swallows": (
        """
        def quiet(function):
            def wrapper(*args):
                try:
                    return function(*args)
                except Exception:
                    return None
            return wrapper
        """,
        "none",
    ),
    "a wrapper function": (
        """
        def attempt(function, default=None):
            try:
                return function()
            except Exception:
                return default
        """,
        "input-unchanged",
    ),
    "async": (
        """
        async def load():
            try:
                return await query()
            except Exception:
                return await asyncio.sleep(0, [])
        """,
        "empty",
    ),
}


@pytest.mark.parametrize(("source", "sub"), WHOLE.values(), ids=WHOLE)
def test_other_ways_to_the_same_end_are_seen(source: str, sub: str) -> None:
    text = textwrap.dedent(source)
    assert subs("import asyncio\n" + text, "FH101") == [sub]


EXEMPT = {
    "exit code of main": answering("return 1", name="main"),
    "exit code of a command": answering("return 2", name="cmd_load"),
    "exit code by annotation": answering("return 3").replace("):\n", ") -> int:\n", 1),
    "tuple that begins with False": answering("return False, []"),
    "tuple that begins with None": answering("return None, 'x'"),
    "display": answering("return ''", name="format_row"),
    "rendering": answering("return ''", name="render_page"),
    "repr": answering("return ''", name="__repr__"),
    "safe str": answering("return ''", name="_safe_str"),
    "body of a route is another rule's": "@app.get('/')\n" + answering("return {'error': 'no'}"),
    "permission is another rule's": answering("return True", name="verify_token"),
    "named fallback is another rule's": answering("return self._fallback_answer(key)"),
    "set in both: another rule's": (
        "def load():\n    try:\n        rows = query()\n    except Exception:\n        rows = []\n    return rows\n"
    ),
    "an error set in the handler": (
        "def load():\n    try:\n        return query()\n    except Exception as e:\n        answer = {'error': 1}\n"
        "    return answer\n"
    ),
    "next item": (
        "def load():\n    for each in items:\n        try:\n            use(each)\n        except Exception:\n"
        "            rows = []\n            continue\n        return rows\n"
    ),
    "another name behind": (
        "def load():\n    try:\n        query()\n    except Exception:\n        rows = []\n    return other\n"
    ),
    "no answer": answering("self.failed += 1"),
    "an answer of one branch": answering("if key: return []"),
    "a report of the failure": answering("yield 'no rows'\n        yield ''"),
    "yield of an expression": answering("yield key"),
    "tenacity raises its own": "from tenacity import retry\n@retry(reraise=False)\ndef load(): ...\n",
    "decorator without a default": "@safe(times=3)\n@plain\ndef load(): ...\n",
    "a default that decorates nothing": "@option('--x', default=1)\ndef load(): ...\n",
    "a function that always fails": (
        "def fail(error):\n    raise SystemExit(2)\n" + answering("return fail(error)")
    ),
    "a function that never returns": (
        "def fail(error) -> NoReturn:\n    stop()\n" + answering("fail(error)\n        return None")
    ),
    "an awaited function that ends in an exit": (
        "import sys\nasync def leave(error):\n    log(error)\n    sys.exit(3)\n"
        "async def load():\n    try:\n        await query()\n    except Exception as error:\n"
        "        await leave(error)\n        return None\n"
    ),
}


@pytest.mark.parametrize("source", EXEMPT.values(), ids=EXEMPT)
def test_exempt_forms_are_left_alone(source: str) -> None:
    assert subs(source, "FH101") == []


NOT_EXEMPT = {
    "zero from main": answering("return 0", name="main"),
    "True from main": answering("return True", name="main"),
    "a number elsewhere": answering("return 1"),
    "a tuple of data": answering("return 0, 0"),
    "a function that may fail": (
        "def check(error):\n    if error: return 1\n    raise SystemExit(2)\n" + answering("return check(1)")
    ),
}


@pytest.mark.parametrize("source", NOT_EXEMPT.values(), ids=NOT_EXEMPT)
def test_what_looks_like_an_exemption_is_seen(source: str) -> None:
    assert len(subs(source, "FH101")) == 1


def test_the_message_names_the_function_and_the_answer() -> None:
    (hit,) = hits("class Store:\n" + textwrap.indent(answering("return []"), "    "), "FH101")
    assert hit.message == "Store.load answers something empty whatever went wrong"
    assert (hit.line, hit.qualname) == (5, "Store.load")


def test_a_nested_function_answers_for_itself() -> None:
    source = """
    def outer():
        try:
            query()
        except Exception:
            def inner():
                return []
            raise
    """
    assert subs(source, "FH101") == []
