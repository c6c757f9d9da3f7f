"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask.testing import FlaskClient

TICKET = {"subject": "Charged twice", "body": "My card shows two payments for May."}

ClientFactory = Callable[[Mapping[str, str]], FlaskClient]
