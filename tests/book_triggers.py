"""Empties the database after tests that commit: the book's triggers refuse that, by design.

A pytest plugin. pytest-django flushes the tables after a test that uses transactions of its own; the triggers are
lifted right before, and the index of what can be searched for, which is no table of Django's, is emptied. The flush
ends with `post_migrate`, which installs them again, as every `migrate` does.
"""

from collections.abc import Iterator

import pytest

from releases import search, triggers

COMMITTING = {"transactional_db", "live_server", "django_db_reset_sequences"}
"""Fixtures after which pytest-django flushes."""


@pytest.fixture(autouse=True)
def book_may_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lift the triggers before the flush. Only after tests that commit: others are rolled back."""
    marker = request.node.get_closest_marker("django_db")
    commits = COMMITTING & set(request.fixturenames) or (marker is not None and marker.kwargs.get("transaction"))
    if not commits:
        yield
        return
    request.getfixturevalue("db")  # so that it is torn down, and flushes, after this one
    yield
    triggers.lift()
    search.clear()
