"""Says why an installation failed, by asking the index again: never by what the installer wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.system.installer import KNOWN, Installer
from pytest_failhard.system.requirement_lines import Line

PROBED = 2
"""So many of the project's own packages are asked for where the index does not even have the known one."""
LAST_LINES = 30
NOT_FOUND, FAILED = "R1-package-not-found", "R1-install-failed"


def diagnose(
    installer: Installer,
    python: Path,
    path: str,
    requirements: Sequence[Line],
    options: Sequence[str],
    output: str,
) -> tuple[Finding, ...]:
    """Return why `path` could not be installed; raises GateError, external, where no index answers.

    The last lines of what the installer wrote are kept as evidence.
    """
    words = "\n".join(output.strip().splitlines()[-LAST_LINES:])
    installer.run.keep("install-failed.txt", words.encode() + b"\n", volatile=True)
    names = [line.requirement.name for line in requirements if line.requirement is not None]
    if not installer.answers(python, [KNOWN, *names[:PROBED]], options):
        raise GateError(
            f"index-down: {path} could not be installed, and the package index has no answer for a package "
            f"that is known to exist ({KNOWN}): see what PIP_INDEX_URL and pip's configuration name, and "
            "whether it can be reached",
            external=True,
        )
    found = tuple(sorted(_absent(installer, python, requirements, options)))
    return found or (
        Finding(
            rule=FAILED,
            name=FAILED,
            path=path,
            line=0,
            severity=Severity.MEDIUM,
            message="the installation into an empty environment fails, though the package index answers",
            fix="install it so in a fresh virtual environment; the last lines are in install-failed.txt",
        ),
    )


def is_needed(requirement: Requirement | None, python: str) -> bool:
    """Tell whether an index is asked for a requirement on a Python of this version."""
    if requirement is None or requirement.url is not None:
        return False
    versions = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    return requirement.marker is None or requirement.marker.evaluate(versions)


def _absent(
    installer: Installer, python: Path, lines: Sequence[Line], options: Sequence[str]
) -> Iterator[Finding]:
    for line in lines:
        requirement = line.requirement
        if requirement is None:
            continue
        versions = installer.versions(python, requirement.name, options)
        if not any(requirement.specifier.filter(versions, prereleases=True)):
            what = (
                "the package has no version that fits"
                if versions
                else "the index has no package of this name"
            )
            yield Finding(
                rule=NOT_FOUND,
                name=NOT_FOUND,
                path=line.path,
                line=line.number,
                severity=Severity.HIGH,
                message=f"`{line.text}`: {what}",
                fix="correct name and version; a name that a model has made up can be registered by anybody",
                anchor=f"{requirement.name} {requirement.specifier}".strip(),
            )
