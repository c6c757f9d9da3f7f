"""What the page draws of evidence: the tables say what the evidence says, and so do the drawings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.performance import clocks
from pytest_failhard.gates.performance.samples import Batch, Pair, Sample
from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.report import html
from pytest_failhard.report.html import attempts, coverage, load, ratio_plots, supply, svg, workloads
from pytest_failhard.report.html import measured as reader
from pytest_failhard.report.html.exhibits import Exhibits, is_drawn
from pytest_failhard.report.html.reading import UnreadableError
from pytest_failhard.report.html.svg import Scale
from tests.report import measured
from tests.report.pages import Element, parse, row
from tests.report.samples import GREEN
from tests.report.test_html import check_harmless, check_structure

PERFORMANCE = measured.performance()
Files = Mapping[tuple[str, str], bytes]


def section(identity: str, evidence: Files) -> Element:
    return parse(html.render(GREEN, Exhibits(evidence=evidence))).one("section", id=identity)


def rows(table: Element) -> list[list[str]]:
    return [row(each) for each in table.all("tr")]


def drawn(name: str, *, gate: str = "performance") -> Files:
    return {(gate, name): PERFORMANCE.evidence[gate, name]}


# ---- coverage

COVERED = {
    "counts": {"line_percent": "196/446", "branch_percent": "0/0", "own": "odd"},
    "facts": {"branch_percent": "0 of 0 counts as 100"},
    "files": {
        "app/good.py": {
            "statements": [1, 2],
            "missing_lines": [],
            "missing_branches": [],
            "branches": 0,
            "changed_lines": [2],
        },
        "app/bad.py": {
            "statements": [1, 2, 4, 9, 10],
            "missing_lines": [2, 4, 10],
            "missing_branches": [[1, 2]],
            "branches": 2,
        },
        "app/__init__.py": {"statements": [], "missing_lines": [], "missing_branches": [], "branches": 0},
    },
}


def covered(**changed: object) -> Files:
    return {("coverage", "coverage.json"): json.dumps(COVERED | changed).encode()}


def test_coverage_by_file_the_worst_first() -> None:
    shares, files = section("coverage", covered()).all("table")
    assert rows(shares)[1:] == [
        ["Lines", "196", "446", "43.94", ""],
        ["Branches", "0", "0", "", "0 of 0 counts as 100"],
        ["own", "0", "0", "", ""],
    ]
    assert rows(files)[1:] == [
        ["app/bad.py", "", "40.00 %", "2/5", "1/2", "", "2-4, 10"],
        ["app/good.py", "", "100.00 %", "2/2", "", "1/1", ""],
    ]
    bars = [bar.attributes["aria-label"] for bar in files.all("svg")]
    assert bars == ["40.00 %", "100.00 %"]


@given(st.sets(st.integers(1, 60)), st.data())
def test_line_ranges_name_each_missing_line_once(statements: set[int], data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.sampled_from(sorted(statements)))) if statements else set()
    text = coverage.ranges(sorted(missing), sorted(statements))
    named = [part.split("-") for part in text.split(", ")] if text else []
    inside = {line for part in named for line in statements if int(part[0]) <= line <= int(part[-1])}
    assert inside == missing


def test_many_ranges_end_with_how_many_more_there_are() -> None:
    odd = range(1, 101, 2)
    text = coverage.ranges([*odd], [*range(1, 101)])
    assert text.endswith("77, 79, and 10 more")


# ---- the model's provider


def attempt(case: str, number: int, **changed: object) -> dict[str, object]:
    start = (number - 1) * 0.75
    times = {"t_accept": start, "t_end": start + 0.25, "gap": 0.5 if number > 1 else None}
    return {
        "case": case,
        "attempt": number,
        "kind": "call",
        "fault": "rate_limit",
        "status": 429,
        "hint_seconds": None,
        "volatile": times,
        **changed,
    }


def asked(*found: dict[str, object]) -> Files:
    ended = {"attempts": 3, "case": "x", "refusals": 0, "schema": "failhard-llm-ledger/1"}
    lines = [json.dumps(each, separators=(",", ":")) for each in (*found, ended)]
    return {("llm", "attempts.jsonl"): "\n".join(lines).encode()}


def test_attempts_are_drawn_in_time_with_pause_and_hint() -> None:
    case = "openai-rate_limit@triage"
    made = section(
        "attempts",
        asked(
            attempt("openai-auth@triage", 1, status=0, fault=""),
            attempt(case, 1, hint_seconds=0.5),
            attempt(case, 2),
            attempt(case, 3, fault="", status=200),
        ),
    )
    assert "2 cases were seen by the provider, 1 of them with one attempt." in made.words
    first, second = made.all("details", class_="card")
    assert first.one("summary").words == f"{case} 3 attempts; pauses 500.0 ms, 500.0 ms"
    assert rows(first.one("table"))[1:] == [
        ["1", "rate_limit", "429", "", "0.000000", "0.250000", "0.5"],
        ["2", "rate_limit", "429", "0.500000", "0.750000", "1.000000", ""],
        ["3", "healthy", "200", "0.500000", "1.500000", "1.750000", ""],
    ]
    bars = first.all("rect", class_="answer")
    assert [bar.attributes["data-attempt"] for bar in bars] == ["1", "2", "3"]
    starts = [float(bar.attributes["x"]) for bar in bars]
    widths = [float(bar.attributes["width"]) for bar in bars]
    assert starts[2] - starts[1] == pytest.approx(starts[1] - starts[0], abs=0.02)
    assert widths == pytest.approx([widths[0]] * 3, abs=0.02)
    pauses = first.all("line", class_="pause")
    assert len(pauses) == 2
    assert float(pauses[0].attributes["x1"]) == pytest.approx(starts[0] + widths[0], abs=0.02)
    assert "the provider asked to wait 500.0 ms" in first.one("svg").text
    assert rows(second.one("table"))[1][:3] == ["1", "healthy", "none"]


def test_of_many_cases_those_with_most_attempts_are_shown() -> None:
    many = [attempt(f"case-{number}", 1) for number in range(attempts.MAX_CASES + 5)]
    endless = [attempt("endless", number) for number in range(1, attempts.MAX_ATTEMPTS + 5)]
    made = section("attempts", asked(*many, *endless))
    assert f"The {attempts.MAX_CASES} with the most attempts are shown" in made.words
    first = made.all("details", class_="card")[0]
    assert first.one("summary").words.startswith("endless 34 attempts")
    assert first.one("summary").words.endswith("…")
    assert first.one("caption").words.endswith("30 of 34 are shown.")
    assert len(made.all("details", class_="card")) == attempts.MAX_CASES


# ---- the supply chain


def test_components_have_the_licence_in_force_and_what_is_unknown_is_called_so() -> None:
    effective = {"name": supply.EFFECTIVE, "value": "MIT"}
    parts = [
        {"name": "b", "version": "2", "licenses": [{"license": {"id": "ISC"}}], "purl": "pkg:pypi/b@2"},
        {"name": "a", "version": "1", "licenses": [{"expression": "X"}], "properties": [effective]},
        {"name": "c", "supplier": {"name": "Pallets", "contact": [{"email": "someone"}]}},
    ]
    document = json.dumps({"bomFormat": "CycloneDX", "components": parts}).encode()
    made = section("components", {("sbom", "sbom.cdx.json"): document})
    assert rows(made.one("table"))[1:] == [
        ["a", "1", "MIT", "unknown", ""],
        ["b", "2", "ISC", "unknown", "pkg:pypi/b@2"],
        ["c", "", "unknown", "Pallets", ""],
    ]
    assert "someone" not in made.text
    assert "3 of 3 components" in made.one("caption").words


def test_licences_that_are_not_allowed_stand_first_and_each_state_has_a_word() -> None:
    packages = [
        {"name": "a", "version": "1", "expression": "MIT", "source": "License", "chain": "me -> a"},
        {"name": "b", "expression": "GPL-3.0-only", "not_allowed": ["GPL-3.0-only"], "copyleft": ["GPL"]},
        {"name": "c", "undetermined": "two texts", "clarification": {"owner": "jane"}},
    ]
    made = section("licences", {("licences", "licences.json"): json.dumps({"packages": packages}).encode()})
    found = rows(made.one("table"))[1:]
    assert [each[0] for each in found] == ["b", "c", "a"]
    assert found[0][3].endswith("not allowed not allowed: GPL-3.0-only; copyleft: GPL")
    assert found[1][2:4] == ["unknown", "! undetermined two texts; clarified by a person"]
    assert found[2][3:] == ["✓ allowed", "License", "me -> a"]


# ---- performance


def test_the_forest_shows_the_numbers_of_its_table() -> None:
    made = section("performance", measured.benchmarks())
    assert [each.words for each in made.all("h3")] == [
        "Head beside base",
        "The gate's checks on itself, in the same scale",
        "Pair by pair",
    ]
    for drawing, table in zip(
        made.all("svg", class_="forest"), made.all("table", class_="wide"), strict=True
    ):
        marks = [each for each in drawing if "data-clock" in each.attributes]
        shown = [
            [mark.attributes[f"data-{name}"] for name in ("clock", "ratio", "low", "high")] for mark in marks
        ]
        said = [cells[-7:] for cells in rows(table)[1:] if len(cells) >= 7]
        assert [[cells[0].split()[0], *cells[1:4]] for cells in said] == shown
        scale = scale_of(drawing)
        for mark in marks:
            assert middle(mark) == pytest.approx(scale(float(mark.attributes["data-ratio"])), abs=0.05)


def scale_of(drawing: Element) -> Callable[[float], float]:
    """Return the scale that a forest is drawn in, by its two outermost ticks."""
    ticks = [
        (math.log(float(each.text)), float(each.attributes["x"]))
        for each in drawing.all("text", text_anchor="middle")[1:]
    ]
    (low, start), (high, end) = ticks[0], ticks[-1]
    return lambda value: start + (end - start) * (math.log(value) - low) / (high - low)


def middle(mark: Element) -> float:
    """Return where a mark is, from left to right."""
    if mark.name == "circle":
        return float(mark.attributes["cx"])
    shape, start = mark.attributes["d"], float(mark.attributes["d"][1:].split(",")[0])
    return start + svg.MARK_SIZE if "h" in shape else start


def test_both_forests_have_one_scale_the_slowest_is_first_and_undecided_has_its_reason() -> None:
    made = section("performance", measured.benchmarks())
    first, second = (
        [each.attributes["x"] for each in drawing.all("text", text_anchor="middle")]
        for drawing in made.all("svg", class_="forest")
    )
    assert first == second
    names = [
        each.text.rpartition("::")[2]
        for each in made.all("svg", class_="forest")[0].all("text", class_="row")
    ]
    assert names == ["test_totals", "test_search[wide, ärger]", "test_render", "test_parse"]
    table = made.all("table", class_="wide")[0].words
    assert "import:shop undecided seconds, 2 pairs" in table
    assert "not-slower (weak)" in table
    assert "no clock wall: the adjusted clock is there" in table


def test_each_pair_is_drawn_where_its_table_says() -> None:
    made = section("performance", measured.benchmarks())
    figures = [each for each in made.all("figure") if each.all("svg", class_="pairs")]
    assert len(figures) == 5
    for figure in figures:
        head, *body = rows(figure.one("table"))
        listed = {
            (cells[0], clock, cells[place])
            for cells in body
            for place, clock in enumerate(head[1:-1], 1)
            if cells[place]
        }
        marks = [each for each in figure.one("svg") if "data-pair" in each.attributes]
        shown = [
            tuple(each.attributes[f"data-{name}"] for name in ("pair", "clock", "ratio")) for each in marks
        ]
        assert len(shown) == len(set(shown))
        assert set(shown) == listed


def test_alarms_and_the_pairs_that_were_to_confirm_them_are_marked() -> None:
    made = section("performance", measured.benchmarks())
    figure = next(each for each in made.all("figure") if "test_totals" in each.one("figcaption").text)
    assert len(figure.all("circle", class_="alarm")) == 1
    assert "confirming the alarm after pair 4" in figure.one("rect", class_="confirming").text
    notes = {cells[0]: cells[-1] for cells in rows(figure.one("table"))[1:]}
    assert notes == {
        "1": "",
        "2": "",
        "3": "",
        "4": "alarm on cpu_mean, confirmed",
        "5": "confirming",
        "6": "confirming",
        "7": "confirming",
    }
    dropped = next(each for each in made.all("figure") if "test_search" in each.one("figcaption").text)
    assert "alarm on cpu, dropped" in dropped.one("table").words


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6), st.booleans()), min_size=10, max_size=10)
)
def test_the_ratios_of_a_pair_are_those_that_decide(batches: list[tuple[int, int, bool]]) -> None:
    """The page takes them from the same batches in the same way as the gate."""
    sides = [
        Sample(
            calls=7,
            batches=tuple(
                Batch(wall=cpu + delay, cpu=cpu * factor, children=delay, delay=0, adj=cpu if known else None)
                for cpu, delay, known in batches
            ),
        )
        for factor in (1, 2)
    ]
    base, head = sides
    decided = clocks.logs(Pair(number=1, seed=1, cpu=0, first="base", base=base, head=head))
    lists = [
        {name: [vars(batch)[name] for batch in side.batches] for name in ("wall", "cpu", "children", "adj")}
        for side in sides
    ]
    line = {"benchmark": "b", "purpose": "measure", "pair": 1, "base": lists[0], "head": lists[1]}
    document = {"decisions": [measured.decision("b", "slower", 1.0, [line])]}
    found = reader.read(
        Exhibits(
            evidence={
                ("performance", "decisions.json"): json.dumps(document).encode(),
                ("performance", "pairs.jsonl"): measured.lines([line]),
            }
        )
    )
    assert found is not None
    shown = {each.clock: math.log(each.value) for each in found.measured[0].ratios}
    assert shown == pytest.approx({name: decided[name] for name in shown})
    assert {*shown} == {name for name in measured.CLOCKS if decided[name] is not None}


def test_routes_show_every_turn_and_both_distributions() -> None:
    made = section("performance", measured.route())
    windows = made.all("svg", class_="steps")
    turns = rows(made.all("table")[0])[1:]
    assert len(turns) == 18
    for drawing, (base, head) in zip(windows, ((2, 3), (4, 5)), strict=True):
        for side, column in (("base", base), ("head", head)):
            marks = [
                each.attributes["data-value"] for each in drawing if each.attributes.get("data-side") == side
            ]
            assert marks == [cells[column] for cells in turns if cells[column]]
    assert turns[6][3] == ""
    assert len(windows[0].all("line", class_="one")) == 17
    for drawing, table in zip(made.all("svg", class_="curves"), made.all("table")[1:], strict=True):
        for cells in rows(table)[1:]:
            marks = [
                each.attributes["data-value"]
                for each in drawing
                if each.attributes.get("data-side") == cells[0]
            ]
            assert marks == cells[1:4]
        assert len(drawing.all("polyline")) == 2


def test_what_was_under_way_is_drawn_base_above_head_with_the_bound() -> None:
    made = section("performance", measured.workload())
    drawing = made.one("svg", class_="steps")
    assert [each.text for each in drawing.all("text", class_="row")] == [
        "base: LLM calls in flight",
        "head: LLM calls in flight",
        "base: queue depth",
        "head: queue depth",
    ]
    assert len(drawing.all("line", class_="bound")) == 2
    tables = [each for each in made.all("table") if "Under way" in each.text]
    listed = [[f"{moment},{number}" for moment, number in rows(table)[1:]] for table in tables]
    shown = [each.attributes["data-points"].split(" ") for each in drawing.all("polyline")]
    assert [listed[place] for place in (0, 2, 1, 3)] == shown
    runs = next(each for each in made.all("table") if "Every run" in each.text)
    assert len(rows(runs)) == 7
    assert rows(runs)[1][:6] == ["1", "base", "190.476190", "1.500000", "22.000", "31.000"]


def test_counters_stand_beside_their_ceilings() -> None:
    made = section("performance", measured.counters())
    found = [[cells[1], *cells[3:]] for cells in rows(made.one("table"))[1:]]
    assert found == [
        ["llm_calls", "81", "80", "-1", "80"],
        ["llm_input_tokens", "9210", "12000", "2790", ""],
        ["sql_statements", "5", "none", "", "5"],
    ]
    over, within, alone = made.all("svg", class_="counter")
    assert float(over.one("rect", class_="over").attributes["width"]) > 0
    assert float(within.one("rect", class_="over").attributes["width"]) == 0
    assert float(within.one("rect", class_="slack").attributes["width"]) > 0
    assert alone.all("rect", class_="slack") == []
    assert over.attributes["aria-label"] == "llm_calls: 81 of 80"


def test_without_kept_ceilings_counters_are_those_of_the_runs() -> None:
    found = workloads.read(Exhibits(evidence=measured.workload()))
    assert found is not None
    assert [(each.name, each.value, each.base, each.slack) for each in found.counters] == [
        ("llm_calls", 81, 80, ""),
        ("llm_input_tokens", 9210, 9210, ""),
    ]


def test_a_page_with_everything_is_whole_and_asks_nobody() -> None:
    evidence = {**PERFORMANCE.evidence, **covered(), **asked(attempt("a", 1), attempt("a", 2))}
    made = parse(html.render(GREEN, Exhibits(evidence=evidence)))
    check_structure(made)
    check_harmless(made)
    assert [each.words for each in made.one("nav").all("a")] == [
        "Gates 1",
        "Waived 1",
        "Coverage",
        "LLM attempts",
        "Performance",
        "This run",
    ]


# ---- what is not there, or has another form


def test_without_evidence_there_is_no_section() -> None:
    made = parse(html.render(GREEN))
    assert [each.attributes["id"] for each in made.all("section")] == ["gates", "waived", "run"]


@pytest.mark.parametrize("place", sorted({*PERFORMANCE.evidence} - {("performance", "pairs.jsonl")}))
@pytest.mark.parametrize("data", [b"", b"[]", b'{"decisions": 3}', b"\xff\xfe", b'{"a": NaN}', b"[" * 10_000])
def test_evidence_of_another_form_is_named_and_takes_nothing_with_it(
    place: tuple[str, str], data: bytes
) -> None:
    evidence = {**PERFORMANCE.evidence, **covered(), place: data}
    made = parse(html.render(GREEN, Exhibits(evidence=evidence)))
    assert made.one("section", id="coverage")
    notices = [each.text for each in made.one("section", id="run").all("p", class_="notice")]
    if data == b"" and place[1].startswith("workloads"):
        assert notices == []
    else:
        (notice,) = notices
        assert "the evidence has another form than is drawn here" in notice


def test_a_number_that_was_redacted_or_has_no_end_is_not_drawn() -> None:
    for value in ("[redacted:secret-value]", "NaN", "inf"):
        document = {"decisions": [measured.decision("b", "slower", 1.2, [{}], ratio=value)]}
        with pytest.raises(UnreadableError, match=r"decisions\.0\.ratio"):
            reader.read(Exhibits(evidence={("performance", "decisions.json"): json.dumps(document).encode()}))


def test_many_mistakes_are_not_all_told() -> None:
    with pytest.raises(UnreadableError, match=r"; \.\.\.$"):
        load.read(Exhibits(evidence={("performance", "load_a.json"): b'{"pairs": [{}, {}, {}, {}]}'}))


def test_secrets_that_hide_behind_escapes_in_evidence_are_taken_out() -> None:
    address = "jane\\u0040example.org"
    data = (
        json.dumps(COVERED | {"facts": {"line_percent": "ask ADDRESS"}}).replace("ADDRESS", address).encode()
    )
    redactor = Redactor(shipped())
    exhibits = Exhibits(evidence={("coverage", "coverage.json"): data}, clean=redactor.value)
    made = html.render(GREEN, exhibits)
    assert redactor.scan(made) == ()
    assert "ask [redacted:email-address]" in parse(made).one("section", id="coverage").text


def test_only_what_is_drawn_is_read() -> None:
    assert is_drawn("performance", "load_create.json")
    assert is_drawn("coverage", "coverage.json")
    assert not is_drawn("coverage", "coverage.json.bak")
    assert not is_drawn("tests", "coverage.json")


# ---- scales


@given(st.floats(0.06, 90), st.floats(0.06, 90), st.booleans())
def test_a_scale_keeps_order_and_stays_within_its_ends(low: float, high: float, is_log: bool) -> None:
    low, high = sorted((low, high))
    scale = Scale(low=low, high=high, start=10, end=110, is_log=is_log)
    places = [scale.at(value) for value in (low / 2, low, (low + high) / 2, high, high * 2)]
    assert places == sorted(places)
    assert 10 <= places[0] <= places[-1] <= 110
    assert len(scale.ticks()) <= 12
    assert all(low <= tick <= high * 1.0001 for tick in scale.ticks())


def test_a_scale_of_one_value_and_names_that_do_not_fit() -> None:
    assert Scale(low=3, high=3, start=0, end=10).ticks() == (3,)
    assert Scale(low=3, high=3, start=0, end=10).at(3) == 5
    assert ratio_plots.shortened("short") == "short"
    long = ratio_plots.shortened("a" * 200 + "end")
    assert len(long) == ratio_plots.NAME_CHARACTERS
    assert long.startswith("…")
    assert long.endswith("end")


def test_text_in_a_drawing_is_no_markup() -> None:
    name = "</text><script>alert(1)</script>"
    decided = replace(reader.read(PERFORMANCE).measured[0], benchmark=name)  # type: ignore[union-attr]
    drawing = parse(ratio_plots.forest([decided], ratio_plots.forest_scale([decided]), name).encode())
    assert drawing.all("script") == []
    assert drawing.one("svg").attributes["aria-label"] == name
