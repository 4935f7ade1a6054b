"""Reading pages as a person would: their words, their links, their forms."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releases.models import User

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words(response: HttpResponse) -> str:
    """Return the text of a page, white space joined; what is only drawn or hidden is left out."""
    source = response.content.decode()
    source = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", source, flags=re.DOTALL)
    source = re.sub(r"<p\b[^>]* hidden>.*?</p>", " ", source, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source)).replace("\u202f", " ").split())


def links(response: HttpResponse) -> list[str]:
    return [html.unescape(href) for href in re.findall(r'<a\b[^>]*\shref="([^"]*)"', response.content.decode())]


def sign_in_again(client: Client, response: HttpResponse, user: User) -> HttpResponse:
    """Follow the way that a page offers to somebody whose session has ended; return where it leads."""
    way = next(href for href in links(response) if href.startswith("/login"))
    answer = client.post(way, {"username": user.username, "password": "correct horse battery"}, follow=True)
    assert isinstance(answer, HttpResponse)
    return answer


def hidden_key(response: HttpResponse) -> str:
    """Return the key that a form carries so that sending it twice does one thing."""
    found = re.search(r'name="key" value="([^"]+)"', response.content.decode())
    assert found, "the form has a key"
    return found[1]


def polled(response: HttpResponse) -> tuple[str, int] | None:
    """Return what the live region asks for and every how many seconds; None where nothing is asked."""
    source = response.content.decode()
    found = re.search(r'hx-get="([^"]+)" hx-trigger="every (\d+)s"', source)
    return (html.unescape(found[1]), int(found[2])) if found else None


def asked_with(address: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}


def queries_of(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)
