"""Words by which servers, clients and variables are known."""

from __future__ import annotations

import re
from collections.abc import Mapping

HTTP, WORKER = "http", "worker"
ANY: frozenset[str] = frozenset()
"""Stands for: whoever imports the package serves with it."""
SERVERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "flask": (HTTP, frozenset({"Flask"})),
    "quart": (HTTP, frozenset({"Quart"})),
    "fastapi": (HTTP, frozenset({"FastAPI"})),
    "starlette": (HTTP, frozenset({"Starlette"})),
    "django": (
        HTTP,
        frozenset({"get_wsgi_application", "get_asgi_application", "execute_from_command_line"}),
    ),
    "aiohttp": (HTTP, frozenset({"Application", "run_app", "AppRunner"})),
    "sanic": (HTTP, frozenset({"Sanic"})),
    "bottle": (HTTP, frozenset({"Bottle", "run"})),
    "falcon": (HTTP, frozenset({"App", "API"})),
    "pyramid": (HTTP, frozenset({"Configurator"})),
    "tornado": (HTTP, frozenset({"Application", "HTTPServer"})),
    "litestar": (HTTP, frozenset({"Litestar"})),
    "connexion": (HTTP, frozenset({"App", "FlaskApp", "AsyncApp"})),
    "cherrypy": (HTTP, frozenset({"quickstart"})),
    "robyn": (HTTP, frozenset({"Robyn"})),
    "uvicorn": (HTTP, frozenset({"run", "Server"})),
    "hypercorn": (HTTP, frozenset({"serve"})),
    "waitress": (HTTP, frozenset({"serve"})),
    "http.server": (HTTP, frozenset({"HTTPServer", "ThreadingHTTPServer"})),
    "wsgiref.simple_server": (HTTP, frozenset({"make_server"})),
    "dash": (HTTP, frozenset({"Dash"})),
    "gradio": (HTTP, frozenset({"Interface", "Blocks", "ChatInterface"})),
    "streamlit": (HTTP, ANY),
    "nicegui": (HTTP, ANY),
    "chainlit": (HTTP, ANY),
    "celery": (WORKER, frozenset({"Celery"})),
    "rq": (WORKER, frozenset({"Worker", "SimpleWorker"})),
    "dramatiq": (WORKER, frozenset({"actor"})),
    "arq": (WORKER, frozenset({"run_worker", "Worker"})),
    "huey": (WORKER, frozenset({"RedisHuey", "SqliteHuey", "Huey"})),
    "faust": (WORKER, frozenset({"App"})),
}
"""Module -> the kind of system that serves with it, and what such a system calls of it."""
PROGRAMS: Mapping[str, str] = {
    **dict.fromkeys(("gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "granian"), HTTP),
    **dict.fromkeys(("flask", "fastapi", "streamlit", "sanic", "chainlit", "uwsgi"), HTTP),
    **dict.fromkeys(("celery", "rq", "dramatiq", "arq", "huey_consumer", "faust"), WORKER),
}
"""Program -> the kind of system that it runs."""
NO_START = frozenset({"-c", "-V", "--version"})
"""After `python`: what only looks something up."""
DEVELOPMENT_FLAGS = frozenset({"--reload", "--debug"})
"""What a README may tell a developer to add."""
CLIENTS: Mapping[str, str] = {
    **dict.fromkeys(("psycopg", "psycopg2", "asyncpg", "pg8000", "psycopg_pool", "aiopg"), "postgres"),
    **dict.fromkeys(("pymysql", "MySQLdb", "aiomysql", "asyncmy", "mysql.connector", "mariadb"), "mysql"),
    **dict.fromkeys(("pymongo", "motor", "mongoengine", "beanie", "odmantic"), "mongodb"),
    **dict.fromkeys(("redis", "aioredis", "valkey", "coredis"), "redis"),
    **dict.fromkeys(("pika", "aio_pika", "amqp", "aiormq"), "rabbitmq"),
    **dict.fromkeys(("kafka", "aiokafka", "confluent_kafka", "faust"), "kafka"),
    **dict.fromkeys(("pymemcache", "memcache", "aiomcache", "pylibmc"), "memcached"),
    **dict.fromkeys(("elasticsearch", "elasticsearch_dsl"), "elasticsearch"),
    **dict.fromkeys(("cassandra", "nats", "neo4j", "minio", "opensearchpy", "qdrant_client", "weaviate"), ""),
    **dict.fromkeys(
        ("clickhouse_connect", "clickhouse_driver", "influxdb_client", "pymilvus", "couchdb"), ""
    ),
    **dict.fromkeys(("ldap3", "oracledb", "cx_Oracle", "pyodbc", "pymssql", "zmq", "paho", "stomp"), ""),
    **dict.fromkeys(
        ("celery", "dramatiq", "rq", "arq", "etcd3", "consul", "hvac", "pinecone", "chromadb"), ""
    ),
}
"""Module of a client -> the dependency that it talks to; empty where the module says it."""
OVER_OTHERS = frozenset({"celery", "dramatiq", "rq", "arq"})
"""Queues of tasks: where they keep them is one of the others."""
DEPENDENCY_WORDS = {
    "postgres": ("POSTGRES", "PG", "DATABASE", "DB", "SQL"),
    "mysql": ("MYSQL", "MARIADB", "DATABASE", "DB", "SQL"),
    "mongodb": ("MONGO", "DATABASE", "DB"),
    "redis": ("REDIS", "CACHE", "BROKER"),
    "rabbitmq": ("RABBIT", "AMQP", "BROKER"),
    "kafka": ("KAFKA", "BROKER", "BOOTSTRAP"),
    "memcached": ("MEMCACHE", "CACHE"),
    "elasticsearch": ("ELASTIC", "ES"),
    "celery": ("BROKER", "CELERY", "REDIS", "RABBIT", "AMQP"),
}
"""Dependency -> words that the variable is made of which leads there."""
DEPENDENCY_VARIABLE = re.compile(r"(^|_)(URL|URI|DSN|HOST|ADDR|ADDRESS|ENDPOINT|SERVERS|CONNECTION_STRING)$")
NO_DEPENDENCY = re.compile(
    r"(^|_)(FRONTEND|BACKEND|PUBLIC|CALLBACK|REDIRECT|WEBHOOK|SITE|APP|CORS|ALLOWED|BASE|WEB|UI|DOCS|ORIGIN"
    r"|API_BASE|SERVER|LOGIN|RETURN|SUCCESS|CANCEL|IMAGE|AVATAR|BIND|LISTEN|PROXY)_?(URL|URI|HOST|ADDR\w*)?$"
)
"""Addresses of the system's own, or of what it only names."""
ENVIRONMENT_VARIABLES = ("ENVIRONMENT", "APP_ENV", "ENV", "APP_ENVIRONMENT", "DJANGO_SETTINGS_MODULE")
"""How the variable is called that says where a system runs, the usual one first; else `*_ENV`."""
ENVIRONMENT_SUFFIX = re.compile(r"_ENV(IRONMENT)?$")
NO_ENVIRONMENT = frozenset({"VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "NODE_ENV"})
PORT_VARIABLE = re.compile(r"(^|_)PORT$")
HOST_VARIABLE = re.compile(r"^(HOST|BIND_HOST|SERVER_HOST|APP_HOST|API_HOST|LISTEN_HOST|WEB_HOST|HTTP_HOST)$")
OWN_PORT = re.compile(
    r"^(PORT|(APP|API|SERVER|HTTP|WEB|SERVICE|BACKEND|LISTEN|UVICORN|GUNICORN|FLASK)_?\w*PORT)$"
)
# Of the platform, the interpreter, the shell: nobody configures the system by them.
PLATFORM = re.compile(
    r"^(HOME|PATH|PWD|USER|USERNAME|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|TERM|COLORTERM|COLUMNS|LINES"
    r"|HOSTNAME|COMPUTERNAME|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES|SYSTEMROOT|COMSPEC|OS"
    r"|XDG_\w+|CI|GITHUB_\w+|GITLAB_\w+|PYTEST_\w+|PYTHON[A-Z]\w*|VIRTUAL_ENV|CONDA_\w+|NO_COLOR|FORCE_COLOR"
    r"|EDITOR|VISUAL|PAGER|DISPLAY|WAYLAND_DISPLAY|SSH_\w+|SUDO_\w+|WSL_\w+|KUBERNETES_\w+"
    r"|(HTTPS?|NO|ALL)_PROXY"
    r"|WERKZEUG_RUN_MAIN|RUN_MAIN|SOURCE_DATE_EPOCH|COVERAGE_\w+|DEBIAN_FRONTEND)$",
    re.IGNORECASE,
)
# Read by servers and libraries themselves: such a setting is read though no code of the product names it.
LIBRARY_READ = re.compile(
    r"^(WEB_CONCURRENCY|GUNICORN_CMD_ARGS|FORWARDED_ALLOW_IPS|PORT|UVICORN_\w+|FLASK_\w+|HYPERCORN_\w+"
    r"|DJANGO_SETTINGS_MODULE|OTEL_\w+|SENTRY_\w+|AWS_\w+|AZURE_\w+|GOOGLE_\w+|OPENAI_\w+|ANTHROPIC_\w+"
    r"|PROMETHEUS_\w+|CELERY_\w+|PG[A-Z]+|REQUESTS_CA_BUNDLE|SSL_CERT_\w+|CURL_CA_BUNDLE|PYTHON\w+|TZ"
    r"|HF_\w+|TRANSFORMERS_\w+|LANGCHAIN_\w+|LANGSMITH_\w+|STREAMLIT_\w+|GRADIO_\w+|LD_\w+|MALLOC_\w+|OMP_\w+"
    r"|(HTTPS?|NO|ALL)_PROXY|LOGURU_\w+|RICH_\w+|PYDANTIC_\w+|NEW_RELIC_\w+|DD_\w+|MONGODB_\w+|REDIS_\w+)$"
)
NO_SECRET = re.compile(r"_(ADDRESS|CONTRACT|SYMBOL|DECIMALS|DOMAIN)$")
"""Tokens of a ledger are no secret."""
SHAPES = {"OPENAI": "sk-*", "ANTHROPIC": "sk-ant-*", "GROQ": "gsk_*", "OPENROUTER": "sk-or-*"}
"""First word of a key's variable -> how the keys of that provider look."""
PROVIDERS = re.compile(
    r"^(OPENAI|ANTHROPIC|CLAUDE|GROQ|GEMINI|GOOGLE|MISTRAL|COHERE|DEEPSEEK|TOGETHER|FIREWORKS|CEREBRAS"
    r"|PERPLEXITY|OPENROUTER|XAI|AZURE_OPENAI|AZURE|HUGGINGFACE|HF|REPLICATE|LITELLM)_(\w+_)?(API_?KEY|TOKEN|KEY)$"
)
"""Variables that hold the key of a provider of language models."""
VERBS = frozenset({"get", "post", "put", "patch", "delete"})
READY_PATHS = (
    "/ready",
    "/readyz",
    "/readiness",
    "/health",
    "/healthz",
    "/healthcheck",
    "/health_check",
    "/status",
)
LIVE_PATHS = ("/livez", "/live", "/liveness", "/alive", "/ping")
# What frameworks serve by themselves beside the operations.
SERVED_ANYWAY = re.compile(r"^/(static|docs|redoc|openapi\.json|docs/oauth2-redirect|favicon\.ico)(/|$)")
