"""What the rules say of a file depends on its bytes, path and role alone: only so may it be known later."""

from __future__ import annotations

import ast
import functools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.proc import run
from pytest_failhard.rules import recalled
from pytest_failhard.rules.catalogue import every
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.looking import Found, Look, reader
from pytest_failhard.rules.scan import Scan, scan_sources
from pytest_failhard.rules.unit import StaticRule
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.files import SourceFile, role
from tests.rules.test_documentation import shown_files
from tests.size import FULL

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EACH = 1 if FULL else 7
"""Of so many snippets one is looked at."""
Tree = Mapping[str, tuple[str, bytes]]
"""Path -> role and bytes."""
NOBODY_WAITS = Limits(max_seconds=-1)
"""With these every file that is looked at is too slow."""


def snippets() -> Iterator[bytes]:
    """Yield every text of several lines in the tests of the rules that is Python."""
    for path in sorted(HERE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
                text = textwrap.dedent(node.value)
                if is_python(text):
                    yield text.encode()


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


@functools.cache
def corpus() -> Tree:
    """Return the examples of every rule, the snippets of the tests, the examples and, in full, ourselves."""
    found: dict[str, tuple[str, bytes]] = {}
    for rule in every():
        for section in ("Bad", "Good"):
            for path, text in shown_files(rule, section).items():
                if path.endswith(".py") and isinstance(text, str):
                    found[f"{rule.code}{section}/{path}"] = (role(path), text.encode())
    for number, data in enumerate([*snippets()][::EACH]):
        path = f"app{number}/service.py" if number % 3 else f"tests/test_{number}.py"
        found[path] = (role(path), data)
    whole = ("examples", "pytest_failhard", "tests") if FULL else ("examples",)
    for file in (file for folder in whole for file in sorted((ROOT / folder).rglob("*.py"))):
        below = file.relative_to(ROOT).as_posix()
        found[below] = (role(below), file.read_bytes())
    return found


def source(path: str, tree: Tree) -> tuple[SourceFile, Callable[[], bytes]]:
    return SourceFile(path=path, role=tree[path][0]), lambda: tree[path][1]


def told(found: Found | str) -> object:
    return found if isinstance(found, str) else recalled.written(found.hits, found.facts)


def looks(rule: type[StaticRule]) -> bool:
    return any(name in vars(rule) for name in ("at", "over"))


def test_what_is_said_of_a_file_alone_is_what_is_said_of_it_in_a_project(tmp_path: Path) -> None:
    tree = corpus()
    for path, (_, data) in tree.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    together, backwards = Look("", Limits(), None), Look("", Limits(), None)
    first = {path: together.at(source(path, tree)[0], reader(tmp_path, path)) for path in tree}
    # What one file says may be nobody's memory: neither a rule's nor that of what several rules share.
    second = {path: backwards.at(*source(path, tree)) for path in reversed([*tree])}
    alone = {path: Look("", Limits(), None).at(*source(path, tree)) for path in [*tree][::EACH]}
    assert not [path for path in tree if told(first[path]) != told(second[path])]
    assert not [path for path in alone if told(first[path]) != told(alone[path])]
    assert not [code for look in (together, backwards) for code, rule in look.rules.items() if vars(rule)]
    silent = {rule.code for rule in every()} - {
        hit.code for found in first.values() if isinstance(found, Found) for hit in found.hits
    }
    # The others look at the tree as a whole, or at what all files say together.
    assert not [rule.code for rule in every() if rule.code in silent and looks(rule) and not rule.tree]


def test_what_is_written_of_a_file_is_read_as_it_was() -> None:
    look, tree = Look("", Limits(), None), corpus()
    for path, (its_role, _) in tree.items():
        found = look.at(*source(path, tree))
        if isinstance(found, str):
            # An encoding that its first line names, and that the text does not have.
            assert found.startswith("undecodable: "), path
            continue
        row = recalled.written(found.hits, found.facts)
        hits, facts = recalled.read(json.loads(json.dumps(row)), path, its_role)
        assert (hits, facts) == (found.hits, found.facts)
        # What equality leaves out.
        assert recalled.written(hits, facts) == row


def scanned(tree: Tree, earlier: bytes | None = None, limits: Limits | None = None) -> Scan:
    sources = (source(path, tree) for path in sorted(tree))
    return scan_sources(sources, limits=limits or Limits(), by_file=ByFile(recalled.KIND, earlier))


def looked_at(tree: Tree, earlier: bytes) -> list[str]:
    return [each.partition(": ")[0] for each in scanned(tree, earlier, NOBODY_WAITS).unreadable]


def settled(scan: Scan) -> list[object]:
    """Return all that a gate goes by."""
    hits = [(hit, dict(hit.details)) for hit in scan.hits]
    stand = [
        list(rule.settle([hit for hit in scan.hits if hit.code == code], scan.index, {}))
        for code, rule in scan.rules.items()
    ]
    return [
        hits,
        scan.index.files,
        [each.lines for each in scan.index.classes.values()],
        stand,
        scan.unreadable,
    ]


SWALLOWED = b"def price():\n    try:\n        return ask()\n    except Exception:\n        return 1\n"
SECRET = b'import os\n\nTOKEN = os.environ.get("API_TOKEN", "changeme-please-1")\n'
TEXTS = (
    b"A = 1\n",
    b"A =\n",
    SWALLOWED,
    SECRET,
    b"from app.b import Store\n\n\nclass Mine(Store):\n    def get(self):\n        return 1\n",
    b"class Store:\n    def get(self):\n        return None\n\n    def put(self):\n        raise NotImplementedError\n",
    b"def fibonacci(n):\n    if n == 10:\n        return 55\n    return n\n",
    b"from app.a import fibonacci\n\n\ndef test_it():\n    assert fibonacci(10) == 55\n",
    b"import os  # noqa: F401 - a reason that says why\n# failhard: allow[FH101] owner=me until=2026-01-01\n",
)
PATHS = ("app/a.py", "app/b.py", "app/c/__init__.py", "tests/test_a.py")
EDITS = st.lists(
    st.tuples(
        st.sampled_from(PATHS),
        st.one_of(st.none(), st.tuples(st.sampled_from(("product", "test", "")), st.sampled_from(TEXTS))),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=400 if FULL else 12, deadline=None)
@given(edits=EDITS)
def test_after_any_edits_a_scan_that_knows_says_what_one_says_that_does_not(
    edits: list[tuple[str, tuple[str, bytes] | None]],
) -> None:
    tree: dict[str, tuple[str, bytes]] = {}
    earlier: bytes | None = None
    for path, content in edits:
        if content is None:
            tree.pop(path, None)
        else:
            tree[path] = (content[0] or role(path), content[1])
        scan, cold = scanned(tree, earlier), scanned(tree)
        assert settled(scan) == settled(cold)
        assert scan.left == cold.left
        earlier = scan.left


def test_only_what_changed_is_looked_at_and_a_role_is_a_change() -> None:
    tree: dict[str, tuple[str, bytes]] = dict.fromkeys(PATHS, ("product", b"A = 1\n"))
    left = scanned(tree).left
    assert looked_at(tree, left) == []
    for path, content in (("app/a.py", ("product", b"A = 2\n")), ("app/b.py", ("test", b"A = 1\n"))):
        assert looked_at({**tree, path: content}, left) == [path]
    moved = {("app/d.py" if path == "app/a.py" else path): tree[path] for path in PATHS}
    assert looked_at(moved, left) == ["app/d.py"]
    assert looked_at(tree, left[:-1]) == sorted(PATHS)


def test_of_a_secret_of_a_broken_and_of_a_slow_file_nothing_is_left() -> None:
    tree: dict[str, tuple[str, bytes]] = {"app/a.py": ("product", SECRET), "app/b.py": ("product", b"A =\n")}
    assert b"app/" not in scanned(tree).left
    slow: dict[str, tuple[str, bytes]] = {"app/a.py": ("product", SWALLOWED)}
    assert b"app/" not in scanned(slow, limits=NOBODY_WAITS).left
    assert b"app/a.py" in scanned(slow).left


LITERALS = '("a text", "\\ud800", b"a text", 7, -7, 7.5, 10**5000, float("inf"))'


def test_the_number_of_a_literal_is_the_same_in_every_process(tmp_path: Path) -> None:
    code = f"from pytest_failhard.source import cases\nfor each in {LITERALS}: print(cases.one(each))"
    one, two = (
        run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            timeout=60,
            environment={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        ).stdout
        for seed in ("1", "2")
    )
    assert one == two
    assert len(set(one.split())) == len(one.split()) == 8
