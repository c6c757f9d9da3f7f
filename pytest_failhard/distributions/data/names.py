"""Names: who brings a module, which distributions are tools, what the standard library has itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "Crypto": ("pycryptodome", "pycrypto"),
    "Cryptodome": ("pycryptodomex",),
    "MySQLdb": ("mysqlclient",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow", "pillow-simd"),
    "attr": ("attrs",),
    "barcode": ("python-barcode",),
    "bs4": ("beautifulsoup4",),
    "cairo": ("pycairo",),
    "corsheaders": ("django-cors-headers",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
    "decouple": ("python-decouple",),
    "django_filters": ("django-filter",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "environ": ("django-environ",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "ffmpeg": ("ffmpeg-python",),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "github": ("pygithub",),
    "gitlab": ("python-gitlab",),
    "grpc": ("grpcio",),
    "jose": ("python-jose",),
    "jwt": ("pyjwt",),
    "kafka": ("kafka-python", "kafka-python-ng"),
    "ldap": ("python-ldap",),
    "magic": ("python-magic",),
    "multipart": ("python-multipart", "multipart"),
    "nacl": ("pynacl",),
    "nmap": ("python-nmap",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg": ("psycopg", "psycopg-binary"),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pythoncom": ("pywin32",),
    "rest_framework": ("djangorestframework",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "slugify": ("python-slugify",),
    "socks": ("pysocks",),
    "telegram": ("python-telegram-bot",),
    "usb": ("pyusb",),
    "websocket": ("websocket-client",),
    "whisper": ("openai-whisper",),
    "win32api": ("pywin32",),
    "win32con": ("pywin32",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}
"""Module -> the distributions that bring it, where the two names differ; for what is not installed."""

RIGHT_NAMES = frozenset(
    {"attrs", "environ", "grpc", "kafka", "multipart", "psycopg", "psycopg2", "barcode", "cairo"}
)
"""Import names above that are distributions of their own, or were: using one says nothing."""

BACKPORTS: Mapping[str, tuple[str, tuple[int, int]]] = {
    "argparse": ("argparse", (3, 2)),
    "asyncio": ("asyncio", (3, 4)),
    "asynctest": ("unittest.mock.AsyncMock and unittest.IsolatedAsyncioTestCase", (3, 8)),
    "backports-zoneinfo": ("zoneinfo", (3, 9)),
    "concurrent-futures": ("concurrent.futures", (3, 2)),
    "contextvars": ("contextvars", (3, 7)),
    "dataclasses": ("dataclasses", (3, 7)),
    "enum": ("enum", (3, 4)),
    "enum34": ("enum", (3, 4)),
    "functools32": ("functools", (3, 2)),
    "futures": ("concurrent.futures", (3, 2)),
    "hashlib": ("hashlib", (2, 5)),
    "importlib": ("importlib", (3, 1)),
    "ipaddress": ("ipaddress", (3, 3)),
    "logging": ("logging", (2, 3)),
    "multiprocessing": ("multiprocessing", (2, 6)),
    "ordereddict": ("collections.OrderedDict", (2, 7)),
    "pathlib": ("pathlib", (3, 4)),
    "pathlib2": ("pathlib", (3, 4)),
    "pysqlite3": ("sqlite3", (2, 5)),
    "scandir": ("os.scandir", (3, 5)),
    "singledispatch": ("functools.singledispatch", (3, 4)),
    "sqlite3": ("sqlite3", (2, 5)),
    "statistics": ("statistics", (3, 4)),
    "subprocess32": ("subprocess", (3, 2)),
    "typing": ("typing", (3, 5)),
    "unittest2": ("unittest", (3, 2)),
    "uuid": ("uuid", (2, 5)),
    "wsgiref": ("wsgiref", (2, 5)),
}
"""Distribution -> what the standard library has instead, and since which Python."""

OLDEST_PYTHON = (3, 10)
"""Where a project does not say which Python it needs: the oldest that is still maintained."""

TOOLS = frozenset(
    {"autopep8", "bandit", "black", "build", "codespell", "coverage", "cyclonedx-bom", "detect-secrets"}
    | {
        "flake8",
        "hypothesis",
        "ipdb",
        "isort",
        "mkdocs",
        "mkdocs-material",
        "mypy",
        "nose",
        "nox",
        "pip-audit",
    }
    | {"pip-licenses", "pip-tools", "pre-commit", "pydocstyle", "pyflakes", "pylint", "pyright", "pytest"}
    | {"pytest-asyncio", "pytest-cov", "pytest-failhard", "pytest-mock", "pytest-randomly", "pytest-xdist"}
    | {"pyupgrade", "ruff", "safety", "sphinx", "tox", "twine", "vulture", "yapf"}
)
"""What builds, checks or documents a system and is no part of it."""

SOMETIMES_STANDARD = frozenset(
    {
        "ConfigParser",
        "HTMLParser",
        "Queue",
        "StringIO",
        "Tkinter",
        "__builtin__",
        "aifc",
        "asynchat",
        "asyncore",
    }
    | {
        "audioop",
        "binhex",
        "cPickle",
        "cStringIO",
        "cgi",
        "cgitb",
        "chunk",
        "cookielib",
        "crypt",
        "distutils",
    }
    | {"dummy_thread", "formatter", "httplib", "imghdr", "imp", "lib2to3", "macpath", "mailcap", "msilib"}
    | {"nis", "nntplib", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol"}
    | {"telnetlib", "thread", "tomllib", "urllib2", "urlparse", "uu", "xdrlib", "zoneinfo"}
)
"""Modules that the standard library of one Python has and that of another has not."""

GENERATED = re.compile(r"(?:\A|[._])(?:_?version|_build|_generated|generated|_pb2|_pb2_grpc|pb2|pb2_grpc)\Z")
"""Modules that a build writes: a checkout may be without them."""

UNASKED_EXTRAS = frozenset({"dev", "test", "tests", "testing", "doc", "docs", "lint", "typing", "types"})
"""Extras of a distribution that serve its own developers: what they name is no part of it."""
