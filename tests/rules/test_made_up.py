"""FH204 to FH206: canned answers, placeholder texts and random results."""

from __future__ import annotations

import pytest

from pytest_failhard.model import Option
from tests.rules.support import hits, subs


class TestCannedAnswers:
    @pytest.mark.parametrize(
        ("source", "sub"),
        [
            ("def f(api_key):\n    if not api_key: return 'sample'\n    return ask(api_key)\n", "literal"),
            ("def f(api_key):\n    if api_key is None: return [1, 2]\n    return ask()\n", "literal"),
            ("def f(self):\n    if self.client is False: return True\n    return self.client.go()\n", "literal"),
            ("def f():\n    if settings['api_key'] == '': return None\n    return ask()\n", "empty"),
            ("def f(self):\n    if not self.client: return []\n    return self.client.go()\n", "empty"),
            ("def f(self):\n    if not self.llm.is_available(): return 'x'\n    return self.llm()\n", "literal"),
            ("import os\ndef f():\n    key = os.getenv('OPENAI_API_KEY')\n    if not key: return 'x'\n    return ask()\n", "literal"),
            ("def f(self):\n    if not self.client: return _sample_answer()\n    return 1\n", "fallback"),
            ("async def f(self):\n    if not self.client: return await self.fallback(x)\n    return 1\n", "fallback"),
            ("def f(self, x):\n    if not self.client or not x:\n        log.info('x')\n        return 'canned'\n    return ask()\n", "literal"),
            ("def f(api_key):\n    if api_key:\n        return ask()\n    else:\n        return 'x'\n", "literal"),
            ("def f(api_key):\n    if api_key and x:\n        return ask()\n    return 'x'\n", "literal"),
            ("def f(client):\n    if client is not None:\n        return ask()\n    return {'a': 1}\n", "literal"),
            ("def f(client):\n    return client.go() if client else 'x'\n", "literal"),
            ("def f(client):\n    return 'x' if not client else client.go()\n", "literal"),
            ("def f(client):\n    return client and client.go() or 'x'\n", "literal"),
            ("def f(self):\n    if not self.api_key:\n        self.client = NullClient()\n", "fallback"),
            ("def f(self):\n    client = getattr(self, 'client', None) or CannedClient()\n    return client\n", "fallback"),
            ("def f(self):\n    client = self.client if self.client else MockClient()\n", "fallback"),
            ("def guard(f):\n    def inner(self):\n        if not self.api_key: return 'x'\n        return f(self)\n    return inner\n", "literal"),
            ("def f(api_key):\n    match api_key:\n        case None: return 'x'\n        case _: return ask()\n", "literal"),
            ("def f():\n    if not (client := make()): return 'x'\n    return client\n", "literal"),
            ("class C:\n    client = 1\nif not os.environ.get('GROQ_API_KEY'):\n    ask = default_answer()\n", "fallback"),
            ("client = make()\nif not client:\n    ask = default_answer()\n", "fallback"),
            ("def f(api_key):\n    if not api_key:\n        if False: raise ValueError\n        return 'x'\n    return 1\n", "literal"),
        ],
    )  # fmt: skip
    def test_each_form_is_found_once(self, source: str, sub: str) -> None:
        assert subs(source, "FH204") == [sub]

    @pytest.mark.parametrize(
        "source",
        [
            "def f(api_key):\n    if not api_key: raise ConfigurationError('no key')\n    return ask()\n",
            "def f(api_key):\n    if not api_key: sys.exit(1)\n    return ask()\n",
            "def f(credentials: HTTPAuthorizationCredentials | None):\n    if not credentials: return None\n    return 1\n",
            "def f(client):\n    if not client: return None, 'why'\n    return 1\n",
            "def f(client):\n    if not client: return False, 'why'\n    return 1\n",
            "def f(client):\n    if not client: return {'error': 'no client'}\n    return 1\n",
            "def f(client):\n    if not client: return {'status_code': 503}\n    return 1\n",
            "def f(client):\n    if not client:\n        yield {'type': 'error', 'text': 'not connected'}\n        return\n    yield 1\n",
            "async def close(self):\n    if self.client is None: return\n    await self.client.close()\n",
            "def is_available(self):\n    if not self.api_key: return False\n    return self.ping()\n",
            "def f(request):\n    if request.client: return request.client.host\n    return 'unknown'\n",
            "def f(self):\n    if not self.rows: return []\n    return self.rows\n",
            "def f(self):\n    if not self.client: self.client = Client()\n    return self.client\n",
            "def f(api_key):\n    if api_key: return ask()\n    return ask_without(api_key)\n",
            "def f(api_key):\n    if api_key: x = 1\n    return 'x'\n",
            "def f(self):\n    if not AIOHTTP_AVAILABLE: return None\n    return 1\n",
            "def f(client, x):\n    return client.go(x) or 1\n",
            "key = api_key or 'x'\n",
            "def f(api_key):\n    name = 'a' if api_key else 'b'\n    return name, api_key\n",
            "def f(client):\n    if not client: return get_default_value()\n    return 1\n",
            "def f(x):\n    match x.client:\n        case 1: return 'x'\n",
        ],
    )  # fmt: skip
    def test_what_says_that_something_is_missing_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH204") == []

    def test_an_approved_fallback_that_says_who_answers_is_let_through(self) -> None:
        source = """
            class Service:
                def ask(self):
                    if not self.client:
                        return self.offline_model()
                    return self.client.ask()

                def offline_model(self):
                    return Answer(text=self.model.ask(), producer="offline")
            """
        entry: dict[str, Option] = {"from": "Service.ask", "to": "app.service.Service.offline_model"}
        entry |= {"on": "unavailable", "owner": "ana", "reason": "the same model", "attribution": "producer"}
        assert subs(source, "FH204", {"approved_fallbacks": [entry]}) == []
        assert subs(source, "FH204", {"approved_fallbacks": [{**entry, "attribution": "by"}]}) == ["fallback"]


class TestPlaceholders:
    @pytest.mark.parametrize(
        "source",
        [
            "KEY = 'your-api-key-here'\n",
            "KEY: str = 'change-me'\n",
            "def f(key='sk-xxxx'): return key\n",
            "def f(*, key='dummy-key'): return key\n",
            "def f(): return 'lorem ipsum dolor sit'\n",
            "x = {'requests_total': 'TODO: implement request counting in here'}\n",
            "x = 'TODO: fill in'\n",
            "client(api_key='your_token')\n",
            "x = 'your-' + 'api-key'\n",
            "x = f'your-api-key'\n",
            "x = 'your-{}-key'.format('api')\n",
            "import os\nx = os.environ.get('KEY', 'your-secret-key')\n",
            "x = key or 'dummy-key'\n",
            "x = (y := 'change_in_production')\n",
            "x = 'a' if y else 'demo_token'\n",
            "x = '  change-me '.strip()\n",
        ],
    )
    def test_each_position_of_a_value_is_found(self, source: str) -> None:
        assert len(hits(source, "FH205")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "x = {'your-api-key': 1}\n",
            "f('your-api-key', 'change-me')\n",
            "if key == 'your-api-key': pass\n",
            "x = f'your-{name}-key'\n",
            "x = table['change-me']\n",
            "WEAK = ['change-me', 'your-api-key']\n",
            "print('change-me')\nlog.info(msg='change-me')\n",
            "Field(description='your-api-key', placeholder='your-api-key')\n",
            "x = {'placeholder': 'Your secret key', 'label': 'Your password'}\n",
            "key_placeholder = 'your-api-key'\n",
            "x = 'placeholder'\ny = 'placeholders'\nz = 'todo'\nw = 'xxxxxxx'\nv = 'placeholder_text'\n",
            "x = 'Your account needs a valid password to be set'\n",
            "x = 'Todo list'\n",
            "x = {'status': 'TODO later'}\n",
            "name = 'ReplacementStep'\n",
            "x = 'change-me' in y\n",
            "x = y if z == 'change-me' else 1\nw = 1 if 'change-me' else 2\n",
            "x = 'short'\ny = 'a' + b\n",
        ],
    )
    def test_what_is_no_value_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH205") == []

    @pytest.mark.xfail(strict=True, reason="settings files are read by no static rule")
    def test_a_placeholder_in_a_settings_file_is_found(self) -> None:
        assert hits({"app/a.py": "", "settings.yaml": "key: 'change-me'\n"}, "FH205")

    @pytest.mark.xfail(strict=True, reason="a text that stands for a number: FH302 where it is all there is")
    def test_not_available_for_a_computed_field_is_found(self) -> None:
        assert hits("def f(x):\n    return {'total': 'N/A', 'x': x}\n", "FH205")


class TestRandomResults:
    @pytest.mark.parametrize(
        "source",
        [
            "import random\ndef get_price(t):\n    return float(random.randint(1, 100))\n",
            "import random as r\nasync def fetch_score(t):\n    return round(r.uniform(0, 1), 2)\n",
            "from random import gauss\ndef predict(t):\n    return gauss(0, 1)\n",
            "import numpy as np\ndef calculate_var(t):\n    return np.random.normal(0, 1)\n",
            "import random\ndef measure_load():\n    value = random.random()\n    value = value * 2\n    return value\n",
            "import random\ndef get_metrics():\n    return {'load': random.random()}\n",
            "import random\ndef get_metrics():\n    m = {}\n    m['load'] = random.random()\n    return m\n",
            "import random\ndef get_rows():\n    rows = []\n    for _ in range(3):\n        rows.append({'v': random.random()})\n    return rows\n",
            "import random\ndef get_pair():\n    a, b = random.random(), 1\n    return a\n",
            "import random\ndef get_total(t):\n    total: float = 0\n    total += random.random()\n    return total\n",
            "import secrets\ndef check_quality(t):\n    return secrets.randbelow(100)\n",
            "import numpy as np\ndef estimate_risk(t):\n    rng = np.random.default_rng()\n    return rng.normal()\n",
            "import random\ndef collect_stats():\n    source = random.Random(1)\n    yield source.random()\n",
            "def score_lead(x):\n    return hash(x) % 100\n",
            "import time\ndef get_price(x):\n    return int(time.time()) % 50\n",
            "import random\ndef get_user(x):\n    return User(name=x, score=random.random())\n",
            "import random\ndef get_score(x):\n    return x if x else random.random()\n",
            "import random\ndef get_score(x):\n    return (s := random.random()) and s\n",
        ],
    )  # fmt: skip
    def test_each_way_to_draw_a_result_is_found(self, source: str) -> None:
        assert len(hits(source, "FH206")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "import random\ndef get_one(xs):\n    return random.choice(xs)\n",
            "import random\ndef get_one(xs):\n    return xs[random.randint(0, 2)]\n",
            "import random\ndef get_random_price():\n    return random.random()\n",
            "import random\ndef calculate_backoff(n):\n    return n + random.uniform(0, 1)\n",
            "import random\ndef get_session_id():\n    return random.randint(0, 10)\n",
            "import random\ndef make_value():\n    return random.random()\n",
            "import random\ndef get_key():\n    return lambda: random.random()\n",
            "import random\ndef fetch(url):\n    jitter = random.random()\n    sleep(jitter)\n    return load(url)\n",
            "import random\ndef fetch(url):\n    return {'id': random.randint(1, 2), 'url': url}\n",
            "import random\ndef fetch(url):\n    return Row(request_id=random.randint(1, 2), url=url)\n",
            "import random\ndef fetch(url):\n    out = {}\n    out['id'] = random.randint(1, 2)\n    return out\n",
            "def get_shard(x):\n    return hash(x) % 8\n",
            "def get_rest(x):\n    return hash(x) + x % 8\n",
            "import random\ndef get_price(m):\n    return m.normal()\n",
            "import random\ndef get_price(m):\n    return\n",
        ],
    )  # fmt: skip
    def test_chance_that_is_asked_for_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH206") == []
