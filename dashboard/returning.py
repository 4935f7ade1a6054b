"""Where an answered form leads: to what it changed, or back to the review, on which it may be unfolded.

There the form carries the review's own address, with its filters and the place of the form on it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

FIELD = "back"
PAGE = "review"
LONGEST = 500
"""Characters of such an address at most."""
KEPT = "answered"
"""Where a session keeps what the review has to tell once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered, for the page that the person comes back to."""

    words: str
    name: str
    """Of what it was about; the words stand before it."""
    address: str
    """Where the answer stands."""
    place: str
    """Where on the page the form was."""


def came_from(request: HttpRequest, kept: Mapping[str, str] | None = None) -> str:
    """Return the address of the review on which this form was unfolded; empty where it stood on its own page.

    `kept` are the fields of a form that waited for a sign-in. Whatever a form says, only the review is led to.
    """
    given = (kept or {}).get(FIELD) or request.POST.get(FIELD) or request.GET.get(FIELD) or ""
    if len(given) > LONGEST:
        return ""
    try:
        parts = urlsplit(given)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or parts.path != reverse(PAGE):
        return ""
    return parts.geturl()


def keeping(request: HttpRequest, address: str) -> str:
    """Return the address of a form's own page, from which the answer still leads back to where the form was."""
    back = came_from(request)
    return f"{address}?{urlencode({FIELD: back})}" if back else address


def answered(request: HttpRequest, address: str, words: str, name: str) -> HttpResponse:
    """Lead (303) to where the answer stands, or back to the review, which then tells of it once."""
    back = came_from(request)
    if back:
        told = Told(words, name, address, urlsplit(back).fragment)
        request.session[KEPT] = asdict(told)
    return HttpResponseRedirect(back or address, status=303)


def told_once(request: HttpRequest) -> Told | None:
    """Return what was answered by the form from which somebody comes back."""
    kept = request.session.pop(KEPT, None) if request.method == "GET" else None
    return Told(**kept) if kept else None
