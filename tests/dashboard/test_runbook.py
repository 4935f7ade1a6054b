"""The runbook in the product is the document, and every end of a rollback has a section of it."""

import re

import pytest
from django.conf import settings
from django.test import Client

from releases.states import Outcome, RollbackStatus
from tests import factory
from tests.dashboard.pages import signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    return signed_in(factory.person("lee", "auditor"))


def test_the_page_shows_every_section_of_the_document(reader: Client) -> None:
    source = (settings.BASE_DIR / "docs/runbook.md").read_text()
    said = words(reader.get("/runbook"))
    for heading in re.findall(r"^##? (.+)$", source, re.MULTILINE):
        assert heading in said


@pytest.mark.parametrize("word", [*Outcome, RollbackStatus.CANCELLED, RollbackStatus.REFUSED], ids=str)
def test_every_way_to_end_leads_from_the_rollback_to_its_section(reader: Client, word: str) -> None:
    place, target, live = factory.story()
    ended = {"status": word} if word in list(RollbackStatus) else {"status": "done", "outcome": word}
    rollback = factory.rollback(place, target, live, factory.on_call(), **ended)
    page = reader.get(rollback.get_absolute_url()).content.decode()
    found = re.search(r'href="/runbook#([^"]+)"', page)
    assert found, "the page leads to the runbook"
    assert f'id="{found[1]}"' in reader.get("/runbook").content.decode()


@pytest.mark.parametrize("template", ["_confirm_command.html", "_rollback_live.html"])
def test_what_is_stuck_leads_to_a_section_that_there_is(reader: Client, template: str) -> None:
    source = (settings.BASE_DIR / "templates" / template).read_text()
    anchors = set(re.findall(r"the-[a-z-]+|queued-and-[a-z-]+", source))
    assert anchors
    page = reader.get("/runbook").content.decode()
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in page] == []


def test_it_links_to_no_document_that_is_not_a_page(reader: Client) -> None:
    assert '.md"' not in reader.get("/runbook").content.decode()
