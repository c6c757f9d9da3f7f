"""What the rules said wrongly of repositories that none was tuned on, and what they must still say there."""

from __future__ import annotations

import pytest

from tests.rules.support import subs

IF_ELSE = """
import ssl

def context(mode, given=False):
    made = ssl.create_default_context()
    if {test}:
        made.verify_mode = ssl.CERT_REQUIRED
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
"""


@pytest.mark.parametrize(
    ("code", "source"),
    [
        pytest.param(
            "FH001",
            'import os\nif step == 2:\n    os.environ["API_KEY"] = "sk-wrong-on-purpose"\n',
            id="a variable that is set for another reason",
        ),
        pytest.param(
            "FH105",
            "try:\n    from functools import cached_property\nexcept ImportError:\n"
            "    class cached_property:\n        def __get__(self, one, kind):\n            return self.made(one)\n",
            id="a backport",
        ),
        pytest.param(
            "FH106",
            "def shown(group):\n    try:\n        return find(group)\n    except KeyError:\n"
            "        return unknown_if_empty(group.name)\n",
            id="a name that speaks of something empty",
        ),
        pytest.param(
            "FH202", "def mock_name_is_internal(name):\n    return name in SEAMS\n", id="a predicate"
        ),
        pytest.param(
            "FH202",
            "def assignment_mock_evidence(node):\n    return f'line {node.lineno}'\n",
            id="a mock as the topic",
        ),
        pytest.param(
            "FH203",
            "def size(price):\n    use_fallback = price is None or price <= 0\n    return use_fallback\n",
            id="a fact about one call",
        ),
        pytest.param(
            "FH204",
            "def identity(request):\n    credentials = basic_credentials(request)\n"
            "    if credentials is None:\n        return None\n    return credentials[0]\n",
            id="a request that came without credentials",
        ),
        pytest.param(
            "FH204",
            "import os\ndef chosen():\n    if os.environ.get('LITELLM_API_KEY'):\n        return 'litellm'\n"
            "    return 'ollama'\n",
            id="a choice between two names",
        ),
        pytest.param(
            "FH208",
            "def language(text):\n    # This is a simplified implementation\n    known = set(text.split()) & WORDS\n"
            "    return 'en' if len(known) > 5 else 'unknown'\n",
            id="one of two answers",
        ),
        pytest.param(
            "FH302",
            "class Plain:\n    def supports_store(self, kind):\n        return True\n",
            id="a capability",
        ),
        pytest.param("FH504", IF_ELSE.format(test="mode == 'required'"), id="a mode"),
        pytest.param("FH504", IF_ELSE.format(test="settings.verified"), id="a setting"),
        pytest.param(
            "FH504",
            "import ssl\nMODES = {'none': ssl.CERT_NONE, 'required': ssl.CERT_REQUIRED}\n",
            id="a table of modes",
        ),
        pytest.param(
            "FH504",
            "import ssl\ndef made(verify):\n    return of(ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)\n",
            id="a conditional expression",
        ),
        pytest.param(
            "FH704",
            "class Success:\n    def __bool__(self):\n        return True\n",
            id="the truth of a result",
        ),
        pytest.param(
            "FH204",
            "class Images:\n    def made(self, text):\n        if not self.is_enabled():\n            return []\n"
            "        return self.client.draw(text)\n",
            id="what is switched off",
        ),
        pytest.param(
            "FH205", "note(severity=1, message='TODO/FIXME comment found')\n", id="a text about TODOs"
        ),
        pytest.param(
            "FH302",
            "class TrueQuery:\n    def match(self, row):\n        return True\n",
            id="what is always true",
        ),
        pytest.param("FH302", "def empty_metrics(capital):\n    return {'trades': 0}\n", id="what is empty"),
        pytest.param(
            "FH709",
            "import pytest\n\n\ndef test_a():\n    pytest = package('pytest')\n    pytest.description = 'a runner'\n",
            id="an object that is called like a module",
        ),
    ],
)
def test_it_is_left_alone(code: str, source: str) -> None:
    assert subs(source, code) == []


@pytest.mark.parametrize(
    ("code", "source", "sub"),
    [
        pytest.param(
            "FH001",
            'import os\nif not os.environ.get("API_KEY"):\n    os.environ["API_KEY"] = "sk-for-everybody"\n',
            "or-literal",
            id="a variable that is set where it is absent",
        ),
        pytest.param(
            "FH001",
            'import os\nkey = os.getenv("API_KEY")\nif not key:\n    os.environ["API_KEY"] = "sk-everybody"\n',
            "or-literal",
            id="one that is set where its name is empty",
        ),
        pytest.param(
            "FH105",
            "try:\n    from fcntl import flock\nexcept ImportError:\n    def flock(*given):\n        pass\n",
            "stub",
            id="a module that a platform lacks",
        ),
        pytest.param(
            "FH202",
            "def initialize_mock_parts():\n    return []\n",
            "unreferenced",
            id="a mock behind a verb",
        ),
        pytest.param(
            "FH202",
            "def get_fallback_mock_data():\n    return []\n",
            "unreferenced",
            id="a mock after a verb",
        ),
        pytest.param(
            "FH203", "import os\ndef f():\n    use_fallback = os.environ['X'] == '1'\n", "", id="asked for"
        ),
        pytest.param("FH203", "use_mock = client is None\n", "", id="a mock for want of a client"),
        pytest.param(
            "FH204",
            "def summary(api_key):\n    if not api_key:\n        return 'a sample answer'\n    return ask(api_key)\n",
            "literal",
            id="an answer beside a real one",
        ),
        pytest.param(
            "FH208",
            "def price(share):\n    # This is a placeholder implementation\n    return 0.5 if True else 0.4\n",
            "",
            id="a choice that is none",
        ),
        pytest.param(
            "FH302",
            "class Plain:\n    def validate(self, order):\n        return True\n",
            "true",
            id="a check",
        ),
        pytest.param(
            "FH504",
            "import ssl\ndef made(*, verify=False):\n    return of(ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)\n",
            "",
            id="off by default",
        ),
        pytest.param(
            "FH504",
            "import ssl\ncontext.verify_mode = ssl.CERT_REQUIRED if False else ssl.CERT_NONE\n",
            "",
            id="off always",
        ),
        pytest.param(
            "FH504",
            "import ssl\nclass Settings:\n    tls_verified: bool = False\n\n"
            "def made(settings):\n    return of(ssl.CERT_REQUIRED if settings.tls_verified else ssl.CERT_NONE)\n",
            "",
            id="a setting that is off by default",
        ),
        pytest.param(
            "FH704",
            "class Rows:\n    def __len__(self):\n        return 0\n    def __bool__(self):\n        return True\n",
            "",
            id="the truth of something empty",
        ),
        pytest.param(
            "FH704",
            "class Verdict(int):\n    def __bool__(self):\n        return True\n",
            "",
            id="of a number",
        ),
        pytest.param(
            "FH709",
            "import importlib\n\n\ndef test_a():\n    time = importlib.import_module('time')\n    time.sleep = print\n",
            "",
            id="a module under its own name",
        ),
        pytest.param(
            "FH709",
            "import time\n\n\ndef test_a():\n    clock = time\n    clock.sleep = print\n",
            "",
            id="a module under another name",
        ),
        pytest.param(
            "FH204",
            "def f(service, text):\n    if not service.is_enabled():\n        return 'x'\n    return service.ask(text)\n",
            "literal",
            id="somebody else's switch",
        ),
    ],
)
def test_what_is_wrong_is_still_found(code: str, source: str, sub: str) -> None:
    assert subs(source, code) == [sub]
