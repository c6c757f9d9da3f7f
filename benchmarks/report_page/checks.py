"""What is asked of a page in the browser; each check returns what it found wrong, in words."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.report_page import scripts
from benchmarks.report_page.browser import Browser, BrowserError, Json

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
WIDTHS: Mapping[str, tuple[int, int]] = {"phone": (390, 844), "desktop": (1280, 900)}
THEMES = ("light", "dark")
TALLEST = 12_000
"""Of a picture: below that, parts of a page repeat."""
WORDS = ("constant", "part11", "case 49")
SECONDS = 30.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Milliseconds from a key to the painted answer, and the longest tasks of the page meanwhile."""

    keys: tuple[float, ...]
    tasks: tuple[float, ...]

    @property
    def middle(self) -> float:
        """Return the median of the keys."""
        return median(self.keys)


def look(browser: Browser, page: Path, width: str, theme: str) -> None:
    """Open a page at a width in a theme; return when it is complete."""
    wide, high = WIDTHS[width]
    _size(browser, wide, high)
    media = [{"name": "prefers-color-scheme", "value": theme}]
    browser.call("Emulation.setEmulatedMedia", features=media)
    browser.call("Page.navigate", url=page.resolve().as_uri())
    _until(browser, 'document.readyState === "complete" && !document.hidden', f"{page.name} to load")
    # The page remembers the theme that its button was last asked for, and so did another page here.
    browser.run(scripts.FORGET)
    _until(browser, f"{scripts.SHOWN_THEME} === {json.dumps(theme)}", f"{page.name} to be {theme}")


def _size(browser: Browser, wide: int, high: int) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=wide,
        height=high,
        deviceScaleFactor=1,
        mobile=wide == WIDTHS["phone"][0],
    )


def _until(browser: Browser, expression: str, what: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not browser.run(expression):
        if time.monotonic() > end:
            raise BrowserError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def picture(browser: Browser, target: Path) -> None:
    """Write a picture of the whole page; what a browser leaves out until it is in sight is in it."""
    high = browser.run("document.documentElement.scrollHeight")
    wide = browser.run("innerWidth")
    if not isinstance(high, int) or not isinstance(wide, int):
        raise BrowserError(f"the page has no size: {wide} x {high}")
    _size(browser, wide, min(high, TALLEST))
    answer = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
    target.write_bytes(base64.b64decode(str(answer["data"])))


def asked(browser: Browser, page: Path) -> list[str]:
    """Return every request but that for the page itself, and every complaint of the browser."""
    own = page.resolve().as_uri()
    urls = [_text(each, "request", "url") for each in browser.taken("Network.requestWillBeSent")]
    complaints = [_text(each, "entry", "text") for each in browser.taken("Log.entryAdded")]
    thrown = [json.dumps(each)[:300] for each in browser.taken("Runtime.exceptionThrown")]
    return [*(url for url in urls if url.partition("#")[0] != own), *complaints, *thrown]


def _text(event: Json, part: str, name: str) -> str:
    inner = event.get(part)
    return str(inner.get(name)) if isinstance(inner, dict) else ""


def wider(browser: Browser) -> list[str]:
    """Return by how much the page is wider than the window: nobody scrolls to read a line."""
    over = browser.run(scripts.WIDER)
    return [f"{over} px wider than the window"] if over else []


def accessible(browser: Browser, axe: str) -> tuple[int, list[str]]:
    """Return how many rules of axe looked at the page as it stands, and what they found."""
    browser.run(f"{axe}\ntrue")
    found = browser.run(scripts.AXE % json.dumps(TAGS))
    if not isinstance(found, dict) or not isinstance(found["violations"], list):
        raise BrowserError(f"axe: {found!r}")
    return int(found["rules"]), [
        f"{each['id']} ({each['impact']}): {each['help']}, {each['count']} times: {' | '.join(each['first'])}"
        for each in found["violations"]
    ]


def findings(browser: Browser) -> int:
    """Return how many findings the page says that it has, as long as nothing is searched for."""
    return int(str(browser.run(scripts.FINDINGS)))


def rows(browser: Browser, page: Path, seconds: float = SECONDS) -> list[str]:
    """Ask for the findings that do not stand in the page at first: by print, button and address."""
    last = scripts.LAST_FINDING % findings(browser)
    found = browser.run(scripts.ROWS)
    if not isinstance(found, list):
        raise BrowserError(f"rows: {found!r}")
    wrong = [*map(str, found)]
    look(browser, page, "desktop", "light")
    if browser.run(f"{last} !== null"):
        wrong.append("the last finding stands in the page at first")
    browser.run(f"location.hash = '#finding-{findings(browser)}'")
    wrong += _unmet(browser, seconds, "the address of the last finding to lead to it", f"{last} !== null")
    return wrong


def opened(browser: Browser) -> bool:
    """Unfold all there is, and filter as a reader would; return whether there is anything to unfold."""
    folded = browser.run(scripts.OPEN_ALL)
    if findings(browser):
        browser.run('document.getElementById("filter-text").focus()')
        _type(browser, "a")
        browser.run('document.querySelector("input[name=severity][value=low]").click()')
        _until(browser, scripts.NARROWED, "the filter")
        browser.run(scripts.OPEN_ALL)
    return bool(folded)


def _type(browser: Browser, text: str) -> None:
    for letter in text:
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
        browser.call("Input.dispatchKeyEvent", type="keyUp", key=letter)


def press(browser: Browser, key: str, code: int, text: str = "") -> None:
    """Press one key, as a person at a keyboard would."""
    given = {"key": key, "code": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
    browser.call("Input.dispatchKeyEvent", type="keyDown", **given)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **given)


def keyboard(browser: Browser) -> tuple[int, list[str]]:
    """Go through the page with Tab alone; return how many stops there are, and what is wrong with them."""
    wrong: list[str] = []
    last, count = -1, 0
    while True:
        press(browser, "Tab", 9)
        stop = browser.run(scripts.FOCUS)
        if not isinstance(stop, dict):
            raise BrowserError(f"no focus: {stop!r}")
        if stop["place"] <= last or stop["place"] == -1:
            break
        if stop["place"] != last + 1:
            wrong.append(f"jumped over {stop['place'] - last - 1} before {stop['name']}")
        wrong += [f"{stop['name']}: the focus is not {how}" for how in ("marked", "inside") if not stop[how]]
        last, count = stop["place"], stop["count"]
    if last + 1 != count or not count:
        wrong.append(f"{last + 1} of {count} can be reached")
    return last + 1, wrong


def operated(browser: Browser, seconds: float = SECONDS) -> list[str]:
    """Search, fold a gate and change the theme, all with keys; return what did not answer."""
    for _ in range(2):
        press(browser, "Tab", 9)
    _enter(browser)
    wrong = _unmet(browser, seconds, "the second link to lead to the search", scripts.IN_SEARCH)
    _type(browser, "case")
    wrong += _unmet(browser, seconds, "the search to narrow", scripts.NARROWED)
    folded = browser.run(f"{scripts.FIRST_GATE}.open")
    browser.run(f"{scripts.FIRST_GATE}.firstElementChild.focus()")
    _enter(browser)
    wrong += _unmet(
        browser, seconds, "Enter to fold a gate", f"{scripts.FIRST_GATE}.open !== {json.dumps(folded)}"
    )
    before = browser.run(f"{scripts.THEME}.textContent")
    browser.run(f"{scripts.THEME}.focus()")
    _enter(browser)
    wrong += _unmet(
        browser, seconds, "Enter to change the theme", f"{scripts.THEME}.textContent !== {json.dumps(before)}"
    )
    return wrong


def _enter(browser: Browser) -> None:
    press(browser, "Enter", 13, "\r")


def _unmet(browser: Browser, seconds: float, what: str, expression: str) -> list[str]:
    try:
        _until(browser, expression, what, seconds)
    except BrowserError as error:
        return [str(error)]
    return []


def speed(browser: Browser, words: Sequence[str] = WORDS) -> Speed:
    """Type words into the search, letter by letter; return how long each took to be answered and painted."""
    browser.run(scripts.WATCH)
    browser.run('document.getElementById("filter-text").focus()')
    expected = 0
    for word in words:
        for letter in word:
            _type(browser, letter)
            expected += 1
            _until(browser, f"window.told.keys.length >= {expected}", f"the answer to {letter!r}")
        browser.run('document.getElementById("filter-text").select()')
    told = browser.run(scripts.TOLD)
    if not isinstance(told, dict):
        raise BrowserError(f"no times: {told!r}")
    return Speed(keys=tuple(told["keys"]), tasks=tuple(told["tasks"]))
