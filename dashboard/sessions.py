"""What somebody sees whose session ended while a form was open: where to sign in, and their own words, kept."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

View = Callable[..., HttpResponse]
WORDS_LIMIT = 500
"""Characters of typed words that travel in the address through the sign-in; the page shows all of them."""
KEPT = "kept_form"
KEPT_LIMIT = 40_000
"""Characters of a form that are kept through the sign-in, some more than the longest valid one has."""
NOT_KEPT = ("csrfmiddlewaretoken", "password")
"""Fields of a form that are kept nowhere."""


def keeps_words(back: Callable[..., str], field: str = "words") -> Callable[[View], View]:
    """Answer a POST of somebody who is signed out with 403, their words, and a sign-in that leads to `back(request)`.

    Without it the form would turn into a sign-in page that forgets what was typed, and whose way back is a GET of an
    address that may only take a POST.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method != "POST" or request.user.is_authenticated:
                return view(request, *args, **kwargs)
            context = {
                "sign_in": redirect_to_login(back(request, *args, **kwargs)).url,
                "words": request.POST.get(field, ""),
                "kept": "words",
            }
            return render(request, "_session_ended.html", context, status=403)

        return wrapped

    return decorate


def keeps_form(view: View) -> View:
    """Answer a POST of somebody who is signed out with 403 and a sign-in that leads to the same form, filled again.

    A form is too long for an address, so its fields wait in the session, which the sign-in takes over. What is too long
    to be a valid form is shown instead: nobody who is signed out fills the database.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        fields = {name: request.POST.get(name, "") for name in request.POST if name not in NOT_KEPT}
        kept = sum(len(name) + len(value) for name, value in fields.items()) <= KEPT_LIMIT
        if kept:
            request.session[KEPT] = {"path": request.path, "fields": fields}
        context = {
            "sign_in": redirect_to_login(request.path).url,
            "words": "" if kept else "\n\n".join(value for name, value in fields.items() if value and name != "key"),
            "kept": "form" if kept else "",
        }
        return render(request, "_session_ended.html", context, status=403)

    return wrapped


def kept_form(request: HttpRequest) -> dict[str, str]:
    """Return the fields that were kept for this form through a sign-in, once; empty if there are none."""
    kept = request.session.get(KEPT)
    if request.method != "GET" or not kept or kept["path"] != request.path:
        return {}
    del request.session[KEPT]
    return dict(kept["fields"])
