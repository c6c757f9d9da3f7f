"""What never fails: the lists of models, and moderation that finds nothing."""

from __future__ import annotations

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.dialects.base import CREATED, Context

MODEL = "gpt-4o-mini"
_CREATED_AT = "1970-01-01T00:00:01Z"
_LIST = "/models"


def body(context: Context) -> Json:
    """Return the list, or the item that the path names."""
    if context.route.name == "/moderations":
        return _moderation(context)
    _, _, name = context.request.path.rstrip("/").rpartition(_LIST)
    return _item(context.route.dialect, name.lstrip("/")) if name else _list(context.route.dialect)


def _list(dialect: str) -> Json:
    item = _item(dialect, MODEL)
    if dialect == "gemini":
        return {"models": [item]}
    if dialect == "anthropic":
        return {"data": [item], "has_more": False, "first_id": MODEL, "last_id": MODEL}
    return {"object": "list", "data": [item]}


def _item(dialect: str, name: str) -> Json:
    if dialect == "gemini":
        methods: list[Json] = ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
    if dialect == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT}
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}


def _moderation(context: Context) -> Json:
    harmless: dict[str, Json] = {"flagged": False, "categories": {}, "category_scores": {}}
    return {"id": context.identifier("modr-"), "model": context.model, "results": [harmless]}
