"""The proof of real workers over real trees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.pairs.channel import Worker
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.gates.performance.trees import proof
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from tests.gates.performance.repositories import built, repository, run_of
from tests.support import fake_tools

PLAIN = {
    "app/__init__.py": "from app.inner import work\n",
    "app/inner.py": "def work():\n    return 'base'\n",
    "tests/test_speed.py": "from app import work\n\ndef test_speed(failhard_benchmark):\n    assert work()\n",
}
HEAD = {"app/inner.py": "def work():\n    return 'head'\n"}
IMPORTING = "import sys\nsys.path.insert(0, {root!r})\nimport app.inner\n"
WRITING = "import pathlib\nwith pathlib.Path('app/inner.py').open('a') as file: file.write('# more')\n"


def proven(run: GateRun, side: Side) -> Mapping[str, object]:
    with Worker(run, side, {"PYTHONHASHSEED": "0", "FAILHARD_CPU": ""}) as worker:
        worker.hello()
        worker.collected()
        worker.order(stop=True)
        return worker.finish()


@pytest.mark.parametrize(
    ("conftest", "error"),
    [
        ("", ""),
        (IMPORTING, "wrong-code: base loaded the module app not from its own tree"),
        (WRITING, "tree-changed: app/inner.py of base was written after its tree was made"),
    ],
    ids=["right", "imported from elsewhere", "written"],
)
def test_workers_prove_which_code_they_ran(tmp_path: Path, conftest: str, error: str) -> None:
    root = tmp_path / "project"
    text = conftest.format(root=str(root))
    run = run_of(repository(root, PLAIN, {**HEAD, "tests/conftest.py": text}))
    trees = built(run)
    proofs = [proven(run, side) for side in (trees.base, trees.head)]
    if not error:
        proof.check(trees, *proofs)
        loaded = proof.loaded(trees.base, proofs[0])
        assert loaded.modules.keys() >= {"app", "app.inner"}
        assert loaded.files["app/inner.py"] == trees.base.files["app/inner.py"]
        assert loaded.harness["tests/test_speed.py"] == trees.harness["tests/test_speed.py"]
        return
    with pytest.raises(GateError) as caught:
        proof.check(trees, *proofs)
    assert str(caught.value).startswith(error)


def test_package_that_the_base_does_not_have_is_never_heads_by_way_of_an_editable_install(
    tmp_path: Path,
) -> None:
    test = PLAIN["tests/test_speed.py"].replace("from app", "from shop")
    shop = {"shop/__init__.py": "from shop.inner import work\n", "shop/inner.py": PLAIN["app/inner.py"]}
    head = {"app/__init__.py": None, "app/inner.py": None, "tests/test_speed.py": test, **shop}
    root = repository(tmp_path / "project", PLAIN, head)
    environment = fake_tools(tmp_path / "environment")
    (environment.site / "shop.pth").write_text(f"{root}\n", "utf-8")
    run = run_of(root, source=("shop",), interpreter=environment.executable)
    trees = built(run)
    proofs = [proven(run, side) for side in (trees.base, trees.head)]
    with pytest.raises(GateError, match="wrong-code: base loaded the module shop not from its own tree"):
        proof.check(trees, *proofs)
