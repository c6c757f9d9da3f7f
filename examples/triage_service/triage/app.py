"""The web application: routes, authorisation, and errors as JSON."""

from __future__ import annotations

import hmac
import logging
import re
import time
import uuid

from flask import Flask, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from triage.errors import (
    InvalidTicketError,
    NotAuthorisedError,
    ServiceError,
    StoreUnavailableError,
    WrongContentTypeError,
)
from triage.metrics import Metrics
from triage.model import TriageModel
from triage.settings import Settings
from triage.store import TicketStore
from triage.tickets import Proposal, Record, Ticket

LARGEST_BODY = 64 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LOG = logging.getLogger("triage")

Answer = tuple[Response, int]


class TriageService:
    """The views, with what they need."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.api_token.encode()
        self._environment = settings.environment
        self._model = TriageModel(settings)
        self._store = TicketStore(settings.database)
        self._metrics = Metrics()

    def create(self) -> Answer:
        """Triage a ticket and keep the result."""
        self._authorise()
        ticket = _ticket()
        proposal, model = self._propose(ticket)
        record = Record(id=str(uuid.uuid4()), ticket=ticket, proposal=proposal, model=model)
        self._store.add(record)
        return jsonify(record.model_dump()), 201

    def show(self, identity: uuid.UUID) -> Answer:
        """Return a triaged ticket."""
        self._authorise()
        return jsonify(self._store.get(str(identity)).model_dump()), 200

    def health(self) -> Answer:
        """Tell whether requests can be served: 503 when the database cannot."""
        try:
            self._store.check()
        except StoreUnavailableError as error:
            LOG.warning("not ready", extra={"fields": {"error": error.kind}}, exc_info=True)
            return jsonify(status="unavailable", store="unavailable"), error.status
        return jsonify(status="ok", store="ok"), 200

    def live(self) -> Answer:
        """Tell that the process answers."""
        return jsonify(status="alive"), 200

    def metrics(self) -> Response:
        """Return the counters."""
        return Response(self._metrics.render(), content_type=CONTENT_TYPE_LATEST)

    def begin(self) -> None:
        """Give the request an id and a start time."""
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()

    def finish(self, response: Response) -> Response:
        """Count and log the request."""
        route = request.url_rule.rule if request.url_rule else "unknown"
        seconds = time.perf_counter() - g.started
        self._metrics.requests.labels(route, str(response.status_code)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        response.headers["X-Request-ID"] = g.request_id
        LOG.info(
            "request",
            extra={
                "fields": {
                    "method": request.method,
                    "route": route,
                    "status": response.status_code,
                    "milliseconds": round(seconds * 1000, 1),
                    "environment": self._environment,
                }
            },
        )
        return response

    def _authorise(self) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token):
            raise NotAuthorisedError("not_authorised", "send the API token as bearer token")

    def _propose(self, ticket: Ticket) -> tuple[Proposal, str]:
        try:
            answer = self._model.propose(ticket)
        except ServiceError as error:
            self._metrics.model_calls.labels(error.kind).inc()
            raise
        self._metrics.model_calls.labels("answered").inc()
        return answer


def _ticket() -> Ticket:
    if request.mimetype != "application/json":
        raise WrongContentTypeError("wrong_content_type", "send the ticket as application/json")
    try:
        return Ticket.model_validate_json(request.get_data())
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise InvalidTicketError("invalid_ticket", "; ".join(problems)) from error


def _answer_error(error: ServiceError) -> Answer:
    LOG.warning("refused", extra={"fields": {"error": error.kind, "cause": type(error.__cause__).__name__}})
    return _error(error.kind, str(error), error.status)


def _answer_http_error(error: HTTPException) -> Answer:
    # Flask wraps an unforeseen exception in a 500 and logs it; its text never reaches the caller.
    kind = error.name.lower().replace(" ", "_")
    return _error(kind, error.name, error.code or 500)


def _error(kind: str, message: str, status: int) -> Answer:
    return jsonify(error={"type": kind, "message": message, "request_id": g.request_id}), status


def create_app(settings: Settings) -> Flask:
    """Return the application."""
    app = Flask("triage", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    service = TriageService(settings)
    app.before_request(service.begin)
    app.after_request(service.finish)
    app.add_url_rule("/tickets", view_func=service.create, methods=["POST"])
    app.add_url_rule("/tickets/<uuid:identity>", view_func=service.show)
    app.add_url_rule("/health", view_func=service.health)
    app.add_url_rule("/livez", view_func=service.live)
    app.add_url_rule("/metrics", view_func=service.metrics)
    app.register_error_handler(ServiceError, _answer_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    return app
