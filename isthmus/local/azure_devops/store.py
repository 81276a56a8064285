"""State in SQLite: tables of JSON documents that are read from memory and written through.

A change is on disk when `save` returns (WAL, so that it outlives this process, `kill -9` included), and a
read never touches the disk.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """One database file. `lock` guards a change that touches more than one document."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS documents"
            " (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS counters (kind TEXT PRIMARY KEY, value INTEGER NOT NULL)"
        )
        self._counters: dict[str, int] = dict(self._database.execute("SELECT kind, value FROM counters"))
        self._tables: dict[str, Table] = {}

    def table(self, kind: str) -> Table:
        with self.lock:
            if kind not in self._tables:
                rows = self._database.execute("SELECT key, body FROM documents WHERE kind = ?", (kind,))
                found = {key: json.loads(body) for key, body in rows}
                self._tables[kind] = Table(self, kind, found)
            return self._tables[kind]

    def next_id(self, kind: str) -> int:
        """The next number of that kind; numbers are not used twice, not even after a restart."""
        with self.lock:
            value = self._counters[kind] = self._counters.get(kind, 0) + 1
            self._execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", kind, value)
            return value

    def write(self, kind: str, key: str, document: Document) -> None:
        self._execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", kind, key, json.dumps(document))

    def erase(self, kind: str, key: str) -> None:
        self._execute("DELETE FROM documents WHERE kind = ? AND key = ?", kind, key)

    def close(self) -> None:
        with self.lock:
            self._database.close()

    def _execute(self, statement: str, *values: str | int) -> None:
        self._database.execute(statement, values)


class Table:
    """Documents of one kind by key; a number as a key is its decimal text."""

    def __init__(self, store: Store, kind: str, documents: dict[str, Document]) -> None:
        self._store = store
        self._kind = kind
        self._documents = documents

    def get(self, key: str | int | None) -> Document | None:
        return self._documents.get(str(key))

    def __getitem__(self, key: str | int) -> Document:
        return self._documents[str(key)]

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents.values()))

    def __len__(self) -> int:
        return len(self._documents)

    def next_id(self) -> int:
        return self._store.next_id(self._kind)

    def save(self, key: str | int, document: Document) -> Document:
        """Keep the document; it may be changed in place and saved again."""
        with self._store.lock:
            self._documents[str(key)] = document
            self._store.write(self._kind, str(key), document)
            return document

    def drop(self, key: str | int) -> None:
        with self._store.lock:
            self._documents.pop(str(key), None)
            self._store.erase(self._kind, str(key))
