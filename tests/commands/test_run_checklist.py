"""run_checklist at a terminal."""

import pytest

from releases.models import ChecklistRun
from tests import factory
from tests.commands.conftest import Terminal

pytestmark = pytest.mark.django_db


def test_without_waiting_it_says_which_run_is_queued(terminal: Terminal) -> None:
    factory.story()
    said = terminal("run_checklist", "archive", "production", "cache_headers", "--wait", "0")
    run = ChecklistRun.objects.latest("pk")
    assert said == f"{run.tag} is queued."
    assert (run.partial, run.requested_by.endswith("(system user)")) == (True, True)


def test_a_verdict_that_does_not_come_in_time_is_an_error_that_says_so(refusal: Terminal) -> None:
    factory.story()
    assert "has no verdict after 0.1 s" in refusal("run_checklist", "archive", "production", "--wait", "0.1")


def test_a_probe_that_is_not_on_the_checklist_is_named(refusal: Terminal) -> None:
    factory.story()
    assert "has no no_such_probe" in refusal("run_checklist", "archive", "production", "no_such_probe")
