"""Readers' bookmarks, in one small database that both instances share."""

import sqlite3
from contextlib import closing
from pathlib import Path

MOST = 100
"""Bookmarks of one reader; the oldest makes room for a new one."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS bookmark (
    id INTEGER PRIMARY KEY,
    reader TEXT NOT NULL,
    slug TEXT NOT NULL,
    UNIQUE (reader, slug)
)
"""


class Bookmarks:
    def __init__(self, file: Path) -> None:
        self._file = file
        with closing(self._connect()) as database, database:
            database.execute(SCHEMA)

    def of(self, reader: str) -> list[str]:
        """Return the slugs that a reader keeps, the newest first."""
        with closing(self._connect()) as database:
            rows = database.execute("SELECT slug FROM bookmark WHERE reader = ? ORDER BY id DESC", (reader,))
            return [slug for (slug,) in rows]

    def add(self, reader: str, slug: str) -> None:
        """Keep an article; keeping it again changes nothing."""
        with closing(self._connect()) as database, database:
            database.execute("INSERT OR IGNORE INTO bookmark (reader, slug) VALUES (?, ?)", (reader, slug))
            database.execute(
                "DELETE FROM bookmark WHERE reader = ? AND id NOT IN"
                " (SELECT id FROM bookmark WHERE reader = ? ORDER BY id DESC LIMIT ?)",
                (reader, reader, MOST),
            )

    def remove(self, reader: str, slug: str) -> None:
        with closing(self._connect()) as database, database:
            database.execute("DELETE FROM bookmark WHERE reader = ? AND slug = ?", (reader, slug))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=5)
