"""Keeps triaged tickets in SQLite; one short connection per call, safe for threads and workers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from triage.errors import StoreUnavailableError, UnknownTicketError
from triage.tickets import Record

BUSY_SECONDS = 5
SCHEMA = "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT"


class TicketStore:
    """The database of triaged tickets."""

    def __init__(self, path: Path) -> None:
        self._location = path.resolve().as_uri()
        with self._connection("rwc") as connection:
            connection.execute(SCHEMA)

    def add(self, record: Record) -> None:
        """Keep a record."""
        with self._connection("rw") as connection:
            connection.execute("INSERT INTO records VALUES (?, ?)", (record.id, record.model_dump_json()))

    def get(self, identity: str) -> Record:
        """Return the record with this id, or raise UnknownTicketError."""
        with self._connection("rw") as connection:
            row = connection.execute("SELECT document FROM records WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise UnknownTicketError("unknown_ticket", f"no ticket has the id {identity}")
        return Record.model_validate_json(row[0])

    def check(self) -> None:
        """Raise StoreUnavailableError unless the table can be read and the file can be locked for writing."""
        with self._connection("rw") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT id FROM records LIMIT 1").fetchall()

    @contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        # Mode rw never creates the file: a database that has vanished is an error, not a new empty one.
        location = f"{self._location}?mode={mode}"
        try:
            with closing(sqlite3.connect(location, uri=True, timeout=BUSY_SECONDS)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreUnavailableError("store_unavailable", "the ticket database is unavailable") from error
