"""Who a project is, by its pyproject.toml, and where that leaves it to the build, by its metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import getaddresses
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.declarations import Project
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.pyproject import POETRY, Pyproject


def own(name: str, root: Path, installed: Mapping[str, Distribution]) -> Distribution | None:
    """Return the project's own distribution: the one of its name, or the one that its folder was."""
    if name:
        return installed.get(name)
    places = {root.resolve(), root.resolve() / "src"}
    url = root.resolve().as_uri()
    for distribution in installed.values():
        came = str(distribution.direct_url.get("url", "")).rstrip("/")
        if came == url or (distribution.is_editable and distribution.folder.parent.resolve() in places):
            return distribution
    return None


def name_of(pyproject: Pyproject) -> str:
    """Return the canonical name that pyproject.toml gives, empty without one."""
    name = pyproject.text(pyproject.project, "name", "project.")
    return canonicalize_name(name or pyproject.text(pyproject.poetry, "name", f"{POETRY}."))


def project(pyproject: Pyproject, distribution: Distribution | None) -> Project:
    """Return what is said of the project; a field that nobody states is empty."""
    said = _stated(pyproject) if pyproject.project else _poetry(pyproject)
    built = _built(distribution) if distribution is not None else Project()
    return Project(
        name=said.name or built.name,
        version=said.version or built.version,
        requires_python=said.requires_python or built.requires_python,
        licence=said.licence or built.licence,
        licence_files=said.licence_files or built.licence_files,
        authors=said.authors or built.authors,
        maintainers=said.maintainers or built.maintainers,
        urls=said.urls or built.urls,
    )


def _stated(pyproject: Pyproject) -> Project:
    table = pyproject.project
    licence, files = _licence(table.get("license"))
    named = table.get("license-files")
    return Project(
        name=name_of(pyproject),
        version=pyproject.text(table, "version", "project."),
        requires_python=pyproject.text(table, "requires-python", "project."),
        licence=licence,
        licence_files=(*files, *(str(each) for each in (named if isinstance(named, list) else ()))),
        authors=_people(table.get("authors")),
        maintainers=_people(table.get("maintainers")),
        urls={key: str(url) for key, url in pyproject.table(table, "urls", "project.").items()},
    )


def _licence(value: object) -> tuple[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return str(value.get("text", "")), (str(value["file"]),) if "file" in value else ()
    return (value, ()) if isinstance(value, str) else ("", ())


def _people(value: object) -> tuple[tuple[str, str], ...]:
    entries = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return tuple((str(each.get("name", "")), str(each.get("email", ""))) for each in entries)


def _poetry(pyproject: Pyproject) -> Project:
    table = pyproject.poetry
    place = f"{POETRY}."
    links = {key: table.get(key.lower()) for key in ("Homepage", "Repository", "Documentation")}
    return Project(
        name=name_of(pyproject),
        version=pyproject.text(table, "version", place),
        licence=pyproject.text(table, "license", place),
        authors=_addresses(pyproject.texts(table, "authors", place)),
        maintainers=_addresses(pyproject.texts(table, "maintainers", place)),
        urls={key: url for key, url in links.items() if isinstance(url, str)},
    )


def _addresses(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in getaddresses(list(texts)) if any(pair))


def _built(distribution: Distribution) -> Project:
    urls = (each.partition(",") for each in distribution.all("Project-URL"))
    return Project(
        name=distribution.name,
        version=distribution.version,
        requires_python=distribution.one("Requires-Python"),
        licence=distribution.one("License-Expression") or distribution.one("License"),
        licence_files=distribution.all("License-File"),
        authors=_contacts(distribution, "Author"),
        maintainers=_contacts(distribution, "Maintainer"),
        urls={label.strip(): url.strip() for label, _, url in urls},
    )


def _contacts(distribution: Distribution, role: str) -> tuple[tuple[str, str], ...]:
    """Return the people of a role; a name without an address stands in a field of its own."""
    people = _addresses(distribution.all(f"{role}-email"))
    names = tuple((name, "") for name in distribution.all(role))
    if len(people) == len(names) == 1 and not people[0][0]:
        return ((names[0][0], people[0][1]),)
    return names + people
