"""The errors a caller can meet, each with its status and a machine-readable type."""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """A request that cannot be served. Nothing is answered in its place."""

    status: ClassVar[int] = 500

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotAuthorisedError(ServiceError):
    """The bearer token is absent or wrong."""

    status = 401


class UnknownTicketError(ServiceError):
    """No ticket has this id."""

    status = 404


class WrongContentTypeError(ServiceError):
    """The body is not declared as JSON."""

    status = 415


class InvalidTicketError(ServiceError):
    """The body is no ticket."""

    status = 422


class ModelRefusedError(ServiceError):
    """The model provider rejected the call, or its answer cannot be used."""

    status = 502


class ModelUnavailableError(ServiceError):
    """The model provider cannot serve the call now."""

    status = 503


class ModelTimeoutError(ServiceError):
    """The model provider did not answer in time."""

    status = 504


class StoreUnavailableError(ServiceError):
    """The ticket database cannot be read or written."""

    status = 503
