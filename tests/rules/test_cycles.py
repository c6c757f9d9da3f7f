"""Names that are bound to themselves stop no rule."""

from __future__ import annotations

import pytest

from tests.rules.support import scanned

USES = """
import os, requests
os.getenv({0}, {0})
os.environ.get(f"{{{0}}}_API_KEY") or {0}
api_key = {0}
config["token"] = {0}
config.get({0}, {0})
requests.get({0}, timeout={0}, verify={0})
app.run(debug={0}, host={0})
f(allow_origins={0})
def ask():
    for model in {0}:
        try:
            return {0}
        except {0}:
            return {0}
if not {0}:
    raise ValueError
"""


@pytest.mark.parametrize(
    "value",
    [
        "not x",
        "x + x",
        "-x",
        "[x]",
        "(x,)",
        "{'a': x}",
        "f'{x}'",
        "x()",
        "x.y",
        "x[0]",
        "x or x",
        "x if x else x",
        "str(x)",
        "x * 2",
        "x.copy()",
        "''.join([x])",
        "SecretStr(x)",
        "os.getenv(x, x)",
        "Field(default=x)",
        "lambda: x",
        "y",
    ],
)
def test_a_name_bound_to_itself_ends_no_scan(value: str) -> None:
    source = f"x = {value}\ny = x\n" + USES.format("x")
    assert scanned({"app/a.py": source}).unreadable == ()
