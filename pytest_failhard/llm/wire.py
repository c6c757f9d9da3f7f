"""Compiles an answer, healthy or with a fault, into what the server has to do: no sockets, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_failhard.llm import replies
from pytest_failhard.llm.catalogue import Fault, Form
from pytest_failhard.llm.dialects.base import Context
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.operations import Fin, Hang, Repeat, Rst, Script, Send
from pytest_failhard.llm.placeholders import Value
from pytest_failhard.llm.replies import Reply, WireError

__all__ = ["Compiled", "Context", "WireError", "failing", "healthy"]


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What to do for one request, and what the record says of it.

    `status` is 0 where no status line is sent; `usage` is what the answer reports; `hint_seconds` is the
    wait that it asks for, None for none; `keeps_open` is whether the connection can carry another request.
    """

    script: Script
    status: int
    usage: Usage
    hint_seconds: float | None
    keeps_open: bool


def healthy(context: Context) -> Compiled:
    """Return a healthy answer; `context.content` is what it says."""
    return _whole(replies.healthy(context))


def failing(
    context: Context, fault: Fault, form: Form, params: Mapping[str, Value] | None = None
) -> Compiled:
    """Return an answer with a fault in it.

    `params` win over the form's, and those over the fault's. Raises WireError for a fault that is none of
    an answer, and for a form that does not fit the request.
    """
    if fault.stage != "answer":
        raise WireError(f"{fault.id} acts on the {fault.stage}, not on an answer")
    values = replies.values_of(context, {**fault.params, **form.params, **(params or {})})
    return _whole(replies.formed(context, form, values))


def _whole(reply: Reply) -> Compiled:
    script = Script(operations=(Send(data=reply.head + reply.payload),))
    return Compiled(
        script=script,
        status=reply.status,
        usage=reply.usage,
        hint_seconds=reply.hint_seconds,
        keeps_open=_keeps_open(script),
    )


def _keeps_open(script: Script) -> bool:
    return not isinstance(script.operations[-1], (Fin, Rst, Hang, Repeat))
