"""What gunicorn loads: the application made from the environment, or a refusal to start."""

from __future__ import annotations

import logging.config
import os

from flask import Flask

from triage.app import create_app
from triage.errors import StoreUnavailableError
from triage.logs import LOGGING
from triage.settings import SettingsError, load


def from_environment() -> Flask:
    """Return the application; exit with 1 and every reason in the log where it cannot start."""
    logging.config.dictConfig(LOGGING)
    try:
        return create_app(load(os.environ))
    except SettingsError as error:
        logging.getLogger("triage").critical("cannot start", extra={"fields": {"problems": error.problems}})
        raise SystemExit(1) from error
    except StoreUnavailableError as error:
        reason = f"DATABASE_PATH cannot be used: {error.__cause__}"
        logging.getLogger("triage").critical("cannot start", extra={"fields": {"problems": [reason]}})
        raise SystemExit(1) from error
