"""Lets pip-licenses list the target's distributions, and compares what it read with what we did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.distributions import answers
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.licence import statements
from pytest_failhard.distributions.licence.tables import plain
from pytest_failhard.distributions.pieces import Pieces
from pytest_failhard.distributions.target import Target
from pytest_failhard.model import GateError, Run, Tool

PIP_LICENSES = Tool(module="piplicenses", distribution="pip-licenses", lowest="5.5")
ARGUMENTS = ("--from=all", "--with-system", "--format=json")
UNKNOWN = "UNKNOWN"
"""What pip-licenses prints for a field that is not there."""

Row = Mapping[str, str]


def ask(run: Run, target: Target, names: Iterable[str]) -> tuple[Row, ...]:
    """Return the rows of pip-licenses for these distributions; raises GateError for what is no list of them.

    Its exit code says nothing, and its verdicts are not asked for: they pass what they cannot read. Of each
    distribution that it lists it reads the metadata a dozen times: it is not asked for those of no concern.
    """
    # Without a name it lists them all.
    asked = ("--packages", *(sorted(names) or [PIP_LICENSES.distribution]), *ARGUMENTS)
    pieces = Pieces(run)
    bound = answers.bound(run, target, *asked)
    text = pieces.get(PIP_LICENSES.module, bound)
    earlier = answers.load(text) if text is not None else None
    completed = run.python(PIP_LICENSES.module, "--python", _spaceless(run), *asked, earlier=earlier)
    rows = parse(completed.stdout)
    said = answers.dump(completed) if earlier is None else None
    if said is not None:
        pieces.put(PIP_LICENSES.module, bound, said)
    return rows


def parse(output: bytes) -> tuple[Row, ...]:
    """Return the rows; raises GateError."""
    try:
        document = json.loads(output.decode("utf-8", "strict"))
        rows = tuple({str(key): str(value) for key, value in row.items()} for row in document)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise GateError(f"piplicenses: unreadable output ({error}): {output[:200]!r}") from None
    if any(not row.keys() >= FIELDS for row in rows):
        raise GateError(f"piplicenses: a row lacks one of {', '.join(sorted(FIELDS))}")
    return rows


def agree(members: Iterable[Distribution], rows: Iterable[Row]) -> None:
    """Raise GateError unless every member was listed with the version and the fields that we read."""
    listed: dict[str, list[Row]] = {}
    for row in rows:
        listed.setdefault(canonicalize_name(row["Name"]), []).append(_comparable(row))
    for member in members:
        found = listed.get(member.name, [])
        if not found:
            raise GateError(
                f"piplicenses: it lists {len(listed)} distributions and not {member.name}: either is blind; "
                "let `python` name an interpreter on a path without spaces"
            )
        expected = _expected(member)
        if expected not in found:
            differing = sorted(key for key in expected if expected[key] != found[0][key])
            raise GateError(
                f"piplicenses: it reads {', '.join(differing)} of {member.name} otherwise than we"
            )


def _expected(member: Distribution) -> Row:
    """Return the row that pip-licenses is to print."""
    raw = statements.raw(member)
    names = [each.split(" :: ")[-1] for each in raw.classifiers]
    classifiers = sorted(name for name in names if name != "OSI Approved")
    return _comparable(
        {
            "Version": member.version,
            "License-Metadata": next(iter(raw.fields), "") or UNKNOWN,
            "License-Classifier": "; ".join(classifiers) or UNKNOWN,
            "License-Expression": next(iter(raw.expressions), "") or UNKNOWN,
        }
    )


FIELDS = frozenset({"Name", "Version", "License-Metadata", "License-Classifier", "License-Expression"})


def _comparable(row: Row) -> Row:
    """Return a row without its name, and without how a field of several lines was unfolded."""
    return {key: row[key] if key == "Version" else plain(row[key]) for key in FIELDS - {"Name"}}


def _spaceless(run: Run) -> str:
    """Return the target's interpreter; through a link where its path has a space.

    pip-licenses splits the target's search path at spaces, and then finds nothing and says so nowhere.
    """
    interpreter = run.interpreter
    if not any(character.isspace() for character in str(interpreter)):
        return str(interpreter)
    link = run.scratch / "environment"
    link.symlink_to(interpreter.parent.parent.absolute(), target_is_directory=True)
    return str(Path(link, interpreter.parent.name, interpreter.name))
