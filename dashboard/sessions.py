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
            }
            return render(request, "_session_ended.html", context, status=403)

        return wrapped

    return decorate
