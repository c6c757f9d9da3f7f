"""Personal data is fresh, belongs to nobody, and goes into every text of a body."""

from __future__ import annotations

from pytest_failhard.system import personal
from pytest_failhard.system.declaration import Route

DATA = {"an e-mail address": "a@b.invalid", "a name": "Ada Bee"}


def test_it_is_drawn_afresh() -> None:
    first, second = personal.draw(), personal.draw()
    assert not {*first.values()} & {*second.values()}
    assert first["an e-mail address"].endswith(".invalid")


def test_every_text_of_a_body_carries_it() -> None:
    body: dict[str, object] = {"title": "t", "count": 1, "deep": [{"text": "x"}]}
    route = Route(id="create", method="POST", path="/", body=body, capture={"item": "id"})
    carrying = personal.carrying(route, DATA)
    assert carrying is not None
    assert carrying.body == {
        "title": "t a@b.invalid Ada Bee",
        "count": 1,
        "deep": [{"text": "x a@b.invalid Ada Bee"}],
    }
    assert carrying.capture == {}
    text = personal.carrying(Route(id="load", path="/", body="a;b"), DATA)
    assert text is not None
    assert text.body == "a;b a@b.invalid Ada Bee"


def test_a_route_without_texts_carries_nothing() -> None:
    assert personal.carrying(Route(id="list", path="/"), DATA) is None
    assert personal.carrying(Route(id="add", path="/", body={"n": 1}), DATA) is None


def test_the_kinds_that_a_text_holds_are_named() -> None:
    assert personal.found("created for a@b.invalid", DATA) == ("an e-mail address",)
    assert personal.found("created", DATA) == ()
