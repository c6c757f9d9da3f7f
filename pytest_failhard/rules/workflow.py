"""Reads the scripts out of a CI file, each with the keys around it that take the edge off its failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError
from pytest_failhard.rules.data import ci as data

if TYPE_CHECKING:
    from yaml.events import Event
    from yaml.nodes import MappingNode, Node

    Pairs = Mapping[str, tuple[Node, Node]]


@dataclass(frozen=True, kw_only=True, order=True)
class Softener:
    """A key of a CI file that lets what stands below it fail without consequence, and its line."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script of a CI file, or an action that it uses.

    `line` is that of the script's first line; with `exact` the script's lines are lines of the file.
    """

    path: str
    line: int
    text: str
    exact: bool = False
    is_action: bool = False
    softeners: tuple[Softener, ...] = ()
    labels: tuple[str, ...] = ()
    """Names and ids of the job and the step."""
    job: str = ""
    folder: str = ""
    """Where it runs, relative to the root."""
    ids: frozenset[str] = frozenset()
    """The steps of its job whose outcome another step judges."""
    step: str = ""


class MalformedError(ValueError):
    """The text is no YAML; `line` says where. What runs CI refuses such a file as well."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def scripts(path: str, text: str) -> tuple[Script, ...]:
    """Return the scripts of a CI file.

    Raises MalformedError, and GateError for a file that is nested or grows too far to be read.
    """
    import yaml
    from yaml.nodes import MappingNode

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The events first: the C loader composes by recursion, and what is too deep would end the process.
        _require_flat(path, yaml.parse(text, Loader=loader))
        document = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        raise MalformedError(str(getattr(error, "problem", error)), line) from None
    if not isinstance(document, MappingNode):
        return ()
    return tuple(_Reader(path, text, document).read())


def _require_flat(path: str, events: Iterable[Event]) -> None:
    from yaml.events import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > data.MAX_NESTING:
            raise GateError(f"{path}: is nested more than {data.MAX_NESTING} deep")


class _Reader:
    def __init__(self, path: str, text: str, document: MappingNode) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._document = document
        self._top = _pairs(document)
        self._seen = 0

    def read(self) -> Iterator[Script]:
        blank = Script(path=self._path, line=0, text="")
        around = self._around(self._document, self._top, blank)
        for key, (_, value) in self._top.items():
            if key in data.SCRIPTS:
                yield from self._emitted(value, around)
            else:
                yield from self._visit(value, replace(around, job=key, labels=(key,)), (key,))

    def _visit(self, node: Node, around: Script, path: tuple[str, ...]) -> Iterator[Script]:
        from yaml.nodes import MappingNode, SequenceNode

        self._seen += 1
        if self._seen > data.MAX_NODES:
            raise GateError(f"{self._path}: more than {data.MAX_NODES} nodes, aliases followed")
        if len(path) > data.MAX_NESTING:
            raise GateError(f"{self._path}: is nested more than {data.MAX_NESTING} deep")
        if isinstance(node, SequenceNode):
            for item in node.value:
                yield from self._visit(item, around, (*path, ""))
        elif isinstance(node, MappingNode):
            yield from self._mapping(node, around, path)

    def _mapping(self, node: MappingNode, around: Script, path: tuple[str, ...]) -> Iterator[Script]:
        pairs = self._extended(node)
        if path[-2:-1] == ("jobs",):
            around = replace(around, job=_scalar(pairs, "name") or path[-1], labels=(path[-1],))
        around = self._around(node, pairs, around)
        for key, (_, value) in pairs.items():
            yield from self._member(key, value, around, path)

    def _member(self, key: str, value: Node, around: Script, path: tuple[str, ...]) -> Iterator[Script]:
        from yaml.nodes import MappingNode, ScalarNode

        if key == data.ACTION and isinstance(value, ScalarNode):
            yield replace(around, line=value.start_mark.line + 1, text=value.value, is_action=True)
        elif key in data.SCRIPTS and not isinstance(value, MappingNode):
            yield from self._emitted(value, around)
        else:
            yield from self._visit(value, around, (*path, key))

    def _emitted(self, value: Node, around: Script) -> Iterator[Script]:
        from yaml.nodes import ScalarNode, SequenceNode

        if isinstance(value, SequenceNode):
            for item in value.value:
                yield from self._emitted(item, around)
        elif isinstance(value, ScalarNode):
            block = value.style in {"|", ">"}
            line = value.start_mark.line + (2 if block else 1)
            yield replace(around, line=line, text=value.value, exact=value.style == "|")

    def _extended(self, node: MappingNode) -> Pairs:
        """Return the pairs of a job of GitLab with those of the jobs that it extends."""
        from yaml.nodes import MappingNode, ScalarNode, SequenceNode

        own = _pairs(node)
        if "extends" not in own:
            return own
        named = own["extends"][1]
        items = named.value if isinstance(named, SequenceNode) else [named]
        found: dict[str, tuple[Node, Node]] = {}
        for item in items:
            above = self._top.get(item.value) if isinstance(item, ScalarNode) else None
            if above is not None and isinstance(above[1], MappingNode):
                found.update(_pairs(above[1]))
        return {**found, **own}

    def _around(self, node: MappingNode, pairs: Pairs, around: Script) -> Script:
        named = tuple(text for key in ("name", "id", "displayName", "job") if (text := _scalar(pairs, key)))
        folder = _scalar(pairs, "working-directory") or _scalar(pairs, "workingDirectory") or _default(pairs)
        return replace(
            around,
            softeners=(*around.softeners, *_softeners(pairs)),
            labels=(*around.labels, *named),
            folder=folder or around.folder,
            ids=self._judged(node) if "steps" in pairs else around.ids,
            step=_scalar(pairs, "id") or around.step,
        )

    def _judged(self, job: MappingNode) -> frozenset[str]:
        """Return the ids of the steps whose outcome a later step of the job turns into a failure."""
        text = "\n".join(self._lines[job.start_mark.line : job.end_mark.line + 1])
        if not data.FAILING.search(text):
            return frozenset()
        return frozenset(match[1] for match in data.OUTCOME.finditer(text))


def _pairs(node: MappingNode) -> Pairs:
    """Return the pairs of a mapping by key, those that `<<` merges into it below its own."""
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    merged: dict[str, tuple[Node, Node]] = {}
    own: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            continue
        if key.value == "<<":
            for each in value.value if isinstance(value, SequenceNode) else [value]:
                if isinstance(each, MappingNode) and each is not node:
                    merged.update((named.value, (named, given)) for named, given in _plain(each))
        else:
            own[key.value] = (key, value)
    return {**merged, **own}


def _plain(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    from yaml.nodes import ScalarNode

    yield from ((key, value) for key, value in node.value if isinstance(key, ScalarNode))


def _scalar(pairs: Pairs, key: str) -> str:
    from yaml.nodes import ScalarNode

    value = pairs[key][1] if key in pairs else None
    return value.value if isinstance(value, ScalarNode) else ""


def _inner(pairs: Pairs, *keys: str) -> Pairs:
    from yaml.nodes import MappingNode

    for key in keys:
        value = pairs[key][1] if key in pairs else None
        if not isinstance(value, MappingNode):
            return {}
        pairs = _pairs(value)
    return pairs


def _default(pairs: Pairs) -> str:
    return _scalar(_inner(pairs, "defaults", "run"), "working-directory")


def _softeners(pairs: Pairs) -> Iterator[Softener]:
    for key, text in data.SOFT_KEYS.items():
        if data.TRUE.match(_constant(_scalar(pairs, key))):
            yield _softener(pairs, key, text)
    for key in data.CONDITIONS:
        condition = _scalar(pairs, key)
        if condition and is_never(condition):
            yield _softener(pairs, key, f"{key}: {condition}")
    if data.FALSE.match(_scalar(pairs, data.ENABLED)):
        yield _softener(pairs, data.ENABLED, "enabled: false")
    given = _inner(pairs, "with")
    if _scalar(given, "exit-code") == data.SAFE_CODE:
        yield _softener(given, "exit-code", "exit-code: 0")
    yield from _emptied(_inner(pairs, "strategy"))


def _emptied(strategy: Pairs) -> Iterator[Softener]:
    if _is_empty(_inner(strategy, "matrix")):
        yield _softener(strategy, "matrix", "a matrix that excludes every combination")


def _softener(pairs: Pairs, key: str, text: str) -> Softener:
    return Softener(line=pairs[key][0].start_mark.line + 1, text=text)


def _constant(text: str) -> str:
    """Return what stands in `${{ }}`, else the text."""
    match = data.EXPRESSION.match(text.strip())
    return (match[1] if match else text).strip()


def is_never(condition: str) -> bool:
    """Tell whether a condition holds in no run: a constant `false`, alone or in a conjunction."""
    condition = _constant(condition)
    unequal = data.UNEQUAL.match(condition)
    if unequal:
        return (unequal[1] or unequal[2]) != (unequal[3] or unequal[4])
    return "||" not in condition and data.NEVER.match(condition) is not None


def _is_empty(matrix: Pairs) -> bool:
    """Tell whether no combination of a matrix is left over once its excludes are taken out."""
    from yaml.nodes import SequenceNode

    axes: dict[str, Sequence[str]] = {}
    for key, (_, value) in matrix.items():
        if key not in {"include", "exclude"}:
            if not isinstance(value, SequenceNode):
                return False
            axes[key] = [str(item.value) for item in value.value]
    if "include" in matrix or not axes:
        return False
    excluded = [{key: str(value.value) for key, (_, value) in each.items()} for each in _items(matrix)]
    return all(any(_fits(row, each) for each in excluded) for row in _product(axes))


def _items(matrix: Pairs) -> Iterator[Pairs]:
    from yaml.nodes import MappingNode, SequenceNode

    value = matrix["exclude"][1] if "exclude" in matrix else None
    if isinstance(value, SequenceNode):
        yield from (_pairs(item) for item in value.value if isinstance(item, MappingNode))


def _product(axes: Mapping[str, Sequence[str]]) -> Iterator[Mapping[str, str]]:
    import itertools

    rows = itertools.product(*axes.values())
    yield from (dict(zip(axes, row, strict=True)) for row in itertools.islice(rows, data.MAX_NODES))


def _fits(row: Mapping[str, str], excluded: Mapping[str, str]) -> bool:
    return all(row.get(key) == value for key, value in excluded.items())
