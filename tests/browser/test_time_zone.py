"""The zone of times in a real browser: its own where it can tell, UTC where scripts do not run."""

import pytest
from django.test import Client
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests import factory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("scripts", "zone"), [(True, "Europe/Lisbon"), (False, "UTC")], ids=["scripts", "no scripts"])
def test_the_first_page_after_the_sign_in_is_in_the_zone_of_the_browser(
    browser: Browser, live_server: LiveServer, client: Client, scripts: bool, zone: str
) -> None:
    factory.on_call()
    context = browser.new_context(java_script_enabled=scripts, timezone_id="Europe/Lisbon")
    try:
        page = context.new_page()
        page.goto(f"{live_server.url}/login?next=/account")
        page.get_by_label("User name").fill("cho")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        assert f"Times are shown in {zone}" in page.locator("main").inner_text()
    finally:
        context.close()
