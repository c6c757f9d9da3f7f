"""What opens a system to others: servers, addresses, origins, certificates, paths of one machine."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

SERVERS = re.compile(r"(?i)(^|_)(app|application|server|socketio|sio|dash|flask|api|web|webapp)$")
RUNS = frozenset({"run", "run_server", "run_app"})
RELOADING = frozenset({"uvicorn.run", "uvicorn.Config", "hypercorn.run"})
DEVELOPERS = re.compile(r"(?i)(^|[_.])(dev|develop|development|debug|local)(_|$)")
DEBUG_KEYS = frozenset({"debug", "DEBUG", "FLASK_DEBUG"})
DEBUG_VARIABLES = frozenset({"FLASK_DEBUG", "DJANGO_DEBUG", "APP_DEBUG"})
SERVING_COMMANDS = frozenset({"uvicorn", "gunicorn", "flask", "hypercorn"})
DEBUG_FLAGS = frozenset({"--reload", "--debug"})
CONFIGURATION = "config"

HOSTS = re.compile(r"(?i)^(\w+_)?(host|server_name|bind_address|bind_host|listen_address|bind)$")
ALL_INTERFACES = frozenset({str(IPv4Address(0)), str(IPv6Address(0)), f"[{IPv6Address(0)}]"})
EMPTY_HOST_CALLS = frozenset(
    {"run", "serve", "create_server", "start_server", "listen", "run_app", "TCPSite"}
)
BINDERS = frozenset(
    {"bind", "create_server", "HTTPServer", "ThreadingHTTPServer", "TCPServer", "make_server"}
)
BIND = "bind"
LISTENING = (b"listen(", b"recvfrom(", b"accept(")
"""One of them stands where a bound socket serves somebody."""
ADDRESS_PARTS = 2

ORIGINS = frozenset({"allow_origins", "origins", "cors_allowed_origins"})
CORS_CALLS = frozenset(
    {"CORSMiddleware", "add_middleware", "CORS", "init_app", "Middleware", "SocketIO", "Server"}
)
CORS_CALLS_ANYWHERE = "allow_origins"
ORIGIN_REGEX = "allow_origin_regex"
EVERY_ORIGIN = frozenset({".*", "^.*$", ".+", "^.+$", "https?://.*", "^https?://.*$", "http.*"})
CREDENTIALS = frozenset({"allow_credentials", "supports_credentials"})
FLASK_CORS = "flask_cors.CORS"
FLASK_LIMITS = frozenset({"origins", "resources"})
TEXT_METHODS = frozenset({"split", "strip"})
DEFAULTS = ("default", "default_factory")
ORIGIN_HEADER = "access-control-allow-origin"
HEADER_METHODS = frozenset({"add", "set", "setdefault", "add_header", "send_header", "append"})
ORIGIN_SETTING = re.compile(r"(?i)(cors_\w*origins?|allow(ed)?_origins|cors_origins?)(_list|_regex)?$")

HTTP_METHODS = frozenset(
    {"get", "options", "head", "post", "put", "patch", "delete", "request", "stream", "send"}
    | {"Client", "AsyncClient", "Session", "HTTPTransport", "AsyncHTTPTransport", "session"}
)
HTTP_PACKAGES = frozenset({"requests", "httpx", "urllib3", "aiohttp"})
SESSION_NAME = re.compile(r"(?i)(session|client|http|requests?)$")
AIOHTTP_SWITCHES = frozenset({"ssl", "verify_ssl"})
AIOHTTP_METHODS = HTTP_METHODS | {"TCPConnector", "ws_connect", "ClientSession"}
UNVERIFIED_NAMES = frozenset({"ssl._create_unverified_context", "ssl.CERT_NONE"})
UNVERIFIED = frozenset({"_create_unverified_context", "CERT_NONE"})
VERIFIED = "CERT_REQUIRED"
CHECKED_ATTRIBUTES = frozenset({"check_hostname"})
VERIFYING_ATTRIBUTE = "verify"
SWITCH_NAME = re.compile(r"(?i)(verify|tls|ssl|cert)")
TLS_HINTS = (b"verify", b"ssl", b"CERT_NONE", b"check_hostname")

TEST = "test"
SELF = frozenset({"self", "cls", "mcs"})

HOME = re.compile(
    r"^(file://)?(/home/[A-Za-z0-9._-]+/|/Users/[A-Za-z0-9._-]+/|[A-Za-z]:[\\/]+Users[\\/]+[^\\/\s]+[\\/])"
)
HOME_HINTS = (b"/home/", b"/Users/", b"Users\\", b":/Users")
SHARED_HOMES = re.compile(r"(?i)^(file://)?(/Users/|[A-Za-z]:[\\/]+Users[\\/]+)(Shared|Public|Default)[\\/]")
"""Folders of nobody."""
