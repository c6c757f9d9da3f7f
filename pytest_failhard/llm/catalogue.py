"""The catalogue of faults as typed data, and how an entry of it is found."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from importlib import resources
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = "failhard-faults/1"
FILE = "catalogue.yaml"
ANY = "any"
"""Under this name stands a form that holds for every dialect."""
NEAR = 0.6
"""From this similarity on (of difflib) a name is suggested for an unknown one."""

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
    """The catalogue is malformed, or holds no such fault; the message names the nearest match.

    `mistakes` holds all of them, one line each.
    """

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


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
    healthy event stream; `text` is then the event that it puts in, `json` the data of one), `vectors` (an
    edit of the healthy vectors), `text` (a raw body), `json` (a JSON body), `patch` and `remove` (edits of
    the healthy JSON body, by JSON pointer, removals last), or nothing but `status` (an empty body). The
    media type of a stream edit counts for `is_json` and `is_html` alone.

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

    @property
    def edits(self) -> bool:
        """Whether it edits a healthy answer, and so holds only where that has the same shape."""
        return bool(self.stream or self.vectors or self.patch or self.remove)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: what kind it is, what a system must do about it, and its forms by dialect.

    `oracle` is what is demanded: `fail` (hard, and within bounds, however often the fault is met),
    `recover` (fail where it persists, succeed where it is met once), `bounded` (end before the deadline,
    either way), `succeed` (it is legal traffic), `report` (nothing; it is recorded).
    `stage` says where it acts: in an `answer`, when the `connection` is made, or in the `environment`.
    `needs` are features of the healthy run without which it cannot be met (`json`, `tools`, `stream`,
    `embeddings`, `responses`, `azure`, `choices` for n > 1). The form under `any` holds for every dialect.
    `cause` holds tokens of which one must stand in the error's text: `status:N`, `code:X` and `type:X` (the
    provider's words), `class:X` (the name of an exception's type), `word:X` (in any case) and
    `variable:key` (the name of the key's variable).
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

# Their healthy answers have a shape of their own: edits of another dialect's do not fit.
OWN_SHAPE = frozenset({"openai_responses", "openai_embeddings"})

GROUPS: Mapping[str, frozenset[Kind]] = {
    "permanent": frozenset({"permanent", "permanent-retried"}),
    "transient": frozenset({"transient"}),
    "silent": frozenset({"silent"}),
    "network": frozenset({"network"}),
    "deadline": frozenset({"deadline"}),
    "stream": frozenset(),
    "all": frozenset(
        {"permanent", "permanent-retried", "transient", "silent", "network", "deadline", "benign", "report"}
    ),
}
"""Names for several faults: by kind; `stream` holds those that need a stream, whatever their kind."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All faults by id, sorted; `sha256` is of the file's bytes."""

    version: int
    sha256: str
    faults: Mapping[str, Fault]

    def find(self, name: str) -> Fault:
        """Return a fault by its id. Raises CatalogueError, with the nearest match."""
        if name not in self.faults:
            raise CatalogueError([f"unknown LLM fault {name!r}{_near(name, self.faults)}"])
        return self.faults[name]

    def group(self, name: str) -> tuple[Fault, ...]:
        """Return the faults of a group, sorted by id. Raises CatalogueError, with the nearest match."""
        if name not in GROUPS:
            near = _near(name, GROUPS, f"known: {', '.join(GROUPS)}")
            raise CatalogueError([f"unknown group of LLM faults {name!r}{near}"])
        if name == "stream":
            return tuple(fault for fault in self.faults.values() if "stream" in fault.needs)
        return tuple(fault for fault in self.faults.values() if fault.kind in GROUPS[name])

    def form(self, fault: Fault, dialect: str) -> Form | None:
        """Return how a fault looks in a dialect: its own form, a parent's, or that for any; None for none.

        Raises CatalogueError for an unknown dialect.
        """
        if dialect not in PARENTS:
            near = _near(dialect, PARENTS, f"known: {', '.join(PARENTS)}")
            raise CatalogueError([f"unknown LLM dialect {dialect!r}{near}"])
        if dialect in fault.dialects:
            return fault.dialects[dialect]
        inherited = (fault.dialects.get(parent) for parent in (*PARENTS[dialect], ANY))
        return next((form for form in inherited if form is not None and _fits(form, dialect)), None)

    def dialects_of(self, fault: Fault) -> tuple[str, ...]:
        """Return the dialects in which a fault can be met."""
        return tuple(dialect for dialect in PARENTS if self.form(fault, dialect) is not None)


@functools.cache
def load() -> Catalogue:
    """Return the catalogue that is shipped: what `parse` makes of it, read by the faster parser."""
    from pytest_failhard.strict import read_shipped_yaml

    data = (resources.files("pytest_failhard.llm") / FILE).read_bytes()
    return _catalogue(data, _document(read_shipped_yaml(data), FILE), FILE)


def parse(data: bytes, where: str) -> Catalogue:
    """Return the catalogue in a document. Raises CatalogueError with all mistakes at once."""
    from pytest_failhard.strict import StrictError, read_yaml

    try:
        document = read_yaml(data, where)
    except StrictError as error:
        raise CatalogueError([str(error)]) from None
    return _catalogue(data, _document(document, where), where)


def _catalogue(data: bytes, document: tuple[int, list[object]], where: str) -> Catalogue:
    from pydantic import TypeAdapter

    from pytest_failhard.llm.catalogue_checks import unusable

    version, entries = document
    adapter = TypeAdapter(Fault)
    faults: list[Fault] = []
    found: list[str] = []
    for number, entry in enumerate(entries):
        name = entry.get("id", number) if isinstance(entry, dict) else number
        read = _fault(adapter, entry, f"{where}: {name}: ")
        if isinstance(read, Fault):
            faults.append(read)
        else:
            found += read
    found += [f"{where}: {each}" for each in unusable(faults, PARENTS, ANY)]
    if found:
        raise CatalogueError(found)
    by_id = {fault.id: fault for fault in sorted(faults, key=lambda each: each.id)}
    return Catalogue(version=version, sha256=hashlib.sha256(data).hexdigest(), faults=by_id)


def _document(document: object, where: str) -> tuple[int, list[object]]:
    match document:
        case {"schema": str(schema), "version": int(version), "faults": list(entries), **rest} if not rest:
            if schema == SCHEMA:
                return version, entries
            raise CatalogueError([f"{where}: schema: {schema!r}; this version reads {SCHEMA!r}"])
    raise CatalogueError([f"{where}: must hold schema, version (a number), faults (a list) and nothing else"])


def _fault(adapter: TypeAdapter[Fault], entry: object, where: str) -> Fault | list[str]:
    from pydantic import ValidationError

    from pytest_failhard.strict import mistakes

    known = {each.name for kind in (Fault, Form, Observed) for each in fields(kind)}
    try:
        # By way of JSON, whose strict reading takes a list for a tuple; fractions become floats.
        return adapter.validate_json(json.dumps(entry, default=float))
    except ValidationError as error:
        return mistakes(error, where, known)


def _fits(form: Form, dialect: str) -> bool:
    return not (dialect in OWN_SHAPE and form.edits)


def _near(name: str, known: Collection[str], listed: str = "failhard llm-faults lists all") -> str:
    best = max(sorted(known), key=lambda each: SequenceMatcher(None, name, each).ratio())
    if SequenceMatcher(None, name, best).ratio() < NEAR:
        return f": {listed}"
    return f": did you mean {best!r}? {listed}"
