"""Opens our pages in a headless Chromium and asks what a reader would: exit 1 where one is wrong.

Needs a Chromium, and axe-core, which is not ours and not kept here: `npm pack axe-core` brings `axe.min.js`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report_page import checks, results, spoiled
from benchmarks.report_page.browser import Browser, BrowserError, find, started
from benchmarks.report_page.samples import pages

MEASURED = ("few", "many")
"""The pages of which the search is timed: one a hundred times as long as the other."""
WALKED = "everything"
"""The page that is gone through with the keyboard."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at every page, say what is wrong; keep what was seen, and pictures."""
    given = _parser().parse_args(arguments)
    try:
        program = find(given.chromium)
        axe = _axe(given.axe)
    except BrowserError as error:
        sys.stderr.write(f"report-page: {error}\n")
        return 2
    given.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        written = _written(Path(folder), given.page)
        with started(program) as browser:
            try:
                seen = _seen(browser, axe, written, given.pictures)
                page = written[WALKED].read_text("utf-8")
                seen["unseen"] = spoiled.unseen(browser, axe, page, Path(folder))
            except BrowserError as error:
                sys.stderr.write(f"report-page: {error}\n")
                return 2
    wrong = results.wrong(seen)
    for line in (*results.table(seen), *(f"WRONG {line}" for line in wrong)):
        sys.stdout.write(f"{line}\n")
    if given.keep:
        results.keep(seen)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="", help="the browser's program")
    parser.add_argument("--axe", default=os.environ.get("AXE", ""), help="axe.min.js of axe-core (or AXE=)")
    parser.add_argument("--page", type=Path, action="append", default=[], help="a report.html to look at too")
    parser.add_argument(
        "--pictures", type=Path, default=Path("build", "report-page"), help="where pictures go"
    )
    parser.add_argument("--keep", action="store_true", help="keep what was seen as the last result")
    return parser


def _axe(named: str) -> str:
    if not named or not Path(named).is_file():
        raise BrowserError(
            f"no axe-core: {named or '--axe is not given, nor AXE set'}; "
            "get it with `npm pack axe-core`, and name its package/axe.min.js"
        )
    return Path(named).read_text("utf-8")


def _written(folder: Path, others: Sequence[Path]) -> dict[str, Path]:
    """Write our pages below a folder; return them, and those that are named, by name."""
    found = {}
    for name, data in pages().items():
        found[name] = folder / f"{name}.html"
        found[name].write_bytes(data)
    return found | {f"given {number}": path for number, path in enumerate(others, 1)}


def _seen(browser: Browser, axe: str, written: Mapping[str, Path], pictures: Path) -> results.Seen:
    version = browser.call("Browser.getVersion")
    looks = [
        _look(browser, axe, name, path, width, theme, pictures)
        for name, path in written.items()
        for width in checks.WIDTHS
        for theme in checks.THEMES
    ]
    return {
        "schema": results.SCHEMA,
        "browser": str(version["product"]),
        "axe": str(browser.run(f"{axe}\naxe.version")),
        "spoiled": len(spoiled.WAYS),
        "unseen": sorted(spoiled.WAYS),
        "looks": looks,
        "keyboard": _walked(browser, written[WALKED]),
        "rows": _rows(browser, written[MEASURED[-1]]),
        "speed": [_timed(browser, name, written[name]) for name in MEASURED],
    }


def _look(
    browser: Browser, axe: str, name: str, path: Path, width: str, theme: str, pictures: Path
) -> results.Look:
    checks.look(browser, path, width, theme)
    over = checks.wider(browser)
    checks.picture(browser, pictures / f"{name.replace(' ', '-')}-{width}-{theme}.png")
    checks.look(browser, path, width, theme)
    rules, violations = checks.accessible(browser, axe)
    if checks.opened(browser):
        more, others = checks.accessible(browser, axe)
        rules, violations = max(rules, more), [*violations, *(f"unfolded: {each}" for each in others)]
        over += [f"unfolded: {each}" for each in checks.wider(browser)]
    return {
        "page": name,
        "bytes": path.stat().st_size,
        "width": width,
        "theme": theme,
        "rules": rules,
        "violations": violations,
        "wider": over,
        "requests": checks.asked(browser, path),
    }


def _walked(browser: Browser, path: Path) -> results.Walk:
    checks.look(browser, path, "desktop", "light")
    stops, wrong = checks.keyboard(browser)
    checks.look(browser, path, "desktop", "light")
    return {"page": path.stem, "stops": stops, "wrong": [*wrong, *checks.operated(browser)]}


def _rows(browser: Browser, path: Path) -> list[str]:
    checks.look(browser, path, "desktop", "light")
    return checks.rows(browser, path)


def _timed(browser: Browser, name: str, path: Path) -> results.Timed:
    checks.look(browser, path, "desktop", "light")
    findings = checks.findings(browser)
    timed = checks.speed(browser)
    return {
        "page": name,
        "findings": findings,
        "keys": [round(each, 1) for each in timed.keys],
        "tasks": [round(each, 1) for each in timed.tasks],
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count() or 0,
    }


if __name__ == "__main__":
    sys.exit(main())
