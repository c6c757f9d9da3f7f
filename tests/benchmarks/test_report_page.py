"""The look at the page in a browser: nothing looked at is no success, and each kind of mistake is told."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest

from benchmarks.report_page import results, samples, spoiled
from benchmarks.report_page.__main__ import main
from benchmarks.report_page.browser import Browser, BrowserError
from pytest_failhard.report import html

SEEN: results.Seen = {
    "schema": results.SCHEMA,
    "browser": "Chrome/1.2",
    "axe": "4.0",
    "spoiled": 7,
    "unseen": [],
    "looks": [
        {
            "page": name,
            "bytes": 2048,
            "width": "phone",
            "theme": theme,
            "rules": 50,
            "violations": [],
            "wider": [],
            "requests": [],
        }
        for name in results.PAGES
        for theme in ("light", "dark")
    ],
    "keyboard": {"page": "everything", "stops": 7, "wrong": []},
    "rows": [],
    "speed": [
        {"page": "few", "findings": 50, "keys": [60.0, 70.0], "tasks": [], "load": 1.5, "cores": 2},
        {
            "page": "many",
            "findings": 5000,
            "keys": [90.0, 300.0, 100.0],
            "tasks": [61.0],
            "load": 2.0,
            "cores": 2,
        },
    ],
}


def test_the_kept_result_is_a_good_one() -> None:
    assert results.wrong(results.kept()) == []
    assert {look["page"] for look in results.kept()["looks"]} == {*results.PAGES}


def test_each_kind_of_mistake_is_told() -> None:
    seen = copy.deepcopy(SEEN)
    assert results.wrong(seen) == []
    seen["looks"][0]["violations"] = ["label"]
    seen["looks"][1]["wider"] = ["3 px wider than the window"]
    seen["looks"][1]["requests"] = ["https://example.org/"]
    seen["keyboard"]["wrong"] = ["3 of 7 can be reached"]
    seen["rows"] = ["3 of 150 rows are printed"]
    seen["unseen"] = ["a request"]
    seen["speed"][1]["keys"] = [250.0]
    assert results.wrong(seen) == [
        "everything, phone, light: label",
        "everything, phone, dark: 3 px wider than the window",
        "everything, phone, dark: asked https://example.org/",
        "keyboard: 3 of 7 can be reached",
        "rows: 3 of 150 rows are printed",
        "no check saw, where it was put in: a request",
        "5000 findings: 250 ms from a key to the picture, at most 200",
    ]


@pytest.mark.parametrize("page", sorted(results.PAGES))
def test_what_was_not_looked_at_is_no_success(page: str) -> None:
    seen = copy.deepcopy(SEEN)
    seen["looks"] = [look for look in seen["looks"] if look["page"] != page]
    assert results.wrong(seen) == ["something was not looked at"]


def test_no_key_and_no_stop_are_no_success() -> None:
    seen = copy.deepcopy(SEEN)
    seen["keyboard"]["stops"] = 0
    seen["speed"][0]["keys"] = []
    assert results.wrong(seen) == ["50 findings: no key was timed", "something was not looked at"]


def test_the_tables_say_what_was_seen() -> None:
    lines = [*results.table(SEEN)]
    assert lines[0].startswith("Chrome 1.2, axe-core 4.0; 5 pages, each at 390 and 1,280 px, light and dark")
    assert "| a report that passed | 2 KiB | 50 | 0 | no | 0 |" in lines
    assert "| 5,000 findings | 2 KiB | 50 | 0 | no | 0 |" in lines
    assert "| 50 | 2 | 65 ms | 70 ms | below 50 ms |" in lines
    assert "| 5,000 | 3 | 100 ms | 300 ms | 61 ms |" in lines
    assert lines[-1] == (
        "A hundred times the findings take 1.5 times as long to search. The machine's load meanwhile: 2.0 on 2 cores."
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--chromium", "/nowhere/chromium"),
            "no Chromium: /nowhere/chromium is not installed; name one with --chromium",
        ),
        (("--chromium", "/bin/sh", "--axe", "/nowhere/axe.js"), "no axe-core: /nowhere/axe.js; get it with"),
        (("--chromium", "/bin/sh", "--axe", ""), "no axe-core: --axe is not given, nor AXE set; get it with"),
    ],
)
def test_without_a_browser_or_axe_nothing_is_said_to_be_well(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*arguments, "--pictures", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_a_browser_that_ends_or_refuses_is_told() -> None:
    reading, theirs = os.pipe()
    told, writing = os.pipe()
    browser = Browser(reading=reading, writing=writing)
    os.write(theirs, b'{"method": "Log.entryAdded", "params": {"entry": 1}}\0{"id": 1, "result": {"a": 2}}\0')
    assert browser.call("Some.method", x=1) == {"a": 2}
    assert browser.taken("Log.entryAdded") == [{"entry": 1}]
    assert browser.taken("Log.entryAdded") == []
    assert os.read(told, 99) == b'{"id": 1, "method": "Some.method", "params": {"x": 1}}\0'
    os.write(theirs, b'{"id": 2, "error": {"message": "no such method"}}\0')
    with pytest.raises(BrowserError, match=r"Other: .*no such method"):
        browser.call("Other")
    os.close(theirs)
    with pytest.raises(BrowserError, match="Third: the browser ended"):
        browser.call("Third")
    for descriptor in (reading, told, writing):
        os.close(descriptor)


def test_every_way_of_spoiling_spoils_the_page_of_today() -> None:
    page = html.render(samples.everything(), samples.exhibits()).decode()
    for way, (old, new) in spoiled.WAYS.items():
        made = spoiled.spoil(page, way)
        assert new in made
        assert "Content-Security-Policy" not in made
        assert made.count(old) in {page.count(old), page.count(old) - 1}
    with pytest.raises(ValueError, match="a request: '<footer>' does not stand in the page"):
        spoiled.spoil("", "a request")
