"""FH207 and FH208: texts that admit something, and functions that do nothing and say so."""

from __future__ import annotations

import pytest

from pytest_failhard.model import GateError
from tests.rules.support import hits

REAL = "In a real implementation this would call the market API"


class TestConfessions:
    @pytest.mark.parametrize(
        ("source", "line"),
        [
            (f"x = 1\n# {REAL}\n", 2),
            ("x = 1  # Placeholder\n", 1),
            ("# in a full production environment, you would ask\n", 1),
            ("# This would be replaced\n", 1),
            ("# would query the actual database\n", 1),
            ("# simulates the network\n", 1),
            ("# for now, just return the first\n", 1),
            ("# hardcoded for demo\n", 1),
            ("# not yet implemented\n", 1),
            ("# TODO: connect to the store\n", 1),
            ("# A first step. In a\n# real implementation it is better.\n", 1),
            ("# Only a sketch: this\n# would be\n# done by the server.\nx = 1\n", 1),
            ("x = 1  # in a\n# real system it is 2\n", 1),
            ("'''A module.\n\nIt returns mock\ndata.\n'''\n", 3),
            ("def f(x):\n    'A simplified version.'\n    return x\n", 2),
            ("class C:\n    '''Returns a placeholder.'''\n    x = 1\n", 2),
            ("x = 1\n'dummy implementation of it'\n", 2),
            ("log.info('using mock data')\n", 1),
            ("print(f'simulating the market at {x}')\n", 1),
            ("placeholder_result = ask()\n", 1),
            ("for mock_response in ask(): pass\n", 1),
        ],
    )
    def test_each_admission_is_found_once_on_its_line(self, source: str, line: int) -> None:
        assert [hit.line for hit in hits(source, "FH207")] == [line]

    @pytest.mark.parametrize(
        "source",
        [
            "# no mock data here\n",
            "# never a placeholder response\n",
            "# mock data for the tests\n",
            "# finds words like 'placeholder response'\n",
            "# The stub method is replaced in unit tests\n",
            "# every hook needs to be implemented in a subclass\n",
            f"def f():\n    '''{REAL}.'''\n    raise NotImplementedError\n",
            "def f():\n    # not implemented yet\n    raise NotImplementedError\n",
            "def find_placeholder_text(x):\n    # a placeholder for a value\n    return x\n",
            "class MockDetector:\n    def f(self):\n        'Mock data is found.'\n        return 1\n",
            f"def f(x):\n    '''Work.\n\n    # {REAL}\n    >>> f('mock data')\n    '''\n    return x\n",
            f"x = '# {REAL}'\n",
            f"x = '''\n# {REAL}\n'''\n",
            "entry.set_placeholder('x')  # placeholder text\n",
            "mock = placeholder = 1\nlog.info(mock)\nlog.info(f'{mock} data')\n",
            "x = 1  # in a\ny = 2  # real system it is 2\n",
        ],
    )
    def test_what_admits_nothing_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH207") == []

    @pytest.mark.parametrize(
        ("path", "count"), [("tests/test_a.py", 0), ("examples/a.py", 1), ("tools/a.py", 1)]
    )
    def test_outside_of_product_code_comments_alone_are_read(self, path: str, count: int) -> None:
        assert len(hits({path: f"'''{REAL}'''\n# {REAL}\n"}, "FH207")) == count

    @pytest.mark.parametrize(
        ("language", "text"),
        [
            ("zh", "简化实现"),
            ("zh", "返回模拟数据"),
            ("es", "Por ahora, retorna datos fijos"),
            ("es", "versión simplificada"),
            ("pt", "será implementado"),
            ("pt", "dados simulados"),
        ],
    )
    def test_another_language_counts_where_the_policy_reads_it(self, language: str, text: str) -> None:
        source = f"def f(x):\n    # {text}\n    return None\n"
        for code in ("FH207", "FH208"):
            assert hits(source, code) == []
            assert len(hits(source, code, {"confession_languages": ["en", language]})) == 1

    @pytest.mark.parametrize("code", ["FH207", "FH208"])
    def test_a_language_without_a_list_is_an_error(self, code: str) -> None:
        with pytest.raises(GateError, match="no list of words for xx"):
            hits("x = 1\n", code, {"confession_languages": ["en", "xx"]})

    def test_one_line_in_two_languages_is_one_finding(self) -> None:
        source = "# placeholder implementation, 简化实现\n"
        assert len(hits(source, "FH207", {"confession_languages": ["en", "zh"]})) == 1

    def test_the_comment_is_the_identity_not_its_line(self) -> None:
        first = hits(f"x = 1\n# {REAL}\n", "FH207")[0]
        moved = hits(f"y = 1\nx = 1\n#   {REAL.replace(' ', '  ')}\n", "FH207")[0]
        assert first.canonical == moved.canonical
        assert first.qualname == moved.qualname == ""
        assert 'comment that it is not done: "in a real implementation"' in first.message


class TestConfessedStubs:
    @pytest.mark.parametrize(
        "source",
        [
            f"def f(t):\n    # {REAL}\n    return 0.5\n",
            f"def f(t):\n    '''Price. {REAL}.'''\n    return 0.5\n",
            f"def f(t):\n    # {REAL}\n    pass\n",
            f"def f(t):\n    pass\n    # {REAL}\n",
            f"def f(t):\n    # {REAL}\n    ...\n",
            f"def f(t):\n    '''{REAL}'''\n",
            f"async def f(t):\n    # {REAL}\n    await asyncio.sleep(1)\n    return True\n".replace("async", "import asyncio\nasync", 1),
            f"def f(t):\n    # {REAL}\n" + "    log.info('x')\n" * 6 + "    return {'ok': True}\n",
            f"def f(t):\n    # {REAL}\n    log.info('done')\n",
            f"def f(t):\n    price = 0.5  # {REAL}\n    return price\n",
            f"class C:\n    PRICE = 0.5\n    def f(self):\n        # {REAL}\n        return self.PRICE\n",
            f"# {REAL}\ndef f(t):\n    return 0.5\n",
            f"# {REAL}\n@cached\ndef f(t):\n    return 0.5\n",
            f"class C:\n    '''{REAL}.'''\n    def f(self):\n        return 0.5\n",
            f"def f(t):\n    # {REAL}\n    return Price(value=0.5, currency='EUR')\n",
            f"def f(t):\n    # {REAL}\n    out = {{'a': []}}\n    out['b'] = {{'c': 1}}\n    return out\n",
            f"def f(self):\n    if not self.x:\n        return []\n    # {REAL}\n    return []\n",
            "def f(t):\n    log.info('returning mock data')\n    return [1]\n",
        ],
    )  # fmt: skip
    def test_each_form_is_found(self, source: str) -> None:
        assert len(hits(source, "FH208")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "def f(t):\n    return 0.5\n",
            f"def f(t):\n    # {REAL}\n    return ask(t)\n",
            f"def f(t):\n    # {REAL}\n    raise NotImplementedError\n",
            f"def f(t):\n    # {REAL}\n    a = b(t)\n    c(a)\n    d(a)\n    e(a)\n    return 1\n",
            f"def f(t):\n    # {REAL}\n    for x in t:\n        a(x)\n        b(x)\n        c(x)\n        d(x)\n    return 1\n",
            f"def f(t):\n    if t:\n        return ask(t)\n    # {REAL}\n    return None\n",
            f"def f(t):\n    out = []\n    # {REAL}\n    out.append(ask(t))\n    return out\n",
            f"def f(t):\n    out = {{}}\n    out['a'] = ask(t)  # {REAL}\n    return out\n",
            f"def f(t):\n    out = 0\n    out += ask(t)  # {REAL}\n    return out\n",
            f"from abc import ABC, abstractmethod\nclass C(ABC):\n    @abstractmethod\n    def f(self):\n        # {REAL}\n        pass\n",
            f"class C:\n    def __exit__(self, *a):\n        # {REAL}\n        return False\n",
            f"def f(t):\n    return ask(t)\n# {REAL}\nx = 1\n",
            f"def g(t):\n    return ask(t)  # {REAL}\ndef f(t):\n    return 0.5\n",
            "def patterns():\n    'What a placeholder implementation looks like.'\n    return [r'placeholder \\w+']\n",
            "def words():\n    'What admits a stub method.'\n    return ['placeholder implementation', 'dummy data']\n",
            f"class C:\n    # {REAL}\n    def _(self): return ask(self)\n",
        ],
    )  # fmt: skip
    def test_what_works_or_is_honest_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH208") == []

    def test_a_table_of_made_up_values_is_no_table_of_words(self) -> None:
        source = "def f(t):\n    # mock response\n    return {'text': 'mock response', 'score': 1}\n"
        assert len(hits(source, "FH208")) == 1
