"""Every page in a real browser: it fits, it complains of nothing, and it can be read by all.

The pages come from the URL configuration. `make test` opens each once for each role, `make drill` in every width and
colour scheme, with and without long texts. Pictures of them are left in `build/pages`.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from releases.models import Environment, Execution, Finding, Freeze, Rehearsal, Release, Rollback, Service, User
from tests import factory
from tests.dashboard.test_who_may_open_what import BOOK, BY_LINK, EVERYBODY, PEOPLE, SIGNED_IN, addresses  # noqa: F401 - a fixture

pytestmark = pytest.mark.once

PICTURES = Path(settings.BASE_DIR) / "build" / "pages"
PAGES = sorted(SIGNED_IN | BOOK | PEOPLE | BY_LINK | EVERYBODY - {"healthz"})
WORD = "Donaudampfschifffahrtsgesellschaft" * 3
LONG = f"{WORD} <b>&amp; \u202eright to left\u202c\x1b[31m " * 40


@dataclass(frozen=True, slots=True)
class Seat:
    """Who looks, through which window."""

    role: str
    width: int
    scheme: Any
    long_texts: bool = False
    axe: bool = False

    def __str__(self) -> str:
        return f"{self.role}-{self.width}-{self.scheme}{'-long' if self.long_texts else ''}"


SEATS = [
    Seat("lead", 1440, "light"),
    Seat("on-call", 390, "dark", axe=True),
    Seat("auditor", 1440, "dark", long_texts=True),
    Seat("viewer", 390, "light", long_texts=True),
]
WIDTHS = (390, 800, 1440)
SCHEMES = ("light", "dark")
EVERY_SEAT = [
    Seat("lead", width, scheme, long_texts, axe=True)
    for width, scheme, long_texts in itertools.product(WIDTHS, SCHEMES, (False, True))
]
"""Of whoever may see most."""


def write_long_texts() -> None:
    """Give every text that others write as much as it can hold, and what is foreign in it."""
    line = WORD[:80]
    Service.objects.update(title=line, team=line, contact=WORD[:200])
    for release in Release.objects.exclude(version="2026.11.4"):
        Release.objects.filter(pk=release.pk).update(version=f"1.{release.pk}-{'9' * 90}")
    Release.objects.update(owner=line, expected_result=LONG, rollback_note=LONG, assumptions=LONG)
    Release.objects.update(bad_reason=LONG, bad_by=line, affected_routes=["/" + "a" * 200] * 20)
    Environment.objects.update(observed={WORD: WORD}, receivers=[line] * 5)
    Freeze.objects.update(reason=LONG, frozen_by=line)
    Finding.objects.update(sentence=LONG, hint=LONG, subject=line, evidence={WORD: LONG, "headers": [LONG] * 3})
    Rollback.objects.update(words=LONG, detail=LONG, requested_by=line, lock_holder=LONG)
    Rehearsal.objects.update(detail=LONG, requested_by=line)
    Execution.objects.update(output=LONG * 5, problem=LONG)


@pytest.fixture
def context(browser: Browser, seat: Seat, live_server: LiveServer, client: Client) -> Any:
    client.force_login(factory.person("someone", seat.role))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(
        viewport={"width": seat.width, "height": 844}, color_scheme=seat.scheme, reduced_motion="reduce"
    )
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.mark.parametrize(
    "seat",
    [*SEATS, *(pytest.param(seat, marks=[pytest.mark.drill, pytest.mark.timeout(600)]) for seat in EVERY_SEAT)],
    ids=str,
)
def test_every_page_fits_and_nothing_complains_of_it(
    live_server: LiveServer,
    addresses: dict[str, str],  # noqa: F811
    context: BrowserContext,
    client: Client,
    seat: Seat,
) -> None:
    """Neither the browser (scripts, content policy) nor, from some seats, axe-core."""
    factory.undecided("payments", User.objects.get(username="someone"))
    if seat.long_texts:
        write_long_texts()
    page = context.new_page()
    complaints = complaints_of(page)
    wrong: dict[str, list[str]] = {}
    for name in PAGES:
        if not is_page(client, addresses[name]):
            continue
        page.goto(f"{live_server.url}{addresses[name]}")
        page.evaluate("document.querySelectorAll('main details.unfold').forEach(fold => { fold.open = true })")
        said = [*complaints, *flaws(page)]
        if seat.axe and (found := Axe().run(page)).violations_count:
            said.append(found.generate_report())
        if said:
            wrong[name] = said
        complaints.clear()
        keep_picture(page, seat, name)
    assert wrong == {}


@pytest.mark.parametrize("seat", [Seat("lead", 1440, "light")], ids=str)
def test_the_evidence_of_a_release_opens_from_a_disk_and_asks_for_nothing(
    live_server: LiveServer,
    addresses: dict[str, str],  # noqa: F811
    context: BrowserContext,
    tmp_path: Path,
) -> None:
    page = context.new_page()
    page.goto(f"{live_server.url}{addresses['release']}")
    with page.expect_download() as taken:
        page.get_by_role("link", name="One HTML file").click()
    file = tmp_path / taken.value.suggested_filename
    taken.value.save_as(file)
    complaints, asked = complaints_of(page), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert (complaints, flaws(page), asked) == ([], [], [file.as_uri()])
    assert page.evaluate("getComputedStyle(document.querySelector('.panel')).borderRadius") == "4px", "its style holds"


def is_page(client: Client, address: str) -> bool:
    """Whether an address shows this person a page: not a file to take along, and not for others only."""
    answer = client.get(address, follow=True)
    shown = answer["Content-Type"].startswith("text/html") and "Content-Disposition" not in answer
    return answer.status_code == 200 and shown


def complaints_of(page: Page) -> list[str]:
    """Return a list that fills with what the browser complains of: scripts that fail, what the policy refuses."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def flaws(page: Page) -> list[str]:
    """Return what of a page's outside is wrong."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
            sideways: document.documentElement.scrollWidth - innerWidth,
            headings: document.querySelectorAll('h1').length,
            title: document.title,
            widest: [...document.querySelectorAll('main *')]
                .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('pre'))
                .slice(0, 3).map(one => one.tagName + '.' + one.className + ' ' + one.textContent.trim().slice(0, 40)),
        })"""
    )
    said = []
    if found["sideways"] > 0:
        said.append(f"scrolls sideways by {found['sideways']} px: {found['widest']}")
    if found["headings"] != 1:
        said.append(f"{found['headings']} headings of the first level")
    if not found["title"].endswith("Rollbook"):
        said.append(f"titled {found['title']!r}")
    return said


def keep_picture(page: Page, seat: Seat, name: str) -> None:
    place = PICTURES / str(seat)
    place.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=place / f"{name}.png", full_page=True)
