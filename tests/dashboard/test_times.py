"""No time without its zone: every page and every live region is read for a clock that stands bare."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from releases import book
from releases.intake import AcceptSpec
from releases.models import Environment, Finding, Rollback, User
from releases.services.acceptances import accept_finding
from tests import factory
from tests.dashboard.pages import HTMX, signed_in
from tests.dashboard.test_who_may_open_what import REGIONS, SIGNED_IN, addresses

pytestmark = pytest.mark.django_db

__all__ = ["addresses"]  # a fixture

CLOCK = re.compile(r"(?<![\d:.])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])")
ZONED = re.compile(CLOCK.pattern.removesuffix(r"(?![\d:])") + r"(?:Z| [A-Z]{2,5}\b| UTC[+-]\d\d)")
UTC = re.compile(CLOCK.pattern.removesuffix(r"(?![\d:])") + r"(?:\.\d+)?Z")
FOREIGN = re.compile(r"<pre\b.*?</pre>|<textarea\b.*?</textarea>", re.DOTALL)
"""What services and people wrote keeps its own times."""
REFUSAL = re.compile(r'<span class="problem">.*?</span>', re.DOTALL)
"""The sentence of a refusal is the same for pipelines: it names its zone, and stands in no element of its own."""
EXAMPLE = re.compile(r"such as \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
"""How a moment is to be typed: it names its offset, and is no time of anything."""
TIME = re.compile(r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"[^>]*>(.*?)</time>', re.DOTALL)
DRAWN = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
WRITTEN = re.compile(r"<(text|title)\b[^>]*>(.*?)</\1>", re.DOTALL)
"""A drawing takes no <time>: what is written in it names the zone by itself."""


def bare_times(source: str) -> list[str]:
    """Return every clock reading that a reader sees outside <time>, or without a zone."""
    text = FOREIGN.sub(" ", source)
    found = [time for time in TIME.findall(text) if CLOCK.search(time) and not ZONED.search(time)]
    text = TIME.sub(" ", text)
    found += [said for said in REFUSAL.findall(text) if CLOCK.search(said) and not ZONED.search(said)]
    written = [said for _, said in WRITTEN.findall("".join(DRAWN.findall(text)))]
    found += [said for said in written if CLOCK.search(said) and not ZONED.search(said)]
    text = DRAWN.sub(" ", text)
    text = re.sub(r"<[^>]*>", " ", EXAMPLE.sub(" ", REFUSAL.sub(" ", text)))
    return found + [text[max(0, hit.start() - 30) : hit.end() + 10] for hit in CLOCK.finditer(text)]


@pytest.fixture
def reader(addresses: dict[str, str]) -> Client:
    """Somebody in Berlin, with something in the book to read."""
    user = factory.person("someone", "lead", time_zone="Europe/Berlin")
    rollback = Rollback.objects.get()
    about = {"about": rollback.tag, "environment": Environment.objects.get(key="production")}
    book.record(book.Tag.ROLLBACK_PRESSED, factory.actor(user), reason="leak", **about)
    return signed_in(user)


@pytest.mark.parametrize("name", sorted(SIGNED_IN | REGIONS))
def test_every_time_on_a_page_names_its_zone(name: str, addresses: dict[str, str], reader: Client) -> None:
    answer = reader.get(addresses[name], headers=HTMX if name in REGIONS else {}, follow=True)
    assert answer.status_code == 200
    if answer["Content-Type"].startswith("text/html"):
        assert bare_times(answer.content.decode()) == []
    else:
        said = answer.getvalue().decode()
        assert len(CLOCK.findall(said)) == len(UTC.findall(said)), "an export is in UTC, with Z"


def test_times_are_in_the_zone_of_whoever_looks(addresses: dict[str, str], reader: Client) -> None:
    page = reader.get(addresses["rollback"]).content.decode()
    assert re.search(r"ago</span> · <span>(\w{3} )?\d\d:\d\d CES?T</span></time>", page)


def test_the_end_of_an_acceptance_names_its_zone(addresses: dict[str, str], reader: Client) -> None:
    finding = Finding.objects.get()
    accept_finding(
        finding.pk,
        AcceptSpec(reason="known", until=timezone.now().date() + timedelta(days=3)),
        actor=factory.actor(factory.lead()),
    )
    page = reader.get(addresses["release"]).content.decode()
    assert "accepted until" in page
    assert bare_times(page) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>since 03:12</p>",
        '<time datetime="2026-03-14T02:12:00Z">03:12</time>',
        "<p>since 03:12 CET</p>",
        "<td>2026-03-14 02:12:05</td>",
        "<svg><text x='1'>03:12</text></svg>",
    ],
)
def test_the_walk_would_see_a_bare_time(source: str) -> None:
    assert bare_times(source)


@pytest.mark.parametrize(
    "source",
    [
        '<time datetime="2026-03-14T02:12:00Z"><span data-ago>8 min ago</span> · Mon 03:12 CET</time>',
        '<time datetime="2026-03-14T02:12:00Z">2026-03-14 02:12:05Z</time>',
        '<a href="http://web-1:8001">instance</a>',
        "<pre>03:12:05 listening</pre>",
        "<svg><text x='1'>03:12 CET</text></svg>",
    ],
)
def test_a_time_with_its_zone_passes(source: str) -> None:
    assert bare_times(source) == []


def test_a_zone_lasts_for_its_request_alone(addresses: dict[str, str], reader: Client) -> None:
    reader.get("/account")
    page = signed_in(User.objects.get(username="dee")).get("/account").content.decode()
    assert 'data-zone="UTC"' in page
