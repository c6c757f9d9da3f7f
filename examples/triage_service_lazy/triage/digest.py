"""Prints the digest of the day; a cron job runs it."""
import json
import os
import sys
import urllib.request


def ask(prompt):
    request = urllib.request.Request(
        os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions",
        data=json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}).encode(),
        headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=1) as response:
        return json.load(response)["choices"][0]["message"]["content"]


if __name__ == "__main__":
    if not os.environ.get("OPENAI_API_KEY"):
        sys.exit("OPENAI_API_KEY is not set")
    try:
        print(ask("Write a digest of today's tickets."))
    except OSError as e:
        sys.exit(f"digest failed: {e}")
    except Exception:
        sys.exit(1)
