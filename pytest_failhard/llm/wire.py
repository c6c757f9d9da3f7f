"""Compiles an answer, healthy or with a fault, into what the server has to do: no sockets, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_failhard.llm import asked, edits, http1, recipes, replies
from pytest_failhard.llm.answers import called
from pytest_failhard.llm.catalogue import Fault, Form
from pytest_failhard.llm.content import Content
from pytest_failhard.llm.dialects.base import Context
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.operations import Fin, Hang, Operation, Repeat, Rst, Script, Send
from pytest_failhard.llm.placeholders import PlaceholderError, Value, Values
from pytest_failhard.llm.replies import Reply, WireError
from pytest_failhard.llm.streams import Stream

__all__ = ["Compiled", "Context", "WireError", "failing", "healthy"]

# What a pointer into the text of an answer holds, in one dialect or another.
_TEXT_WORDS = ("content", "refusal", "text", "parts")


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
    form = _own(context, fault, form)
    fitting = _fitting(context, fault, form)
    values = replies.values_of(fitting, {**fault.params, **form.params, **(params or {})})
    if form.recipe:
        return _broken(form.recipe, fitting, values)
    if form.stream and form.stream not in edits.WHOLE:
        return _streamed(fault, Stream(context=fitting, form=form, values=values))
    return _whole(replies.formed(fitting, form, values))


def _own(context: Context, fault: Fault, form: Form) -> Form:
    """Return the form for routes whose healthy body is not the one that their dialect's forms edit.

    A model of Anthropic's that Bedrock invokes speaks as Anthropic does; legacy completions have their
    text in another place than chats.
    """
    if (
        context.route.name.startswith("/invoke")
        and "anthropic." in context.model
        and (form.patch or form.remove)
    ):
        return fault.dialects.get("anthropic", form)
    if context.route.name == "/completions":
        patch = {pointer.replace("/message/content", "/text"): new for pointer, new in form.patch.items()}
        return replace(form, patch=patch)
    return form


def _fitting(context: Context, fault: Fault, form: Form) -> Context:
    """Return the context with the content that the fault is about.

    A fault of tool calls needs one, also where the model was free to answer in text; a fault of the text
    needs text, also where a call was forced.
    """
    content = context.content
    if "tools" in fault.needs and not content.tool_calls:
        offered = asked.tools(context.request)
        if not offered:
            raise WireError(f"{fault.id} needs tools, and the request offers none")
        return replace(context, content=called(offered[0], context.request, context.canaries))
    if content.tool_calls and "tools" not in fault.needs and _is_about_text(form):
        said = content.tool_calls[0].arguments
        return replace(context, content=Content(text=said))
    return context


def _is_about_text(form: Form) -> bool:
    return any(word in pointer for pointer in form.patch for word in _TEXT_WORDS)


def _broken(name: str, context: Context, values: Values) -> Compiled:
    reply = replies.healthy(context)
    broken = recipes.run(name, context, reply, values)
    return _compiled(broken.operations, broken.status, reply.usage if broken.status == 200 else Usage(), None)


def _streamed(fault: Fault, stream: Stream) -> Compiled:
    context = stream.context
    if not context.route.stream:
        raise WireError(f"{fault.id} edits a stream, and the request asks for none")
    try:
        steps = edits.edit(stream.form.stream, stream)
    except PlaceholderError as error:
        raise WireError(f"{fault.id}: {error}") from error
    head = Send(data=http1.head(stream.form.status, replies.stream_headers(context)))
    parts = [Send(data=http1.chunk(each)) if isinstance(each, bytes) else each for each in steps]
    return _compiled(_merged([head, *parts]), stream.form.status, context.usage, None)


def _merged(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Return operations with one write for what is written at once."""
    merged: list[Operation] = []
    for each in operations:
        if merged and isinstance(each, Send) and isinstance(before := merged[-1], Send):
            merged[-1] = Send(data=before.data + each.data)
        else:
            merged.append(each)
    return tuple(merged)


def _whole(reply: Reply) -> Compiled:
    sent = (Send(data=reply.head + reply.payload),)
    return _compiled(sent, reply.status, reply.usage, reply.hint_seconds)


def _compiled(
    operations: tuple[Operation, ...], status: int, usage: Usage, hint_seconds: float | None
) -> Compiled:
    return Compiled(
        script=Script(operations=operations),
        status=status,
        usage=usage,
        hint_seconds=hint_seconds,
        keeps_open=not isinstance(operations[-1], (Fin, Rst, Hang, Repeat)),
    )
