"""What names a validation, what makes contact with a system and what cannot, and what names a measurement."""

from __future__ import annotations

import re
import sys

NAMED = re.compile(
    r"(?i)validat(?!or)|verif(y|ication)|acceptance|(^|[_-])e2e|smoke|before[_-]?after"
    r"|(^|[_-])(load|stress)[_-]?(test|check|run)|(test|run|check)[_-](load|stress)($|[_-])"
)
"""Stems of files that say they judge a system. Not every `load`: `upload`, `loader` and `payload` do not."""
HELPING = re.compile(
    rf"(?i)test|helper|util|common|support|fixture|shared|{NAMED.pattern.removeprefix('(?i)')}"
)
"""Names of modules that may be helpers of tests, or validate themselves."""
MAIN = b"__main__"
SHOWN = re.compile(
    r"(?i)(^|/)(examples?|docs?|samples?|fixtures|testdata|test_data|snapshots|templates)[^/]*/"
)
"""Folders of files that are shown to a reader, or that tests feed to the product: they judge nothing."""

TESTING = frozenset(
    {"pytest", "_pytest", "pytest_asyncio", "pytest_mock", "mock", "hypothesis", "faker", "freezegun"}
    | {"parameterized", "expecttest", "anyio", "assertpy", "dirty_equals", "tabulate", "colorama", "rich"}
    | {"numpy", "pandas", "tqdm", "dotenv", "typing_extensions", "termcolor", "pytz", "dateutil"}
)
"""Packages of others that reach no system by themselves."""
SERVING = frozenset(
    {"flask", "fastapi", "starlette", "quart", "sanic", "bottle", "falcon", "tornado", "litestar", "uvicorn"}
    | {"werkzeug", "pydantic"}
)
"""Packages of which an application is made: to import one is not to meet the product."""
REQUESTING = frozenset({"requests", "httpx", "aiohttp", "urllib3", "websockets", "gunicorn", "hypercorn"})
"""Packages that send requests."""
REACHING = frozenset(
    {"subprocess", "socket", "http", "urllib", "importlib", "runpy", "ctypes", "sqlite3", "smtplib", "ssl"}
    | {"ftplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "socketserver", "wsgiref", "pty", "pexpect"}
    | {"multiprocessing", "doctest", "pkgutil", "code", "zipimport", "imp", "venv"}
)
"""Modules of the standard library by which a test can meet a system without importing it."""
NETWORK = frozenset({"http", "urllib", "socket", "socketserver", "wsgiref", "ssl", "multiprocessing"})
"""Those of them that a server of one's own, and who asks it, need."""
STANDARD = frozenset(sys.stdlib_module_names) - REACHING
EXECUTING = frozenset({"exec", "eval", "__import__", "compile"})
RUNNING = frozenset(
    {"popen", "execv", "execvp", "execve", "spawnv", "fork", "posix_spawn", "create_subprocess_exec"}
    | {"create_subprocess_shell", "open_connection", "create_connection", "start_server", "import_module"}
)
"""Attributes by which a process or a connection is made."""
READING = frozenset(
    {"open", "read_text", "read_bytes", "glob", "rglob", "iterdir", "listdir", "walk", "scandir", "exists"}
    | {"is_file", "isfile", "is_dir", "isdir"}
)
"""Calls that look at the tree: what a file decides by them is another rule's."""

FIXTURES = frozenset(
    {"tmp_path", "tmpdir", "tmp_path_factory", "tmpdir_factory", "monkeypatch", "capsys", "capfd", "caplog"}
    | {"capsysbinary", "capfdbinary", "request", "recwarn", "mocker", "faker", "benchmark", "subtests"}
    | {"event_loop", "anyio_backend", "record_property", "cache", "pytestconfig", "self", "cls"}
)
"""Fixtures that know nothing of any product."""
SETUPS = frozenset(
    {"setUp", "asyncSetUp", "setUpClass", "setup_method", "setup_class", "setup", "__init__"}
    | {"setUpModule", "setup_module"}
)

APPLICATIONS = frozenset(
    {"flask.Flask", "fastapi.FastAPI", "starlette.applications.Starlette", "aiohttp.web.Application"}
    | {"http.server.HTTPServer", "http.server.ThreadingHTTPServer", "socketserver.TCPServer", "quart.Quart"}
    | {"sanic.Sanic", "bottle.Bottle", "falcon.App", "falcon.asgi.App", "tornado.web.Application"}
    | {"litestar.Litestar", "wsgiref.simple_server.make_server", "socketserver.ThreadingTCPServer"}
)
APPLICATION_WORDS = frozenset(each.rpartition(".")[2] for each in APPLICATIONS)
SERVING_BYTES = (b"flask", b"fastapi", b"starlette", b"aiohttp", b"server", b"quart", b"sanic", b"bottle")
CLIENTS = frozenset({"TestClient", "test_client", "ASGITransport", "WSGITransport", "FlaskClient", "Client"})
REQUESTS = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "request", "urlopen", "getresponse", "send"}
    | {"fetch"}
)
ASKING = frozenset({"requests", "httpx", "aiohttp", "urllib", "http", "socket", "urllib3"})
"""Packages whose calls of these names are requests."""

PURE = frozenset(
    {"len", "sum", "all", "any", "min", "max", "round", "abs", "sorted", "list", "dict", "set", "tuple"}
    | {"str", "int", "float", "bool", "isinstance", "range", "zip", "enumerate", "reversed", "frozenset"}
    | {"type", "repr", "format", "divmod", "pow", "hasattr"}
)
"""Functions whose value is known where their arguments are."""
PURE_METHODS = frozenset(
    {"get", "keys", "values", "items", "count", "index", "lower", "upper", "strip", "split", "join", "copy"}
    | {"startswith", "endswith", "replace", "format", "title", "ljust", "rjust", "center"}
)
GROWING = frozenset({"append", "extend", "add", "update", "insert", "setdefault"})
"""Methods that put their arguments into a container."""
SAYING = frozenset(
    {"print", "info", "debug", "warning", "error", "critical", "log", "echo", "write", "flush"}
)
"""Calls that only say something."""
PASSING = frozenset({"time", "perf_counter", "monotonic", "now", "utcnow", "process_time", "fail", "skip"})
"""Calls between a sleep and its success that are no work either."""
EQUALITIES = re.compile(
    r"assert(Equal|NotEqual|True|False|Greater|GreaterEqual|Less|LessEqual|In|Is|IsNotNone)"
)

SUCCESS = re.compile(
    r"(?i)\b(pass(ed)?|success(ful(ly)?)?|ok|verified|validated|healthy|complete[d]?)\b|✅|✓|✔"
)
CHECKING_NAME = re.compile(
    r"(?i)(^|_)(test|check|validate|verify|run|assert|measure|benchmark|simulate|prove|ensure)(_|$)"
)
"""Names of functions that are checks in a program."""
SIMULATED = re.compile(r"(?i)simulat")

MEASURED = re.compile(
    r"(?i)(^|_)(score|rate|latency|time|pool|stats|statistics|before|baseline|p95|p99|rps)(_|$)"
)
CONFIGURED = re.compile(
    r"(?i)(^|_)(max|min|limit|limits|timeout|threshold|target|budget|expected|interval|required|goal|sla|slo"
    r"|start|end|total|weight|weights|tolerance|delay|sleep|ttl|window|size|config|default|sample|learning)(_|$)"
)
"""Names that say what is wanted, not what was measured."""
WRITING = frozenset({"dump", "dumps", "write", "write_text"})

SOURCE_FILE = re.compile(
    r"(?i)(\.(py|js|ts|jsx|tsx|go|rs|java|sh|ya?ml|toml|cfg|ini|conf)|(^|/)Dockerfile|docker-compose\S*"
    r"|requirements\S*\.txt|Makefile|nginx\.conf)\Z"
)
"""Names of files that hold code or configuration; prose about them is none."""
READ_BYTES = (b"read_text", b"read_bytes", b".read(", b"readlines", b"getsource")
STRUCTURE_BYTES = (b"hasattr", b"getsource", b"is not ", b"callable(")
TEXT = frozenset({"read_text", "read", "readlines", "read_bytes"})
PARSING = frozenset(
    {"parse", "loads", "load", "safe_load", "compile", "parse_string", "fromstring", "read_csv"}
)
"""Calls after which a text is more than its words."""
WORDS = 2
"""One word may be the name of a thing; two are a list of features."""
HASATTR_ARGUMENTS = 2
METADATA = frozenset({"__version__", "__all__", "__doc__", "__file__", "__author__"})
SCORE = re.compile(r"(?i)\b(score|rate|passed|success|readiness|percent|result)|%")
ELAPSED = re.compile(
    r"(?i)(^|_)(elapsed|duration|time|took|seconds|start|end|latency|total)(_|$)|_time$|^t\d?$"
)
