"""The pictures in the documents, taken of the pages as they are: `python -m tests.docs_pictures` puts them there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from releases import broker as brokers, knocks
from releases.models import User
from tests import factory
from tests.browser import picture_story
from tests.docs_pictures import TAKEN

pytestmark = [pytest.mark.once, pytest.mark.drill]


@contextmanager
def seat(browser: Browser, live_server: LiveServer, who: User, width: int, height: int) -> Iterator[Page]:
    """Sit down as somebody, before a window of that size."""
    client = Client()
    client.force_login(who)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    try:
        yield context.new_page()
    finally:
        context.close()


def take(page: Page, address: str, name: str, *shows: str, whole: bool = False) -> None:
    """Take a picture of a page that shows what the document says of it."""
    page.goto(address)
    TAKEN.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=TAKEN / name, full_page=whole)
    told = page.locator("main").inner_text()
    assert [words for words in shows if words not in told] == []


def test_the_documents_show_the_pages_as_they_are(
    browser: Browser, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knocks, "broker_answers", lambda: True)
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: None)
    at = live_server.url
    target, live = picture_story.before()
    brokers.watch.answers(2.0)
    cho, ana, lee = factory.on_call(), factory.lead(), factory.person("lee", "auditor")
    confirm = f"{at}/s/archive/production/rollback?seen={live.pk}"
    with seat(browser, live_server, cho, 1200, 720) as page:
        take(page, f"{at}/", "board.png", "Needs somebody (1)", picture_story.LEAK, "Roll back archive/production")
    with seat(browser, live_server, cho, 390, 660) as page:
        take(page, confirm, "confirm.png", "Roll back archive/production?", "2026.11.3", "Roll back production to")
    rollback = picture_story.press_the_button(target, live, cho)
    with seat(browser, live_server, cho, 390, 660) as page:
        take(page, f"{at}/rollbacks/{rollback.pk}", "restored.png", "Restored", "2026.11.3")
    with seat(browser, live_server, ana, 1200, 800) as page:
        take(page, f"{at}/review", "review.png", "Needs a decision", "Did it come true?", whole=True)
    picture_story.the_morning_after(rollback, ana)
    with seat(browser, live_server, lee, 1200, 800) as page:
        take(page, f"{at}/audit?kind=rollback", "decisions.png", "1 rollback", "book intact", "lifted by Ana Ruiz")
        everything = f"{at}/audit/releases/{live.release_id}"
        take(page, everything, "everything.png", "Everything about archive", "one HTML file", "Promised and measured")
