"""The dialects by the names that routes give them."""

from __future__ import annotations

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.dialects.base import Context, Dialect
from pytest_failhard.llm.dialects.openai_chat import CHAT


def find(context: Context) -> Dialect:
    """Return the shapes in which a request is answered."""
    return CHAT


def catalogue_body(context: Context) -> Json:
    """Return the list of models."""
    return {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "owned_by": "system"}]}
