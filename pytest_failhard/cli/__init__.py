"""The `failhard` command: one module a subcommand."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys

import click

from pytest_failhard.exits import USAGE

COLLECT_AFTER = (100_000, 20, 100)
"""Objects of a generation that make Python look for cycles: what is imported has few, and stays."""
COMMANDS = (
    "check",
    "verify",
    "compare",
    "merge",
    "migrate",
    "gates",
    "explain",
    "waive",
    "baseline",
    "decide",
    "quarantine",
    "ratchet",
    "golden",
    "cache",
    "fleet",
    "advisories",
    "llm-faults",
    "llm-server",
    "init",
)


class LazyGroup(click.Group):
    """Imports a subcommand when it is asked for: most of a run's start-up is imports."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run the command that the process was started with; what it prints is redacted."""
        from pytest_failhard.cli.streams import redacted
        from pytest_failhard.redact import RedactError

        gc.set_threshold(*COLLECT_AFTER)
        # What is left at the end goes with the process: nobody has to look through it for cycles.
        atexit.register(gc.freeze)
        try:
            with redacted(os.environ, sys.argv[1:]):
                return super().__call__(*args, **kwargs)
        except RedactError as error:
            click.echo(f"failhard: {error}", err=True)
            sys.exit(USAGE)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are used."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand; the module carries its name, with underscores for dashes."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pytest_failhard.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = vars(module)["command"]
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-failhard")
def main() -> None:
    """Judge a generated system: not proven is not passed."""
