"""Which SDK meets which fault in which way, and what the catalogue says will come of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.llm.catalogue import Catalogue, Fault, Form, Observed

SLEEPS = "never ends: sleeps as long as it is told"
READS = "never ends: each byte restarts its time-out"

DIALECTS: Mapping[str, tuple[str, ...]] = {
    "openai-3": ("openai", "openai_responses", "openai_embeddings", "azure", "openrouter"),
    "openai-2": ("openai", "openai_responses", "openai_embeddings", "azure", "openrouter"),
    "anthropic": ("anthropic",),
    "google-genai": ("gemini",),
    "boto3": ("bedrock",),
}
"""The SDKs that meet every fault of their providers."""

SAMPLED: Mapping[str, str] = {
    "litellm": "openai",
    "langchain-openai": "openai",
    "mistralai": "mistral",
    "requests": "openai",
    "aiohttp": "openai",
    "urllib": "openai",
    "curl": "openai",
    "node": "openai",
}
"""The clients that meet one fault of every class."""
SAMPLES = (
    "invalid_key",
    "insufficient_quota",
    "rate_limit_rpm",
    "server_error",
    "body_html",
    "rst_before",
    "read_timeout",
    "usage_missing",
)

STREAMING: Mapping[str, str] = {"litellm": "openai", "langchain-openai": "openai"}
STREAM_SAMPLES = ("stream_truncated", "stream_is_html", "stream_fin", "stream_error_object")

WAITING = frozenset({"openai-3", "openai-2", "anthropic"})
WAITS: Mapping[str, tuple[float, float]] = {
    "retry_after": (1.0, 1.0),
    "retry_after_ms": (1.0, 1.0),
    "retry_after_date": (0.9, 0.9),
    "retry_after_zero": (0.375, 0.75),
    "rate_limit_no_header": (0.375, 0.75),
}
"""The least seconds that these SDKs wait: as long as they are told, else their own back-off less its jitter.

A date has whole seconds: of the two that it promises, one is sure.
"""

Ways = Mapping[frozenset[str], tuple[str, ...]]
STREAM = frozenset({"stream"})
TOOLS = frozenset({"tools"})
CHAT: Ways = {
    frozenset(): ("create",),
    frozenset({"json"}): ("json", "parse"),
    TOOLS: ("tools",),
    frozenset({"choices"}): ("choices",),
    STREAM: ("create_stream", "stream"),
    STREAM | TOOLS: ("tools_create_stream", "tools_stream"),
    STREAM | {"choices"}: ("choices_create_stream", "choices_stream"),
}
WAYS: Mapping[str, Ways] = {
    "openai": CHAT,
    "azure": CHAT,
    "openrouter": CHAT,
    "mistral": CHAT,
    "openai_responses": {frozenset(): ("create",), STREAM: ("create_stream", "stream")},
    "openai_embeddings": {frozenset(): ("create",)},
    "anthropic": {
        frozenset(): ("create",),
        TOOLS: ("tools",),
        STREAM: ("create_stream", "stream"),
        STREAM | TOOLS: ("tools_create_stream", "tools_stream"),
    },
    "gemini": {
        frozenset(): ("create",),
        frozenset({"json"}): ("json",),
        TOOLS: ("tools",),
        STREAM: ("create_stream",),
    },
    "bedrock": {
        frozenset(): ("create",),
        TOOLS: ("tools",),
        STREAM: ("create_stream",),
        STREAM | TOOLS: ("tools_create_stream",),
    },
}
"""How a call is made that meets a fault with these needs; the first way is the plain one."""
OWN = frozenset({"responses", "embeddings", "azure"})
"""Needs that a dialect fulfils by being itself."""
PARSED = frozenset({"finish_length", "finish_content_filter", "refusal", "content_null", "choices_empty"})
"""Faults of a text that the SDK's own reader of JSON meets, too."""
INVOKED = frozenset({"body_html", "body_object_empty", "body_malformed", "body_empty"})
"""Faults that `invoke_model` meets, too."""
PREFIX: Mapping[str, str] = {
    "openai_responses": "responses",
    "openai_embeddings": "embeddings",
    "azure": "azure",
    "openrouter": "openrouter",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of one SDK that meets one fault."""

    sdk: str
    dialect: str
    variant: str
    fault: Fault
    form: Form

    @property
    def keys(self) -> tuple[str, ...]:
        """The names under which the catalogue may have it: this way, the same way elsewhere, the plain way."""
        prefix = PREFIX.get(self.dialect)
        way = f"{self.sdk}.{self.variant}"
        return (f"{self.sdk}.{prefix}_{self.variant}", way, self.sdk) if prefix else (way, self.sdk)

    @property
    def id(self) -> str:
        """The name of its test."""
        return f"{self.keys[0]}-{self.fault.id}"

    @property
    def home(self) -> str:
        """The dialect under which the catalogue has the form, or `any`."""
        return next(name for name, form in self.fault.dialects.items() if form is self.form)

    @property
    def expected(self) -> Observed | None:
        """What the catalogue says."""
        found = (self.form.observed.get(key) for key in self.keys)
        return next((observed for observed in found if observed), None)


def ways(fault: Fault, dialect: str) -> tuple[str, ...]:
    """Return how calls of a dialect are made that meet a fault, the plain way first."""
    found = WAYS[dialect].get(frozenset(fault.needs) - OWN, ())
    if dialect == "openai" and fault.id in PARSED:
        found += ("parse",)
    if dialect == "bedrock" and fault.id in INVOKED:
        found += ("invoke",)
    return found


def _met(fault: Fault, dialect: str, form: Form) -> bool:
    """Tell whether a dialect meets a form: its own, or one that does not depend on another's wire.

    What happens below HTTP is the same for all that one SDK speaks: its first dialect meets it.
    """
    if dialect in fault.dialects or dialect not in PREFIX:
        return True
    if dialect == "openrouter":
        return False
    below = form.recipe or fault.stage != "answer"
    edits = form.patch or form.remove or form.stream or form.vectors
    return not below and (dialect == "azure" or not edits)


def _of(catalogue: Catalogue, fault: Fault, sdk: str, dialect: str) -> Iterator[Case]:
    form = catalogue.form(fault, dialect)
    if form is None or not _met(fault, dialect, form):
        return
    for variant in ways(fault, dialect):
        yield Case(sdk=sdk, dialect=dialect, variant=variant, fault=fault, form=form)


def cases(catalogue: Catalogue) -> Iterator[Case]:
    """Yield what is to be tried, in the order of the catalogue; the plain way of each SDK comes first."""
    for fault in catalogue.faults.values():
        for sdk, dialects in DIALECTS.items():
            for dialect in dialects:
                yield from _of(catalogue, fault, sdk, dialect)
        few = SAMPLED if fault.id in SAMPLES else STREAMING if fault.id in STREAM_SAMPLES else {}
        for sdk, dialect in few.items():
            yield from itertools.islice(_of(catalogue, fault, sdk, dialect), 1)


def in_ci(found: Iterable[Case]) -> Iterator[Case]:
    """Yield one case of each fault, one of each class for each SDK: what every change is tested with."""
    met: set[tuple[str, ...]] = set()
    for case in found:
        looked = {(case.fault.id,), (case.sdk, case.fault.kind)}
        if looked - met:
            yield case
        met |= looked
