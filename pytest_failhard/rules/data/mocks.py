"""Names of doubles, of mock modes and of made-up results, and the texts that stand for a missing value."""

from __future__ import annotations

import re

# FH201
TEST_LIBRARIES = frozenset(
    {"unittest.mock", "mock", "pytest", "_pytest", "faker", "mimesis", "factory", "responses", "respx"}
    | {"requests_mock", "vcr", "hypothesis"}
)
TEST_LIBRARY_PREFIX = "pytest_"
PLUGIN_LIBRARIES = frozenset({"pytest", "_pytest"})
"""What a project that is a plugin of pytest itself may import."""
IMPORTERS = frozenset({"importlib.import_module", "__import__", "builtins.__import__", "pytest.importorskip"})

IMPORTER_WORDS = (b"import_module", b"__import__", b"importorskip")

# FH202
MOCK_NAME = re.compile(
    r"(?:^|_)(?:mock|mocked|fake|dummy|canned|stub|stubbed)(?:_|$)|^_?(?:Mock|Fake|Dummy|Stub)(?=[A-Z]|$)"
    r"|(?<=[a-z])(?:Mock|Stub|Fake)$"
)
SAMPLE_NAME = re.compile(
    r"^_?(?:get|generate|create|make|load|build|return|produce|seed|populate|insert)_(?:\w+_)?"
    r"(?:sample|demo|synthetic|simulated)_?(?:data\w*|records?|users?|responses?|results?|rows?|items?"
    r"|documents?|metrics?|values?|content|posts?|orders?|products?|events?|prices?|leads?|df|dataset)?$"
)
PREDICATE = re.compile(
    r"^_*(?:is|has|check|detect|validate|find|test|assert|no|anti|remove|strip|reject|patch|count|contains"
    r"|scan|unwrap|replace|using|ensure|forbid|verify)_|^\w+_is_"
)
NO_DOUBLE = re.compile(r"(?i)error|exception|detector|checker|validator|finder|transport|rule$|visitor")
DETECTOR_BASE = re.compile(r"(?:Rule|Visitor|Detector|Checker|Linter)$")
DOMAIN_NOUNS = frozenset({"stub", "stubbed", "sample"})
"""Words that also name things of a domain: in the middle of a name they count only right after a verb."""
DOUBLES = frozenset({"mock", "mocked", "fake", "dummy", "canned", "demo", "synthetic", "simulated"})
"""Words that name nothing else: in the middle of a name they count where it begins with a verb."""
MOCK_MODULE = re.compile(r"(?:^|_)(?:mock|mocks|fake|fakes|dummy|stubs)(?:_|$)")
CALLED_BY_PYTHON = frozenset({"__call__", "__getattr__", "__getattribute__"})
VERBS = frozenset(
    {"get", "fetch", "create", "make", "build", "generate", "return", "load", "produce", "use", "run"}
    | {"call", "send", "seed", "populate", "insert", "add", "provide", "setup", "init", "compute", "query"}
    | {"initialize", "respond", "simulate"}
)

# FH203
MOCK_FLAG = re.compile(
    r"(?i)^(?:use_?mocks?|mock_?mode|is_?mock|enable_?mocks?|mock_?(?:llm|api|data|responses?|client|enabled)"
    r"|offline_?mode|demo_?mode|use_?fake\w*|fake_?mode|simulat(?:e|ion)_?mode|use_?simulat\w*|use_?dummy\w*"
    r"|use_?sample_?data|test_?mode|use_?fallback|fallback_?mode|allow_?fallback|enable_?fallback|dummy_?mode"
    r"|graceful_?degradation)$"
)
MODE_SET = re.compile(r"(?i)^(?:(?:mock|demo|offline|simulation)_(?:mode|enabled|active)|fallback_mode)$")
FLAG_WORDS = (
    # The common ones first.
    *(b"test", b"mock", b"fallback", b"sample", b"demo", b"fake", b"simulat", b"dummy", b"offline"),
    b"graceful",
)
"""A file with none of them, in lower case, has no switch for a mock mode."""
LESSER_WAY = "fallback"
"""What may be needed because of the data; nobody needs a mock because of them."""
NO_FLAGS = frozenset({"mock_responses", "mock_response", "mock_data"})
"""Names that hold answers, not a switch; a bool bound to one is a switch all the same."""
SWITCH_CALLS = frozenset(
    {"bool", "getenv", "get", "getbool", "getboolean", "get_bool", "env", "config", "Field", "strtobool"}
    | {"str_to_bool", "str2bool", "parse_bool", "to_bool", "as_bool", "env_bool", "lower", "strip", "cast"}
    | {"startswith", "pop", "is_enabled", "enabled", "variation", "bool_variation", "getattr"}
)
SWITCH_PREFIXES = ("use", "is", "enable", "allow", "simulate")
"""A flag with such a name decides, whatever it is bound to."""
TRUE_TEXTS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})
MODE_TEXTS = frozenset({"mock", "mocked", "demo", "fake", "dummy", "stub", "simulation", "simulated"})
MODE_SUBJECT = re.compile(r"(?i)(?:^|_)(?:mode|env|environment|backend|provider|stage)$|(?:mode|env)$")
MODE_OPTIONS = re.compile(r"^--(?:use-)?(?:mock|mocks|demo|offline|fake|simulate)(?:-mode)?(?:/.*)?$")
OPTION_CALLS = frozenset({"add_argument", "option", "Option", "addoption", "add_option"})

# FH204
GUARD = re.compile(
    r"(?i)(?:api_?key|auth_?token$|access_?token$|(?:^|[._])(?:\w*_)?client$|llm|openai|anthropic|gemini|groq"
    r"|ollama|(?:\bai(?:_\w+)?|_ai|llm\w*|(?:api|service|model|provider|agent)\w*)[._](?:is_)?"
    r"(?:available|configured|enabled|ready)"
    r"|credentials?)"
)
NO_GUARD = frozenset({"request.client", "self.request.client", "websocket.client", "scope.client"})
"""The peer of a connection is called client, too."""
ABSENT = frozenset({"None", "False", "''"})
"""What a missing thing is compared with, as Python shows it."""
GUARD_CALLS = frozenset({"is_available", "is_configured", "is_enabled", "has_key", "available", "configured"})
FALLBACK_NAME = re.compile(
    r"(?i)(?:^|_)(?:fallback|mock|fake|dummy|default|sample|simulated|synthetic|placeholder|canned|heuristic"
    r"|rule_based|offline|degraded|basic|minimal|empty|backup)(?:_|$)"
)
NO_FALLBACK = re.compile(r"(?i)^(?:setdefault|default_timer|get_default.*)$")
CANNED_CLASS = re.compile(
    r"^_?(?:Null|Noop|NoOp|Mock|Fake|Dummy|Stub|Canned|Fallback|Offline|Sample|Simulated)(?=[A-Z]|$)"
)
OWN_SWITCHES = frozenset({"self.is_enabled", "cls.is_enabled"})
"""What asks an object whether it is switched on: nothing is missing where it is not."""
CREDENTIALS, REQUEST = "credentials", "request"
"""What `credentials = of(request)` is named by: who sends none is anonymous."""
OPTIONAL_AUTH = frozenset({"HTTPAuthorizationCredentials", "HTTPBasicCredentials"})
CLEANUP = re.compile(
    r"^_*(?:a?close|a?exit|aexit|del|shutdown|stop|disconnect|cleanup|teardown|dispose|flush|release|reset"
    r"|logout|unsubscribe|cancel|terminate)(?:_|$)"
)
PROBE = re.compile(
    r"^_*(?:is|has|can|should|check|ping|health|healthcheck|validate|verify|test|supports?|needs?)(?:_|$)"
    r"|(?:available|availability|configured|enabled|ready|connected|healthy|health|status)$"
)
PROBE_KINDS = frozenset({"false", "none", "true", "const"})

# FH205
PLACEHOLDER = re.compile(
    r"your[-_ ].{0,40}(?:key|secret|token|password|id|url|here).{0,30}"
    r"|.{0,30}change[-_ ]?(?:me|this|in[-_ ]?prod\w*).{0,30}"
    r"|replace[-_ ]?(?:me|this|with)(?![a-z]).{0,40}"
    r"|insert[-_ ].{0,30}here"
    r"|sk-x{3,}.*"
    r"|x{6,}"
    r"|<your.{0,40}>"
    r"|dummy[-_ ]?(?:key|token|secret|password|api).{0,20}"
    r"|fake[-_ ]?(?:key|token|secret|password|api).{0,20}"
    r"|test[-_]?(?:key|token|secret|api[-_]?key)"
    r"|dev[-_](?:secret|key|token|password).{0,30}"
    r"|demo[-_]?(?:key|token|secret)"
    r"|placeholder.{0,30}"
    r"|lorem ipsum.*"
    r"|todo\b.*"
)
PLACEHOLDER_WORDS = (
    *(
        "your",
        "change",
        "replace",
        "insert",
        "sk-x",
        "xxxxxx",
        "dummy",
        "fake",
        "placeholder",
        "lorem",
        "todo",
    ),
    *("test-", "test_", "testkey", "testtoken", "testsecret", "testapi", "dev-", "dev_", "demo-", "demo_"),
    *("demokey", "demotoken", "demosecret", "todo"),
)
NO_PLACEHOLDER = re.compile(r"placeholders?|placeholder[-_]\w+|todos?|todo/fixme\b.*|x{6,}")
SHORTEST, LONGEST = 4, 80
SENTENCE = 4
"""More words than that are a sentence about something, not a value that is missing."""
UNDONE = re.compile("todo: implement")
TODO = "todo"
SHOWN_NAMES = frozenset(
    {"help", "description", "placeholder", "title", "label", "example", "examples", "metavar", "text", "name"}
    | {"category", "type", "pattern"}
)
"""Keyword arguments and keys that hold what a person reads."""
SHOWN_SUFFIX = re.compile(r"(?i)(?:^|_)(?:help|placeholder|example|examples|label|pattern|marker)$")
SHOWING_CALLS = frozenset(
    {"print", "info", "echo", "append", "compile", "search", "match", "add_argument", "startswith", "replace"}
    | {"warning", "error", "debug"}
)
DEFAULT_CALLS = frozenset({"get", "getenv", "setdefault", "getattr", "pop"})
TEXT_METHODS = frozenset({"format", "strip", "lower", "upper", "encode"})

# FH206
RESULT_NAME = re.compile(
    r"^_?(?:get|fetch|calculate|compute|analy[sz]e|predict|score|estimate|check|measure|collect|query|load"
    r"|retrieve|validate|evaluate|detect|forecast|assess)(?:_|$)"
)
RANDOM_WANTED = re.compile(
    r"(?i)random|sampl|shuffl|jitter|seed|backoff|noise|augment|mutat|simul|monte|delay|split|nonce|token|id$"
    r"|color|mock|fake|demo"
)
BUCKETS = re.compile(r"(?i)shard|bucket|partition|slot|index|worker|queue|avatar|variant|node|hash|port")
"""Names of what a hash is rightly reduced to."""
RANDOM_MODULES = frozenset({"random", "secrets", "numpy.random", "np.random"})
GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator", "random.Random"}
    | {"random.SystemRandom"}
)
CLOCKS = frozenset({"hash", "time.time", "time.time_ns", "time.monotonic"})
RANDOM_WORDS = (
    *(b"random", b"secrets", b"hash(", b"time() %", b"time()%", b"time()) %", b"time())%", b"time_ns() %"),
    b"monotonic() %",
)
"""A file without any of them draws nothing."""
DRAWING = frozenset(
    {"random", "randint", "uniform", "gauss", "normal", "rand", "randn", "triangular", "betavariate"}
    | {"normalvariate", "randrange", "randbelow", "standard_normal", "integers"}
)
"""Names of the functions and methods that draw a number."""
GROWING = frozenset({"append", "add", "update", "extend", "insert"})
HOPS = 8
