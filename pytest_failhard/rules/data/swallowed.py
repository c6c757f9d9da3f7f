"""Names of fallbacks, shutdown code, probes and security checks, for the rules on swallowed failures."""

from __future__ import annotations

import re

NOTES = frozenset({"inc", "incr", "increment", "count", "gauge", "record_exception", "capture_exception"})
"""Last names of calls that count or report a failure: the program goes on all the same."""
NOTE_CALLS = frozenset({"warnings.warn", "sys.stderr.write", "sys.stdout.write", "traceback.print_exc"})
ERROR_NAME = re.compile(r"(?i)(err|fail|problem|issue|violation|skipped)")
"""Names of what gathers failures."""
SHUTDOWN = re.compile(
    r"(?i)^_*(a?close|a?stop|shut_?down|clean_?up|tear_?down|disconnect|terminate|dispose|release|kill"
    r"|__del__|__a?exit__|on_shutdown|on_exit|atexit)(_|$)|(_|^)(shutdown|cleanup|teardown)(_|$)"
)
CLEANUP = re.compile(r"(?i)^_*(a?close|__del__|__a?exit__|clean_?up|shut_?down|tear_?down)(_|$)")
"""Where a silent handler is accepted, if a comment says why."""

PROBE = re.compile(
    r"^_*(is_|has_|can_|check_|test_|ping_?|health|.*_?exists|supports|verify|validate|should|looks|contains"
    r"|available|.*_available$)"
)
COMMAND = re.compile(r"^_*(main|run|cli|cmd_\w*|command\w*|handle\w*)$")
"""Functions whose number is an exit code."""
DISPLAY = re.compile(r"^_*(format|render)_|^__(repr|str)__$|^_*safe_(str|repr)$")
FIRST_ERROR_STATUS = 400
ERROR_PART = re.compile(r"(?i)(^|_)(error|fail|exception|unhealthy|invalid|unavailable)")
"""The same words as in a text, as parts of names."""
SWALLOWING = re.compile(
    r"(?i)(safe|suppress|swallow|catch|ignore|fallback|no_?raise|silent|on_error|graceful)"
)
"""Names of decorators that keep an exception from the caller."""
DEFAULTS = frozenset(
    {"default", "fallback", "default_return", "return_value", "default_value", "fallback_value", "on_error"}
)

FALLBACK = re.compile(
    r"(?i)(^|_)(fallback|mock|fake|dummy|default|sample|simulated|synthetic|placeholder|canned|heuristic"
    r"|rule_based|offline|degraded|basic|minimal|empty|backup)(_|$)"
)
NO_FALLBACK = re.compile(
    r"(?i)^_*(setdefault|default_timer|get_default\w*|set_default\w*|create_default_context|default_rng"
    r"|default_factory|empty_cache|empty_like|basic_(n?ack|publish|consume|reject|qos|cancel|auth|config)"
    r"|\w+_(if|when|unless)_(empty|default)|\w*(error|exception|warning))$"
)
NEVER_APPROVED = re.compile(
    r"(?i)(^|_)(mock|fake|dummy|sample|simulated|synthetic|placeholder|canned|stub|empty)(_|$)"
)
"""What no entry in `approved_fallbacks` can let through: it does no work of the same kind."""
AVAILABLE = re.compile(
    r"(?i)(api_?key|auth_?token$|access_?token$|(^|[._])(\w*_)?client$|llm|openai|anthropic|gemini|groq|ollama"
    r"|(ai|llm|api|service|model|provider|agent)\w*[._](is_)?(available|configured|enabled|ready)|credentials?)"
)
"""What a test reads that asks whether a dependency is there."""

OUTCOME_NAME = re.compile(
    r"(?i)(status|health|error|success|valid|passed|fail|ok$|(^|[_.])(\w*_code|code|rc)$)"
)
STATE_NAME = re.compile(r"(?i)(^|[_.])(is_)?\w*(connected|available|running|ready)$")
"""Names of which False says that something is not there."""
OUTCOME_TEXT = re.compile(r"(?i)(error|fail|unknown|unhealthy|degraded|invalid)")

SECURITY_WORD = re.compile(
    r"(?i)(^|_)(auth|authenticate|authenticated|authentication|authori[sz]e|authori[sz]ed|authori[sz]ation"
    r"|tokens?|jwt|verify|verified|permission|permissions|permitted|signature|signatures)(_|$)"
)
VALIDATES = re.compile(r"(?i)^_*validate(_|$)")
ALLOWS = re.compile(
    r"(?i)^(is_?)?(allow(ed)?|ok|valid|authori[sz]ed|authenticated|permitted|granted|verified|passed)$"
)
DENIES = re.compile(r"(?i)^(is_?)?(fail(ed)?|denied|invalid|rejected|forbidden|blocked|errors?)$")
DISPLAYED = re.compile(
    r"(?i)(^|_)(parse|decode|display|format|mask|redact|describe|extract|render|preview|count)(_|$)"
)
"""Functions that read a token to show it, not to let anybody in."""
KEEPING = re.compile(
    r"(?i)^_*(get|fetch|obtain|request|acquire|load|save|store|refresh|trigger|create|generate|make|build|set|add"
    r"|send|revoke|delete|remove|reset|update|list|show|print|log|record|track|estimate|cancel|handle|init|setup)_"
)
"""Functions that do something with a token: what they go on with is no permission."""

ROUTE_VERBS = frozenset({"get", "post", "put", "delete", "patch", "route", "api_route"})
VIEW_METHODS = frozenset({"get", "post", "put", "delete", "patch"})
VIEW_BASE = re.compile(r"(View|Resource|Endpoint|RequestHandler|APIView|ViewSet)$")
REGISTRATIONS = frozenset({"add_api_route", "add_url_rule", "add_route"})
STREAM = re.compile(r"(?i)(stream|sse|websocket|_ws$|^ws_|events?$)")
ERROR_KEYS = frozenset({"error", "errors", "detail", "exception"})
BAD_STATUS = re.compile(r"(?i)^(error|failed|failure|unhealthy|down|unavailable|degraded)$")
BODIES = frozenset(
    {"jsonify", "dict", "JSONResponse", "ORJSONResponse", "UJSONResponse", "Response", "json_response"}
)

GENERATED = re.compile(r"(^|\.)(_*version_*|_*about_*)$")
"""Own modules that are made when the project is built, and may be missing in a checkout."""
IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})
STAND_INS = frozenset({"type", "types.SimpleNamespace", "argparse.Namespace", "types.ModuleType", "object"})
DOUBLES = re.compile(r"^(Magic|Async|NonCallable)?Mock$")
SUPPRESSORS = frozenset({"contextlib.suppress", "exceptiongroup.suppress"})
SUPPRESSING_WORDS = ("suppress", "exceptiongroup", "MultiError")
"""Without one of these in a file no call in it can suppress."""
CATCHERS = frozenset({"exceptiongroup.catch", "trio.MultiError.catch"})
CONTEXT_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
HOOKS = frozenset({"sys.excepthook", "threading.excepthook", "sys.unraisablehook"})
LOOP_HOOK = "set_exception_handler"

DIFFERING = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "docx": "python-docx",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pythonjsonlogger": "python-json-logger",
    "rest_framework": "djangorestframework",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socketio": "python-socketio",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Import name -> distribution, where the two differ and the distribution need not be installed here."""
HEALTH = re.compile(r"(?i)(health|ready|readiness|liveness|alive)")
OK_STATUS = 200
GATHERERS = frozenset({"asyncio.gather"})
WAITERS = frozenset({"asyncio.wait"})
TASK_WORDS = ("gather", "as_completed", "add_done_callback", "asyncio")

IN_EVERY_PYTHON = frozenset(
    {"abc", "asyncio", "collections", "collections.abc", "contextlib", "dataclasses", "datetime", "enum"}
    | {"functools", "inspect", "itertools", "math", "operator", "statistics", "string", "textwrap", "types"}
    | {"typing", "warnings"}
)
"""Modules that no platform and no build leaves out: a name that they lack is newer than the Python."""
