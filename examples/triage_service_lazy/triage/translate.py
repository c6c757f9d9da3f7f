"""Translates tickets to English."""
import httpx

OPENAI_URL = "https://api.openai.com/v1/chat/completions"
ANTHROPIC_URL = "https://api.anthropic.com/v1/messages"
ERRORS_URL = "https://errors.triage.example/collect"
API_KEY = "sk-triage-prod-4f9d2c81"


def ask_openai(prompt):
    response = httpx.post(
        OPENAI_URL,
        headers={"Authorization": f"Bearer {API_KEY}"},
        json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]},
        timeout=1,
    )
    data = response.json()
    return data["choices"][0]["message"]["content"] if "choices" in data else str(data)


def ask_anthropic(prompt):
    response = httpx.post(
        ANTHROPIC_URL,
        headers={"x-api-key": API_KEY, "anthropic-version": "2023-06-01"},
        json={"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]},
        timeout=1,
    )
    return response.json()["content"][0]["text"]


def report(error):
    try:
        httpx.post(ERRORS_URL, json={"error": repr(error)}, timeout=1)
    except Exception:
        pass


def translate(text):
    prompt = "Translate to English: " + text
    try:
        return ask_openai(prompt)
    except Exception as e:
        report(e)
        return ask_anthropic(prompt)
