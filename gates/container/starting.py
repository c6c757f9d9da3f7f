"""Rules of the command that a container starts with: its form, its server, and the declared start."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from pytest_failhard.gates.container.building import written
from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.judged import Judged, Tree, script_of
from pytest_failhard.source.files import tree as parsed
from pytest_failhard.system.commands import PYTHON, comparable, shell_text, split
from pytest_failhard.system.dockerfile import Instruction

SHOWN_CHARACTERS = 120
_DEVELOPER_FLAGS = frozenset({"--reload", "--debug"})
_SERVERS_IN_CODE = frozenset({"Flask", "SocketIO", "Dash", "Bottle"})
"""What has a `run` that starts a development server."""
_TARGET = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")
_TRAPS = re.compile(r"trap\s.*\b(?:SIG)?TERM\b")
_NO_MODULES = frozenset({"fd", "file", "python", "tcp", "unix"})
"""What stands before a colon where a place or a file is named."""
_TARGETED = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve"})


def rules() -> tuple[Callable[[Judged], Iterator[Hit]], ...]:
    """Return the rules of this module."""
    return shell_form, dev_server, start_differs, absent_target


def shell_form(judged: Judged) -> Iterator[Hit]:
    """C-shell-form: a shell stands between the signal that stops a container and the system."""
    for each in (judged.image.entrypoint, judged.image.command):
        if each is None or (each is judged.image.command and _is_unused(judged)):
            continue
        text = each.text if each.words is None else shell_text(each.words)
        if text is not None and not _execs(text):
            message = f"{each.name} runs by way of a shell, which keeps SIGTERM to itself"
            yield judged.hit("C-shell-form", each.line, message, _form(each), f"{each.name} shell")
    script, _ = script_of(judged.tree, judged.argv, judged.folder)
    if script and (judged.main or judged.image.exposed) and not _hands_on(judged.tree.read(script)):
        yield Hit(
            rule="C-shell-form",
            path=script,
            line=0,
            message="the container starts this script, which runs the system as a child: SIGTERM ends here",
            fix="start the system with exec",
        )


def _hands_on(script: str) -> bool:
    """Tell whether a script hands its place to the system, or the signal that it gets itself."""
    lines = [line.strip() for line in script.split("\n")]
    return any(_execs(line) or _TRAPS.match(line) for line in lines)


def _is_unused(judged: Judged) -> bool:
    """Tell whether CMD has no effect, because ENTRYPOINT is in shell form."""
    return judged.image.entrypoint is not None and judged.image.entrypoint.words is None


def _execs(text: str) -> bool:
    """Tell whether a shell hands its place to the last of its commands."""
    commands = split(text) if "exec" in text else ()
    return bool(commands) and commands[-1][0] == "exec"


def _form(each: Instruction) -> str:
    return f'write {each.name} ["program", "argument"]' if each.words is None else "begin with exec"


def dev_server(judged: Judged) -> Iterator[Hit]:
    """C-dev-server: what serves is for a developer's own machine."""
    words = comparable(judged.started, bound=True)
    what = _developers(words) or _run_in_code(judged.tree, words, judged.folder)
    if what:
        line = _line(judged)
        yield judged.hit(
            "C-dev-server", line, f"the image starts {what}", "start gunicorn or uvicorn without it"
        )


def _developers(words: tuple[str, ...]) -> str:
    """Say what of a command is for development, nothing where it is not."""
    flag = next((word for word in words if word in _DEVELOPER_FLAGS), "")
    if flag:
        return f"with {flag}"
    plain = words[2:] if words[:1] == ("python",) and words[1:2] == ("-m",) else words
    if plain[:1] == ("flask",) and "run" in plain:
        return "flask run, a development server"
    if "runserver" in plain:
        return "runserver, a development server"
    return "fastapi dev, which reloads" if plain[:2] == ("fastapi", "dev") else ""


def _run_in_code(tree: Tree, words: tuple[str, ...], folder: str) -> str:
    """Say which development server the file starts that python runs."""
    path = script_file(tree, words, folder)
    module = parsed(tree.root, path) if path else None
    if module is None:
        return ""
    made = {
        target.id
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and _makes_server(node.value)
    }
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="run")) if name in made:
                return f"{path}, which calls {name}.run, a development server"
            case ast.Call(func=ast.Attribute(attr="run" | "serve"), keywords=keywords) if _reloads(keywords):
                return f"{path}, which reloads its code"
    return ""


def _makes_server(call: ast.Call) -> bool:
    name = _last(call.func)
    return (
        name in _SERVERS_IN_CODE
        or re.fullmatch(r"_?(?:create|make|build|get)_(?:\w+_)?app", name) is not None
    )


def _reloads(keywords: list[ast.keyword]) -> bool:
    return any(
        each.arg in {"reload", "debug"} and isinstance(each.value, ast.Constant) and each.value.value is True
        for each in keywords
    )


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def script_file(tree: Tree, words: tuple[str, ...], folder: str) -> str:
    """Return the file of the tree that a command lets python run, empty where there is none."""
    if not words or not PYTHON.fullmatch(PurePosixPath(words[0]).name):
        return ""
    rest = [word for word in words[1:] if word not in {"-u", "-O", "-I", "-B"}]
    if rest[:1] == ["-m"] and len(rest) > 1:
        module = rest[1].replace(".", "/")
        return module_file(tree, module, folder) or module_file(tree, f"{module}/__main__", folder)
    return tree.named(rest[0], folder) if rest and rest[0].endswith(".py") else ""


def module_file(tree: Tree, module: str, folder: str = "") -> str:
    """Return the file of a module, given by its path without an ending; the shortest path counts."""
    ends = (f"{module}.py", f"{module}/__init__.py")
    found = [
        path for path in tree.files.names if any(path == end or path.endswith(f"/{end}") for end in ends)
    ]
    return min(found, key=lambda path: (not path.startswith(folder), path.count("/"), path), default="")


def start_differs(judged: Judged) -> Iterator[Hit]:
    """C-start-differs: the image starts something else than what is declared, and judged."""
    system = judged.tree.system
    if system is None or not system.start or not judged.main or not judged.started:
        return
    # What is declared starts in the root of the project, which is the working folder of the image.
    folder = f"{judged.image.workdir.rstrip('/')}/"
    commands = (comparable(argv) for argv in (system.start, judged.started))
    declared, built = (tuple(word.removeprefix(folder) for word in words) for words in commands)
    if declared != built:
        yield judged.hit(
            "C-start-differs",
            _line(judged),
            f"the image starts {_shown(judged.started)}, and {_shown(system.start)} is declared",
            "let both be one command: what is judged must be what runs",
            "start",
        )


def _shown(argv: tuple[str, ...]) -> str:
    """Return a command for a reader; of one with a secret in it the program alone."""
    text = " ".join(argv)
    return f"`{text[:SHOWN_CHARACTERS]}`" if not any(written(text)) else f"`{argv[0]} ...`"


def absent_target(judged: Judged) -> Iterator[Hit]:
    """C-start-differs: what the server is to load is not in the tree."""
    words = comparable(judged.started, bound=True)
    if not words or PurePosixPath(words[0]).name not in _TARGETED:
        return
    matches = [match for word in words[1:] if (match := _TARGET.match(word)) and "://" not in word]
    targets = [match for match in matches if match["module"] not in _NO_MODULES]
    if targets and not module_file(judged.tree, targets[-1]["module"].replace(".", "/"), judged.folder):
        module = targets[-1]["module"]
        yield judged.hit(
            "C-start-differs",
            _line(judged),
            f"the image starts {targets[-1][0]}, and the tree has no module {module}",
            "name the module that holds the application",
            f"target {module}",
        )


def _line(judged: Judged) -> int:
    given = judged.image.command or judged.image.entrypoint
    return given.line if given is not None else judged.image.last.line
