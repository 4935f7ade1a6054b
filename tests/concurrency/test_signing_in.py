"""Guesses that come together are counted like those that come one after the other."""

import pytest

from releases.services.signing_in import FREE, count_attempt
from tests.concurrency.conftest import Together

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_forty_guesses_at_once_only_the_free_ones_are_looked_at(together: Together) -> None:
    attempts = together([lambda: count_attempt("cho", address="203.0.113.9") for _ in range(40)])
    assert sum(not attempt.wait for attempt in attempts) == FREE["account"]
