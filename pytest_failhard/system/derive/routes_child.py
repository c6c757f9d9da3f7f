"""Run in the judged environment: says which operations an application serves. Imports nothing of ours."""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

INNER = ("app", "wsgi_app", "asgi_app", "application", "wrapped")
"""Under such a name a wrapper holds the application."""
OWN = frozenset({"openapi", "swagger_ui_html", "swagger_ui_redirect", "redoc_html", "static"})
"""What frameworks serve by themselves, by the name of the route."""
HOPS = 6


def loaded(asked: dict[str, str]) -> object:
    """Return what the start names: an application, or all that a module holds."""
    if asked.get("script"):
        return runpy.run_path(asked["script"], run_name="__routes__")
    if not asked.get("attribute"):
        return runpy.run_module(asked["module"], run_name="__routes__")
    found: object = importlib.import_module(asked["module"])
    for name in asked["attribute"].split("."):
        found = getattr(found, name)
    # A factory: the server calls it as well.
    return found() if callable(found) and is_function(found) else found


def is_function(found: object) -> bool:
    """Tell whether something is a function and no application, which can be called, too."""
    return type(found).__name__ in {"function", "method", "partial"}


def application(found: object) -> object:
    """Return the application in what was loaded, below what wraps it; None where there is none."""
    held = found.values() if isinstance(found, dict) else [found]
    layers = (layer for each in held if not isinstance(each, type) for layer in layers_of(each))
    return next((layer for layer in layers if serves(layer)), None)


def layers_of(found: object) -> Iterator[object]:
    """Yield an object and what it wraps, from the outside in."""
    for _ in range(HOPS):
        yield found
        inner = next((getattr(found, name, None) for name in INNER if hasattr(found, name)), None)
        if inner is None or is_function(inner):
            return
        found = inner


def serves(found: object) -> bool:
    """Tell whether an object is an application of Flask's or Starlette's kind."""
    return hasattr(found, "url_map") or isinstance(getattr(found, "routes", None), list)


def operations(app: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the method and path of what an application of Flask's or Starlette's kind serves."""
    for rule in app.url_map.iter_rules() if hasattr(app, "url_map") else ():
        if rule.endpoint not in OWN:
            yield from ((method, rule.rule) for method in rule.methods or ())
    for route in getattr(app, "routes", None) or ():
        path = prefix + str(getattr(route, "path", ""))
        if getattr(route, "name", "") not in OWN:
            yield from ((method, path) for method in getattr(route, "methods", None) or ())
            yield from operations(route, path)


def main(question: str, answer: str) -> None:
    """Answer the question; what is raised ends the process with its traceback."""
    asked = json.loads(Path(question).read_text("utf-8"))
    sys.path[:0] = asked["roots"]
    found = application(loaded(asked))
    served = None if found is None else sorted(set(operations(found)))
    Path(answer).write_text(json.dumps(served), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
