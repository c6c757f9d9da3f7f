"""Rules of how an image is built: secrets in its layers, its tools, its context, where packages come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from pytest_failhard import redact
from pytest_failhard.gates.container.files import Dockerfile
from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.ignoring import Ignored
from pytest_failhard.gates.container.judged import Judged
from pytest_failhard.gates.container.literals import holds_password, is_literal
from pytest_failhard.source.secret_names import is_secret_name
from pytest_failhard.system.commands import split
from pytest_failhard.system.dockerfile import Instruction

INSTALLERS = frozenset(
    {"pip", "pip3", "poetry", "pdm", "pipenv", "uv", "conda", "mamba", "npm", "yarn", "pnpm"}
)
_INSTALLING = frozenset({"install", "sync", "ci", "add", "compile"})
COMPILERS = re.compile(
    r"(?<![\w./-])(?:gcc|g\+\+|clang|make|cmake|build-essential|build-base|python3-dev|python3-devel|rustc|cargo"
    r"|musl-dev|libffi-dev|libpq-dev|linux-headers)(?![\w./-])"
)
_PACKAGE_MANAGER = re.compile(
    r"\b(?:apt-get|apt|apk|yum|dnf|microdnf)\b[^\n;&|]*\b(?:install|add)\b(?P<rest>[^\n;&|]*)"
)
_TOOLS = frozenset(
    {
        "pip",
        "setuptools",
        "wheel",
        "uv",
        "poetry",
        "pipenv",
        "pdm",
        "hatch",
        "build",
        "pip-tools",
        "poetry-core",
    }
    | {"poetry-plugin-export", "virtualenv", "flit", "maturin", "cython"}
)
"""What installs or builds packages, and is no part of the system."""
_VALUE_FLAGS = frozenset(
    {
        "-r",
        "--requirement",
        "-c",
        "--constraint",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
    }
    | {
        "-t",
        "--target",
        "--prefix",
        "--root",
        "--python",
        "-p",
        "--timeout",
        "--default-timeout",
        "--retries",
    }
    | {"--trusted-host", "--platform", "--cache-dir", "--no-binary", "--only-binary", "--src", "--proxy"}
    | {"-e", "--editable", "--group", "--extra", "--index-strategy", "--progress-bar", "--config-settings"}
)
_SAMPLE = re.compile(r"\.(?:example|sample|template|dist|tmpl)$")
_SCHEME = re.compile(r"https?://|git://|git@", re.IGNORECASE)
_COMMIT = re.compile(r"#[0-9a-f]{40}(?::|$)")
_ASSIGNED = re.compile(
    r"(?:^|[\s;&|])(?:export\s+)?(?P<name>[A-Za-z_]\w*)=(?P<value>\"[^\"]*\"|'[^']*'|\$\([^)]*\)|[^\s;&|]+)"
)
_OPTION = re.compile(
    r"--(?P<name>[a-z][\w-]*)[= ](?P<value>\"[^\"]*\"|'[^']*'|\$\([^)]*\)|[^\s;&|-][^\s;&|]*)"
)


def rules() -> tuple[Callable[[Judged], Iterator[Hit]], ...]:
    """Return the rules of this module that judge what is deployed."""
    return single_stage, no_dockerignore, inline_install, remote_add


def secrets(file: Dockerfile) -> Iterator[Hit]:
    """C-secret: a secret in a layer, of whatever stage; one for development counts as well."""
    outer = [each for each in file.instructions if each.name == "ARG"]
    for each in dict.fromkeys((*outer, *(each for stage in file.stages for each in stage.instructions))):
        for what in dict.fromkeys(_held(each)):
            yield Hit(
                rule="C-secret",
                path=file.path,
                line=each.line,
                message=f"{each.name} {what}: it stays in a layer or in the history of the image",
                fix="give it to the container when it starts, or to the build with RUN --mount=type=secret",
                basis=f"{each.name} {what}",
            )


def _held(each: Instruction) -> Iterator[str]:
    if each.name in {"ENV", "ARG"}:
        yield from (f"{name} takes a secret" for name in each.bare if is_secret_name(name))
        yield from _set(each)
    elif each.name in {"COPY", "ADD"} and not each.flag("from"):
        yield from (f"copies {name}" for name in sources(each) if _is_environment(name))
    elif each.name in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"}:
        yield from written("\n".join((" ".join(each.words or (each.text,)), *each.heredocs)))


def _set(each: Instruction) -> Iterator[str]:
    for name, value in each.pairs:
        if is_secret_name(name) and (value or each.name == "ARG") and not _is_flag(value):
            yield f"{name} holds a secret"
        elif holds_password(value):
            yield f"{name} holds a URL with a password"


def _is_flag(value: str) -> bool:
    return value.lower() in {"true", "false", "yes", "no", "0", "1"}


def _is_environment(source: str) -> bool:
    name = PurePosixPath(source).name
    return (name == ".env" or name.startswith(".env.") or name == ".env*") and not _SAMPLE.search(name)


def written(text: str) -> Iterator[str]:
    """Yield, in words, the secrets that stand in a command."""
    for match in (*_ASSIGNED.finditer(text), *_OPTION.finditer(text)):
        value = match["value"].strip("\"'")
        if is_secret_name(match["name"].replace("-", "_")) and is_literal(value):
            yield f"writes {match['name']}"
    if holds_password(text):
        yield "uses a URL with a password"
    kinds = {
        pattern.kind for pattern in redact.shipped() if pattern.kind == "provider-key" and pattern.spans(text)
    }
    yield from (f"holds a {kind}" for kind in sorted(kinds))


def sources(each: Instruction) -> tuple[str, ...]:
    """Return what a COPY or ADD takes from its context."""
    words = each.words if each.words is not None else tuple(each.text.split())
    return tuple(word for word in words[:-1] if not word.startswith("<<"))


def single_stage(judged: Judged) -> Iterator[Hit]:
    """C-single-stage: what builds stands in the image that runs."""
    image = judged.image
    copies = any(each.name == "COPY" and each.flag("from") for each in image.instructions)
    for each in image.instructions:
        if each.name != "RUN":
            continue
        compiler = next((found for found in _compilers(each.shell)), "")
        if compiler or (not copies and _installs(each.shell)):
            what = f"installs {compiler}" if compiler else "installs the packages"
            yield judged.hit(
                "C-single-stage",
                each.line,
                f"the stage that runs {what}: the tools that build stay in it",
                "build in a stage of its own and COPY --from it what runs",
            )
            return


def _compilers(text: str) -> Iterator[str]:
    for match in _PACKAGE_MANAGER.finditer(text):
        # What is removed in the same layer is not in the image.
        names = {each[0] for each in COMPILERS.finditer(match["rest"])}
        removed = re.search(r"\b(?:purge|remove|autoremove|del)\b", text[match.end() :])
        yield from () if removed else sorted(names)


def _installs(text: str) -> bool:
    return any(
        PurePosixPath(words[0]).name in INSTALLERS | {"python", "python3"}
        and _INSTALLING.intersection(words[1:6])
        for words in split(text)
    )


def no_dockerignore(judged: Judged) -> Iterator[Hit]:
    """C-no-dockerignore: the whole context is copied, with what must not be in an image."""
    copied = next(
        (each for stage in judged.file.stages for each in stage.instructions if _takes_all(each)), None
    )
    if copied is None:
        return
    ignored = Ignored.of(judged)
    if ignored is None:
        message = f"{copied.name} takes the whole folder, and no .dockerignore leaves anything out"
        yield judged.hit("C-no-dockerignore", copied.line, message, "add one, or copy what is needed")
        return
    missing = ignored.missing(judged.tree)
    if missing:
        yield judged.hit(
            "C-no-dockerignore",
            copied.line,
            f"{copied.name} takes the whole folder, and {ignored.path} lets {', '.join(missing)} in",
            "leave them out, or copy what is needed",
        )


def _takes_all(each: Instruction) -> bool:
    is_copy = each.name in {"COPY", "ADD"} and not each.flag("from")
    return is_copy and any(source in {".", "./", "*", "./*", "/"} for source in sources(each))


def inline_install(judged: Judged) -> Iterator[Hit]:
    """C-inline-install: packages that no manifest names."""
    for stage in judged.image.contributing:
        for each in stage.instructions:
            names = _inline(each) if each.name == "RUN" else ()
            if names:
                yield judged.hit(
                    "C-inline-install",
                    each.line,
                    f"installs {', '.join(names)} by name: no manifest says so, no lock pins it",
                    "name it in the manifest and install that",
                    f"install {' '.join(sorted(names))}",
                )


def _inline(each: Instruction) -> tuple[str, ...]:
    return tuple(name for words in split(each.shell) for name in _installed(words))


def _installed(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the packages that a command of pip installs by their names."""
    names = [PurePosixPath(word).name for word in words[:4]]
    pips = {"pip", "pip3"}
    if not pips.intersection(names) or "install" not in words or "--no-index" in words:
        return
    skip = False
    for word in words[words.index("install") + 1 :]:
        if skip or word in _VALUE_FLAGS:
            skip = not skip
            continue
        name = re.split(r"[\[=<>~!@;, ]", word, maxsplit=1)[0]
        is_name = re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) is not None
        if is_name and not word.endswith((".whl", ".tar.gz", ".zip")) and name.lower() not in _TOOLS:
            yield name


def remote_add(judged: Judged) -> Iterator[Hit]:
    """C-remote-add: ADD of a URL that may hold anything tomorrow."""
    for stage in judged.image.contributing:
        for each in stage.instructions:
            urls = [name for name in sources(each) if _SCHEME.match(name)] if each.name == "ADD" else []
            if urls and not each.flag("checksum") and not all(_COMMIT.search(url) for url in urls):
                yield judged.hit(
                    "C-remote-add",
                    each.line,
                    "ADD takes a URL without --checksum",
                    "give its --checksum=sha256:...",
                    f"add {each.line - stage.line}",
                )
