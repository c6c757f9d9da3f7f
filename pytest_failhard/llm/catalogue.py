"""The catalogue of faults as typed data, and how an entry of it is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

SCHEMA = "failhard-faults/1"
FILE = "catalogue.yaml"

Kind = Literal[
    "permanent", "permanent-retried", "transient", "silent", "network", "deadline", "benign", "report"
]
Oracle = Literal["fail", "recover", "succeed", "bounded", "report"]
Stage = Literal["answer", "connection", "environment"]
Verified = Literal["m", "s", "d", "u"]
if TYPE_CHECKING:
    Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
else:
    Json = object  # pydantic builds no schema of a recursive alias; what YAML holds is JSON anyway


class CatalogueError(Exception):
    """The catalogue is malformed, or holds no such fault; the message names the nearest match."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What an SDK did when it met the fault: the type it raised (empty: none) and the requests it sent.

    `exception` is a dotted name such as `openai.AuthenticationError`; `result` says in a few words what
    was returned where nothing was raised.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    attempts: int
    exception: str = ""
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class Form:
    """The wire form of a fault in one dialect.

    Exactly one way is used: `recipe` (a network, TLS or environment recipe), `stream` (an edit of the
    healthy event stream; `text` is then the event that it puts in, `json` the data of one), `vectors` (an edit of the
    healthy vectors), `text` (a raw body), `json` (a JSON body), `patch` and `remove` (edits of the healthy
    JSON body, by JSON pointer, removals last), or nothing but `status` (an empty body).

    The compiler adds framing, `date` and the dialect's standard headers; rate-limit headers and hints are
    those of the form and no others. A body is encoded in `charset`.

    Texts, header values, JSON and patches may hold placeholders `{{name}}`: a name of `params`, or
    - `model` (as requested), `request_id`, `key_masked` (the presented key: 6 characters, `***`, the last 4);
    - `canary_head`, `canary_middle`, `canary_tail`, `canary` (the three as one healthy sentence), `poison`;
    - `content` (the healthy text), `content_cut` (the same, cut in the middle of its middle canary, else of
      itself), `content_poisoned` (the same, each canary replaced by the poison);
    - the hint, from the parameter `hint_ms`: `hint_ms`, `hint_s` (whole seconds, rounded up), `hint_duration`
      (`0.005s`), `hint_text` (`5ms`, `1s`, `6m0s`), `hint_time` (now and the hint, RFC 3339), `http_date`
      (the same, as in HTTP). Where `hint_ms` is null a header, a sentence and an item of a JSON list that
      hold one of these are left out.

    A JSON string or patch that is one placeholder and nothing else takes the value's type.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    verified: Verified
    source: str = ""
    recipe: str = ""
    stream: str = ""
    vectors: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    charset: str = "utf-8"
    text: str | None = None
    json: Json = None
    patch: Mapping[str, Json] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    params: Mapping[str, int | float | str | None] = field(default_factory=dict)
    observed: Mapping[str, Observed] = field(default_factory=dict)
    """By SDK and major version: `openai-3`, `openai-2`, `anthropic`, `google-genai`, `boto3`, ..."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: what kind it is, what a system must do about it, and its forms by dialect.

    `stage` says where it acts: in an `answer`, when the `connection` is made, or in the `environment`.
    `needs` are features of the healthy run without which it cannot be met (`json`, `tools`, `stream`,
    `embeddings`, `responses`, `azure`, `choices` for n > 1). The form under `any` holds for every dialect.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    id: str
    kind: Kind
    level: int
    oracle: Oracle
    summary: str
    stage: Stage = "answer"
    needs: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    params: Mapping[str, int | float | str | None] = field(default_factory=dict)
    replaced_by: str = ""
    dialects: Mapping[str, Form]


# Where a dialect has no form of its own: the dialects whose wire it shares, in this order, then `any`.
PARENTS: Mapping[str, tuple[str, ...]] = {
    "openai": (),
    "openai_responses": ("openai",),
    "openai_embeddings": ("openai",),
    "azure": ("openai",),
    "anthropic": (),
    "gemini": (),
    "bedrock": (),
    "groq": ("openai",),
    "mistral": ("openai",),
    "openrouter": ("openai",),
    "cohere": (),
    "ollama": (),
}
