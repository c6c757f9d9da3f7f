"""Says of a file, by its path alone, what a value in it does: is it run with, shown, tried out, locked?"""

from __future__ import annotations

import enum
import fnmatch
import re
from pathlib import PurePosixPath

from pytest_failhard.source.files import role


class Place(enum.Enum):
    """Where a value stands."""

    DEPLOYED = "deployed"
    """What a system is started with: environment files, compose, Kubernetes, Dockerfile."""
    PRODUCT = "product"
    """All else that is neither of the others: code, configuration, scripts."""
    DEVELOPMENT = "development"
    """Settings whose file says that they are for development or CI."""
    EXAMPLE = "example"
    """What is copied and filled in: it must come without a value. Also the texts of a user interface."""
    SHOWN = "shown"
    """Documentation, and all that stands in a folder of examples."""
    TEST = "test"
    LOCK = "lock"
    """Full of digests that a tool wrote."""


_LOCKS = ("*.lock", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "*.lock.json")
_TEST_FOLDERS = frozenset(
    {"__tests__", "__mocks__", "cypress", "e2e", "spec", "specs", "testdata", "fixtures"}
)
_TEST_NAMES = ("*.test.*", "*.spec.*", "*_test.*", "test_*", "*.cassette.*")
_EXAMPLE = re.compile(r"(?:^|[._-])(?:example|examples|sample|template|tmpl|dist|tpl)(?:[._-]|$)")
_DEVELOPMENT = re.compile(
    r"(?:^|[._-])(?:dev|devel|development|local|test|tests|testing|ci|e2e|override)(?:[._-]|$)"
)
_TRANSLATIONS = frozenset({"i18n", "l10n", "lang", "langs", "locale", "locales", "messages", "translations"})
_DOCUMENTS = frozenset({".md", ".mdx", ".rst", ".adoc"})
_CI = frozenset({".github", ".gitlab", ".circleci", ".devcontainer"})
_CI_NAMES = (".gitlab-ci.yml", "azure-pipelines.yml", ".travis.yml", "bitbucket-pipelines.yml")
_ENVIRONMENT = re.compile(r"^\.?env(?:\.|$)|\.env$|^\.envrc$")
_DEPLOYED = re.compile(
    r"^(?:docker-)?compose[\w.-]*\.ya?ml$|^(?:[\w.-]*\.)?(?:dockerfile|containerfile)(?:[._-].*)?$"
    r"|^(?:\.netrc|\.npmrc|\.pypirc|\.pgpass)$|\.tfvars$"
)
_DEPLOYED_FOLDERS = frozenset({"k8s", "kubernetes", "helm", "charts", "manifests", "deploy", "deployment"})


def place(path: str, product: frozenset[str] = frozenset()) -> Place:
    """Return the place of a file; `product` are the files that product code imports, wherever they lie."""
    pure = PurePosixPath(path.lower())
    if _is_lock(pure.name):
        return Place.LOCK
    is_text = _TRANSLATIONS.intersection(pure.parts[:-1]) or _EXAMPLE.search(pure.name)
    if pure.suffix not in {".py", *_DOCUMENTS} and is_text:
        return Place.EXAMPLE
    if path not in product:
        shown = _by_role(path, pure)
        if shown is not None:
            return shown
    if _is_development(pure):
        return Place.DEVELOPMENT
    return Place.DEPLOYED if _is_deployed(pure) else Place.PRODUCT


def is_environment(path: str) -> bool:
    """Tell whether a file is one of `NAME=value` lines for the environment of a process."""
    return _ENVIRONMENT.search(PurePosixPath(path.lower()).name) is not None


def _by_role(path: str, pure: PurePosixPath) -> Place | None:
    named = any(fnmatch.fnmatchcase(pure.name, pattern) for pattern in _TEST_NAMES)
    if role(path) == "test" or named or _TEST_FOLDERS.intersection(pure.parts[:-1]):
        return Place.TEST
    return Place.SHOWN if pure.suffix in _DOCUMENTS or role(path) == "example" else None


def _is_lock(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _LOCKS)


def _is_development(pure: PurePosixPath) -> bool:
    return bool(
        _CI.intersection(pure.parts[:-1])
        or pure.name in _CI_NAMES
        or (pure.suffix != ".py" and _DEVELOPMENT.search(pure.name))
    )


def _is_deployed(pure: PurePosixPath) -> bool:
    if _ENVIRONMENT.search(pure.name) or _DEPLOYED.search(pure.name):
        return True
    return bool(_DEPLOYED_FOLDERS.intersection(pure.parts[:-1])) and pure.suffix in {".yaml", ".yml", ".json"}
