"""The dialects by the names that routes give them."""

from __future__ import annotations

from pytest_failhard.llm.dialects.anthropic import ANTHROPIC
from pytest_failhard.llm.dialects.base import Context, Dialect
from pytest_failhard.llm.dialects.bedrock import BEDROCK
from pytest_failhard.llm.dialects.cohere import COHERE
from pytest_failhard.llm.dialects.gemini import GEMINI
from pytest_failhard.llm.dialects.ollama import OLLAMA
from pytest_failhard.llm.dialects.openai_chat import CHAT
from pytest_failhard.llm.dialects.openai_others import COMPLETIONS, EMBEDDINGS, azure
from pytest_failhard.llm.dialects.openai_responses import RESPONSES
from pytest_failhard.llm.routing import is_azure

_OTHERS = {
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "bedrock": BEDROCK,
    "cohere": COHERE,
    "ollama": OLLAMA,
}
_OPENAI = {"/responses": RESPONSES, "/embeddings": EMBEDDINGS, "/completions": COMPLETIONS}


def find(context: Context) -> Dialect:
    """Return the shapes in which a request is answered: OpenAI's where its dialect has none of its own."""
    own = _OTHERS.get(context.route.dialect)
    if own is not None:
        return own
    shared = _OPENAI.get(context.route.name, CHAT)
    return azure(shared) if is_azure(context.request) else shared
