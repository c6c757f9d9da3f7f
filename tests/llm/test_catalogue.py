"""The catalogue: what ships is sound, every mistake is named at once, and faults are found."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from pytest_failhard.llm import catalogue, catalogue_checks
from pytest_failhard.llm.catalogue import GROUPS, PARENTS, Catalogue, CatalogueError, Fault, Form

FAULTS = tuple(catalogue.load().faults.values())
FORMS = [(fault, dialect, form) for fault in FAULTS for dialect, form in fault.dialects.items()]
ENTRY = """\
- id: sample
  kind: transient
  level: 2
  oracle: recover
  summary: A sample.
  params: {hint_ms: 5}
  cause: [status:503]
  dialects:
    openai:
      verified: d
      source: a guide
      status: 503
      headers: {retry-after: "{{hint_s}}"}
      json: {error: {message: "{{model}} is busy", code: null}}
      observed: {openai-3: {attempts: 3, exception: openai.InternalServerError}}
"""


def parsed(*entries: str) -> Catalogue:
    text = "schema: failhard-faults/1\nversion: 3\nfaults:\n" + "".join(entries)
    return catalogue.parse(text.encode(), "ours.yaml")


def mistakes(*entries: str) -> tuple[str, ...]:
    with pytest.raises(CatalogueError) as caught:
        parsed(*entries)
    return caught.value.mistakes


def with_form(form: str, head: str = "") -> str:
    """Return an entry with another form than the sample's; `head` are lines to put before the dialects."""
    before = ENTRY.partition("  dialects:")[0]
    return f"{before}{head}  dialects:\n    openai: {form}\n"


def test_the_catalogue_that_ships_is_read_once_and_carries_its_digest() -> None:
    found = catalogue.load()
    data = (resources.files("pytest_failhard.llm") / catalogue.FILE).read_bytes()
    assert found is catalogue.load()
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.version == 1
    assert list(found.faults) == sorted(found.faults)
    assert all(name == fault.id for name, fault in found.faults.items())


def test_the_catalogue_is_a_file_of_the_package() -> None:
    assert Path(catalogue.__file__).with_name(catalogue.FILE).is_file()


def test_every_word_of_the_vocabulary_is_used() -> None:
    recipes = {form.recipe for _, _, form in FORMS} - {""}
    assert recipes == frozenset().union(*catalogue_checks.RECIPES.values())
    assert {form.stream for _, _, form in FORMS} - {""} == catalogue_checks.STREAMS
    assert {form.vectors for _, _, form in FORMS} - {""} == catalogue_checks.VECTORS
    assert {need for fault in FAULTS for need in fault.needs} == catalogue_checks.NEEDS


def test_every_dialect_has_its_faults_and_every_fault_a_dialect() -> None:
    found = catalogue.load()
    met = {dialect for fault in FAULTS for dialect in found.dialects_of(fault)}
    assert met == set(PARENTS)
    assert all(found.dialects_of(fault) for fault in FAULTS)


def test_parents_exist_and_lead_to_no_cycle() -> None:
    for dialect, parents in PARENTS.items():
        assert set(parents) <= set(PARENTS)
        assert all(not PARENTS[parent] for parent in parents), dialect


def test_every_level_and_kind_has_faults_and_the_groups_hold_them() -> None:
    found = catalogue.load()
    assert {fault.level for fault in FAULTS} == set(catalogue_checks.LEVELS)
    assert {fault.kind for fault in FAULTS} == GROUPS["all"]
    assert found.group("all") == FAULTS
    for name in GROUPS:
        ids = [fault.id for fault in found.group(name)]
        assert ids
        assert ids == sorted(ids)
    assert found.find("insufficient_quota") in found.group("permanent")
    assert {fault.id for fault in found.group("stream")} >= {"stream_stall", "responses_stream_failed"}


def test_level_one_is_what_breaks_every_day() -> None:
    first = {fault.id for fault in FAULTS if fault.level == 1}
    assert first == {
        *("invalid_key", "missing_key", "refused", "rst_before", "rate_limit_rpm", "server_error"),
    }


def test_every_transient_status_hints_at_a_short_wait_unless_the_hint_is_the_fault() -> None:
    found = catalogue.load()
    without = {"rate_limit_no_header", "retry_after", "retry_after_zero", "retry_after_date"}
    for fault in found.group("transient"):
        form = found.form(fault, "openai")
        if form is not None and form.status >= 300 and fault.id not in without:
            assert "{{hint_ms}}" in form.headers["retry-after-ms"], fault.id


def test_what_carries_text_under_a_success_carries_the_poison() -> None:
    for fault, dialect, form in FORMS:
        said = catalogue_checks.placeholders([form.text, form.json])
        if fault.kind == "silent" and (form.json or form.text) and not form.patch:
            if fault.id in {
                "body_malformed",
                "body_array",
                "body_null",
                "stream_bad_json",
                "stream_not_object",
            }:
                continue
            if fault.id == "responses_stream_incomplete":
                continue
            assert "poison" in said, (fault.id, dialect)


@pytest.mark.parametrize(
    ("name", "dialect", "expected"),
    [
        ("server_error", "groq", "openai"),
        ("server_error", "azure", "azure"),
        ("refused", "ollama", "any"),
        ("body_html", "openai_responses", "openai_responses"),
        ("choices_empty", "mistral", "openai"),
    ],
)
def test_a_form_is_the_dialects_own_a_parents_or_that_for_any(name: str, dialect: str, expected: str) -> None:
    found = catalogue.load()
    fault = found.find(name)
    assert found.form(fault, dialect) is fault.dialects[expected]


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("choices_empty", "openai_responses"),
        ("stream_truncated", "openai_embeddings"),
        ("choices_empty", "anthropic"),
        ("guardrail", "openai"),
    ],
)
def test_an_edit_is_not_inherited_by_a_dialect_with_another_shape(name: str, dialect: str) -> None:
    found = catalogue.load()
    assert found.form(found.find(name), dialect) is None
    assert dialect not in found.dialects_of(found.find(name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "rate_limt",
            "unknown LLM fault 'rate_limt': did you mean 'rate_limit_rpm'? failhard llm-faults lists all",
        ),
        ("qqq", "unknown LLM fault 'qqq': failhard llm-faults lists all"),
    ],
)
def test_an_unknown_fault_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.load().find(name)
    assert str(caught.value) == message


def test_an_unknown_group_and_an_unknown_dialect_are_refused_with_the_nearest() -> None:
    found = catalogue.load()
    with pytest.raises(CatalogueError, match="unknown group of LLM faults 'silnt': did you mean 'silent'"):
        found.group("silnt")
    with pytest.raises(CatalogueError, match="unknown LLM dialect 'antropic': did you mean 'anthropic'"):
        found.form(found.find("refused"), "antropic")


def test_a_document_becomes_typed_data() -> None:
    found = parsed(
        ENTRY.replace("params: {hint_ms: 5}", "params: {hint_ms: 5, every: 0.5}\n  needs: [stream]")
    )
    assert found.version == 3
    fault = found.find("sample")
    assert isinstance(fault, Fault)
    assert (fault.needs, fault.params) == (("stream",), {"hint_ms": 5, "every": 0.5})
    form = fault.dialects["openai"]
    assert isinstance(form, Form)
    assert form.json == {"error": {"message": "{{model}} is busy", "code": None}}
    assert form.observed["openai-3"].attempts == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "ours.yaml:2:1: the key a stands twice; keep one"),
        ("- 1", "ours.yaml: must hold schema, version (a number), faults (a list) and nothing else"),
        (
            "schema: failhard-faults/1\nversion: 1\nfaults: []\nmore: 1",
            "ours.yaml: must hold schema, version (a number), faults (a list) and nothing else",
        ),
        (
            "schema: failhard-faults/2\nversion: 1\nfaults: []",
            "ours.yaml: schema: 'failhard-faults/2'; this version reads 'failhard-faults/1'",
        ),
    ],
)
def test_what_is_no_catalogue_is_refused(text: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.parse(text.encode(), "ours.yaml")
    assert str(caught.value) == message


def test_all_mistakes_of_all_faults_come_at_once() -> None:
    found = mistakes(
        ENTRY.replace("status: 503", "status: high").replace("kind: transient", "kind: transitory"),
        ENTRY.replace("sample", "second").replace("headers", "headerz"),
        "- 5\n",
        ENTRY.replace("sample", "third").replace("level: 2", "level: 9"),
    )
    assert [each.partition(" (it is")[0] for each in found] == [
        "ours.yaml: sample: kind: must be one of 'permanent', 'permanent-retried', 'transient', 'silent', 'network', 'deadline', 'benign' or 'report'",
        "ours.yaml: sample: dialects.openai.status: must be a whole number",
        "ours.yaml: second: dialects.openai.headerz: unknown key; did you mean headers?",
        found[3].partition(" (it is")[0],
        "ours.yaml: third: level: there is no level 9",
    ]
    assert found[3].startswith("ours.yaml: 2")


FINE = "verified: d, source: a guide"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (ENTRY + ENTRY, "sample: stands twice; keep one"),
        (ENTRY.replace("sample", "Sample"), "Sample: an id is lower-case words joined by _"),
        (
            ENTRY.replace("oracle: recover", "oracle: succeed"),
            "sample: oracle: succeed does not go with the kind transient",
        ),
        (
            ENTRY.replace("[status:503]", "[]"),
            "sample: cause: missing: name what the error's text must say",
        ),
        (
            ENTRY.replace("status:503]", "state:503]"),
            "sample: cause: 'state:503' is none of class, code, status, type, variable, word, a colon and a text",
        ),
        (
            ENTRY.replace("  params:", "  needs: [streams]\n  params:"),
            "sample: needs: unknown feature streams; did you mean stream?",
        ),
        (
            ENTRY.replace("    openai:", "    opnai:"),
            "sample: dialects: unknown dialect opnai; did you mean openai?",
        ),
        (ENTRY.partition("  dialects:")[0] + "  dialects: {}\n", "sample: dialects: empty: give a wire form"),
        (
            ENTRY.replace("  params:", "  replaced_by: sampl\n  params:"),
            "sample: replaced_by: unknown fault sampl; did you mean sample?",
        ),
        (
            ENTRY.replace("    openai:", "    any:").replace("json: {", "patch: {/"),
            "sample.any: edits a healthy answer, which has another shape in each dialect",
        ),
        (
            with_form(f'{{{FINE}, text: "", recipe: fin_before}}'),
            "sample.openai: uses more than one of recipe, stream, vectors, text, json, patch; use one",
        ),
        (
            with_form(f"{{{FINE}, recipe: fin_befor}}"),
            "sample.openai: recipe: none of the stage answer; did you mean fin_before?",
        ),
        (
            with_form(f"{{{FINE}, status: 500}}", "  stage: connection\n"),
            "sample.openai: recipe: missing; the stage connection knows no other way",
        ),
        (
            with_form(f"{{{FINE}, stream: truncate}}", "  needs: [stream]\n"),
            "sample.openai: stream: unknown edit truncate; did you mean truncated?",
        ),
        (
            with_form(f"{{{FINE}, stream: truncated}}"),
            "sample.openai: stream: the fault must need the feature stream",
        ),
        (
            with_form(f"{{{FINE}, vectors: shrt}}"),
            "sample.openai: vectors: unknown edit shrt; did you mean short?",
        ),
        (
            with_form(f'{{{FINE}, json: [a, {{b: "{{{{modl}}}}"}}]}}'),
            "sample.openai: unknown placeholder {{modl}}; did you mean model?",
        ),
        (
            ENTRY.replace("  params: {hint_ms: 5}\n", ""),
            "sample.openai: holds a hint without the parameter hint_ms",
        ),
        (with_form("{verified: d}"), "sample.openai: source: missing: say where the form is from"),
        (with_form(f"{{{FINE}, status: 99}}"), "sample.openai: status: 99 is no HTTP status"),
        (
            with_form(f"{{{FINE}, charset: latin1}}"),
            "sample.openai: charset: latin1 is not one of latin-1, utf-8",
        ),
        (
            with_form(f'{{{FINE}, headers: {{X-A: "1"}}}}'),
            "sample.openai: headers.X-A: write it in lower case",
        ),
        (
            with_form(f"{{{FINE}, observed: {{boto3: {{attempts: 1}}}}}}"),
            "sample.openai: observed.boto3: give the exception that was raised or the result, not both",
        ),
        (
            with_form(f"{{{FINE}, observed: {{boto3: {{attempts: -1, exception: Error}}}}}}"),
            "sample.openai: observed.boto3: 'Error' is no dotted name",
        ),
        (
            with_form(f"{{{FINE}, observed: {{boto3: {{attempts: -1, result: returned}}}}}}"),
            "sample.openai: observed.boto3: attempts must not be negative",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(entry: str, message: str) -> None:
    assert f"ours.yaml: {message}" in mistakes(entry)


def test_what_is_shipped_is_what_the_strict_reader_reads() -> None:
    data = (resources.files("pytest_failhard.llm") / catalogue.FILE).read_bytes()
    assert catalogue.load() == catalogue.parse(data, catalogue.FILE)
