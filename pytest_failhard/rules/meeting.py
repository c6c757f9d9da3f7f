"""Says, once the whole project is known, whether what a check leads to is the system or only its own kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import CALL, FIXTURE
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.rules.validating import is_named

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import FileFacts, Index

OTHERS = "others"
"""In the details of a hit: what `Reach.others` gave, joined by blanks."""
SERVES = "serves"
"""In the details of a hit: the file has a server of its own, so that requests prove nothing."""
CONFTEST = "conftest.py"


class Meeting:
    """What leads to the system under test, in one project."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._own = frozenset(
            part
            for each in index.files
            if each.role != "test" and not is_named(each.path)
            for part in each.module.split(".")
        )
        self._known: dict[tuple[str, str, bool], bool] = {}

    def meets(self, path: str, others: Iterable[str], *, serves: bool = False) -> bool:
        """Tell whether one of some names leads to the system, or may.

        With `serves` a library that sends requests leads nowhere: the server is the check's own.
        """
        return any(self._leads(name, path, serves) for name in others)

    def _leads(self, name: str, path: str, serves: bool) -> bool:
        key = (name, path.rpartition("/")[0], serves)
        if key not in self._known:
            # A cycle of imports leads nowhere by itself.
            self._known[key] = False
            self._known[key] = self._asked(name, path, serves)
        return self._known[key]

    def _asked(self, name: str, path: str, serves: bool) -> bool:
        if name.startswith(CALL):
            return True
        if name.startswith(FIXTURE):
            return self._fixture_leads(path, serves)
        kin = self._kin(name, path)
        if kin is not None:
            has_server = serves or bool(kin.imports & data.APPLICATIONS)
            return any(self._leads(each, kin.path, has_server) for each in _telling(kin.imports))
        first = name.partition(".")[0]
        return first in self._own or not _is_inert(first, serves)

    def _kin(self, name: str, path: str) -> FileFacts | None:
        """Return the test helper or other validation that an import loads; None where it is none."""
        for dotted in (name, name.rpartition(".")[0]):
            found = self._index.find_module(dotted, path) if dotted else None
            if found is not None:
                return found if found.role == "test" or is_named(found.path) else None
        return None

    def _fixture_leads(self, path: str, serves: bool) -> bool:
        """Tell whether the conftest files above lead to the system; a fixture of nobody's is a plugin's."""
        folders = [PurePosixPath(each.as_posix()) for each in PurePosixPath(path).parents]
        above = [self._index.by_path.get((folder / CONFTEST).as_posix()) for folder in folders]
        found = [each for each in above if each is not None]
        if not found:
            return True
        return any(self._leads(name, each.path, serves) for each in found for name in _telling(each.imports))


def _telling(imports: Iterable[str]) -> Sequence[str]:
    return [name for name in sorted(imports) if name.partition(".")[0] not in data.STANDARD]


def _is_inert(first: str, serves: bool) -> bool:
    """Tell whether a package of somebody else can reach no system."""
    if first in data.TESTING or first in data.SERVING:
        return True
    return serves and (first in data.REQUESTING or first in data.NETWORK)


class ValidationRule(StaticRule):
    """A rule about checks: what it found stands where the check cannot have met the system."""

    gate = "integrity"
    family = "validation"
    roles = EVERY

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits whose checks lead to nothing of the project."""
        del options
        return _standing(hits, index)


def _standing(hits: Sequence[Hit], index: Index) -> Iterator[Hit]:
    """Yield the hits whose checks lead to nothing of the project."""
    meeting = Meeting(index) if hits else None
    for hit in hits:
        others = hit.details.get(OTHERS, "").split()
        if meeting is not None and not meeting.meets(hit.path, others, serves=SERVES in hit.details):
            yield hit
