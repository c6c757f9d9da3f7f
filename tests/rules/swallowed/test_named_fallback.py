"""FH106: what calls itself a fallback, and what a project has approved."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

from pytest_failhard.model import Option, Severity
from pytest_failhard.rules.approvals import unused_approvals
from pytest_failhard.rules.findings import settle
from tests.rules.support import hits, scanned, subs


def handling(handled: str, clause: str = "APIError", more: str = "") -> str:
    """Return a class whose method handles a failure with these lines."""
    body = textwrap.indent(textwrap.dedent(handled).strip(), " " * 12)
    return (
        "import asyncio\nimport functools\n\nclass Answerer:\n    def answer(self, question):\n        try:\n"
        f"            return self.client.ask(question)\n        except {clause} as error:\n{body}\n"
        f"{textwrap.indent(textwrap.dedent(more), '    ')}"
    )


METHOD = "def _offline(self, *given):\n    return self.index.search(*given)\n"
NAMED = {
    "method": handling("return self._mock_answer(question)"),
    "broad": handling("return self._mock_answer(question)", "Exception"),
    "two types": handling("return self._mock_answer(question)", "(APIError, OSError)"),
    "function": handling("return fallback_answer(question)"),
    "awaited": handling("return await self._heuristic(question)"),
    "assigned": handling("answer = self._rule_based_answer(question)"),
    "called": handling("self._use_backup()"),
    "in an argument": handling("return Answer(text=canned_text(question))"),
    "yield": handling("yield self._sample()"),
    "yield from": handling("yield from self._sample()"),
    "in a branch": handling("if question:\n    return self._degraded(question)\nreturn 1"),
    "default answer": handling("return make_default_answer(question)"),
    "to a thread": handling("return await asyncio.to_thread(self._offline, question)", more=METHOD),
    "passed": handling("return retry(self._offline)", more=METHOD),
    "passed by keyword": handling("return retry(call=self._offline)", more=METHOD),
    "partial": handling("return functools.partial(self._offline, question)()", more=METHOD),
    "getattr": handling("return getattr(self, '_fallback_answer')(question)"),
    "getattr of a constant": "NAME = 'mock_answer'\n" + handling("return getattr(self, NAME)(question)"),
    "table": "TABLE = {'error': heuristic_answer}\n" + handling("return TABLE['error'](question)"),
    "another name with made-up data": handling(
        "return self._neutral()", more="def _neutral(self):\n    return {'price': 0.5}\n"
    ),
    "flag": """
        def answer(client):
            failed = False
            try:
                text = client.ask()
            except APIError:
                failed = True
            if failed:
                return fallback_answer()
            return text
        """,
    "flag that is None": """
        def answer(client):
            try:
                text = client.ask()
            except APIError:
                text = None
            if text is None:
                text = sample_answer()
            return text
        """,
    "flag and what follows": """
        def answer(client):
            ok = True
            try:
                text = client.ask()
            except APIError:
                ok = False
            if ok:
                return text
            return sample_answer()
        """,
    "else of an availability": """
        def answer(self):
            if self.openai_client:
                return self.openai_client.ask()
            else:
                return self._heuristic()
        """,
    "else of is not None": """
        def answer(api_key, text):
            if api_key is not None and text:
                return ask(api_key)
            else:
                return offline_answer()
        """,
    "else of is_available": """
        def answer(self):
            if self.provider.is_available:
                return self.provider.ask()
            else:
                return self._sample()
        """,
}


CONFESSED = handling(
    "return self._second(question)",
    more='def _second(self, question):\n    """Made-up answer until the service is there."""\n    return self.last\n',
)


@pytest.mark.parametrize(
    "source",
    [
        *(pytest.param(source, id=name) for name, source in NAMED.items()),
        pytest.param(
            CONFESSED,
            id="another name that confesses",
            marks=pytest.mark.xfail(strict=True, reason="what a docstring confesses is another rule's"),
        ),
    ],
)
def test_what_calls_itself_a_fallback_is_seen(source: str) -> None:
    assert subs(source, "FH106") == [""]


HONEST = {
    "raised": handling("raise AnswerUnavailable(question) from error"),
    "raised after": handling("self._fallback(question)\nraise"),
    "a plain method": handling("return self._second(question)"),
    "setdefault": handling("return cache.setdefault(question, 1)"),
    "timer": handling("return default_timer()"),
    "get_default": handling("return self._get_default_config()"),
    "ssl": handling("return ssl.create_default_context()"),
    "queue": handling("self.channel.basic_nack(error)"),
    "default without a call": handling("default = 1\nreturn default"),
    "an attribute that is no function": handling("return self.ask(self.fallback_url)"),
    "an error class": handling("self.last = EmptyAnswerError(question)"),
    "a nested function": handling("def later():\n    return self._fallback()\nself.then = later"),
    "a table of others": "TABLE = {'error': report}\n" + handling("return TABLE['error'](question)"),
    "no table": handling("return self.table['error'](question)"),
    "getattr of another name": handling("return getattr(self, 'report')(question)"),
    "getattr of no text": handling("return getattr(self, name)(question)"),
    "else of another test": "def f(x):\n    if x > 1:\n        return 1\n    else:\n        return fallback()\n",
    "else of a plain name": "def f(x):\n    if x:\n        return 1\n    else:\n        return fallback()\n",
    "else that raises": (
        "def f(client):\n    if client:\n        return 1\n    else:\n        fallback()\n        raise X\n"
    ),
    "flag of something else": (
        "def f():\n    try:\n        g()\n    except E:\n        failed = True\n    if other:\n        return mock()\n"
    ),
    "flag, no fallback": (
        "def f():\n    try:\n        g()\n    except E:\n        failed = True\n    if failed:\n        raise X\n"
    ),
    "flag, nothing follows": (
        "def f():\n    ok = True\n    try:\n        g()\n    except E:\n        ok = False\n    if ok:\n        h()\n"
    ),
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST)
def test_what_is_no_fallback_is_left_alone(source: str) -> None:
    assert subs(source, "FH106") == []


def test_narrow_forms_that_only_call_are_marked_as_not_measured() -> None:
    (called,) = hits(NAMED["called"], "FH106")
    (returned,) = hits(NAMED["method"], "FH106")
    (broad,) = hits(handling("self._use_backup()", "Exception"), "FH106")
    assert called.details["unmeasured"]
    assert "unmeasured" not in {**returned.details, **broad.details}


APPROVED = handling(
    "return self._backup_answer(question)",
    more="def _backup_answer(self, question):\n    return Answer(self.mirror.ask(question), served_by='mirror')\n",
)
ENTRY = {
    "from": "app.service.Answerer.answer",
    "to": "app.service.Answerer._backup_answer",
    "on": "app.errors.APIError",
    "owner": "ana",
    "reason": "the mirror does the same work",
    "attribution": "served_by",
}


def options(**changed: str) -> Mapping[str, Option]:
    return {"approved_fallbacks": [{**ENTRY, **changed}]}


class TestAnApproval:
    def test_lets_a_fallback_through_that_names_its_producer(self) -> None:
        assert subs(APPROVED, "FH106", options()) == []

    @pytest.mark.parametrize(
        "changed",
        [
            {"from": "Answerer.answer"},
            {"from": "answer"},
            {"to": "_backup_answer"},
            {"on": "APIError, OSError"},
        ],
        ids=str,
    )
    def test_names_places_by_the_tails_of_their_names(self, changed: dict[str, str]) -> None:
        assert subs(APPROVED, "FH106", options(**changed)) == []

    @pytest.mark.parametrize(
        "shown",
        [
            "answer = self._backup_answer(question)\nanswer.served_by = 'mirror'\nreturn answer",
            "answer = self._backup_answer(question)\nanswer['served_by'] = 'mirror'\nreturn answer",
            "return {'served_by': 'mirror', 'text': self._backup_answer(question)}",
        ],
    )
    def test_sees_the_field_wherever_it_is_given(self, shown: str) -> None:
        assert subs(handling(shown), "FH106", options()) == []

    @pytest.mark.parametrize(
        "changed", [{"from": "Other.answer"}, {"from": ""}, {"to": "x"}, {"on": "OSError"}], ids=str
    )
    def test_of_something_else_lets_nothing_through(self, changed: dict[str, str]) -> None:
        assert subs(APPROVED, "FH106", options(**changed)) == [""]

    def test_without_the_field_does_not_hold(self) -> None:
        (hit,) = hits(APPROVED, "FH106", options(attribution="producer"))
        assert hit.message.endswith(
            "its approval does not hold: no field producer in the answer names the producer"
        )

    def test_without_an_attribution_does_not_hold(self) -> None:
        (hit,) = hits(APPROVED, "FH106", options(attribution=""))
        assert "no field of attribution" in hit.message

    def test_on_one_error_does_not_hold_for_another(self) -> None:
        source = APPROVED.replace("except APIError", "except (APIError, AuthenticationError)")
        (hit,) = hits(source, "FH106", options())
        assert hit.message.endswith("it also answers AuthenticationError")

    @pytest.mark.parametrize("word", ["mock", "canned", "sample", "empty", "dummy", "placeholder"])
    def test_of_what_does_no_work_does_not_hold(self, word: str) -> None:
        (hit,) = hits(APPROVED.replace("backup", word), "FH106", options(to=f"_{word}_answer"))
        assert hit.message.endswith(f"_{word}_answer does no work of the same kind")

    def test_of_what_returns_a_literal_does_not_hold(self) -> None:
        source = handling(
            "return self._backup_answer()", more="def _backup_answer(self):\n    return {'served_by': 'x'}\n"
        )
        (hit,) = hits(source, "FH106", options())
        assert "does no work" in hit.message

    def test_by_name_in_a_text_is_found_too(self) -> None:
        source = handling("return getattr(self, '_backup_answer')(question, served_by=1)")
        assert subs(source, "FH106", options()) == []


class TestAnUnusedApproval:
    @pytest.mark.parametrize("changed", [{"from": "Other.answer"}, {"from": ""}, {"on": ""}], ids=str)
    def test_is_a_hit(self, changed: dict[str, str]) -> None:
        (hit,) = unused_approvals(scanned({"app/service.py": APPROVED}).hits, options(**changed))
        assert (hit.rule, hit.path) == ("FH106/unmatched-approval", "pyproject.toml")
        assert "matches nothing" in hit.message

    def test_is_none_where_it_matches(self) -> None:
        assert not list(unused_approvals(scanned({"app/service.py": APPROVED}).hits, options()))

    @pytest.mark.parametrize("value", [None, [], ["x"], "x"], ids=repr)
    def test_is_none_where_nothing_is_approved(self, value: Option) -> None:
        assert not list(unused_approvals([], {"approved_fallbacks": value}))

    def test_is_a_finding_of_the_gate(self) -> None:
        settled = settle(
            scanned({"app/service.py": "x = 1"}), "fallbacks", {"named-fallback": "high"}, options()
        )
        assert [each.rule for each in settled.findings] == ["FH106/unmatched-approval"]


def test_what_nobody_has_measured_is_medium_at_most() -> None:
    scan = scanned({"app/service.py": NAMED["called"]})
    settled = settle(scan, "fallbacks", {"named-fallback": "high"}, {})
    assert [each.severity for each in settled.findings] == [Severity.MEDIUM]
