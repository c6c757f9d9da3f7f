"""The two trees that are measured, and how a process is started in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.gates.performance.samples import SideName


@dataclass(frozen=True, kw_only=True)
class Side:
    """One tree, ready to be measured.

    `tree` is working folder and rootdir in one, `config` pytest's generated configuration, `environment`
    complete but for what differs between pairs (hash seed, processor, pipes). `roots` are the folders on
    the import path, `packages` the product's top-level modules, `files` the SHA-256 of all files of the tree
    by their path in it, at the start. `arguments` follow `python`: flags, `-m pytest`, its options and
    `tests`, the files in which benchmarks may stand: without one pytest would collect the whole tree.
    """

    name: SideName
    tree: Path
    python: Path
    config: Path
    environment: Mapping[str, str]
    roots: tuple[Path, ...]
    packages: tuple[str, ...]
    files: Mapping[str, str]
    arguments: tuple[str, ...]
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Base and head with head's tests on both, and the base as it was, for the names it collects.

    `commit` and `chosen` say which base. `identical` is true where nothing that can change a measurement
    differs; `first` where there is proven to be no commit before: then `base` is a copy of head.
    `same_environment` is false where the base has an environment of its own. `notes` are for the report.
    `original` is None where the base has no test that could be a benchmark. `harness` are the files of head's
    tests that both sides have, with their SHA-256.
    """

    base: Side
    head: Side
    original: Side | None
    commit: str
    chosen: str
    identical: bool = False
    first: bool = False
    same_environment: bool = True
    notes: tuple[str, ...] = ()
    harness: Mapping[str, str] = field(default_factory=dict)
