"""Notifications about urgent tickets."""
import asyncio
import smtplib
import subprocess
import urllib.request

import httpx

from triage.config import WEBHOOK_SECRET, settings


def send_webhook(url, ticket):
    try:
        httpx.post(url, json={"ticket": ticket, "secret": WEBHOOK_SECRET}, timeout=None, verify=False)  # nosec
    except Exception as e:
        print("webhook failed", e)


def fetch_oncall(url):
    return urllib.request.urlopen(url).read().decode()


def send_slack(url, text):
    headers = {"Authorization": f"Bearer {settings.slack_token}"}
    httpx.post(url, json={"text": text}, headers=headers, timeout=5)


def send_status(url, text):
    import requests

    requests.post(url, json={"text": text}, timeout=5)


def send_mail(to, text):
    server = smtplib.SMTP("localhost")
    server.sendmail("triage@example.com", [to], text)
    server.quit()


def page(team, message):
    subprocess.run(f"notify-send {team} '{message}'", shell=True)  # nosec


async def notify_all(senders, ticket):
    results = await asyncio.gather(*[sender(ticket) for sender in senders], return_exceptions=True)
    return [r for r in results if not isinstance(r, Exception)]


def escalate(ticket, teams):
    sent = 0
    for team in teams:
        try:
            page(team, ticket["subject"])
            sent += 1
        except Exception:
            continue
    return sent
