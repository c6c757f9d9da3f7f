"""FH501: a server that starts in debug mode or reloads its code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import environment as env_data
from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.environment import is_environment, key_text, lookup
from pytest_failhard.rules.guards import is_guarded
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import Module, argument, last_part

CONDITIONS = (ast.If, ast.IfExp, ast.BoolOp, ast.match_case)


class DebugServer(StaticRule):
    """A server starts in debug mode, or reloads its code while it runs.

    Finds:
        `debug=True` where an app, a server, a socketio or a dash object runs; `uvicorn.run(reload=True)`.
    Why:
        A debugger that anybody can reach runs any code; a reload restarts the system whenever a file
        changes.
    Bad:
        from flask import Flask

        app = Flask(__name__)
        app.run(debug=True)
    Good:
        from flask import Flask

        app = Flask(__name__)
        app.run()
    Exempt:
        What stands under a test of the environment: `if os.getenv("APP_ENV") == "development":`; functions
        that say they are a developer's own (`start_dev_server`), as long as their file calls them only
        where somebody has chosen so.
    Evasions:
        A name that says `dev` and a call that no condition holds back; `app.debug = True`;
        `app.config["DEBUG"] = True`; `config.update(DEBUG=True)`; `debug=os.getenv("DEBUG", "true")`;
        `os.environ["FLASK_DEBUG"] = "1"`; `--reload` in a command that is started here. Not seen:
        environment files and the commands of containers.
    Measured:
        In sample, on projects that it was tuned on: of 7 judged findings 7 break the policy, 5 of
        them do harm.
    """

    code = "FH501"
    name = "debug-server"
    gate = "fallbacks"
    family = "exposure"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each server in debug mode."""
        for node, what in (*_calls(module), *_assignments(module), *_commands(module)):
            where = module.qualname(node) or "the module"
            if not (is_guarded(module, node) or _is_developers(module, where)):
                yield self.hit(
                    module,
                    node,
                    f"{where} {what}",
                    "leave it off; a developer's own command may switch it on",
                )


def _is_developers(module: Module, where: str) -> bool:
    """Tell whether a function is a developer's own: by its name, and because nothing starts it unasked."""
    names = {part for part in where.split(".") if data.DEVELOPERS.search(part)}
    calls = (call for call in module.nodes(ast.Call) if last_part(call) in names) if names else ()
    return bool(names) and all(_is_chosen(module, call) for call in calls)


def _is_chosen(module: Module, call: ast.Call) -> bool:
    conditions = [each for each in module.ancestors(call) if isinstance(each, CONDITIONS)]
    return len(conditions) > module.is_main(call)


def _calls(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for call in module.calls.of(("update", *data.RUNS)):
        what = _started(module, call) if call.keywords else ""
        if what:
            yield call, what


def _started(module: Module, call: ast.Call) -> str:
    name = last_part(call)
    if name == "update" and _is_configuration(call):
        on = any(each.arg in data.DEBUG_KEYS and _is_on(module, each.value) for each in call.keywords)
        return "switches the debug mode of a server on" if on else ""
    if name not in data.RUNS or not _is_server(module, call):
        return ""
    if _is_on(module, argument(call, None, "debug")):
        return "starts a server in debug mode"
    return "starts a server that reloads its code" if _is_on(module, argument(call, None, "reload")) else ""


def _is_server(module: Module, call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and data.SERVERS.search(last_part(owner)):
        return True
    return module.resolve(call.func) in data.RELOADING


def _is_configuration(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and last_part(call.func.value) == data.CONFIGURATION


def _is_on(module: Module, value: ast.expr | None) -> bool:
    """Tell whether a switch is on where nobody sets a variable."""
    if value is None:
        return False
    read = next(
        (read for each in _operands(module.value(value)) if (read := lookup(module, each)) is not None), None
    )
    if read is not None:
        text = module.text(read.default)
        on = text is not None and text.lower() in env_data.TRUE_TEXTS
        return on or (read.default is not None and literal(module, read.default) == "true")
    return literal(module, value) in {"true", "const"}


def _operands(value: ast.expr) -> Iterator[ast.expr]:
    """Yield a value and what it is made of by comparing it or changing its case: the look-up in it."""
    yield value
    if isinstance(value, ast.Compare) and isinstance(value.ops[0], ast.Eq | ast.In):
        yield from _operands(value.left)
    elif isinstance(value, ast.Call):
        owner = value.func.value if isinstance(value.func, ast.Attribute) else None
        yield from (each for each in (*value.args[:1], owner) if each is not None)


def _assignments(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for assign in module.nodes(ast.Assign):
        target = assign.targets[0]
        if not isinstance(target, ast.Attribute | ast.Subscript):
            continue
        if _switches(module, target) and (
            _is_on(module, assign.value) or _is_set(module, target, assign.value)
        ):
            yield assign, "switches the debug mode of a server on"


def _switches(module: Module, target: ast.Attribute | ast.Subscript) -> bool:
    if isinstance(target, ast.Attribute):
        return target.attr == "debug" and data.SERVERS.search(last_part(target.value)) is not None
    if last_part(target.value) == data.CONFIGURATION:
        return key_text(module, target.slice) in data.DEBUG_KEYS
    return is_environment(module, target.value) and key_text(module, target.slice) in data.DEBUG_VARIABLES


def _is_set(module: Module, target: ast.expr, value: ast.expr) -> bool:
    text = module.text(value) if isinstance(target, ast.Subscript) else None
    return text is not None and text.lower() in env_data.TRUE_TEXTS


def _commands(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for command in module.nodes(ast.List):
        words = [module.text(each) for each in command.elts] if command.elts else []
        if data.DEBUG_FLAGS.intersection(words) and data.SERVING_COMMANDS.intersection(words):
            yield command, "starts a server that reloads its code"
