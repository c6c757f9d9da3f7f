"""Tests of the proof of which code a server runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.routes import loaded_code
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError
from tests.gates.performance.sided import side

HEAD = Path("/run/head")
START = ("gunicorn", "shop.wsgi:app")


@pytest.fixture
def base(tmp_path: Path) -> Side:
    (tmp_path / "serve.py").touch()
    files = {"shop/app.py": "0" * 64, "serve.py": "0" * 64}
    return replace(side("base", tmp_path), packages=("shop",), files=files)


def test_python_writes_down_what_it_loads(tmp_path: Path) -> None:
    variables = loaded_code.led({"PYTHONDONTWRITEBYTECODE": "1", "PORT": "1"}, tmp_path)
    assert variables == {"PORT": "1", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    written = tmp_path / "run" / "base" / "shop"
    written.mkdir(parents=True)
    (written / "app.cpython-311.pyc").touch()
    assert list(loaded_code.sources(tmp_path)) == [Path("/run/base/shop/app.py")]


def is_proven(side: Side, start: Sequence[str], loaded: Sequence[Path], others: Sequence[Path]) -> bool:
    """Tell that a server is found to run its own code: where it is not, that is an error."""
    loaded_code.require(side, start, loaded, others)
    return True


def test_its_own_module_and_what_is_no_product_code_prove_it(base: Side) -> None:
    others = [Path("/env/lib/site-packages/flask/app.py"), HEAD / ".venv" / "x.py", Path("/usr/lib/json.py")]
    assert is_proven(base, START, [base.tree / "shop" / "app.py", *others], [HEAD])


def test_a_script_of_the_tree_proves_it(base: Side) -> None:
    assert is_proven(base, ("python", "serve.py"), [], [HEAD])


def test_a_product_without_modules_cannot_be_told() -> None:
    assert is_proven(side("base", HEAD), START, [], [])


@pytest.mark.parametrize(
    "place",
    ["/run/head/shop/app.py", "/env/lib/site-packages/shop/app.py", "/usr/lib/dist-packages/shop.py"],
)
def test_product_code_from_elsewhere_is_an_error(base: Side, place: str) -> None:
    with pytest.raises(
        GateError, match=r"wrong-code: the server of base loaded \w+\.py, and not from its own"
    ):
        loaded_code.require(base, START, [base.tree / "shop" / "app.py", Path(place)], [HEAD])


def test_a_server_that_loads_nothing_of_its_own_is_an_error(base: Side) -> None:
    with pytest.raises(GateError, match="was not seen to load any module of its own tree"):
        loaded_code.require(base, (*START, "none.py"), [Path("/usr/lib/json.py")], [HEAD])
