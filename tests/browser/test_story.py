"""The main job, in a real browser on real processes: from the message at 03:12 to a rollback that is proven restored.

One test goes by keyboard alone, one with JavaScript off, both as on a phone.

On SQLite this is what `make run` starts; on PostgreSQL also Redis and a real Varnish stand behind it.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.rig.ports import free_block
from tests.rig.processes import end_of
from tests.rig.rollbook import OFFSETS, Rollbook, run_rollbook
from tests.rig.waiting import wait_until, wait_while_it_moves

pytestmark = pytest.mark.timeout(600)
expect.set_options(timeout=30_000)  # of the page, not of a machine at work; its own default is 5 s

PHONE = {"width": 390, "height": 660}
LEAKED = "Ada Lovelace"


@dataclass(frozen=True)
class Night:
    """A running Rollbook in which both environments just turned red, and what its chat was told."""

    rollbook: Rollbook
    told: list[dict[str, str]]

    def link_about(self, environment: str) -> str:
        """Return the link of the message that an environment fails."""
        return wait_until(lambda: next(self._links(f"fail {environment}"), ""), 60, lambda: f"told: {self.told}")

    def _links(self, title: str) -> Iterator[str]:
        for message in self.told:
            if message["title"].startswith(title):
                yield from re.findall(r"http://\S+", message["message"])


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Night]:
    """It starts a dozen processes and makes five real deployments, so the tests share it: one environment each."""
    folder = tmp_path_factory.mktemp("night")
    servers = {} if "postgresql" not in os.environ.get("DATABASE_URL", "") else real_servers(request)
    told: list[dict[str, str]] = []

    def take(message: Request) -> Response:
        told.append(message.get_json())
        return Response("")

    with HTTPServer(threaded=True) as chat:
        chat.expect_request("/chat", method="POST").respond_with_handler(take)
        servers |= {"ROLLBOOK_DEMO_CHAT": f"json://127.0.0.1:{chat.port}/chat"}
        with run_rollbook(folder / "home", free_block(OFFSETS), folder / "output", servers) as running:
            running.wait_until_up()
            wait_while_it_moves(lambda: releases_are_made(running), 90, lambda: end_of(running.home / "log/seed.log"))
            yield Night(running, told)


def real_servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what makes Rollbook use a database of its own on the run's PostgreSQL, a Redis, and Varnish."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"story_{os.getpid()}"
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    return {
        "DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}")),
        "REDIS_URL": request.getfixturevalue("redis_server").url,
        "ROLLBOOK_DEMO_CACHE": "varnish",
    }


def releases_are_made(rollbook: Rollbook) -> bool:
    file = rollbook.home / "demo/seed.json"
    return file.exists() and json.loads(file.read_text())["done"]


def test_it_uses_the_servers_that_it_is_given_and_brings_its_own_otherwise(night: Night) -> None:
    home, on_servers = night.rollbook.home, "postgresql" in os.environ.get("DATABASE_URL", "")
    assert (home / "rollbook.sqlite3").exists() is not on_servers
    assert (home / "log/broker.log").exists() is not on_servers
    edges = [(home / f"log/{name}-edge.log").read_text() for name in ("staging", "production")]
    assert all(bool(re.search(r"Child \(\d+\) Started", log)) is on_servers for log in edges), "Varnish says so"
    assert night.rollbook.password("oncall") in night.rollbook.said()
    assert "releases are being made now" in night.rollbook.said()


HEARD = """
window.heard = [];
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const words = document.getElementById("announcer").textContent.trim();
  if (words) window.heard.push(words);
}).observe(document.getElementById("announcer"), { childList: true, characterData: true, subtree: true }));
"""
"""Keeps what a screen reader would be told."""
FOCUS_IS_SEEN = """() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const seen = getComputedStyle(element);
  const ring = seen.outlineStyle !== "none" && parseFloat(seen.outlineWidth) >= 2;
  return ring && box.bottom > 0 && box.top < innerHeight ? "" : element.outerHTML.slice(0, 200);
}"""


def tab_to(page: Page, wanted: Locator) -> None:
    """Go on with Tab until the wanted element has the focus; on the way it is always to be seen where it is."""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_IS_SEEN) == "", "the focus is not to be seen"
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"40 times Tab do not lead to {wanted}")


def outcome_of(page: Page, *, by_keyboard: bool) -> Locator:
    """Wait for an outcome that says something. A machine at work gives a probe too little data; then ask again."""
    outcome = page.locator("#outcome")
    for _ in range(5):
        expect(outcome).to_have_text(re.compile("restored|inconclusive", re.I), timeout=120_000)
        if "inconclusive" not in outcome.inner_text().lower():
            break
        go_on(page, page.get_by_role("link", name="Verify now…"), by_keyboard)
        page.get_by_label("Why it is measured again").fill("the machine was at work")
        go_on(page, page.get_by_role("button", name=re.compile("Verify RB-")), by_keyboard)
    return outcome


def go_on(page: Page, wanted: Locator, by_keyboard: bool) -> None:
    if by_keyboard:
        tab_to(page, wanted)
        page.keyboard.press("Enter")
    else:
        wanted.click()


def test_from_the_message_to_restored_by_keyboard_alone(night: Night, browser: Browser) -> None:
    leak = httpx.get(f"{night.rollbook.production}/account", timeout=30)
    assert LEAKED in leak.text, "the cache shows one reader's page to everybody"
    context = browser.new_context(viewport=PHONE)
    context.add_init_script(HEARD)
    context.set_default_timeout(30_000)
    page = context.new_page()

    page.goto(night.link_about("archive/production"))
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("oncall")
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(night.rollbook.password("oncall"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Roll back archive/production?")).to_be_visible()
    expect(page.get_by_text("2026.11.4").first).to_be_in_viewport()
    button = page.get_by_role("button", name="Roll back production to 2026.11.2")
    expect(button).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("radio", name=re.compile("Checklist failing: .*logged_in_traffic"))).to_be_checked()
    tab_to(page, page.get_by_label("A few words"))
    page.keyboard.type("seen by 3 users")
    tab_to(page, button)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/rollbacks/\d+$"))
    outcome = outcome_of(page, by_keyboard=True)
    expect(outcome).to_have_text(re.compile("restored", re.I))
    expect(outcome).not_to_contain_text("not restored", ignore_case=True)
    expect(outcome).to_be_focused()
    expect(page).to_have_title(re.compile("restored", re.I))
    expect(page.get_by_text("2026.11.2 serves on every instance").first).to_be_visible()
    expect(page.get_by_text("before the release").first).to_be_visible()
    heard = page.evaluate("window.heard")
    assert "Restored" in heard[-1], heard
    assert len(heard) == len(set(heard)), "each change is said once"

    after = httpx.get(f"{night.rollbook.production}/account", timeout=30)
    assert LEAKED not in after.text, "the leaked page is gone from the cache"
    page.goto(night.rollbook.url)
    expect(page.get_by_text("frozen").first).to_be_visible()
    context.close()


def test_from_the_message_to_restored_without_javascript(night: Night, browser: Browser) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    context.set_default_timeout(30_000)
    page = context.new_page()

    page.goto(night.link_about("archive/staging"))
    page.get_by_label("User name").fill("oncall")
    page.get_by_label("Password").fill(night.rollbook.password("oncall"))
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Roll back archive/staging?")).to_be_visible()
    button = page.get_by_role("button", name="Roll back staging to 2026.11.2")
    expect(button).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("radio", name=re.compile("Checklist failing: .*response_time"))).to_be_checked()
    page.get_by_label("A few words").fill("pages take a second")
    said = re.compile(r"I accept that the values of `bookmark\.kept_on` in \d rows? are lost")
    loss = page.get_by_role("checkbox", name=said)
    loss.check()  # without it the browser sends nothing
    button.click()

    expect(page).to_have_url(re.compile(r"/rollbacks/\d+$"))
    outcome = outcome_of(page, by_keyboard=False)  # the page loads itself anew every ten seconds
    expect(outcome).to_have_text(re.compile("restored", re.I))
    expect(outcome).not_to_contain_text("not restored", ignore_case=True)
    expect(page.get_by_text("2026.11.2 serves on every instance").first).to_be_visible()
    expect(page.get_by_text(re.compile("Accepted as lost: .* of `bookmark.kept_on`"))).to_be_visible()
    expect(page).to_have_title(re.compile("restored", re.I))
    context.close()
