"""Each rule says what it is about, and what it shows as bad and good is what it flags and leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.rules.catalogue import FAMILIES, UnknownRuleError, every, find
from pytest_failhard.rules.gaming.weakened_test_suite import WeakenedTestSuite, weakened
from pytest_failhard.rules.unit import SECTIONS, Hit, StaticRule, sections, summary
from pytest_failhard.source.files import role
from tests.rules.support import hits
from tests.rules.trees import checked, tree

MANDATORY = [name for name in SECTIONS if name != "Subs"]
PATHS = {"quality": "tests/test_service.py", "gaming": "tests/conftest.py"}
BASE = "base/"


def _path(rule: type[StaticRule]) -> str:
    """Return where the examples of a rule stand; `# file: PATH` in their first line says otherwise."""
    usual = PATHS.get(rule.family, "app/service.py")
    return usual if role(usual) in rule.roles else "app/service.py"


def shown_files(rule: type[StaticRule], section: str) -> dict[str, str | bytes]:
    """Return the files of an example: `# file: PATH` begins each but the first."""
    files: dict[str, str | bytes] = {}
    path, lines = _path(rule), list[str]()
    for line in [*sections(rule)[section].splitlines(), "# file: "]:
        if line.startswith("# file: "):
            if lines:
                files[path] = "\n".join(lines) + "\n"
            path, lines = line.removeprefix("# file: "), []
        else:
            lines.append(line)
    return files


def _shown(rule: type[StaticRule], section: str, root: Path) -> list[Hit]:
    """Return the hits in an example; a rule that compares has the older files below `base/`."""
    files = shown_files(rule, section)
    if rule.tree:
        return checked(tree(root, files), rule.code)
    if rule is not WeakenedTestSuite:
        return hits(files, rule.code)
    sources = {path: text.encode() for path, text in files.items() if isinstance(text, str)}
    base = {path.removeprefix(BASE): data for path, data in sources.items() if path.startswith(BASE)}
    return list(weakened(base, {path: data for path, data in sources.items() if not path.startswith(BASE)}))


@pytest.mark.parametrize("rule", every(), ids=lambda rule: rule.code)
class TestEachRule:
    def test_its_documentation_is_whole(self, rule: type[StaticRule]) -> None:
        found = sections(rule)
        assert summary(rule).endswith(".")
        assert [name for name in SECTIONS if name in found] == list(found), "in the order of SECTIONS"
        assert not [name for name in MANDATORY if not found.get(name)]
        assert ("Subs" in found) == bool(rule.subs)
        assert not [sub for sub in rule.subs if f"`{sub}`" not in found["Subs"]]

    def test_its_bad_example_is_flagged(self, rule: type[StaticRule], tmp_path: Path) -> None:
        assert _shown(rule, "Bad", tmp_path)

    def test_its_good_example_is_not(self, rule: type[StaticRule], tmp_path: Path) -> None:
        assert _shown(rule, "Good", tmp_path) == []

    def test_it_lies_where_its_family_says(self, rule: type[StaticRule]) -> None:
        assert rule.family in FAMILIES
        assert rule.__module__.split(".")[-2] == rule.family


def test_codes_and_names_occur_once() -> None:
    names = [each for rule in every() for each in {rule.code, rule.name}]
    assert len(names) == len(set(names))


def test_a_rule_is_found_by_code_by_name_and_with_its_sub() -> None:
    assert find("FH104") is find("broad-suppress") is find("FH104/x")
    with pytest.raises(UnknownRuleError, match="did you mean broad-suppress"):
        find("broad-supress")
