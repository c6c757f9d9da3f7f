"""FH711: what a change takes away from the tests, and what only moves."""

from __future__ import annotations

import textwrap

import pytest

from pytest_failhard.rules.gaming.weakened_test_suite import weakened

PATH = "tests/test_cart.py"
CART = {"shop/cart.py": b"def total(prices):\n    return sum(prices)\n"}
HEAD = "import math\nimport pytest\nfrom shop.cart import total\n\n"


def told(before: str, now: str, **more: str) -> list[tuple[str, str]]:
    """Return sub and message of what a change of one test file takes away."""
    present = {PATH: _file(now), **{path: _file(text) for path, text in more.items()}}
    return [(hit.sub, hit.message) for hit in weakened({PATH: _file(before)}, {**CART, **present})]


def _file(text: str) -> bytes:
    return (HEAD + textwrap.dedent(text)).encode()


def body(lines: str) -> str:
    """Return a test of this body."""
    return "def test_total(x, y, f):\n" + textwrap.indent(textwrap.dedent(lines), "    ") + "\n"


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        pytest.param("assert x == 1\nassert y == 2", "assert x == 1", "makes 1 checks, before the change 2", id="removed"),
        pytest.param("assert x == 1\nassert y == 2", "assert x == 1\n# assert y == 2", "makes 1 checks, before the change 2", id="comment"),
        pytest.param("assert x == 42", "assert x", "became a truth", id="to-a-truth"),
        pytest.param("assert x == 42", "assert bool(x)", "became a truth", id="to-bool"),
        pytest.param("assert x == [1]", "assert not x", "became a truth", id="to-not"),
        pytest.param("assert x == 42", "assert x in (41, 42)", "became a bound", id="to-in"),
        pytest.param("assert x == 42", "assert x >= 40", "became a bound", id="to-a-bound"),
        pytest.param("assert x == 42", "assert x is not None", "became a bound", id="to-not-none"),
        pytest.param("assert x == 42", "assert x == total([42])", "is computed", id="to-a-call"),
        pytest.param("assert x == pytest.approx(4, rel=0.01)", "assert x == pytest.approx(4, rel=0.5)", "tolerance grew", id="approx"),
        pytest.param("assert abs(x - y) < 0.01", "assert abs(x - y) < 0.5", "tolerance grew", id="difference"),
        pytest.param("with pytest.raises(ValueError):\n    f()", "with pytest.raises(Exception):\n    f()", "may be any", id="raises"),
        pytest.param("with pytest.raises(ValueError, match='no'):\n    f()", "with pytest.raises(ValueError):\n    f()", "is not looked at", id="match"),
        pytest.param("with pytest.raises(ValueError, match='no'):\n    f()", "with pytest.raises(ValueError, match='.*'):\n    f()", "is not looked at", id="match-anything"),
        pytest.param("x.assertEqual(y, 1)", "x.assertTrue(y)", "became a truth", id="unittest"),
        pytest.param("x.assertEqual(y, 1)", "x.assertIn(y, f)", "became a bound", id="assertIn"),
    ],
)  # fmt: skip
def test_a_test_that_proves_less_is_found(before: str, now: str, says: str) -> None:
    ((sub, message),) = told(body(before), body(now))
    assert sub == "fewer-assertions"
    assert says in message


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param("assert x == 1", "assert x == 1", id="nothing"),
        pytest.param("assert x == 1", "assert x == 2", id="another-value"),
        pytest.param("assert x", "assert x == 2", id="stronger"),
        pytest.param("assert x > 1", "assert x > 2", id="another-bound"),
        pytest.param("assert x == 1", "assert y", id="something-else"),
        pytest.param("assert x is True", "assert x", id="truth-of-a-truth"),
        pytest.param("assert x == 1", "assert x == 1\nassert y", id="more"),
        pytest.param("assert x == y", "assert x == f()", id="computed-before"),
        pytest.param("assert x == pytest.approx(4, rel=0.5)", "assert x == pytest.approx(4, rel=0.1)", id="tighter"),
        pytest.param("assert x == pytest.approx(4, rel=y)", "assert x == pytest.approx(4, rel=f)", id="unknown-tolerance"),
        pytest.param("with pytest.raises(ValueError):\n    f()", "with pytest.raises(KeyError):\n    f()", id="another-exception"),
        pytest.param("with pytest.raises(Exception):\n    f()", "with pytest.raises(Exception, match='x'):\n    f()", id="a-match"),
        pytest.param("assert x == 1\nassert x == 2", "for each in (1, 2):\n    assert x == each", id="loop"),
        pytest.param("assert x == 1\nassert x == 2", "assert all(x == each for each in (1, 2))", id="comprehension"),
        pytest.param("assert x == 1\nassert x == 2", "for each in f():\n    assert x == each", id="loop-of-many"),
        pytest.param("assert x == 1\nassert x == 2", "for each in {'a': 1, 'b': 2}:\n    assert x == each", id="loop-over-a-dict"),
    ],
)  # fmt: skip
def test_a_test_that_proves_as_much_is_left_alone(before: str, now: str) -> None:
    assert told(body(before), body(now)) == []


TWO = "def test_total():\n    assert total([1]) == 1\n    assert total([2]) == 2\n"


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(
            "@pytest.mark.parametrize('n', [1, 2])\ndef test_total(n):\n    assert total([n]) == n\n", id="parameters"
        ),
        pytest.param(
            "@pytest.mark.parametrize('n', CASES)\ndef test_total(n):\n    assert total([n]) == n\n", id="named-parameters"
        ),
        pytest.param(
            "def test_total():\n    assert total([1]) == 1\n\ndef test_second():\n    assert total([2]) == 2\n",
            id="split",
        ),
        pytest.param(
            "def both(a, b):\n    assert total([1]) == a\n    assert total([2]) == b\n\ndef test_total():\n    both(1, 2)\n",
            id="helper",
        ),
        pytest.param(
            "def check_both(a, b):\n    assert total([1]) == a\n    assert total([2]) == b\n\n"
            "def test_total():\n    check_both(1, 2)\n",
            id="helper-named-like-a-check",
        ),
    ],
)  # fmt: skip
def test_checks_that_moved_are_left_alone(now: str) -> None:
    assert told(TWO, now) == []


def test_a_number_that_nobody_can_tell_is_many() -> None:
    many = "def test_total(f):\n    for each in f():\n        assert total([each]) == each\n"
    once = "def test_total(f):\n    assert total([1]) == 1\n"
    ((_, message),) = told(many, once)
    assert message == "test_total makes 1 checks, before the change many"


def test_fewer_parameters_prove_less() -> None:
    test = "@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_total(n):\n    assert total([n]) == n\n"
    less = "@pytest.mark.parametrize('n', [1])\ndef test_total(n):\n    assert total([n]) == n\n"
    assert told(test, less) == []
    assert told(test, less.replace("== n", "== n + 0"))[0][0] == "fewer-assertions"


@pytest.mark.parametrize(
    ("now", "mark"),
    [
        pytest.param("@pytest.mark.skip(reason='needs a rewrite')\n" + TWO, "skip", id="skip"),
        pytest.param("@pytest.mark.xfail(strict=True, reason='see #1')\n" + TWO, "xfail", id="xfail"),
        pytest.param(TWO.replace("():\n", "():\n    pytest.skip('x')\n"), "skip", id="skip-in-the-body"),
        pytest.param("pytestmark = pytest.mark.skip\n" + TWO, "skip", id="pytestmark"),
        pytest.param(TWO.replace("():\n", "():  # pragma: no cover\n"), "pragma: no cover", id="pragma"),
    ],
)
def test_a_new_way_not_to_pass_is_found(now: str, mark: str) -> None:
    assert told(TWO, now) == [("removed-test", f"test_total has a new {mark}")]


def test_a_mark_that_was_there_is_left_alone() -> None:
    marked = "class TestAll:\n    pytestmark = pytest.mark.skip\n    def test_a(self):\n        assert total([1]) == 1\n"
    assert told(marked, marked) == []


class TestRemoved:
    def test_a_removed_test_is_found(self) -> None:
        gone = "def test_other():\n    assert math.pi > 3\n"
        assert told(TWO + gone, gone) == [
            ("removed-test", "test_total is gone, and what it tested is still there")
        ]

    def test_a_removed_file_is_found(self) -> None:
        assert [hit.sub for hit in weakened({PATH: _file(TWO)}, CART)] == ["removed-test"]

    @pytest.mark.parametrize(
        "subject",
        [
            pytest.param(b"class total:\n    pass\n", id="class"),
            pytest.param(b"async def total(x):\n    return x\n", id="coroutine"),
            pytest.param(b"total = sum\n", id="name"),
        ],
    )
    def test_a_subject_of_any_kind_counts(self, subject: bytes) -> None:
        assert weakened({PATH: _file(TWO)}, {"shop/cart.py": subject})

    def test_a_test_of_a_module_has_the_module_for_its_subject(self) -> None:
        source = b"from shop import cart\ndef test_total():\n    assert cart.total([1]) == 1\n"
        assert weakened({PATH: source}, CART)
        assert weakened({PATH: source}, {"shop/other.py": b"x = 1\n"}) == ()

    def test_a_test_whose_subject_is_gone_may_go(self) -> None:
        assert weakened({PATH: _file(TWO)}, {"shop/cart.py": b"def price():\n    return 1\n"}) == ()

    def test_a_test_that_takes_nothing_by_name_has_a_subject(self) -> None:
        assert weakened({PATH: b"def test_page(client):\n    assert client.get('/').ok\n"}, CART)

    @pytest.mark.parametrize(
        ("path", "now"),
        [
            pytest.param("tests/test_other.py", TWO, id="another-file"),
            pytest.param(PATH, TWO.replace("test_total", "test_sum"), id="another-name"),
            pytest.param(
                PATH, "class TestTotal:\n" + textwrap.indent(TWO.replace("()", "(self)"), "    "), id="class"
            ),
            pytest.param(
                PATH,
                "def test_all():\n    total([])\n    assert total([1]) == 1\n    assert total([2]) == 2\n    assert total([])\n",
                id="merged",
            ),
        ],
    )
    def test_a_test_that_moved_is_left_alone(self, path: str, now: str) -> None:
        assert weakened({PATH: _file(TWO)}, {**CART, path: _file(now)}) == ()

    def test_a_file_that_does_not_parse_is_left_to_its_gate(self) -> None:
        assert weakened({PATH: b"def broken(:\n"}, CART) == ()
        assert weakened({PATH: _file(TWO)}, {**CART, PATH: b"def broken(:\n"})[0].sub == "removed-test"

    def test_only_tests_are_compared(self) -> None:
        assert weakened({"shop/cart.py": _file(TWO)}, CART) == ()
