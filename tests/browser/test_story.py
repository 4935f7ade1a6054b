"""The main job, in a real browser on real processes: a leaking release is seen, rolled back and proven restored.

On SQLite this is what `make run` starts; on PostgreSQL also Redis and a real Varnish stand behind it.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from tests.rig.ports import free_block
from tests.rig.processes import end_of
from tests.rig.rollbook import OFFSETS, Rollbook, run_rollbook
from tests.rig.waiting import wait_until

PHONE = {"width": 390, "height": 660}
LEAKED = "Ada Lovelace"


@pytest.fixture
def rollbook(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rollbook]:
    servers = {} if connection.vendor == "sqlite" else real_servers(request)
    with run_rollbook(tmp_path / "home", free_block(OFFSETS), tmp_path / "output", servers) as running:
        running.wait_until_up()
        yield running


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


def sign_in(page: Page, rollbook: Rollbook, username: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(rollbook.password(username))
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.timeout(300)  # it starts a dozen processes and makes five real deployments first
def test_a_leaking_release_is_seen_rolled_back_and_proven_restored(rollbook: Rollbook, browser: Browser) -> None:
    wait_until(lambda: releases_are_made(rollbook), 110, lambda: end_of(rollbook.home / "log/seed.log"))
    leak = httpx.get(f"{rollbook.production}/account", timeout=10)
    assert LEAKED in leak.text, "the cache shows one reader's page to everybody"

    context = browser.new_context(viewport=PHONE)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{rollbook.url}/s/archive/production/rollback")
    sign_in(page, rollbook, "oncall")  # and lands on the page that was asked for

    expect(page.get_by_role("heading", name="Roll back archive/production?")).to_be_visible()
    page.goto(rollbook.url)
    alarm = page.locator(".alarm", has_text="archive/production")
    expect(alarm).to_contain_text("fail")
    expect(alarm).to_contain_text("2026.11.4")
    page.get_by_role("link", name="2026.11.4").first.click()
    expect(page.get_by_text("shows what belongs to reader-a to reader-b").first).to_be_visible()
    page.get_by_role("link", name="Roll back archive/production").click()

    button = page.get_by_role("button", name="Roll back production to 2026.11.2")
    expect(button).to_be_in_viewport()
    page.get_by_label("A few words").fill("seen by 3 users")
    button.click()

    expect(page).to_have_url(re.compile(r"/rollbacks/\d+$"))
    outcome = page.locator("#outcome")
    expect(outcome).to_have_text(re.compile("restored", re.I), timeout=60_000)
    expect(outcome).not_to_contain_text("not restored", ignore_case=True)
    expect(page.get_by_text("2026.11.2 serves on every instance").first).to_be_visible()
    expect(page.get_by_text("before the release").first).to_be_visible()
    expect(page).to_have_title(re.compile("restored", re.I))

    after = httpx.get(f"{rollbook.production}/account", timeout=10)
    assert LEAKED not in after.text, "the leaked page is gone from the cache"
    page.goto(rollbook.url)
    expect(page.get_by_text("frozen").first).to_be_visible()
    context.close()
