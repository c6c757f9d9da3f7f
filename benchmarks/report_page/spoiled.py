"""The page, spoiled in one way for each check: one that sees nothing wrong here proves nothing elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.report_page import checks
from benchmarks.report_page.browser import Browser

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n')
PICTURE = '<img alt="x" src="http://127.0.0.1:1/x.png"><footer>'
WAYS: Mapping[str, tuple[str, str]] = {
    "a request": ("<footer>", PICTURE),
    "an exception in the script": ('"use strict";', '"use strict"; nowhere();'),
    "text of little contrast": ("--muted: #4f5965", "--muted: #bbbbbb"),
    "a page wider than the window": ("</style>", ".banner { width: 3000px; }</style>"),
    "a focus that is not marked": ("</style>", "*:focus-visible { outline: none; }</style>"),
    "a stop that the Tab key leaves out": ('class="theme"', 'class="theme" tabindex="-1"'),
    "a row that no button brings": ('next.addEventListener("click"', 'next.addEventListener("nothing"'),
    "a row that is not printed": ('addEventListener("beforeprint"', 'addEventListener("nothing"'),
    "a row that no address brings": ("bring(name);", ""),
    "a search that answers to nothing": ('addEventListener("input"', 'addEventListener("nothing"'),
}
"""What is replaced by what; without our content security policy, which would allow none of it."""


def unseen(browser: Browser, axe: str, page: str, folder: Path) -> list[str]:
    """Return the ways of spoiling the page that the check for them does not see."""
    asked: Mapping[str, Callable[[Path], list[str]]] = {
        "a request": lambda path: checks.asked(browser, path),
        "an exception in the script": lambda path: checks.asked(browser, path),
        "text of little contrast": lambda _: checks.accessible(browser, axe)[1],
        "a page wider than the window": lambda _: checks.wider(browser),
        "a focus that is not marked": lambda _: checks.keyboard(browser)[1],
        "a stop that the Tab key leaves out": lambda _: checks.keyboard(browser)[1],
        "a row that no button brings": lambda path: checks.rows(browser, path),
        "a row that is not printed": lambda path: checks.rows(browser, path),
        "a row that no address brings": lambda path: checks.rows(browser, path, seconds=1.0),
        "a search that answers to nothing": lambda _: checks.operated(browser, seconds=1.0),
    }
    missed = []
    for number, (way, check) in enumerate(asked.items()):
        path = folder / f"spoiled{number}.html"
        path.write_text(spoil(page, way), "utf-8")
        checks.look(browser, path, "desktop", "light")
        if not check(path):
            missed.append(way)
        for kind in ("Network.requestWillBeSent", "Log.entryAdded", "Runtime.exceptionThrown"):
            browser.taken(kind)
    return missed


def spoil(page: str, way: str) -> str:
    """Return the page spoiled in one way; raises ValueError where there is nothing to spoil."""
    old, new = WAYS[way]
    if old not in page or not POLICY.search(page):
        raise ValueError(f"{way}: {old!r} does not stand in the page")
    return POLICY.sub("", page).replace(old, new, 1)
