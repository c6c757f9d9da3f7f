"""Tests of the evidence that a product uses a language model."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.llm import applies
from pytest_failhard.gates.llm.applies import Guess
from pytest_failhard.source import Project, read
from tests.support import write


def project(tmp_path: Path, files: dict[str, str]) -> Project:
    return read(write(tmp_path / "p", {"app/__init__.py": "", **files}), ("app",), ())


def signs(tmp_path: Path, code: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(use.what, use.providers) for use in applies.uses(project(tmp_path, {"app/a.py": code}))]


@pytest.mark.parametrize(
    ("code", "what", "providers"),
    [
        ("import openai", "imports openai", ("openai", "azure")),
        ("from openai import OpenAI", "imports openai", ("openai", "azure")),
        ("import openai.types.chat as c", "imports openai", ("openai", "azure")),
        ("def f():\n    from anthropic import Anthropic", "imports anthropic", ("anthropic",)),
        ("from google import genai", "imports google.genai", ("gemini",)),
        ("import google.generativeai as g", "imports google.generativeai", ("gemini",)),
        ("import vertexai", "imports vertexai", ("gemini",)),
        ("import mistralai", "imports mistralai", ("mistral",)),
        ("import cohere", "imports cohere", ("cohere",)),
        ("import groq", "imports groq", ("groq",)),
        ("import ollama", "imports ollama", ("ollama",)),
        ("import litellm", "imports litellm", ()),
        ("from langchain_openai import ChatOpenAI", "imports langchain_openai", ()),
        ("import langchain.llms", "imports langchain", ()),
        ("from llama_index.core import x", "imports llama_index", ()),
        ("from pydantic_ai import Agent", "imports pydantic_ai", ()),
        ("import dspy", "imports dspy", ()),
        ("import instructor", "imports instructor", ()),
        ("from huggingface_hub import InferenceClient", "imports huggingface_hub", ("huggingface",)),
        ("import importlib\nimportlib.import_module('openai')", "imports openai", ("openai", "azure")),
        ("__import__('openai')", "imports openai", ("openai", "azure")),
        ("import boto3\nboto3.client('bedrock-runtime')", "imports boto3", ("bedrock",)),
        ("URL = 'https://api.openai.com/v1'", "names a host of openai", ("openai",)),
        ("URL = 'https://API.Anthropic.com'", "names a host of anthropic", ("anthropic",)),
        ("u = f'https://{name}.openai.azure.com/'", "names a host of azure", ("azure",)),
        ("u = 'https://{}-aiplatform.googleapis.com'.format(r)", "names a host of gemini", ("gemini",)),
        ("u = 'https://%s.openai.azure.com' % name", "names a host of azure", ("azure",)),
        ("u = name + '.openai.azure.com'", "names a host of azure", ("azure",)),
        ("u = f'https://bedrock-runtime.{r}.amazonaws.com'", "names a host of bedrock", ("bedrock",)),
        ("u = 'https://openrouter.ai/api/v1'", "names a host of openrouter", ("openrouter",)),
        ("u = 'https://api.deepseek.com'", "names a host of others", ()),
    ],
)
def test_a_sign(tmp_path: Path, code: str, what: str, providers: tuple[str, ...]) -> None:
    assert signs(tmp_path, f"{code}\n") == [(what, providers)]


@pytest.mark.parametrize(
    "code",
    [
        "import openailike",
        "from . import openai",
        "import google.cloud.storage",
        "import boto3\nboto3.client('s3')",
        "from huggingface_hub import snapshot_download",
        '"""Talks to https://api.openai.com one day."""',
        "def f():\n    'see api.anthropic.com'",
        "u = 'https://api.openai.com.evil.example'",
        "u = 'https://example.org/api.openai.community'",
        "# import openai",
        "table['f']('openai')",
    ],
)
def test_no_sign(tmp_path: Path, code: str) -> None:
    assert signs(tmp_path, f"{code}\n") == []


def test_tests_are_no_product(tmp_path: Path) -> None:
    assert applies.uses(project(tmp_path, {"app/test_a.py": "import openai\n"})) == ()


def test_the_functions_that_call_a_client_are_proposed(tmp_path: Path) -> None:
    code = """
import openai

def summarise(text, /, *, length):
    return openai.OpenAI().chat.completions.create(model="x", messages=[text, length])

async def label(text):
    return await client.messages.create(messages=text)

def plain(text):
    return text.upper()

class Sorter:
    def sort(self, ticket):
        return self.client.responses.create(input=ticket)
"""
    tree = project(tmp_path, {"app/a.py": code, "app/b.py": "def f(x):\n    return x.create()\n"})
    found = applies.guesses(tree, ("app",), applies.uses(tree))
    assert found == (
        Guess(path="app/a.py", module="app.a", name="Sorter.sort", arguments=("ticket",), method=True),
        Guess(path="app/a.py", module="app.a", name="label", arguments=("text",), method=False),
        Guess(path="app/a.py", module="app.a", name="summarise", arguments=("text", "length"), method=False),
    )
