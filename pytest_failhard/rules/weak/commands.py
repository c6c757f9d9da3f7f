"""What weakens a tool from outside its configuration: variables, options of Python, lists of exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.pytest_tables import of_options, split
from pytest_failhard.rules.weak.settings import Setting
from pytest_failhard.rules.weak.weakness import Project, Weakness, weakness


def weaknesses(path: str, text: str, project: Project) -> Iterator[Weakness]:
    """Yield what a file of commands sets, line by line: its syntax does not matter."""
    for number, line in enumerate(text.splitlines(), 1):
        if data.COMMENT.match(line):
            continue
        yield from _variables(path, number, line, project)
        if data.OPTIMIZED.search(line):
            yield weakness(
                _setting(path, number, "python"),
                "-O",
                "runs tests without their asserts",
                "run python without -O",
            )
        for match in data.RERUNS.finditer(line) if "pytest" in line and "ADDOPTS" not in line else ():
            setting = _setting(path, number, "pytest")
            yield weakness(setting, f"--reruns {match[1]}", data.SELECTING["--reruns"], "run each test once")
        for match in data.IGNORED_VULNERABILITY.finditer(line):
            yield weakness(
                _setting(path, number, "pip-audit"), f"--ignore-vuln {match[1]}", "hides a vulnerability"
            )


def _setting(path: str, line: int, tool: str, key: str = "", value: str = "") -> Setting:
    return Setting(path=path, tool=tool, section="", key=key, value=value, line=line)


def _variables(path: str, number: int, line: str, project: Project) -> Iterator[Weakness]:
    match = data.VARIABLE.search(line)
    if match is None:
        return
    name, value = match[1], _value(match[2])
    setting = _setting(path, number, name, "", value)
    if name == "PYTEST_ADDOPTS":
        yield from of_options(setting, split(value), project)
    elif value not in data.OFF_VALUES:
        effect = "takes the asserts out of the tests" if name == "PYTHONOPTIMIZE" else "hides vulnerabilities"
        yield weakness(setting, value, effect, f"do not set {name}")


def _value(text: str) -> str:
    """Return the value of a variable as YAML, a shell, an ini file and Python write it."""
    text = text.strip()
    quote = text[:1]
    if quote in {'"', "'"} and text.find(quote, 1) > 0:
        return text[1 : text.find(quote, 1)]
    return data.ENDS_VALUE.sub("", text, count=1).strip()
