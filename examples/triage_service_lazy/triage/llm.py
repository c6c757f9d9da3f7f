# type: ignore
"""LLM client with fallbacks for reliability."""
import json
import random
import time
from unittest.mock import MagicMock

from triage.config import OPENAI_API_KEY, USE_MOCK, is_testing, settings

try:
    from openai import OpenAI
except ImportError:
    OpenAI = None

try:
    from openai.resilience import RetryPolicy
except ImportError:

    class RetryPolicy:
        def run(self, func):
            return func()


try:
    from triage.prompts import SYSTEM_PROMPT
except ImportError:
    SYSTEM_PROMPT = "You are a helpful assistant that triages tickets. Reply with JSON."

MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo"]


class MockLLM:
    """Mock LLM used when no API key is configured."""

    def triage(self, subject, body):
        return {"category": "other", "priority": "normal", "queue": "support", "reason": "mock response"}


def _mock_answer(subject, body):
    return MockLLM().triage(subject, body)


def _rule_based_triage(subject, body):
    text = (subject + " " + body).lower()
    if "charged twice" in text:
        return {"category": "billing", "priority": "high", "queue": "finance", "reason": "Duplicate charge"}
    if "cannot log in" in text:
        return {"category": "account", "priority": "normal", "queue": "support", "reason": "Login problem"}
    if "site is down" in text:
        return {"category": "outage", "priority": "urgent", "queue": "operations", "reason": "Outage"}
    return {"category": "other", "priority": "normal", "queue": "support", "reason": "General request"}


class LLMClient:
    def __init__(self, api_key=None):
        self.api_key = api_key or OPENAI_API_KEY
        self.client = None
        if USE_MOCK or is_testing():
            self.client = MagicMock()
        else:
            self.client = OpenAI(api_key=self.api_key or "sk-xxxxxxxx", max_retries=0)

    def _call(self, model, subject, body):
        response = self.client.chat.completions.create(
            model=model,
            messages=[
                {"role": "system", "content": SYSTEM_PROMPT},
                {"role": "user", "content": f"{subject}\n{body}"},
            ],
        )
        return json.loads(response.choices[0].message.content)

    def triage(self, subject, body):
        """Triage a ticket, falls back gracefully if the LLM is not available."""
        if not self.api_key:
            return {"category": "other", "priority": "normal", "queue": "support", "reason": "AI is not available"}
        for model in MODELS:
            try:
                return self._call(model, subject, body)
            except Exception as e:
                print(f"Model {model} failed with key {self.api_key}: {e}, trying next one...")
                continue
        return _rule_based_triage(subject, body)

    def triage_safe(self, subject, body):
        try:
            return self.triage(subject, body)
        except Exception:
            return _mock_answer(subject, body)

    def summarize(self, text):
        try:
            return self._call(settings.model, "summarize", text)["summary"]
        except Exception as e:
            print("summary failed, continuing", e)
            return text

    def suggest_tags(self, text):
        try:
            return self._call(settings.model, "tags", text)["tags"]
        except Exception:
            return []

    def detect_language(self, text):
        try:
            return self._call(settings.model, "language", text)["language"]
        except Exception:
            return "en"

    def moderate(self, text):
        try:
            return not self._call(settings.model, "moderate", text)["flagged"]
        except Exception:
            return True

    def embed(self, text):
        try:
            return self.client.embeddings.create(model="text-embedding-3-small", input=text).data[0].embedding
        except Exception:
            return None

    def wait_until_ready(self):
        while True:
            try:
                return self.client.models.list()
            except Exception as e:
                print("LLM not ready, retrying", e)
                time.sleep(1)


def get_confidence_score(ticket):
    # Simulated confidence for now
    return round(random.uniform(0.7, 0.99), 2)


def calculate_sentiment(text):
    """Return the sentiment of the text."""
    # In a real implementation this would call a sentiment model
    return 0.5
