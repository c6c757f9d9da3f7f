"""Tests of the parser of Dockerfiles: what a builder takes, and what it refuses."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_failhard.system.dockerfile import KNOWN, DockerfileError, parse, substituted, unquoted

WORDS = st.lists(st.text('abcXYZ019./-_ é"\\', min_size=1, max_size=8), min_size=1, max_size=4)
NAMES = st.sampled_from(sorted(KNOWN - {"FROM", "HEALTHCHECK", "ONBUILD", "ADD", "COPY", "RUN"}))
TEXTS = (
    st.text("abcXYZ019./-_= é", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: text and not text.startswith("--"))
)
BETWEEN = st.sampled_from(["", "# note\n", "\n", "  # note \\\n", "\t\n"])


def only(text: str) -> tuple[str, str, tuple[str, ...] | None]:
    """Return name, text and words of the one instruction behind FROM."""
    _, found = parse(f"FROM a\n{text}", "Dockerfile")
    return found.name, found.text, found.words


@given(st.lists(st.tuples(BETWEEN, NAMES, TEXTS), max_size=6))
def test_every_instruction_comes_out_with_its_line(entries: list[tuple[str, str, str]]) -> None:
    text, expected = "FROM a\n", [("FROM", "a", 1)]
    for between, name, words in entries:
        text += between
        expected.append((name, words, text.count("\n") + 1))
        text += f"{name.lower()} {words}\n"
    assert [(each.name, each.text, each.line) for each in parse(text, "Dockerfile")] == expected


@given(TEXTS, st.lists(st.tuples(BETWEEN, TEXTS), max_size=4))
def test_what_goes_on_is_one_instruction(first: str, rest: list[tuple[str, str]]) -> None:
    text = f"FROM a\nLABEL {first}"
    for between, words in rest:
        text += f" \\ \n{between} {words}"
    found = parse(f"{text}\nUSER 1\n", "Dockerfile")
    assert [each.name for each in found] == ["FROM", "LABEL", "USER"]
    assert found[1].text.split() == " ".join([first, *(words for _, words in rest)]).split()


@given(WORDS)
def test_a_list_is_read_as_it_is_written(words: list[str]) -> None:
    assert only(f"CMD {json.dumps(words)}")[2] == tuple(words)
    assert only(f"HEALTHCHECK --interval=5s CMD {json.dumps(words)}")[2] == tuple(words)


@example("\\")
@example("\x1f")
@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(DockerfileError):
        assert parse(text, "Dockerfile")


@given(st.text("ab$\\{}:-+?'\" ", max_size=30))
def test_no_text_breaks_the_substitution(text: str) -> None:
    assert isinstance(substituted(text, {"a": "1", "b": ""})[0], str)
    assert isinstance(unquoted(text), str)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CMD run it", ("CMD", "run it", None)),
        ("cmd\trun", ("CMD", "run", None)),
        ('CMD ["a", "b c"]', ("CMD", '["a", "b c"]', ("a", "b c"))),
        ("CMD ['a']", ("CMD", "['a']", None)),
        ("CMD [1]", ("CMD", "[1]", None)),
        ("CMD a \\\n  # a note\n\n  b", ("CMD", "a   b", None)),
        ("CMD a \\", ("CMD", "a", None)),
        ("HEALTHCHECK NONE", ("HEALTHCHECK", "NONE", None)),
        ("HEALTHCHECK --retries=2 cmd curl x", ("HEALTHCHECK", "curl x", None)),
    ],
)
def test_forms(written: str, read: tuple[str, str, tuple[str, ...] | None]) -> None:
    name, text, words = only(written)
    assert (name, text.strip(), words) == read


def test_another_escape() -> None:
    found = parse("# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nCOPY c:\\x `\n d\n", "Dockerfile")
    assert found[1].text.split() == ["c:\\x", "d"]
    # Below a comment that is no directive, and with a character that none is, it says nothing.
    assert parse("# note\n# escape=`\nFROM a\nRUN x \\\n y", "f")[1].text.split() == ["x", "y"]
    assert parse("# escape=!\nFROM a\nRUN x \\\n y", "f")[1].text.split() == ["x", "y"]


def test_flags() -> None:
    _, copy, run = parse(
        "FROM a\nCOPY --from=b --link --chown=1:1 x y\nRUN --mount=type=cache,from=c id", "Dockerfile"
    )
    assert (copy.flag("from"), copy.flag("link"), copy.flag("chown"), copy.flag("no")) == ("b", "", "1:1", "")
    assert (copy.text, run.flag("mount")) == ("x y", "type=cache,from=c")


def test_here_documents() -> None:
    text = "FROM a\nRUN <<EOF cat <<-'B'\necho $X\nEOF\n\tone\n\tB\nCOPY <<x /x\nUSER root\nx\nUSER 5\nENV a=<<b\n"
    _, run, copy, user, env = parse(text, "Dockerfile")
    assert run.heredocs == ("echo $X", "\tone")
    assert run.shell.split("\n") == ["echo $X", "\tone"]
    assert copy.heredocs == ("USER root",)
    assert (user.line, user.text) == (10, "5")
    assert env.heredocs == ()


def test_who_reads_a_here_document() -> None:
    _, shell, other = parse(
        "FROM a\nRUN /bin/bash <<E\npip install x\nE\nRUN cat <<E >f\ny\nE\n", "Dockerfile"
    )
    assert (shell.shell, other.shell) == ("pip install x", "cat <<E >f")


def test_a_mark_in_quotes_is_text() -> None:
    _, run, user = parse("FROM a\nRUN echo '<<EOF' \"a <<B\" $((1 <<2))\nUSER 5", "Dockerfile")
    assert (run.heredocs, user.name) == ((), "USER")


@pytest.mark.parametrize(
    ("text", "pairs", "bare"),
    [
        ('ENV a=1 b=\'x y\' c="p\\"q" d=e\\ f', (("a", "1"), ("b", "x y"), ("c", 'p"q'), ("d", "e f")), ()),
        ("ENV key the whole rest = here", (("key", "the whole rest = here"),), ()),
        ("ENV key", (("key", ""),), ()),
        ("ARG one two=2 three=", (("two", "2"), ("three", "")), ("one",)),
    ],
)
def test_variables(text: str, pairs: tuple[tuple[str, str], ...], bare: tuple[str, ...]) -> None:
    found = parse(f"FROM a\n{text}", "Dockerfile")[1]
    assert (found.pairs, found.bare) == (pairs, bare)


@pytest.mark.parametrize(
    ("text", "value", "missing"),
    [
        ("$a-${a}", "1-1", ()),
        ("${none:-x}${empty:-y}${empty-z}", "xy", ()),
        ("${a:+on}${none:+off}${empty+set}", "onset", ()),
        ("\\$a", "$", ()),
        ("$none/${none:?why}", "/", ("none", "none")),
    ],
)
def test_substitution(text: str, value: str, missing: tuple[str, ...]) -> None:
    replaced = substituted(text, {"a": "1", "empty": ""})
    assert replaced == (value + ("a" if text == "\\$a" else ""), missing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Dockerfile: no instruction but ARG"),
        ("# flask gunicorn /health except:\n", "Dockerfile: no instruction but ARG"),
        ("ARG a=1\n", "Dockerfile: no instruction but ARG"),
        ("RUN x\n", "Dockerfile:1: RUN before FROM"),
        ("FROM a\nFRM x\n", "Dockerfile:2: unknown instruction FRM"),
        ("FROM a\n\n{% if x %}\n", "Dockerfile:3: unknown instruction {%"),
        ("FROM a\nUSER\n", "Dockerfile:2: USER without an argument"),
        ("FROM a\nHEALTHCHECK curl x\n", "Dockerfile:2: HEALTHCHECK without CMD or NONE"),
        ("FROM a\nHEALTHCHECK --retries=1\n", "Dockerfile:2: HEALTHCHECK without CMD or NONE"),
        ("FROM a\nRUN <<E\nx\n", "Dockerfile:2: the here-document E has no end"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text, "Dockerfile")
    assert str(caught.value).startswith(said)
