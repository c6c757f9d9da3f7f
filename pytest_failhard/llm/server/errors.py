"""What keeps the server from doing what it is asked to do."""

from __future__ import annotations


class ServerError(Exception):
    """The server cannot be used so, did not stop in time, or was failed by whoever decides the answers."""


class CannotRunError(ServerError):
    """The operating system lacks what a fault is made of: an error of the case, never a skip."""


class MissingExtraError(ServerError):
    """A fault needs a package that is not installed; the message holds the line that installs it."""
