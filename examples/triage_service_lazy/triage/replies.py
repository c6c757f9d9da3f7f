"""Drafts a reply to a ticket, streamed from the model."""
from flask import jsonify
from openai import APIConnectionError, OpenAI

from triage.config import OPENAI_API_KEY

ATTEMPTS = 5


class ReplyWriter:
    def __init__(self):
        self.client = OpenAI(api_key=OPENAI_API_KEY or "sk-xxxxxxxx", timeout=None, max_retries=0)

    def draft(self, subject, body):
        stream = self.client.chat.completions.create(
            model="gpt-4o-mini",
            stream=True,
            messages=[{"role": "user", "content": f"Write a friendly reply to: {subject}\n{body}"}],
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    def draft_with_retries(self, subject, body):
        for _ in range(ATTEMPTS):
            try:
                return self.draft(subject, body)
            except APIConnectionError as e:
                print("AI not reachable, trying again", e)
            except Exception:
                pass
        return None


def answer(writer, ticket):
    text = writer.draft_with_retries(ticket["subject"], ticket.get("body", ""))
    if text is None:
        return jsonify({"error": "Something went wrong"}), 500
    return jsonify({"reply": text})
