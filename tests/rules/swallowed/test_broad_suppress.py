"""FH104: what suppresses every exception of a block."""

from __future__ import annotations

import pytest

from tests.rules.support import hits

SUPPRESSING = {
    "plain": "import contextlib\nwith contextlib.suppress(Exception):\n    save()\n",
    "base": "from contextlib import suppress\nwith suppress(BaseException):\n    save()\n",
    "alias": "from contextlib import suppress as s\nwith s(Exception):\n    save()\n",
    "assigned": "import contextlib\nquiet = contextlib.suppress\nwith quiet(Exception):\n    save()\n",
    "aliased exception": "import contextlib\nE = Exception\nwith contextlib.suppress(E):\n    save()\n",
    "among others": "from contextlib import suppress\nwith suppress(OSError, Exception):\n    save()\n",
    "starred": "from contextlib import suppress\nALL = (Exception,)\nwith suppress(*ALL):\n    save()\n",
    "exit stack": (
        "import contextlib\nwith contextlib.ExitStack() as stack:\n"
        "    stack.enter_context(contextlib.suppress(Exception))\n    save()\n"
    ),
    "partial": (
        "from functools import partial\nfrom contextlib import suppress\nquiet = partial(suppress, Exception)\n"
    ),
    "backport": "from exceptiongroup import suppress\nwith suppress(Exception):\n    save()\n",
    "group catch": "from exceptiongroup import catch\nwith catch({Exception: print}):\n    save()\n",
    "trio": "import trio\nwith trio.MultiError.catch({Exception: print}):\n    save()\n",
    "own exit": (
        "class Quiet:\n    def __enter__(self): ...\n    def __exit__(self, kind, error, trace):\n"
        "        self.close()\n        return True\n"
    ),
    "own aexit": "class Quiet:\n    async def __aexit__(self, *args):\n        return True\n",
    "generator": (
        "from contextlib import contextmanager\n@contextmanager\ndef quiet():\n    try:\n        yield\n"
        "    except Exception as error:\n        log.error(error)\n"
    ),
    "async generator": (
        "import contextlib\n@contextlib.asynccontextmanager\nasync def quiet():\n    try:\n"
        "        async with connection() as c:\n            yield c\n    except:\n        pass\n"
    ),
}


@pytest.mark.parametrize("source", SUPPRESSING.values(), ids=SUPPRESSING)
def test_what_suppresses_everything_is_seen(source: str) -> None:
    assert len(hits(source, "FH104")) == 1


HONEST = {
    "narrow": "from contextlib import suppress\nwith suppress(FileNotFoundError):\n    unlink()\n",
    "nothing": "from contextlib import suppress\nwith suppress():\n    unlink()\n",
    "a function of that name": "def suppress(kind): ...\nsuppress(Exception)\n",
    "another partial": "from functools import partial\nfrom contextlib import suppress\npartial(print, Exception)\n",
    "narrow group": "from exceptiongroup import catch\nwith catch({OSError: print}):\n    save()\n",
    "group from a name": "from exceptiongroup import catch\nwith catch(handlers):\n    save()\n",
    "exit by kind": (
        "class Quiet:\n    def __exit__(self, kind, error, trace):\n"
        "        return kind is not None and issubclass(kind, OSError)\n"
    ),
    "exit that asks first": (
        "class Quiet:\n    def __exit__(self, kind, error, trace):\n        if kind is not OSError:\n"
        "            return False\n        return True\n"
    ),
    "exit that keeps the error": (
        "class Ending:\n    def __exit__(self, kind, error, trace):\n        self.error = error\n"
        "        return True\n"
    ),
    "generator that keeps the error": (
        "from contextlib import contextmanager\n@contextmanager\ndef caught(box):\n    try:\n        yield\n"
        "    except Exception as error:\n        box['error'] = error\n"
    ),
    "exit that raises": (
        "class Quiet:\n    def __exit__(self, kind, error, trace):\n        if error:\n            raise error\n"
        "        return True\n"
    ),
    "exit that fails a test": (
        "from _pytest.outcomes import fail\nclass Expected:\n    def __exit__(self, kind, error, trace):\n"
        "        if kind is None:\n            fail('nothing was raised')\n        return True\n"
    ),
    "generator that fails": (
        "from contextlib import contextmanager\n@contextmanager\ndef loud():\n    try:\n        yield\n"
        "    except Exception as error:\n        raise Failed from error\n"
    ),
    "generator that leaves": (
        "import sys\nfrom contextlib import contextmanager\n@contextmanager\ndef loud():\n    try:\n"
        "        yield\n    except Exception as error:\n        leave(error)\n\n"
        "def leave(error):\n    print(error)\n    raise SystemExit(3)\n"
    ),
    "generator that is no manager": (
        "def rows():\n    try:\n        yield 1\n    except Exception:\n        pass\n"
    ),
    "manager that tries before": (
        "from contextlib import contextmanager\n@contextmanager\ndef opened():\n    try:\n        x = get()\n"
        "    except Exception:\n        x = None\n    yield x\n"
    ),
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST)
def test_what_suppresses_one_thing_is_left_alone(source: str) -> None:
    assert hits(source, "FH104") == []
