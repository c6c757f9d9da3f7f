"""FH401 to FH403: calls without a timeout, retries without an end, cascades that do not say who answered."""

from __future__ import annotations

import pytest

from tests.rules.support import hits, subs


@pytest.mark.parametrize(
    ("source", "sub"),
    [
        pytest.param('import requests\nrequests.get("u")', "http", id="requests"),
        pytest.param('import requests\nrequests.Session().post("u")', "http", id="session"),
        pytest.param('import requests\ns = requests.Session()\ns.get("u")', "http", id="named session"),
        pytest.param('from urllib.request import urlopen\nurlopen("u")', "http", id="urlopen"),
        pytest.param('import httpx\nhttpx.get("u", timeout=None)', "http", id="httpx None"),
        pytest.param("import httpx\nhttpx.AsyncClient(timeout=None)", "http", id="httpx client None"),
        pytest.param(
            'import httpx\nc = httpx.Client()\nc.get("u", timeout=None)', "http", id="client's call None"
        ),
        pytest.param("from openai import OpenAI\nclient = OpenAI()", "llm-client", id="OpenAI"),
        pytest.param(
            "import anthropic\nx.c = anthropic.AsyncAnthropic(api_key=k)", "llm-client", id="Anthropic"
        ),
        pytest.param(
            "from langchain_openai import ChatOpenAI\nChatOpenAI(model='m')", "llm-client", id="ChatOpenAI"
        ),
        pytest.param("import groq\ngroq.Groq(max_retries=1)", "llm-client", id="Groq"),
        pytest.param("import mistralai\nmistralai.Mistral(key)", "llm-client", id="Mistral"),
        pytest.param(
            "from openai import OpenAI\nc: OpenAI = OpenAI()\nc.chat.completions.create(timeout=3)\nc.chat.completions.create()",
            "llm-client",
            id="one call without",
        ),
        pytest.param(
            "import httpx, openai\nopenai.OpenAI(http_client=httpx.Client())",
            "llm-client",
            id="transport without",
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s:\n        await s.get('u')",
            "aiohttp",
            id="aiohttp",
        ),
        pytest.param(
            "import aiohttp\nasync def f(self):\n    self.s = aiohttp.ClientSession()\n    await self.s.post('u')",
            "aiohttp",
            id="aiohttp attribute",
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    s = aiohttp.ClientSession(timeout=None)\n    await s.get('u')",
            "aiohttp",
            id="aiohttp None",
        ),
        pytest.param("import subprocess\nsubprocess.run(['x'])", "subprocess", id="run"),
        pytest.param("from subprocess import check_output as c\nc(['x'])", "subprocess", id="check_output"),
        pytest.param("import smtplib\nsmtplib.SMTP('h', 25)", "socket", id="mail"),
        pytest.param("import socket\nsocket.create_connection(a)", "socket", id="socket"),
        # Evasions.
        pytest.param("import requests\nrequests.get('u', timeout=0)", "http", id="0"),
        pytest.param("import requests\nrequests.get('u', timeout=10**6)", "http", id="power"),
        pytest.param("import requests\nrequests.get('u', timeout=10**10000)", "http", id="huge power"),
        pytest.param("import requests\nrequests.get('u', timeout=24 * 3600)", "http", id="product"),
        pytest.param("import requests\nrequests.get('u', timeout=3600 + 1)", "http", id="sum"),
        pytest.param("import requests\nrequests.get('u', timeout=float('inf'))", "http", id="infinity"),
        pytest.param("import math, requests\nrequests.get('u', timeout=math.inf)", "http", id="math.inf"),
        pytest.param("from openai import OpenAI as O\nO()", "llm-client", id="imported alias"),
        pytest.param("import openai\nC = openai.OpenAI\nC()", "llm-client", id="assigned alias"),
        pytest.param("import openai\ndef make():\n    return openai.OpenAI()", "llm-client", id="factory"),
        pytest.param(
            "import functools, requests\nget = functools.partial(requests.get)", "http", id="partial"
        ),
    ],
)
def test_a_wait_without_a_bound_is_found(source: str, sub: str) -> None:
    assert subs(source, "FH401") == [sub]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import requests\nrequests.get('u', timeout=5)", id="requests"),
        pytest.param("import requests\nrequests.get('u', timeout=settings.t)", id="from settings"),
        pytest.param("import requests\nrequests.get('u', timeout=3 - x)", id="computed"),
        pytest.param("import requests\nrequests.get('u', timeout=9 - 1)", id="difference"),
        pytest.param("import requests\nrequests.get('u', timeout=float(x))", id="float"),
        pytest.param("import requests\ndef f(**more):\n    requests.get('u', **more)", id="handed on"),
        pytest.param("import httpx\nhttpx.get('u')\nhttpx.Client()", id="httpx has one"),
        pytest.param("from urllib.request import urlopen\nurlopen('u', None, 5)", id="urlopen by position"),
        pytest.param("from urllib.request import urlopen\nurlopen(*args)", id="urlopen handed on"),
        pytest.param("from openai import OpenAI\nOpenAI(timeout=30)", id="OpenAI"),
        pytest.param("from openai import OpenAI\nOpenAI(http_client=mine)", id="transport elsewhere"),
        pytest.param(
            "import httpx, openai\nopenai.OpenAI(http_client=httpx.Client(timeout=3))", id="transport"
        ),
        pytest.param("from app.fakes import OpenAI\nimport openai\nOpenAI()", id="somebody else's OpenAI"),
        pytest.param(
            "from openai import OpenAI\nc = OpenAI()\nc.chat.completions.create(timeout=3)", id="every call"
        ),
        pytest.param(
            "import asyncio\nfrom openai import AsyncOpenAI\nasync def f():\n    c = AsyncOpenAI()\n"
            "    await asyncio.wait_for(c.chat.completions.create(), 3)",
            id="wait_for",
        ),
        pytest.param(
            "import asyncio\nfrom openai import AsyncOpenAI\nasync def f():\n    if (c := await AsyncOpenAI()):\n"
            "        async with asyncio.timeout(3):\n            await c.responses.create()",
            id="asyncio.timeout",
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s:\n"
            "        await s.get('u', timeout=3)",
            id="aiohttp call",
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession(timeout=t) as s:\n"
            "        await s.get('u')",
            id="aiohttp session",
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession(): ...", id="not used"
        ),
        pytest.param(
            "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s:\n"
            "        await s.get('u', timeout=3)\nasync def g(s):\n    await s.get('u')",
            id="another session of that name",
        ),
        pytest.param("import aiohttp\ndef f():\n    return aiohttp.ClientSession()", id="given away"),
        pytest.param(
            "import subprocess\nsubprocess.run(['x'], timeout=5)\nsubprocess.Popen(['x'])", id="process"
        ),
        pytest.param("import smtplib\nsmtplib.SMTP('h', 25, None, 5)", id="mail"),
        pytest.param("import socket\nsocket.setdefaulttimeout(5)\nsocket.create_connection(a)", id="default"),
        pytest.param("x = f()()\nrequests = 1", id="nothing of it"),
    ],
)
def test_a_bounded_wait_is_not(source: str) -> None:
    assert subs(source, "FH401") == []


LOOP = "def f(c):\n    {loop}\n        try:\n            return c.get()\n        except OSError:\n            {handler}"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(LOOP.format(loop="while True:", handler="time.sleep(1)"), id="while True"),
        pytest.param(LOOP.format(loop="while 1:", handler="continue"), id="while 1"),
        pytest.param(
            "while True:\n    try:\n        go()\n        break\n    except OSError:\n        pass",
            id="break",
        ),
        pytest.param(
            "while True:\n    try:\n        go()\n    except OSError:\n        pass\n    else:\n        break",
            id="else",
        ),
        pytest.param(
            "def f():\n    while True:\n        try:\n            x = go()\n        except OSError:\n            continue\n        return x",
            id="return behind",
        ),
        pytest.param(
            "def f():\n    while True:\n        with lock:\n            try:\n                if (x := go()):\n                    return x\n"
            "            except OSError:\n                log.error('again')",
            id="return under if, in with",
        ),
        pytest.param("import tenacity\n@tenacity.retry(wait=w)\ndef f(): ...", id="tenacity"),
        pytest.param("from tenacity import retry\n@retry\ndef f(): ...", id="tenacity bare"),
        pytest.param("import backoff\n@backoff.on_exception(backoff.expo, E)\ndef f(): ...", id="backoff"),
        # Evasions.
        pytest.param(
            "import itertools\n" + LOOP.format(loop="for _ in itertools.count():", handler="pass"), id="count"
        ),
        pytest.param(
            "import itertools\n" + LOOP.format(loop="for _ in itertools.repeat(1):", handler="pass"),
            id="repeat",
        ),
        pytest.param(LOOP.format(loop="for _ in iter(int, 1):", handler="pass"), id="iter"),
        pytest.param(
            "def f(c, n):\n    try:\n        return c.get(n)\n    except OSError:\n        time.sleep(1)\n        return f(c, n)",
            id="recursion",
        ),
        pytest.param(
            "class C:\n    def f(self):\n        try:\n            return self.get()\n        except OSError:\n            return self.f()",
            id="recursive method",
        ),
        pytest.param("import tenacity as t\n@t.retry(stop=t.stop_never)\ndef f(): ...", id="stop_never"),
        pytest.param("import tenacity as t\nr = t.Retrying(stop=None)", id="stop None"),
        pytest.param(
            "ok = False\nwhile not ok:\n    try:\n        go()\n        ok = True\n    except OSError:\n        time.sleep(1)",
            id="while not ok",
        ),
    ],
)
def test_a_retry_without_an_end_is_found(source: str) -> None:
    assert subs(source, "FH402") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(LOOP.format(loop="for _ in range(3):", handler="time.sleep(1)"), id="range"),
        pytest.param(LOOP.format(loop="for x in f():", handler="time.sleep(1)"), id="other iterable"),
        pytest.param(LOOP.format(loop="for x in iter(q.get, None):", handler="pass"), id="sentinel"),
        pytest.param(
            "import itertools\n" + LOOP.format(loop="for _ in itertools.repeat(1, 3):", handler="pass"),
            id="repeat 3",
        ),
        pytest.param(LOOP.format(loop="while True:", handler="raise"), id="raise"),
        pytest.param(LOOP.format(loop="while True:", handler="return None"), id="return"),
        pytest.param(LOOP.format(loop="while True:", handler="sys.exit(1)"), id="exit"),
        pytest.param(LOOP.format(loop="while True:", handler="if n > 3: raise"), id="counted"),
        pytest.param(LOOP.format(loop="while queue:", handler="pass"), id="a condition"),
        pytest.param(LOOP.format(loop="while not stop.is_set():", handler="pass"), id="a stop event"),
        pytest.param(LOOP.format(loop="while not -1:", handler="pass"), id="no name"),
        pytest.param(
            "while True:\n    try:\n        return_(int(input()))\n        break\n    except ValueError:\n        print('?')",
            id="input",
        ),
        pytest.param(
            "while True:\n    try:\n        p.wait()\n        break\n    except KeyboardInterrupt:\n        pass",
            id="interrupt",
        ),
        pytest.param(
            "while True:\n    if stop.is_set():\n        break\n    try:\n        go()\n        break\n    except OSError:\n        pass",
            id="stop event beside",
        ),
        pytest.param(
            "while True:\n    try:\n        serve(q.get())\n    except OSError:\n        log.error('x')",
            id="consumer",
        ),
        pytest.param(
            "while True:\n    try:\n        def g():\n            return 1\n    except OSError:\n        pass",
            id="nested",
        ),
        pytest.param(
            "while True:\n    try:\n        go()\n        break\n    finally:\n        close()",
            id="no handler",
        ),
        pytest.param(
            "ok = False\nwhile not ok:\n    try:\n        go()\n        ok = True\n    except OSError:\n        ok = None",
            id="ok in both",
        ),
        pytest.param(
            "def f(c, n):\n    try:\n        return c.get(n)\n    except OSError:\n        return f(c, n - 1)",
            id="counted recursion",
        ),
        pytest.param(
            "def f(c, n):\n    try:\n        return c.get(n)\n    except OSError:\n        if n:\n            return f(c, n)",
            id="decided",
        ),
        pytest.param(
            "def f(c):\n    try:\n        return c.get()\n    except OSError:\n        c.repair()\n        return f(c)",
            id="repaired",
        ),
        pytest.param(
            "def f(c):\n    try:\n        return c.get()\n    except OSError:\n        return c.f()",
            id="another's",
        ),
        pytest.param(
            "def f():\n    try:\n        return g()\n    except OSError:\n        return f(1)",
            id="other argument",
        ),
        pytest.param(
            "from tenacity import retry, stop_after_attempt\n@retry(stop=stop_after_attempt(3))\ndef f(): ...",
            id="stop",
        ),
        pytest.param("from tenacity import retry\n@retry(**policy)\ndef f(): ...", id="handed on"),
        pytest.param("from tenacity import retry\nx = retry", id="not used"),
        pytest.param(
            "import backoff\n@backoff.on_exception(backoff.expo, E, max_tries=3)\ndef f(): ...",
            id="max_tries",
        ),
        pytest.param("from mine import retry\n# tenacity\n@retry\ndef f(): ...", id="somebody else's retry"),
    ],
)
def test_a_bounded_retry_is_not(source: str) -> None:
    assert subs(source, "FH402") == []


CASCADE = (
    "def answer({models}, prompt):\n    for m in {models}:\n        try:\n            {ask}\n"
    "        except ConnectionError:\n            {handler}"
)


def cascade(models: str = "models", ask: str = "return ask(m, prompt)", handler: str = "continue") -> str:
    return CASCADE.format(models=models, ask=ask, handler=handler)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(cascade(), id="models"),
        pytest.param(cascade("providers"), id="providers"),
        pytest.param(cascade("fallback_llms"), id="llms"),
        pytest.param(
            "for m in self.backends[1:]:\n    try:\n        x = ask(m)\n        break\n    except E:\n        pass",
            id="break",
        ),
        pytest.param(
            "for i, m in enumerate(list(models)):\n    try:\n        x = ask(m)\n        break\n    except E: ...",
            id="wrapped",
        ),
        pytest.param(
            "for k, m in models.items():\n    try:\n        x = ask(m)\n        break\n    except E: ...",
            id="items",
        ),
        pytest.param(
            "for m in get_models():\n    try:\n        x = ask(m)\n        break\n    except E: ...",
            id="call",
        ),
        pytest.param(
            "def f():\n    for m in models:\n        with x:\n            try:\n                if ok(m):\n                    return ask(m)\n            except E: ...",
            id="under if and with",
        ),
        pytest.param(cascade(ask="log.info(m); return ask(m)"), id="logged before"),
        pytest.param(cascade(ask="r = ask(m); return Result(text=r)"), id="result without"),
        pytest.param(cascade(ask="return {'text': ask(m)}"), id="dict without"),
        pytest.param(cascade(ask="r = ask(m); return r.text"), id="text"),
        pytest.param(cascade(ask="return other.ask(m)"), id="somebody's method"),
        pytest.param(
            cascade(ask="return self.ask(m)") + "\ndef ask(m):\n    return get(m)", id="own function"
        ),
        # Evasions.
        pytest.param(
            "for m in ['gpt-4o', 'claude-3-opus']:\n    try:\n        x = ask(m)\n        break\n    except E: ...",
            id="literal",
        ),
        pytest.param(
            "for n, m in [('a', 'openai/gpt-4'), ('b', 'x')]:\n    try:\n        x = ask(m)\n        break\n    except E: ...",
            id="literal pairs",
        ),
        pytest.param(
            "def f(p):\n    try:\n        return openai_ask(p)\n    except E:\n        try:\n            return self.anthropic.ask(p)\n"
            "        except E:\n            return None",
            id="nested",
        ),
        pytest.param(
            "import functools\ndef step(done, m):\n    try:\n        return done or ask(m)\n    except E:\n        return done\n"
            "functools.reduce(step, models, None)",
            id="reduce",
        ),
        pytest.param(
            "def f(models, p):\n    try:\n        return ask(models[0], p)\n    except E:\n        return f(models[1:], p)",
            id="recursion",
        ),
    ],
)
def test_a_cascade_without_a_name_is_found(source: str) -> None:
    assert subs(source, "FH403") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(cascade(handler="raise"), id="raise"),
        pytest.param(cascade("items"), id="something else"),
        pytest.param(cascade(ask="return {'text': ask(m), 'model': m}"), id="dict"),
        pytest.param(cascade(ask="return {'text': ask(m), 'by': m.name}"), id="dict with the candidate"),
        pytest.param(cascade(ask="return ask(m), m.name"), id="pair"),
        pytest.param(cascade(ask="ask(m); return m"), id="the candidate itself"),
        pytest.param(cascade(ask="return Answer(ask(m), provider=m)"), id="object"),
        pytest.param(cascade(ask="return Answer(ask(m), m)"), id="object by position"),
        pytest.param(cascade(ask="return client.chat.completions.create(model=m)"), id="answer of the API"),
        pytest.param(cascade(ask="r = ask(m); r['model'] = m.name(); return r"), id="stored"),
        pytest.param(cascade(ask="r = ask(m); log.info('answered by %s', m); return r"), id="logged after"),
        pytest.param(
            "def f():\n    for m in models:\n        try:\n            r = ask(m)\n            break\n        except E: ...\n"
            "    return r, m",
            id="returned behind the loop",
        ),
        pytest.param(
            cascade(ask="return await self.ask(m)") + "\ndef ask(m):\n    return Answer(model=m)",
            id="own function",
        ),
        pytest.param(
            "class Answer:\n    text: str\n    model_used: str\ndef f() -> Answer:\n    for m in models:\n        try:\n"
            "            return ask(m)\n        except E: ...",
            id="annotated",
        ),
        pytest.param(
            "for m in models:\n    try:\n        ok.append(probe(m))\n    except E as e:\n        bad.append(e)",
            id="probes",
        ),
        pytest.param(
            "for m in models:\n    try:\n        def f():\n            return 1\n    except E: ...",
            id="nested function",
        ),
        pytest.param(
            "for f in ['CLAUDE.md', 'docs/x.md']:\n    try:\n        x = read(f)\n        break\n    except E: ...",
            id="file names",
        ),
        pytest.param(
            "for f in zip():\n    try:\n        x = read(f)\n        break\n    except E: ...", id="nothing"
        ),
        pytest.param(
            "try:\n    x = openai_ask()\nexcept E:\n    try:\n        x = openai_ask()\n    except E: ...",
            id="the same twice",
        ),
        pytest.param(
            "try:\n    return_(a())\nexcept E:\n    try:\n        b()\n    except E: ...", id="no vendors"
        ),
        pytest.param(
            "import functools\nfunctools.reduce(max, models)\nfunctools.reduce(max)\nreduce(f, models)",
            id="reduce",
        ),
        pytest.param(
            "def f(models):\n    try:\n        return ask()\n    except E:\n        return f(models)",
            id="other recursion",
        ),
        pytest.param("try:\n    f()\nexcept E:\n    f()", id="module level"),
    ],
)
def test_a_cascade_that_says_who_answered_or_none_is_not(source: str) -> None:
    assert subs(source, "FH403") == []


def test_the_messages_name_the_place() -> None:
    source = "import requests\n\nclass A:\n    def f(self):\n        requests.get('u')"
    assert hits(source, "FH401")[0].message == "A.f calls requests.get without a timeout"
    assert hits(cascade(), "FH403")[0].message == (
        "answer asks one model after the other and does not say which one answered"
    )
    assert hits(LOOP.format(loop="while True:", handler="pass"), "FH402")[0].message == (
        "f tries again for ever what failed"
    )
