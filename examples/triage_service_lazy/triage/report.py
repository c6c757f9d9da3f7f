"""Weekly report."""
import csv
import io
import pickle
from datetime import datetime

from triage.store import list_tickets

try:
    import ticket_insights_pro
except ImportError:
    ticket_insights_pro = None


def build_report(limit=1000):
    rows = list_tickets(limit)
    by_queue = {}
    by_priority = {}
    for row in rows:
        if row[4] in by_queue:
            by_queue[row[4]] = by_queue[row[4]] + 1
        else:
            by_queue[row[4]] = 1
        if row[3] == "urgent":
            by_priority["urgent"] = by_priority.get("urgent", 0) + 1
        elif row[3] == "high":
            by_priority["high"] = by_priority.get("high", 0) + 1
        elif row[3] == "normal":
            by_priority["normal"] = by_priority.get("normal", 0) + 1
        elif row[3] == "low":
            by_priority["low"] = by_priority.get("low", 0) + 1
        else:
            by_priority["unknown"] = by_priority.get("unknown", 0) + 1
        if row[2] == "billing" or row[2] == "account":
            by_queue["customer"] = by_queue.get("customer", 0) + 1
        elif row[2] == "outage" and row[3] != "low":
            by_queue["incident"] = by_queue.get("incident", 0) + 1
    return {"created": datetime.now().isoformat(), "queues": by_queue, "priorities": by_priority, "total": len(rows)}


def export_csv(limit=1000):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "subject", "category", "priority", "queue"])
    for row in list_tickets(limit):
        writer.writerow(row)
    return out.getvalue()


def save_report(path):
    f = open(path, "wb")
    pickle.dump(build_report(), f)
    f.close()


def load_report(path):
    try:
        return pickle.load(open(path, "rb"))
    except:
        return {}
