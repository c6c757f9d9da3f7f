"""Healthy answers have the shape that the request asks for, and carry the canaries of the case."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_failhard.llm import samples
from pytest_failhard.llm.answers import Answers, AnswersError, Content, features, healthy
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.routing import route

WORDS = samples.CANARIES
CITY: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HEAD = "schema: failhard-llm-answers/1\nanswers:\n"


def _answer(body: dict[str, object], target: str = "/v1/chat/completions", script: str = "") -> Content:
    request = Request("POST", target, (), json.dumps(body).encode())
    return healthy(request, route(request), WORDS, None)


def _schema(schema: object) -> object:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    made: object = json.loads(_answer({"response_format": wanted}).text)
    return made


def test_text_has_a_canary_at_its_start_in_its_middle_and_at_its_end() -> None:
    text = _answer({}).text

    assert text.startswith(WORDS.head)
    assert WORDS.middle in text
    assert text.endswith(WORDS.tail)


def test_a_json_object_holds_the_text_and_the_number() -> None:
    made = json.loads(_answer({"response_format": {"type": "json_object"}}).text)

    assert made == {"answer": WORDS.text, "number": WORDS.number}


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/responses", {"text": {"format": {"type": "json_schema", "name": "x", "schema": CITY}}}),
        ("/models/g:generateContent", {"generationConfig": {"responseSchema": CITY}}),
        ("/models/g:generateContent", {"generationConfig": {"responseJsonSchema": CITY}}),
        ("/v1/messages", {"output_config": {"format": {"type": "json_schema", "schema": CITY}}}),
        ("/api/chat", {"format": CITY}),
        ("/v2/chat", {"response_format": {"type": "json_object", "json_schema": CITY}}),
    ],
)
def test_a_schema_is_followed_wherever_a_dialect_puts_it(target: str, body: dict[str, object]) -> None:
    assert json.loads(_answer(body, target).text) == {"city": WORDS.text}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        (True, WORDS.text),
        ({"type": "string"}, WORDS.text),
        ({"type": "STRING"}, WORDS.text),
        ({"type": ["null", "string"]}, WORDS.text),
        ({"type": ["null"]}, None),
        ({"type": "string", "maxLength": 25}, f"{WORDS.head} {WORDS.tail}"),
        ({"type": "string", "maxLength": 12}, WORDS.head),
        ({"type": "string", "maxLength": "3"}, WORDS.head[:3]),
        ({"type": "string", "minLength": 60}, f"{WORDS.text} {WORDS.text}"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "string", "format": "email"}, f"{WORDS.head}@{WORDS.tail}.example"),
        ({"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2,4}$"}, "AAA-00"),
        ({"type": "integer"}, WORDS.number),
        ({"type": "integer", "maximum": 10}, 10),
        ({"type": "integer", "minimum": 8000000}, 8000000),
        ({"type": "number", "minimum": 0, "maximum": 1}, 0),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "exclusiveMaximum": -2}, -3),
        ({"type": "integer", "multipleOf": 5}, 1234570),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 0}, []),
        ({"prefixItems": [{"const": 1}, {"const": 2}], "items": False}, [1, 2]),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}}, {"a": 1, "b": 2}),
        ({"type": "object", "required": ["a"]}, {"a": WORDS.text}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"answer": WORDS.number}),
        ({"type": "object", "additionalProperties": False}, {}),
        ({"anyOf": [{"type": "null"}, {"const": 2}]}, 2),
        ({"oneOf": [{"enum": []}, {"const": 2}]}, 2),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"const": 4}}}, 4),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 4}}}, 4),
    ],
)
def test_a_value_fits_its_schema(schema: object, value: object) -> None:
    assert _schema({"properties": {"it": schema}, "$defs": _definitions(schema)}) == {"it": value}


def _definitions(schema: object) -> object:
    return schema.get("$defs", {}) if isinstance(schema, dict) else {}


def test_a_schema_that_holds_itself_ends() -> None:
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "next": {"$ref": "#/$defs/node"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "required": ["name", "children"],
    }

    made = _schema({"$ref": "#/$defs/node", "$defs": {"node": node}})

    assert made == {"name": WORDS.text, "children": []}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (False, "#/properties/it: nothing is valid"),
        ({"enum": []}, "an enum without values"),
        ({"$ref": "#/$defs/none"}, "#/$defs/none does not exist"),
        ({"type": "text"}, "no such type: text"),
        ({"type": "array", "minItems": 2, "maxItems": 1}, "minItems is above maxItems"),
        ({"type": "string", "minLength": 2, "maxLength": 1}, "minLength is above maxLength"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number is within its bounds"),
        ({"type": "string", "pattern": "("}, "'(' is no regular expression"),
        ({"type": "string", "pattern": "^a{3}$", "maxLength": 2}, "no example of '^a{3}$' was found"),
        ({"anyOf": [{"enum": []}, False]}, "no alternative fits: "),
        ({"$ref": "#/properties/it"}, "it refers to itself without end"),
    ],
)
def test_a_schema_without_an_instance_is_an_error_that_names_the_place(schema: object, said: str) -> None:
    with pytest.raises(AnswersError, match=re.escape(said)):
        _schema({"properties": {"it": schema}, "required": ["it"]})


@pytest.mark.parametrize(
    "pattern",
    [
        "^\\d{4}-\\d{2}-\\d{2}$",
        "^(red|green)$",
        "^[^a-z]+$",
        "^\\w+@\\w+\\.com$",
        "^(?:ab)?c*d+$",
        "^(?=aa)[a-z]{2}?$|^z$",
        "^.{3}\\s\\S\\D\\W$",
        "^[\\d.]{2,}-[a-]\\b$",
        "^[+-]?[0-9]+?\\n*$",
        "^#[0-9a-fA-F]{6}$",
    ],
)
def test_a_pattern_gets_a_text_that_matches(pattern: str) -> None:
    made = _schema({"properties": {"it": {"type": "string", "pattern": pattern}}})

    assert isinstance(made, dict)
    assert re.search(pattern, made["it"])


FUNCTION = {"name": "weather", "parameters": CITY}
BEDROCK_TOOLS = [{"toolSpec": {"name": "weather", "inputSchema": {"json": CITY}}}]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/chat/completions", {"tools": [{"function": FUNCTION}], "tool_choice": "required"}),
        (
            "/v1/chat/completions",
            {
                "tools": [{"function": {"name": "other"}}, {"function": FUNCTION}],
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
            },
        ),
        (
            "/v1/responses",
            {
                "tools": [{"type": "function", **FUNCTION}],
                "tool_choice": {"type": "function", "name": "weather"},
            },
        ),
        (
            "/v1/messages",
            {"tools": [{"name": "weather", "input_schema": CITY}], "tool_choice": {"type": "any"}},
        ),
        (
            "/v1/messages",
            {
                "tools": [{"name": "weather", "input_schema": CITY}],
                "tool_choice": {"type": "tool", "name": "weather"},
            },
        ),
        (
            "/models/g:generateContent",
            {
                "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": CITY}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            },
        ),
        ("/model/m/converse", {"toolConfig": {"tools": BEDROCK_TOOLS, "toolChoice": {"any": {}}}}),
        (
            "/model/m/converse",
            {"toolConfig": {"tools": BEDROCK_TOOLS, "toolChoice": {"tool": {"name": "weather"}}}},
        ),
    ],
)
def test_a_forced_tool_is_called_with_arguments_that_fit(target: str, body: dict[str, object]) -> None:
    (call,) = _answer(body, target).tool_calls

    assert call.name == "weather"
    assert json.loads(call.arguments) == {"city": WORDS.text}


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/chat/completions", {"tools": [{"function": FUNCTION}], "tool_choice": "auto"}),
        ("/v1/chat/completions", {"tools": [{"type": "web_search"}], "tool_choice": "required"}),
        ("/v1/messages", {"tools": [{"name": "weather"}], "tool_choice": {"type": "auto"}}),
        ("/models/g:generateContent", {"tools": [{"functionDeclarations": [FUNCTION]}]}),
        ("/model/m/converse", {"toolConfig": {"tools": BEDROCK_TOOLS}}),
    ],
)
def test_a_model_that_is_free_answers_in_text(target: str, body: dict[str, object]) -> None:
    assert _answer(body, target) == Content(text=WORDS.text)


def test_vectors_follow_from_the_input_alone() -> None:
    body = {"input": ["a", "b", "a", [1, 2]], "dimensions": 8}
    first, second, third, tokens = _answer(body, "/v1/embeddings").vectors

    assert first == third
    assert len({first, second, tokens}) == 3
    assert len(first) == 8
    assert sum(value * value for value in first) == pytest.approx(1, abs=1e-6)


def test_a_vector_has_the_usual_length_unless_told() -> None:
    (vector,) = _answer({"input": "a"}, "/v1/embeddings").vectors
    (of_tokens,) = _answer({"input": [1, 2, 3]}, "/v1/embeddings").vectors

    assert len(vector) == 1536
    assert vector != of_tokens


@pytest.mark.parametrize(
    ("target", "body", "used"),
    [
        ("/v1/chat/completions", {}, set()),
        ("/v1/chat/completions", {"stream": True, "n": 2}, {"stream", "choices"}),
        ("/v1/chat/completions", {"tools": [{"function": FUNCTION}]}, {"tools"}),
        ("/v1/chat/completions", {"response_format": {"type": "json_object"}}, {"json"}),
        ("/api/chat", {"format": "json", "stream": False}, {"json"}),
        ("/v1/embeddings", {"input": "a"}, {"embeddings"}),
        ("/v1/responses", {"input": "a"}, {"responses"}),
        ("/openai/deployments/d/chat/completions", {}, {"azure"}),
        ("/models/g:generateContent", {"generationConfig": {"candidateCount": 2}}, {"choices"}),
    ],
)
def test_features_are_what_a_request_makes_use_of(
    target: str, body: dict[str, object], used: set[str]
) -> None:
    request = Request("POST", target, (), json.dumps(body).encode())

    assert features(request, route(request)) == used


def _scripted(tmp_path: Path, text: str, body: dict[str, object]) -> Content:
    path = tmp_path / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    request = Request("POST", "/v1/chat/completions", (), json.dumps(body).encode())
    return healthy(request, route(request), WORDS, Answers.load(path))


SCRIPT = f"""{HEAD}
- match: summarise
  text: "Summary: {{{{canary_head}}}} until {{{{canary_tail}}}}"
- match: {{model: gpt-4o, route: /chat/completions, contains: extract}}
  json: {{amount: "{{{{canary_number}}}}", items: ["{{{{canary}}}}"], share: 0.5}}
- match: {{contains: call}}
  tool_calls:
    - {{name: send, arguments: {{text: "{{{{canary}}}}"}}}}
"""


def test_a_script_answers_by_what_the_prompt_holds(tmp_path: Path) -> None:
    body: dict[str, object] = {"messages": [{"content": "please summarise"}]}

    assert _scripted(tmp_path, SCRIPT, body).text == f"Summary: {WORDS.head} until {WORDS.tail}"


def test_a_script_answers_in_json(tmp_path: Path) -> None:
    body: dict[str, object] = {"model": "gpt-4o", "messages": [{"content": "extract"}]}

    made = json.loads(_scripted(tmp_path, SCRIPT, body).text)

    assert made == {"amount": WORDS.number, "items": [WORDS.text], "share": 0.5}


def test_a_script_calls_tools(tmp_path: Path) -> None:
    content = _scripted(tmp_path, SCRIPT, {"messages": [{"content": "call"}]})

    assert content.finish == "tool_calls"
    assert [(each.name, json.loads(each.arguments)) for each in content.tool_calls] == [
        ("send", {"text": WORDS.text})
    ]


def test_what_no_rule_is_for_is_answered_without_the_script(tmp_path: Path) -> None:
    body: dict[str, object] = {"model": "other", "messages": [{"content": "extract"}]}

    assert _scripted(tmp_path, SCRIPT, body).text == WORDS.text


def test_all_mistakes_of_a_script_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(
        f'{HEAD}- {{text: plain}}\n- {{match: a}}\n- {{text: "{{{{canry}}}}"}}\n', encoding="utf-8"
    )

    with pytest.raises(AnswersError) as raised:
        Answers.load(path)

    assert str(raised.value).splitlines() == [
        "answers.yaml: answers[0]: holds no canary: put {{canary}} where the content matters, or nothing is proven",
        "answers.yaml: answers[1]: must have one of text, json, tool_calls",
        "answers.yaml: answers[2]: no placeholder {{canry}}; did you mean canary?",
        "answers.yaml: answers[2]: holds no canary: put {{canary}} where the content matters, or nothing is proven",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema: failhard-llm-answers/2\nanswers: []\n", "schema: must be one of 'failhard-llm-answers/1'"),
        (f"{HEAD}- {{txt: a}}\n", "unknown key; did you mean text?"),
        ("a: [", "answers.yaml:1:"),
    ],
)
def test_a_script_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(AnswersError, match=re.escape(said)):
        Answers.load(path)


def test_a_script_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"none\.yaml"):
        Answers.load(tmp_path / "none.yaml")
