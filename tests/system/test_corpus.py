"""The corpus: what is bad about each input is bad, and all the rest of the request is good."""

from __future__ import annotations

import json

import pytest

from pytest_failhard.system import corpus
from pytest_failhard.system.ask import Request
from pytest_failhard.system.corpus import BadInput
from pytest_failhard.system.declaration import Route

BODY = {"title": "t-${n}", "count": 3, "tags": ["a"], "more": {"x": None}, "open": True, "none": None}
ROUTE = Route(id="change", method="PUT", path="/shops/7/items/${item}?full=1", body=BODY)
SENT = Request(
    method="PUT",
    path="/shops/7/items/abc?full=1",
    headers={"content-type": "application/json; charset=utf-8", "Authorization": "Bearer x"},
    body=json.dumps({**BODY, "title": "t-1"}).encode(),
)
MADE = corpus.inputs(ROUTE, SENT)


def made(case: str) -> list[BadInput]:
    return [each for each in MADE if each.case == case]


def bodies(case: str) -> dict[str, bytes]:
    return {each.what: each.request.body or b"" for each in made(case)}


def test_every_number_of_the_corpus_is_there() -> None:
    wrong = corpus.wrong_method("/x", {"GET"})
    assert wrong is not None
    cases = {each.case for each in (*MADE, *corpus.unknown_paths("/x"), wrong)}
    assert cases == {f"B{number}" for number in range(1, 15)}


def test_it_is_the_same_every_time() -> None:
    assert corpus.inputs(ROUTE, SENT) == MADE


def test_all_but_the_bad_part_is_as_declared() -> None:
    kept = {"PUT", "Bearer x"}
    assert all({each.request.method, each.request.headers["Authorization"]} == kept for each in MADE)
    types = [each.request.headers.get("Content-Type") for each in made("B2")]
    assert types == ["text/plain", None]
    assert all(each.request.body == SENT.body for each in made("B2"))


def test_documents_are_bad_as_a_whole() -> None:
    assert bodies("B1") == {"a body that is no JSON": b"{bad"}
    assert bodies("B3") == {"an array": b"[1]"}
    assert [*bodies("B4").values()] == [b"1", b"null", b'"x"']
    [deep] = bodies("B7").values()
    assert deep == b"[" * 100_000


def test_each_field_is_once_of_a_wrong_type() -> None:
    wrong = {what: json.loads(body) for what, body in bodies("B8").items()}
    assert {what.split()[0]: document[what.split()[0]] for what, document in wrong.items()} == {
        "title": [{}],
        "count": "x",
        "tags": 1,
        "more": 1,
        "open": "x",
        "none": [{}],
    }


def test_each_field_is_once_missing_and_one_alone_may_be_optional() -> None:
    missing = {what: set(json.loads(body)) for what, body in bodies("B9").items()}
    assert missing["an empty object"] == set()
    assert missing["count missing"] == set(BODY) - {"count"}
    [empty] = (each for each in made("B9") if each.what == "an empty object")
    assert (201 in empty.right, {201 in each.right for each in made("B9") if each != empty}) == (
        False,
        {True},
    )
    one = Route(id="create", method="POST", path="/items", body={"title": "x"})
    sent = Request(method="POST", path="/items", body=b'{"title": "x"}')
    assert all(201 not in each.right for each in corpus.inputs(one, sent) if each.case == "B9")


def test_texts_are_long_or_hold_what_no_text_should() -> None:
    [long] = bodies("B5").values()
    assert len(json.loads(long)["title"]) == 1_000_000
    [nul] = bodies("B6").values()
    assert json.loads(nul)["title"] == "a\0b"
    odd = bodies("B10")
    assert b"\\ud800" in odd["a lone surrogate in title"]
    assert b"\xff\xfe" in odd["0xFF bytes in title"]
    assert json.loads(odd["right-to-left and astral characters in title"])["title"][0] == "\u200f"


def test_fields_stand_twice_and_unknown() -> None:
    twice, unknown = bodies("B14")["every field twice"], bodies("B14")["a field that is unknown"]
    assert twice.count(b'"count"') == 2
    assert json.loads(twice) == json.loads(SENT.body or b"")
    assert len(json.loads(unknown)) == len(BODY) + 1


def test_parameters_in_a_path_are_replaced_one_at_a_time() -> None:
    paths = [each.request.path for each in made("B11")]
    assert paths[:6] == [f"/shops/{value}/items/abc" for value in corpus.PARAMETER_VALUES]
    assert paths[6:] == [f"/shops/7/items/{value}" for value in corpus.PARAMETER_VALUES]


def test_where_an_item_may_be_missing_404_is_right() -> None:
    assert all(404 in each.right for each in MADE)


def test_queries_are_long_and_odd() -> None:
    [many, odd] = [each.request.path for each in made("B14") if each.request.path != SENT.path]
    assert many.count("x=") == 1_000
    assert odd == "/shops/7/items/abc?x=%00%ff%fe"


@pytest.mark.parametrize("path", ["/", "/items/", "/items?x=1"])
def test_unknown_paths_are_unknown(path: str) -> None:
    paths = [each.request.path for each in corpus.unknown_paths(path)]
    assert len(set(paths)) == 6
    assert all(corpus.UNKNOWN in each and "//" not in each for each in paths)


def test_a_path_that_has_every_method_has_no_wrong_one() -> None:
    assert corpus.wrong_method("/x", set(corpus.METHODS)) is None
    wrong = corpus.wrong_method("/x", {"PATCH", "DELETE"})
    assert wrong is not None
    assert (wrong.request.method, wrong.right) == ("PUT", frozenset({405}))


def test_a_route_without_a_body_gets_one_and_one_with_text_gets_odd_text() -> None:
    plain = corpus.inputs(Route(id="list", path="/items"), Request(method="GET", path="/items"))
    assert [each.case for each in plain] == ["B14", "B14", "B1"]
    text = Route(id="load", method="POST", path="/load", body="a;b")
    texts = corpus.inputs(text, Request(method="POST", path="/load", body=b"a;b"))
    assert [each.case for each in texts] == ["B14", "B14", "B5", "B10"]


def test_a_body_of_numbers_has_no_text_to_be_odd() -> None:
    route = Route(id="add", method="POST", path="/add", body={"n": 1})
    cases = {
        each.case for each in corpus.inputs(route, Request(method="POST", path="/add", body=b'{"n": 1}'))
    }
    assert not cases & {"B5", "B6", "B10"}


@pytest.mark.parametrize("body", [{"n": 1}, {"text": "x"}, "a;b"], ids=["no text", "text", "plain"])
def test_a_huge_body_is_above_ten_megabytes(body: dict[str, object] | str) -> None:
    route = Route(id="add", method="POST", path="/add", body=body)
    content = body if isinstance(body, str) else json.dumps(body)
    found = corpus.huge(Request(method="POST", path="/add", body=content.encode()), route)
    assert found is not None
    assert len(found.request.body or b"") >= 10 * 1024 * 1024
    assert found.right == frozenset({413})
    assert corpus.huge(Request(method="GET", path="/add"), route) is None
