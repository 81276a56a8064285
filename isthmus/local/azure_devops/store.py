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

from isthmus import files

Document = dict[str, Any]
_PUT = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)"
_COUNT = "INSERT OR REPLACE INTO counters VALUES (?, ?)"


class Store:
    """One database file. `lock` guards a change that touches more than one document.

    Raises `Unavailable` where the file is there and is no database of ours.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._database = _opened(path)
        self._counters: dict[str, int] = dict(self._database.execute("SELECT kind, value FROM counters"))
        self._counted: set[str] = set()
        self._tables: dict[str, Table] = {}
        self._closed = False

    def table(self, kind: str) -> Table:
        with self.lock:
            if kind not in self._tables:
                if self._closed:
                    return Table(self, kind, {})
                rows = self._database.execute("SELECT key, body FROM documents WHERE kind = ?", (kind,))
                found = {key: json.loads(body) for key, body in rows}
                self._tables[kind] = Table(self, kind, found)
            return self._tables[kind]

    def next_id(self, kind: str) -> int:
        """The next number of that kind; numbers are not used twice, not even after a restart."""
        with self.lock:
            value = self._counters[kind] = self._counters.get(kind, 0) + 1
            self._counted.add(kind)
            return value

    def write(self, kind: str, key: str, document: Document) -> None:
        """With the numbers given out since: a number is nobody's before what has it is kept."""
        if self._closed:
            return
        row = (kind, key, json.dumps(document))
        if not self._counted:
            self._execute(_PUT, *row)
            return
        with self._database:
            self._execute("BEGIN")
            for counted in self._counted:
                self._execute(_COUNT, counted, self._counters[counted])
            self._execute(_PUT, *row)
        self._counted.clear()

    def erase(self, kind: str, key: str) -> None:
        if not self._closed:
            self._execute("DELETE FROM documents WHERE kind = ? AND key = ?", kind, key)

    def close(self) -> None:
        """Runs that were abandoned have threads, which may write for a moment longer: that is not kept."""
        with self.lock:
            self._closed = True
            self._database.close()

    def _execute(self, statement: str, *values: str | int) -> None:
        self._database.execute(statement, values)


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        _make(path)
    try:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        fault = database.execute("PRAGMA quick_check").fetchone()[0]
        # A file of no bytes is a sound database without tables.
        if fault != "ok" or not database.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise sqlite3.DatabaseError("it is empty" if fault == "ok" else fault)
    except sqlite3.DatabaseError as error:
        raise files.damaged(path, error) from None
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
    return database


def _make(path: Path) -> None:
    """Aside, so that the file is there with its tables or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    database = sqlite3.connect(partial)
    database.executescript(
        "CREATE TABLE documents"
        " (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        "CREATE TABLE counters (kind TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    )
    database.close()
    partial.replace(path)


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

    def below(self, prefix: str) -> list[tuple[str, Document]]:
        """The documents whose key begins so, by key."""
        return [(key, one) for key, one in list(self._documents.items()) if key.startswith(prefix)]

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

    def merge(self, key: str | int, given: Document) -> Document:
        """Change what is given of the document, or make one of it."""
        with self._store.lock:
            return self.save(key, (self.get(key) or {}) | given)

    def hold(self, key: str | int, document: Document) -> None:
        """Keep the document in memory alone: it is written when it is saved next."""
        self._documents[str(key)] = document

    def drop(self, key: str | int) -> None:
        with self._store.lock:
            self._documents.pop(str(key), None)
            self._store.erase(self._kind, str(key))
