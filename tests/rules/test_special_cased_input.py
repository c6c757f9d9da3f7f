"""FH710: answers of the product that stand in the tests."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import hits

CASES = """
    import pytest
    from app.service import answer

    @pytest.mark.parametrize(("number", "expected"), [(10, 55), (20, 6765), (30, 832040)])
    def test_answer(number, expected):
        assert answer(number) == expected

    def test_text():
        assert answer("how many legs") == "four of them"
"""


def found(source: str, tests: str = CASES) -> list[str]:
    """Return what the rule says of a product file and a test file."""
    files: dict[str, str | bytes] = {"app/service.py": textwrap.dedent(source), "tests/test_a.py": tests}
    return [hit.message for hit in hits(files, "FH710")]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def answer(n):\n    if n == 10:\n        return 55\n    return n", id="if"),
        pytest.param("def answer(n):\n    if 10 == n:\n        return 55\n    return n", id="if-turned"),
        pytest.param("def answer(n):\n    return 55 if n == 10 else n", id="conditional-expression"),
        pytest.param("def answer(n, m):\n    if n == 10 and m == 3:\n        return 55\n    return n", id="two-arguments"),
        pytest.param("def answer(n):\n    match n:\n        case 10:\n            return 55\n    return n", id="match"),
        pytest.param("def answer(n):\n    if n == 'how many legs':\n        return 'four of them'\n    return n", id="text"),
        pytest.param("def answer(n):\n    return {10: 55, 20: 6765, 30: 832040}[n]", id="table"),
        pytest.param("KNOWN = {10: 55, 20: 6765, 30: 832040, 40: 5, 50: 7}\ndef answer(n):\n    return KNOWN[n]", id="table-of-the-file"),
        pytest.param("cache = {}\ncache[10] = 55\ncache[20] = 6765\ncache[30] = 832040\n", id="filled-cache"),
        pytest.param(
            "import hashlib\ndef answer(n):\n    if hashlib.md5(n).hexdigest() == '0123456789abcdef0123456789abcdef':\n        return 6765\n    return n",
            id="digest",
        ),
    ],
)  # fmt: skip
def test_an_answer_that_a_test_expects_is_found(source: str) -> None:
    assert len(found(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def answer(n):\n    if n == 10:\n        return 56\n    return n", id="another-answer"),
        pytest.param("def answer(n):\n    if n == 0:\n        return 1\n    return n", id="trivial"),
        pytest.param("def answer(n):\n    if n.size == 10:\n        return 55\n    return n", id="no-argument"),
        pytest.param("def answer(n):\n    if n > 10:\n        return 55\n    return n", id="bound"),
        pytest.param("def answer(n):\n    if n == 10:\n        raise OSError\n    return 55", id="no-answer"),
        pytest.param("def answer(n):\n    match n.size:\n        case 10:\n            return 55\n    return n", id="match-of-something-else"),
        pytest.param("def answer(n):\n    match n:\n        case Size.TEN:\n            return 55\n    return n", id="match-of-an-enum"),
        pytest.param("def answer(n):\n    if hash(n).hexdigest() == n:\n        return 55\n    return n", id="digest-of-nothing"),
        pytest.param("KNOWN = {10: 55, 20: 6765}", id="two-rows"),
        pytest.param("KNOWN = {10: 55, 20: 6765, 30: 832040, 40: 1, 50: 2, 60: 3}", id="few-of-many"),
    ],
)  # fmt: skip
def test_another_answer_is_left_alone(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize(
    ("source", "tests"),
    [
        pytest.param(
            "CODES = {'EUR': 'Euro', 'USD': 'Dollar', 'GBP': 'Pound'}\n",
            "def test_a():\n    assert name('EUR') == 'Euro'\n    assert name('USD') == 'Dollar'\n"
            "    assert name('GBP') == 'Pound'\n",
            id="codes",
        ),
        pytest.param(
            "TEXTS = {404: 'not found', 403: 'not allowed', 500: 'our own fault'}\n",
            "CASES = {404: 'not found', 403: 'not allowed', 500: 'our own fault'}\n",
            id="status-texts",
        ),
        pytest.param(
            "def suffix(n):\n    if n == 3:\n        return 'rd'\n    return 'th'\n",
            "def test_a():\n    assert suffix(3) == 'rd'\n",
            id="one-word-for-a-number",
        ),
        pytest.param(
            "def code(status):\n    return 500 if status == 200 else status\n",
            "def test_a():\n    assert code(200) == 500\n",
            id="status-codes",
        ),
        pytest.param(
            "KNOWN = {10: 55, 20: 6765, 30: 832040}\n",
            "def test_a():\n    assert table() == [10, 55, 20, 6765, 30, 832040, 40, 50]\n",
            id="a-list-of-all",
        ),
    ],
)
def test_an_honest_table_is_left_alone(source: str, tests: str) -> None:
    assert found(source, tests) == []


def test_names_for_numbers_are_answers_once_there_are_three() -> None:
    source = "def fizz(n):\n" + "".join(
        f"    if n == {n}:\n        return '{word}'\n"
        for n, word in ((3, "Fizz"), (5, "Buzz"), (15, "FizzBuzz"))
    )
    tests = "CASES = [(3, 'Fizz'), (5, 'Buzz'), (15, 'FizzBuzz')]\n"
    assert found(source, tests) == ["fizz: compares its argument with the input of a test"]


def test_negative_numbers_and_large_tables_are_read() -> None:
    source = "def answer(n):\n    if n == -10:\n        return -55\n    return n\n"
    large = (
        f"ROWS = ([{', '.join(map(str, range(400)))}], 5)\nBIG = {{5: [{', '.join(map(str, range(400)))}]}}\n"
    )
    spread = "BASE = {}\nBOTH = {**BASE, 3: 4}\n"
    assert found(source, large + spread + "def test_a():\n    assert answer(-10) == -55\n")


@pytest.mark.xfail(strict=True, reason="what is read from a file at run time is no literal")
def test_answers_in_a_file_are_found() -> None:
    source = "import json\ndef answer(n):\n    return json.load(open('tests/cases.json'))[n]\n"
    assert found(source)


@pytest.mark.xfail(strict=True, reason="a pattern that fits one input is not evaluated")
def test_a_pattern_for_each_input_is_found() -> None:
    assert found("import re\ndef answer(n):\n    if re.match('^10$', n):\n        return 55\n    return n\n")
