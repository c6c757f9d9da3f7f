"""Gunicorn: one process (the counters live in it), threads for the waiting on the model."""

import os

from triage.logs import LOGGING

bind = f"{os.environ['HOST']}:{os.environ['PORT']}"
workers = 1
worker_class = "gthread"
threads = 16
timeout = 60
# Three attempts of 7 seconds and the waits between them.
graceful_timeout = 28
keepalive = 5
# The application is loaded before the port opens: a refusal to start never accepts a connection.
preload_app = True
control_socket_disable = True
logconfig_dict = LOGGING
