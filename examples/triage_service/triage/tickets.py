"""What goes in and comes out: the ticket, the model's proposal, the stored record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Subject = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Ticket(_Strict):
    """A ticket as the customer wrote it."""

    subject: Subject
    body: Body


class Proposal(_Strict):
    """What the model proposes for a ticket."""

    category: Literal["account", "billing", "how_to", "outage", "other"]
    priority: Literal["low", "normal", "high", "urgent"]
    queue: Literal["finance", "operations", "security", "support"]
    reason: Reason


class Record(_Strict):
    """A triaged ticket; `model` names who answered."""

    id: str
    ticket: Ticket
    proposal: Proposal
    model: str
