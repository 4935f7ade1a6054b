"""Pages read what they show: on SQLite, whose plan is the same for a small and a large book."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factory
from tests.browser.test_every_page import PAGES
from tests.dashboard.pages import signed_in
from tests.dashboard.test_who_may_open_what import addresses
from tests.plans import walked_through

__all__ = ["addresses"]  # a fixture

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans with the values that it is given"),
]

NEWEST = {"history": {"releases_deployment"}, "audit_releases": {"releases_release"}}
"""The newest rows of everything: as many as a page has are read, the newest first."""


def test_no_page_walks_through_a_table_that_grows_with_the_book(addresses: dict[str, str]) -> None:
    client = signed_in(factory.lead())
    walked = {}
    for name in PAGES:
        with CaptureQueriesContext(connection) as said:
            client.get(addresses[name])
        reads = [each["sql"] for each in said.captured_queries if each["sql"].startswith(("SELECT", "WITH"))]
        walked[name] = set().union(*map(walked_through, reads))
    assert {name: tables for name, tables in walked.items() if tables} == NEWEST
