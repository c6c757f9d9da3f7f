"""FH102 and FH103: handlers that do nothing, and handlers that only note that something failed."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import subs


def handling(*lines: str, name: str = "publish", loop: bool = False) -> str:
    """Return a function with a handler of everything that holds these lines."""
    body = "\n".join(f"        {line}" for line in lines)
    head = f"def {name}(self, items):\n"
    if not loop:
        return f"{head}    try:\n        send(items)\n    except Exception as e:\n{body}\n"
    inner = textwrap.indent(f"    try:\n        send(item)\n    except Exception as e:\n{body}\n", "    ")
    return f"{head}    for item in items:\n{inner}"


SILENT = {
    "pass": (handling("pass"), "pass"),
    "ellipsis": (handling("..."), "pass"),
    "constant": (handling("0"), "pass"),
    "docstring": (handling("'nothing to do'"), "pass"),
    "comment": (handling("pass  # best effort"), "pass"),
    "underscore": (handling("_ = None"), "pass"),
    "bare name": (handling("e"), "pass"),
    "del": (handling("del e"), "pass"),
    "continue": (handling("continue", loop=True), "continue"),
    "pass in a loop": (handling("pass", loop=True), "pass"),
    "module level": ("try:\n    import_all()\nexcept Exception:\n    pass\n", "pass"),
    "finally continue": (
        "for item in items:\n    try:\n        send(item)\n    finally:\n        continue\n",
        "continue",
    ),
    "finally break": ("while True:\n    try:\n        send()\n    finally:\n        break\n", "continue"),
    "cleanup without a reason": (handling("pass", name="close"), "pass"),
    "a reason elsewhere": ("# Why not.\n" + handling("pass", name="close"), "pass"),
    "closest": (handling("pass  # fine", name="closest"), "pass"),
    "excepthook": ("import sys\ndef hook(*args):\n    pass\nsys.excepthook = hook\n", "pass"),
    "lambda as a hook": ("import sys\nsys.excepthook = lambda *args: None\n", "pass"),
    "threads": ("import threading as t\ndef hook(args): ...\nt.excepthook = hook\n", "pass"),
    "event loop": ("def hook(loop, context):\n    return None\nloop.set_exception_handler(hook)\n", "pass"),
}


@pytest.mark.parametrize(("source", "sub"), SILENT.values(), ids=SILENT)
def test_what_drops_every_exception_is_seen(source: str, sub: str) -> None:
    assert subs(source, "FH102") == [sub]


NOT_SILENT = {
    "logged": handling("log.info(e)"),
    "break": handling("break", loop=True),
    "something is done": handling("self.retry(items)"),
    "cleanup with a reason": handling("pass  # the peer may be gone already", name="close"),
    "del with a reason": handling("# Interpreter shutdown.", "pass", name="__del__"),
    "aexit with a reason": handling("pass  # closed twice", name="__aexit__"),
    "in finally with a reason": (
        "def run():\n    try:\n        work()\n    finally:\n        try:\n            stop()\n"
        "        except Exception:  # gone already\n            pass\n"
    ),
    "atexit with a reason": (
        "import atexit\n" + handling("pass  # nobody is left to tell", name="bye") + "atexit.register(bye)\n"
    ),
    "answered behind the try": (
        "def load():\n    rows = []\n    try:\n        rows = query()\n    except Exception:\n        pass\n"
        "    return rows\n"
    ),
    "hook that logs": "import sys\ndef hook(*args):\n    log.error(args)\nsys.excepthook = hook\n",
    "hook that raises": "import sys\ndef hook(kind, *args):\n    raise kind\nsys.excepthook = hook\n",
    "hook that calls": "import sys\nsys.excepthook = lambda *args: report(args)\n",
    "hook from elsewhere": "import sys\nfrom app.hooks import hook\nsys.excepthook = hook\n",
    "another attribute": "import sys\nsys.webhook = lambda: None\nsys.displayhook = None\n",
    "a loop inside finally": (
        "def stop():\n    try:\n        run()\n    finally:\n        for each in parts:\n"
        "            if each:\n                continue\n            break\n"
    ),
    "context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef quiet():\n    try:\n        yield\n"
        "    except Exception:\n        pass\n"
    ),
}


@pytest.mark.parametrize("source", NOT_SILENT.values(), ids=NOT_SILENT)
def test_what_is_not_silent_is_left_alone(source: str) -> None:
    assert subs(source, "FH102") == []


LOGGED = {
    "error": (handling("log.error('no')"), ""),
    "print": (handling("print(e)"), ""),
    "awaited": (
        "async def f():\n    try:\n        await g()\n    except Exception as e:\n        await log.error(e)\n",
        "",
    ),
    "awaited metrics": (
        "async def f():\n    try:\n        await g()\n    except Exception:\n        await failures.inc()\n",
        "",
    ),
    "two": (handling("log.error('no')", "traceback.print_exc()", "pass"), ""),
    "continue": (handling("log.error('no')", "continue", loop=True), "continue"),
    "warnings": ("import warnings\n" + handling("warnings.warn(str(e))"), ""),
    "stderr": ("import sys\n" + handling("sys.stderr.write(str(e))"), ""),
    "metrics": (handling("FAILURES.inc()"), ""),
    "labelled metrics": (handling("failures.labels(kind='x').inc(1)"), ""),
    "only if verbose": (handling("if self.verbose:", "    print(e)"), ""),
    "message first": (handling("text = f'no: {e}'", "log.error(text)"), ""),
    "function of the file": ("def note(e):\n    log.error(e)\n" + handling("note(e)"), ""),
    "method of the file": (handling("self.note(e)") + "def note(self, e):\n    print(e)\n", ""),
    "counter that nobody reads": (handling("failed += 1", "log.error(e)"), ""),
    "counter of something else": (handling("self.seen += 1", "log.error(self.seen)"), ""),
    "module level": ("try:\n    start()\nexcept Exception:\n    print('no')\n", ""),
}


@pytest.mark.parametrize(("source", "sub"), LOGGED.values(), ids=LOGGED)
def test_what_is_only_noted_is_seen(source: str, sub: str) -> None:
    assert subs(source, "FH103") == [sub]


NOT_LOGGED = {
    "raised": handling("log.error(e)", "raise"),
    "repaired": handling("log.error(e)", "self.reconnect()"),
    "collected": handling("log.error(e)", "errors.append(e)"),
    "counted and read": handling("failed += 1", "log.error(e)", loop=True) + "    return failed\n",
    "counted and read in the class": handling("self.failures += 1", "log.error(e)")
    + "def report(self):\n    return self.failures\n",
    "assigned": handling("self.state = 'x'", "log.error(e)"),
    "kept for later": handling("error = str(e)", "log.error('no')") + "    return error\n",
    "kept and nothing else": handling("error = str(e)"),
    "something else": handling("del self.state[0]"),
    "computed": handling("x += delay(e)", "log.error(e)"),
    "shutdown": handling("log.error(e)", name="shutdown"),
    "stop": handling("log.error(e)", name="_stop_workers"),
    "exit": handling("log.error(e)", name="__aexit__"),
    "in finally": (
        "def run():\n    try:\n        work()\n    finally:\n        try:\n            stop()\n"
        "        except Exception as e:\n            log.error(e)\n"
    ),
    "answered behind the try": (
        "def load():\n    rows = []\n    try:\n        rows = query()\n    except Exception as e:\n"
        "        log.error(e)\n    return rows\n"
    ),
    "a function with more in it": "def note(e):\n    log.error(e)\n    stop()\n" + handling("note(e)"),
    "context manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef quiet():\n    try:\n        yield\n"
        "    except Exception as e:\n        log.error(e)\n"
    ),
    "nothing at all": handling("pass"),
}


@pytest.mark.parametrize("source", NOT_LOGGED.values(), ids=NOT_LOGGED)
def test_what_is_more_than_a_note_is_left_alone(source: str) -> None:
    assert subs(source, "FH103") == []
