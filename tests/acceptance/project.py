"""A tiny green project on disk, and the faults that are put into copies of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, str | bytes | None]
"""Path -> content; None removes the file."""

SYSTEM = """\
[tool.failhard.system]
kind = "library"
secrets = []
settings = []
"""
PYPROJECT = f"""\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
authors = [{{ name = "The shop", email = "shop@example.com" }}]
license = "MIT"
license-files = ["LICENSE"]
dependencies = []

[dependency-groups]
dev = ["pytest"]

[tool.failhard]
level = 1
purpose = "adds up the prices of a basket"
requirements = ["a basket has a net and a gross price"]
expected_load = {{ rps = 1, daily_users = 10 }}
source = ["shop"]
tests = ["tests"]

{SYSTEM}
[tool.pytest]
pythonpath = ["."]
"""

FIRST: Files = {
    "pyproject.toml": PYPROJECT,
    ".gitignore": "__pycache__/\n",
    "LICENSE": "MIT License\n",
    "README.md": "# Shop\n",
    "shop/__init__.py": '"""A shop."""\n',
    "shop/prices.py": '''\
"""Prices of a basket, in cents."""

from __future__ import annotations


def net(prices: list[int]) -> int:
    """Return the sum."""
    total = 0
    for price in prices:
        total += price
    return total


def gross(prices: list[int], percent: int) -> int:
    """Return the sum with tax, rounded down."""
    total = net(prices)
    tax = total * percent // 100
    return total + tax
''',
    "tests/test_prices.py": """\
from shop.prices import gross, net


def test_net() -> None:
    assert net([100, 250]) == 350


def test_gross() -> None:
    assert gross([100, 100], 19) == 238
""",
}

DISCOUNT = '''

def discount(total: int, percent: int) -> int:
    """Return the price after a discount."""
    if percent > 100:
        raise ValueError(f"{percent} percent is more than the price")
    return total - total * percent // 100
'''

SECOND: Files = {
    "shop/prices.py": f"{FIRST['shop/prices.py']!s}{DISCOUNT}",
    "tests/test_discount.py": """\
import pytest

from shop.prices import discount


def test_discount() -> None:
    assert discount(200, 10) == 180


def test_more_than_the_price() -> None:
    with pytest.raises(ValueError, match="more than the price"):
        discount(200, 101)
""",
}

FAILING: Files = {"tests/test_red.py": 'def test_red() -> None:\n    assert len("red") == 4\n'}
VIOLATION: Files = {"shop/dirty.py": "import os\n"}
MISTYPED: Files = {"shop/mistyped.py": 'COUNT: int = "one"\n'}
DANGEROUS: Files = {
    "shop/danger.py": "import subprocess\n\n\ndef run(command: str) -> int:\n"
    "    return subprocess.call(command, shell=True)\n"
}
UNTESTED: Files = {
    "shop/untested.py": "def never() -> int:\n"
    + "".join(f"    v{n} = {n}\n" for n in range(60))
    + "    return v0\n"
}


def write(root: Path, files: Files) -> Path:
    """Put files into a tree, or take them out of it."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def git(root: Path, *args: str, date: str = "2026-01-02T03:04:05+00:00") -> str:
    """Run git in a tree, apart from the machine's own settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()},
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    completed = subprocess.run(
        ["git", *args], cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return completed.stdout


_PERSON = {"NAME": "A Tester", "EMAIL": "tester@example.invalid"}


def commit(root: Path, date: str = "2026-01-02T03:04:05+00:00") -> None:
    """Commit everything in the tree."""
    git(root, "add", "--all", date=date)
    git(root, "commit", "--quiet", "--message", "Go on", date=date)


def green(root: Path) -> Path:
    """Create the green project: two commits, the second of which adds a function and its tests."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(write(root, FIRST))
    commit(write(root, SECOND))
    return root


def copy(template: Path, root: Path) -> Path:
    """Copy a project, links and history included."""
    shutil.copytree(template, root, symlinks=True)
    return root


def configured(text: str, *, level: int = 1, failhard: str = "") -> Files:
    """Return the green project's pyproject.toml with tables added and keys put into [tool.failhard].

    A text that declares a system replaces the declaration that is there.
    """
    own = PYPROJECT.replace("level = 1\n", f"level = {level}\n{failhard}")
    own = own.replace(SYSTEM, "") if "[tool.failhard.system]" in text else own
    return {"pyproject.toml": f"{own}\n{text}"}


def pytest_options(text: str) -> Files:
    """Return the green project's pyproject.toml with more keys in [tool.pytest]."""
    return {"pyproject.toml": f"{PYPROJECT}{text}\n"}


def measured(statements: int, untested: int) -> Files:
    """Return a product of exactly so many statements, of which the tests leave so many out."""
    body = "".join(f"    v{number} = {number}\n" for number in range(untested))
    lines = "".join(f"C{number} = {number}\n" for number in range(statements - untested - 1))
    return {
        "shop/prices.py": f'"""Figures."""\n\n{lines}\n\ndef never() -> None:\n{body}',
        "tests/test_prices.py": "from shop.prices import C0\n\n\ndef test_c() -> None:\n    assert C0 == 0\n",
        "tests/test_discount.py": None,
    }
