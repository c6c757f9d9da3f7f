"""The reports of one commit that several jobs made: verified each, held against each other."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.cli.recheck import Tampered, check
from pytest_failhard.engine import UNFINISHED
from pytest_failhard.publishing import TREE_DIGEST
from pytest_failhard.store import REPORT

if TYPE_CHECKING:
    from pydantic import JsonValue

    from pytest_failhard.report.document import Document, GatePart

ONLY = "only"
"""The setting in which shards differ: which gates the job was asked for."""


class ShardsError(Exception):
    """The reports do not make one verdict; `mistakes` names every shard and what is wrong with it."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class ForgedError(ShardsError):
    """A shard does not hold against its own evidence."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A report folder that holds, with the gates that it judged."""

    folder: Path
    document: Document

    @property
    def only(self) -> tuple[str, ...]:
        """The gates that its job was asked for; none where it was asked for all of them."""
        named = self.document.settings.get(ONLY)
        return tuple(map(str, named)) if isinstance(named, list) else ()


def read(
    folders: Sequence[Path],
    *,
    expected: int | None,
    level: int | None,
    policy_file: Path | None,
    gates: Collection[str],
    project: Path,
) -> tuple[Shard, ...]:
    """Return the shards where each holds by itself and all are of one run, asked for in parts.

    `project` is where what was built lies. Raises ShardsError with all that is missing or does not fit,
    ForgedError where a report is not borne out by its evidence, PolicyError where there is no such policy.
    """
    mistakes = [*_absent(folders), *_count(folders, expected)]
    shards: list[Shard] = []
    forged: list[str] = []
    for folder in folders:
        if not (folder / REPORT).is_file():
            continue
        try:
            document = check(
                folder, level=level, policy_file=policy_file, gates=gates, project=project, partial=True
            )
            shards.append(Shard(folder=folder, document=document))
        except Tampered as error:
            forged += [f"{folder}: {each}" for each in error.mismatches]
    mistakes += [each for shard in shards for each in _unfinished(shard)]
    mistakes += [*_foreign(shards), *_twice(shards)]
    if forged:
        raise ForgedError([*forged, *mistakes])
    if mistakes:
        raise ShardsError(mistakes)
    return tuple(shards)


def _absent(folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        if not (folder / REPORT).is_file():
            yield f"shard-missing: {folder}: has no {REPORT}; its job left none, or it was not handed on"
    resolved = [folder.resolve() for folder in folders]
    for folder in sorted({each for each in resolved if resolved.count(each) > 1}):
        yield f"shard-twice: {folder}: is named more than once"


def _count(folders: Sequence[Path], expected: int | None) -> Iterator[str]:
    if expected is not None and len(folders) != expected:
        yield f"shard-missing: {expected} shards are expected, and {len(folders)} are given"


def _unfinished(shard: Shard) -> Iterator[str]:
    """Say why a report is not the whole answer of its job."""
    document = shard.document
    judged = {part.id for part in document.gates}
    if document.settings.get(UNFINISHED):
        yield f"shard-unfinished: {shard.folder}: its run did not come to its end"
    elif not document.complete and judged != {*shard.only}:
        asked, got = ", ".join(shard.only) or "all gates of the level", ", ".join(sorted(judged))
        yield f"shard-unfinished: {shard.folder}: was asked for {asked}, and judged {got or 'none'}"


def _foreign(shards: Sequence[Shard]) -> Iterator[str]:
    """Say where a shard is about something else than the first one."""
    if not shards:
        return
    first, *others = shards
    terms = _terms(first.document)
    if not _is_named(first.document):
        yield (
            f"tree-unnamed: {first.folder}: its tree has no commit, or changes, and the report has no "
            f"{TREE_DIGEST}; nobody can tell whether the shards judged one tree"
        )
    for shard in others:
        theirs = _terms(shard.document)
        for name in sorted({*terms, *theirs}):
            if terms.get(name) != theirs.get(name):
                here, there = _shown(theirs.get(name)), _shown(terms.get(name))
                yield f"shard-foreign: {shard.folder}: {name} is {here}, in {first.folder} it is {there}"


def _terms(document: Document) -> Mapping[str, JsonValue]:
    """Return what must be equal in all shards."""
    settings = {
        f"settings.{name}": value
        for name, value in document.settings.items()
        if name not in {ONLY, UNFINISHED}
    }
    project = {f"project.{name}": value for name, value in document.project.model_dump().items()}
    policy = {f"policy.{name}": value for name, value in document.policy.model_dump().items()}
    return {"level": document.level, **policy, **project, **settings}


def _is_named(document: Document) -> bool:
    project = document.project
    return bool(project.commit and not project.dirty) or bool(document.settings.get(TREE_DIGEST))


def _shown(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _twice(shards: Sequence[Shard]) -> Iterator[str]:
    """Say which gate stands in more than one shard, and whether they contradict each other."""
    seen: dict[str, tuple[Shard, GatePart]] = {}
    for shard in shards:
        for part in shard.document.gates:
            if part.id not in seen:
                seen[part.id] = (shard, part)
                continue
            other, judged = seen[part.id]
            how = "says the same" if judged == part else _contradiction(judged, part)
            yield f"gate-twice: {part.id}: stands in {other.folder} and in {shard.folder}, which {how}"


def _contradiction(first: GatePart, second: GatePart) -> str:
    if first.verdict != second.verdict:
        return f"contradicts it: {first.verdict} there, {second.verdict} here"
    return f"contradicts it: both say {first.verdict}, for different reasons"
