"""Makes a book of one size and says what `bench.pages` is to ask of it; its own process: settings are read once.

Prints lines of name, address and number of queries, the session to ask with, and what the search takes as queries
alone. A book that is there already is taken as it is.
"""

import html
import re
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client

    from releases.models import User


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from bench import book
    from releases.models import User

    releases, per_release = int(sys.argv[1]), float(sys.argv[2])
    call_command("migrate", verbosity=0)
    sizes = book.Sizes(releases, releases * 6 // 5, int(releases * per_release))
    person = User.objects.filter(username="lead").first()
    if person is None:
        person = _person()
        book.fill(sizes, lambda line: print(f"  {line}", file=sys.stderr))
    session, client = _session(person)
    print(f"session\t{session}")
    print(f"readers\t{' '.join(_session(reader)[0] for reader in _readers())}")
    board = client.get("/", headers={"host": "localhost"}).content.decode()
    asked_again = re.search(r'id="board"[^>]* hx-get="([^"]+)"', board)
    assert asked_again, "the board asks for its own next state"
    print(f"unchanged board\t{html.unescape(asked_again[1])}")
    deep = sizes.deployments // 10
    pages = {
        "bare": "/bare",
        "board": "/",
        "history, first page": "/history",
        "history, deep page": f"/history?before={deep}",
        "history of a service": "/history?service=service-7",
        "history of an owner": "/history?owner=Owner+7",
        "history of a month": "/history?from=2023-12-01&to=2023-12-31",
        "history, releases": "/history?kind=release",
        "history, what failed": "/history?outcome=fail",
        "environment": "/s/service-7/production/",
        "search, common word": f"/history?q={book.COMMON}",
        "search, one in a thousand": f"/history?q={book.MIDDLE}",
        "search, rare word": f"/history?q={book.RARE}",
    }
    for name, address in pages.items():
        print(f"{name}\t{address}\t{_queries(partial(client.get, address, headers={'host': 'localhost'}))}")
    _time_queries()


def _person() -> "User":
    from releases.models import User
    from releases.services.people import add_to_group

    person = User.objects.create(username="lead", first_name="Ana", last_name="Ruiz")
    add_to_group(person, "lead", None, given_by="bench")
    return person


def _readers() -> "list[User]":
    """Return the people who have boards open, one each."""
    from bench.polls import BOARDS
    from releases.models import User
    from releases.services.people import add_to_group

    made = User.objects.filter(username__startswith="reader-").count()
    for number in range(made, BOARDS):
        reader = User.objects.create(username=f"reader-{number}", first_name="Reader", last_name=str(number))
        add_to_group(reader, "viewer", None, given_by="bench")
    return list(User.objects.filter(username__startswith="reader-")[:BOARDS])


def _session(person: "User") -> tuple[str, "Client"]:
    from django.test import Client

    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value, client


def _queries(call: Callable[[], object]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def _time_queries() -> None:
    """Time the search's query beside the same page of passages by key alone."""
    from bench import book
    from releases import search
    from releases.models import Passage

    last = Passage.objects.order_by("-pk").values_list("pk", flat=True)[0]
    rows = Passage.objects.select_related("release__service").order_by("-pk")

    def found(word: str) -> Callable[[], object]:
        query = search.Query([[word]])
        return lambda: list(rows.filter(search.matching(query, 51)))

    asked: dict[str, Callable[[], object]] = {
        "query bare": lambda: list(rows.filter(pk__lt=last)[:51]),
        "query search, common word": found(book.COMMON),
        "query search, one in a thousand": found(book.MIDDLE),
        "query search, rare word": found(book.RARE),
    }
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(100):
        for name, call in asked.items():
            began = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - began) * 1000)
    for name, samples in times.items():
        print(f"{name}\t{statistics.median(samples)}")


if __name__ == "__main__":
    main()
