"""The index of words over what people wrote: PostgreSQL's GIN or SQLite's FTS5 behind one interface.

The words are cut here, so that both databases find the same: letters and digits in small letters, whatever stands
between them. Filters are words of the index too, of a kind that no text has. Both are read in the order of the
passages' numbers, newest first, and no further than a page needs: ranking would read and sort every match.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

TABLE = "releases_passage"
INDEX = "releases_passage_words"
NEAR = 20_000
"""How many of the next passages PostgreSQL may walk through before it reads all matches from the index."""
POSITIONS_LIMIT = 16_000
"""Words of one passage that are indexed; tsvector counts no further."""
WORD_LIMIT = 60
"""Characters of a word that are compared."""

_WORD = re.compile(r"[^\W_]+")

_POSTGRESQL = (
    f"CREATE TABLE {INDEX} (id bigint PRIMARY KEY, words tsvector NOT NULL)",
    f"CREATE INDEX {INDEX}_gin ON {INDEX} USING gin (words) WITH (fastupdate = off)",
)
_SQLITE = (
    f"CREATE VIRTUAL TABLE {INDEX} USING fts5(words, tags, content='', tokenize='unicode61 remove_diacritics 0')",
)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: each phrase must stand in the passage, word after word, and each tag must be on it."""

    phrases: Sequence[Sequence[str]]
    tags: Sequence[str] = ()
    before: int | None = None
    after: int | None = None


def words_of(text: str) -> list[str]:
    """Cut a text into the words that are compared."""
    return [word[:WORD_LIMIT] for word in _WORD.findall(folded(text))]


def folded(text: str) -> str:
    """Return a text in the spelling that is compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def phrases_of(text: str) -> list[list[str]]:
    """Read what somebody typed: `2026.11.4 teasers` is two phrases, the first of three words."""
    return [words for part in text.split() if (words := words_of(part))]


def tag(name: str, value: str) -> str:
    """Return the word of the index that stands for a filter."""
    return "x" + hashlib.sha256(f"{name}={value}".encode()).hexdigest()[:24]


def keep(passage: int, text: str, tags: Sequence[str], using: str = DEFAULT_DB_ALIAS) -> None:
    """Put a passage into the index, in the transaction of the caller. It is written once and never changed."""
    connection = connections[using]
    words = words_of(text)[:POSITIONS_LIMIT]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            placed = [f"'{word}':{place}" for place, word in enumerate(words, start=1)]
            vector = " ".join([*placed, *(f"'{each}'" for each in tags)])
            cursor.execute(f"INSERT INTO {INDEX} (id, words) VALUES (%s, %s::tsvector)", [passage, vector])  # noqa: S608
        else:
            insert = f"INSERT INTO {INDEX} (rowid, words, tags) VALUES (%s, %s, %s)"  # noqa: S608
            cursor.execute(insert, [passage, " ".join(words), " ".join(tags)])


def matching(query: Query, rows: int, using: str = DEFAULT_DB_ALIAS) -> RawSQL:
    """Return the condition of the first so many passages that match: the newest, or from `after` up."""
    on_postgresql = connections[using].vendor == "postgresql"
    sql, params = (_on_postgresql if on_postgresql else _on_sqlite)(query, rows)
    # As an array they are found first. As a subquery PostgreSQL joins them, with all that a page reads of a passage as
    # one table too many for it to begin with the few.
    condition = f"{TABLE}.id = ANY(ARRAY({sql}))" if on_postgresql else f"{TABLE}.id IN ({sql})"
    # Words and numbers are in the parameters.
    return RawSQL(condition, params, output_field=BooleanField())  # noqa: S611


def _on_sqlite(query: Query, rows: int) -> tuple[str, list[Any]]:
    phrases = [f'words:"{" ".join(phrase)}"' for phrase in query.phrases] + [f"tags:{each}" for each in query.tags]
    bound, params, order = _bounds("rowid", query)
    sql = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s{bound} ORDER BY rowid {order} LIMIT %s"  # noqa: S608
    return sql, [" AND ".join(phrases), *params, rows]


def _on_postgresql(query: Query, rows: int) -> tuple[str, list[Any]]:
    """Walk through the next passages as the planner likes; only where they do not fill the page, read all matches."""
    phrases = [" <-> ".join(f"'{word}'" for word in phrase) for phrase in query.phrases]
    wanted = " & ".join([*(f"({phrase})" for phrase in phrases), *(f"'{each}'" for each in query.tags)])
    bound, params, order = _bounds("id", query)
    if query.after is not None:
        edge, edge_params, near, far = "%s::bigint", [query.after + NEAR], "<=", ">"
    else:
        newest = "%s::bigint" if query.before is not None else f"(SELECT max(id) FROM {INDEX})"  # noqa: S608
        edge, near, far = f"({newest} - {NEAR})", ">=", "<"
        edge_params = [query.before] if query.before is not None else []
    select = f"SELECT id FROM {INDEX} WHERE words @@ %s::tsquery{bound}"  # noqa: S608
    sql = (
        f"WITH near AS MATERIALIZED ({select} AND id {near} {edge} ORDER BY id {order} LIMIT %s), "  # noqa: S608
        f"matches AS MATERIALIZED ({select} AND id {far} {edge} AND (SELECT count(*) FROM near) < %s) "
        f"SELECT id FROM near UNION ALL (SELECT id FROM matches ORDER BY id {order} LIMIT %s)"
    )
    return sql, [wanted, *params, *edge_params, rows, wanted, *params, *edge_params, rows, rows]


def _bounds(key: str, query: Query) -> tuple[str, list[Any], str]:
    bound, params = "", []
    if query.before is not None:
        bound, params = f" AND {key} < %s", [query.before]
    if query.after is not None:
        bound, params = bound + f" AND {key} > %s", [*params, query.after]
    return bound, params, "ASC" if query.after is not None else "DESC"


def install(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Create the index where it is missing; return whether it was."""
    connection = connections[using]
    if not _there(connection, TABLE) or _there(connection, INDEX):
        return False
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)
    return True


def clear(using: str = DEFAULT_DB_ALIAS) -> None:
    """Empty the index: before it is filled anew, and where tests empty their database."""
    connection = connections[using]
    if not _there(connection, INDEX):
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {INDEX}")
        else:
            cursor.execute(f"INSERT INTO {INDEX} ({INDEX}) VALUES ('delete-all')")  # noqa: S608


def _there(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        else:
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = %s", [table])
        return bool(cursor.fetchone()[0])
