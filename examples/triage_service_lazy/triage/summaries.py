"""Summaries of long conversations for the dashboard."""
import functools

from openai import OpenAI

from triage.config import OPENAI_API_KEY

_last_summary = {}


def retry(times):
    def decorate(func):
        @functools.wraps(func)
        def call(*args, **kwargs):
            for attempt in range(times):
                try:
                    return func(*args, **kwargs)
                except Exception as e:
                    error = e
            raise error

        return call

    return decorate


@functools.cache
def get_client():
    return OpenAI(api_key=OPENAI_API_KEY, timeout=1, max_retries=1)


@retry(times=3)
def ask(text):
    response = get_client().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Summarize: " + text}]
    )
    return response.choices[0].message.content


def summarize(text):
    try:
        _last_summary["text"] = ask(text)
    except Exception:
        print("summary failed, showing the last one")
    return _last_summary.get("text", "No summary yet")
